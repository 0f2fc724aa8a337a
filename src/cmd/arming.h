/* SPDX-License-Identifier: MIT */
/* Arming a Python that was started without ulma.
 * Why: `ulma attach` is this alone; top and report do it first when what they are to show is not armed.
 * Rules: what is armed already is left alone. What takes longer than half a second is explained on
 * stderr by the process's stacks. A failure is said there in one sentence. */
#ifndef ULMA_CMD_ARMING_H
#define ULMA_CMD_ARMING_H

#include "attach/armed.h"

#include <stdint.h>

enum arming {
    ARMING_FAILED,
    ARMING_BEFORE, /* it was armed */
    ARMING_NOW,
};

/* `armed` is open afterwards, except after a failure. `timeout_ns` 0: two seconds. */
enum arming arm_process(struct armed *armed, pid_t pid, int64_t timeout_ns);

#endif

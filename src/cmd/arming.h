/* SPDX-License-Identifier: MIT */
/* Arming a Python that was started without ulma.
 * Why: `ulma attach` is this alone; top and report do it first when what they are to show is not armed.
 * Rules: what is armed already is left alone. What takes longer than half a second is explained on
 * stderr by the process's stacks. A failure is said there in one sentence. */
#ifndef ULMA_CMD_ARMING_H
#define ULMA_CMD_ARMING_H

#include "attach/armed.h"
#include "attach/inject.h"

#include <stdint.h>

enum arming {
    ARMING_FAILED,
    ARMING_BEFORE, /* it was armed */
    ARMING_NOW,
};

struct arming_wish {
    int64_t timeout_ns;         /* 0: two seconds */
    const char *directory;      /* of its control page; NULL: as the process's environment says */
    bool (*is_cancelled)(void); /* asked while it waits */
    bool is_silent;             /* nothing is explained meanwhile */
};

/* 0, or as attach_run_python, and *ret_outcome has the sentence. -ENOENT: it is armed no more, or has its page
 * elsewhere. `armed` is open after 0. */
int arm_process_as(struct armed *armed, pid_t pid, const struct arming_wish *wish,
                   enum arming *ret_arming, struct attach_outcome *ret_outcome);

/* The same for one that was named: the sentence is said. `armed` is open afterwards, except after a failure. `timeout_ns` 0: two seconds. */
enum arming arm_process(struct armed *armed, pid_t pid, int64_t timeout_ns);

#endif

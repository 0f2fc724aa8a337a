/* SPDX-License-Identifier: MIT */
/* The frames of one thread of a CPython that is read from outside.
 * Why: the thread runs on while it is read. So the chain of its frames is walked first and then read
 * once more in one call; only where both agree is a frame believed.
 * Rules: what could not be read consistently is left out and told (`torn`), never made up. */
#ifndef ULMA_ATTACH_STACK_H
#define ULMA_ATTACH_STACK_H

#include "attach/objects.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_FRAMES_MOST = 1 << 17 };

struct stack_frame {
    uint64_t address, code;
    int64_t instruction; /* bytes into the bytecode; below 0: it has not begun */
};

struct stack {
    struct stack_frame *frames; /* innermost first; of the arena */
    size_t count;
    bool torn; /* the innermost frames changed while they were read and are missing */
    bool cut;  /* there are more than STACK_FRAMES_MOST outer frames */
};

/* Reads the stack of the thread state at `thread`. 0, or -errno: -EFAULT the thread state is not one
 * (or no more), -ESRCH the process has ended. */
int stack_read(const struct objects *objects, uint64_t thread, struct stack *ret_stack);

#endif

/* SPDX-License-Identifier: MIT */
/* The processes below others, and which program each is running.
 * Why each thread's list of children: it tells a few processes' own in microseconds, where a walk over all of /proc
 * costs as much as the machine is large. A kernel without these lists is asked the long way.
 * Rules: reads /proc alone. A process that its parent has left behind is nobody's any more: who has seen it before
 * names it as one of those to look below. */
#ifndef ULMA_ATTACH_OFFSPRING_H
#define ULMA_ATTACH_OFFSPRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct offspring {
    pid_t pid, parent;
    char state;          /* as the kernel's letter */
    uint64_t start_time; /* with the PID: which process it is */
    uint64_t program;    /* differs after an exec; a fork's child has its parent's */
};

/* False: there is no such process (any more). */
bool offspring_read(pid_t pid, struct offspring *ret);

/* The living ones below `list[0..count)`, which stay at its front, behind them. The new count, `most` at most. */
size_t offspring_below(struct offspring *list, size_t count, size_t most);

/* The PID that was given last, to whatever process or thread: as long as it stays, nothing was forked. -1: nobody
 * says. */
long offspring_last_pid(void);

#endif

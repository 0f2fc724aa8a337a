/* SPDX-License-Identifier: MIT */
/* Activations that have yielded and live on: frame -> what they have run so far.
 * Why: min, max and percentiles are of one activation's total running time, and a generator may run in
 * many segments, on several threads. Also tells a throw() into a suspended generator (a resume) from
 * one into a generator that never ran (a call).
 * Why counters: rings are read one after the other, so a frame that has died and is used again by another
 * thread may be met there before the first thread's last events are. What is older than what is
 * remembered of its frame is of the frame's earlier tenant, and takes nothing.
 * Rules: one map for the whole process. A generator that is dropped while suspended may end without an
 * event; what it leaves here is found when its frame is used again. Bounded: beyond the limit an
 * activation is not remembered, and counted. */
#ifndef ULMA_MODEL_SUSPENDED_H
#define ULMA_MODEL_SUSPENDED_H

#include <stdbool.h>
#include <stdint.h>

enum { SUSPENDED_LIMIT = 1 << 20 };

struct suspended_activation {
    uint32_t frame;
    uint32_t symbol;                      /* 0: a free slot */
    uint32_t task;                        /* whose coroutine it is (async_tasks.h); 0: none's */
    uint32_t parent_frame, parent_symbol; /* who it yielded to; 0: nobody that was heard */
    uint32_t awaiting;      /* the innermost coroutine that yielded with it, just before; 0: none */
    uint32_t thread, depth; /* its track's number, and where it stood there */
    uint32_t line;          /* that it is at (lines.h); 0: not known */
    uint64_t since;         /* counter of its yield */
    int64_t total_ticks, wait_ticks;
};

struct suspended_displaced;
struct shape;

enum suspended_found {
    SUSPENDED_NONE,
    SUSPENDED_TAKEN,
    SUSPENDED_EARLIER, /* the event is of a tenant before the one that is remembered, who was known */
};

struct suspended {
    struct suspended_activation *slots;
    struct suspended_displaced *displaced; /* frames lately begun anew over a suspended tenant */
    uint32_t mask, used;
    uint64_t refused;
    struct shape *shape; /* hears who comes and goes (shape.h); NULL: there is no line for width */
};

int suspended_init(struct suspended *suspended);
void suspended_done(struct suspended *suspended);

/* Remembers one; replaces what its frame had, if that is older. */
void suspended_put(struct suspended *suspended, const struct suspended_activation *activation);

/* Takes out what an event of `counter` goes on with. */
enum suspended_found suspended_take(struct suspended *suspended, uint32_t frame, uint64_t counter,
                                    struct suspended_activation *ret_activation);

/* What was taken for a start at `counter` has ended there without an event, or its last ones are still to
 * come. */
void suspended_displace(struct suspended *suspended, uint32_t frame, uint64_t counter);

/* Those whose symbol `is_gone` says so of are remembered no more. */
void suspended_forget(struct suspended *suspended,
                      bool (*is_gone)(const void *context, uint32_t symbol), const void *context);

/* Their time starts anew (collector_reset). */
void suspended_reset(struct suspended *suspended);

#endif

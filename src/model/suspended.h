/* SPDX-License-Identifier: MIT */
/* Activations that have yielded and live on: frame -> what they have run so far.
 * Why: min, max and percentiles are of one activation's total running time, and a generator may run in
 * many segments, on several threads. Also tells a throw() into a suspended generator (a resume) from
 * one into a generator that never ran (a call).
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
    uint32_t symbol; /* 0: a free slot */
    int64_t total_ticks, wait_ticks;
};

struct suspended {
    struct suspended_activation *slots;
    uint32_t mask, used;
    uint64_t refused;
};

int suspended_init(struct suspended *suspended);
void suspended_done(struct suspended *suspended);

/* Remembers one; replaces what its frame had. */
void suspended_put(struct suspended *suspended, const struct suspended_activation *activation);

/* Takes it out. False: the frame has none. */
bool suspended_take(struct suspended *suspended, uint32_t frame,
                    struct suspended_activation *ret_activation);

/* Their time starts anew (collector_reset). */
void suspended_reset(struct suspended *suspended);

#endif

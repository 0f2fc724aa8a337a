/* SPDX-License-Identifier: MIT */
/* Making a timeline (timeline.h) of what a model keeps.
 * Why in steps: each is short enough for a lock that the fold waits for; the fold goes on between them.
 * Rules: by who has the model, at rest during each step. */
#ifndef ULMA_MODEL_TIMELINE_MAKE_H
#define ULMA_MODEL_TIMELINE_MAKE_H

#include "model/timeline.h"

struct model;
struct timeline_maker;

struct timeline_source {
    const struct model *model; /* that keeps */
    uint64_t start, now;       /* counters: 0 ns, and the present */
    double ns_per_tick;
};

/* The first step, in which it takes what is open. NULL: no memory, or nothing is kept. */
struct timeline_maker *timeline_begin(const struct timeline_source *source,
                                      const struct timeline_query *query);

/* One more; false: that was all. */
bool timeline_step(struct timeline_maker *maker);

/* Takes over the maker, which may be NULL; the model need not be at rest. NULL: no memory. */
struct timeline *timeline_finish(struct timeline_maker *maker);

#endif

/* SPDX-License-Identifier: MIT */
/* From a moment to a snapshot.
 * Why apart from the copying: this runs without the model's lock.
 * Rules: reads the moment and the strings of symbols, nothing else of the model. */
#ifndef ULMA_MODEL_SNAPSHOT_MAKE_H
#define ULMA_MODEL_SNAPSHOT_MAKE_H

#include "model/moment.h"
#include "model/snapshot_paths.h"

struct snapshot_maker {
    struct snapshot *snapshot;
    const struct moment *moment;
    const struct symbols *symbols;
    double ns_per_tick;
    uint64_t start;       /* counter: of the profiling */
    double stolen_share;  /* of the time on a CPU; see stolen.h */
    bool exact;           /* nothing was lost */
    int32_t *function_of; /* by symbol: index into snapshot->functions, or NONE */
    int32_t *node_of;     /* by model node: index into snapshot->nodes, or NONE */
};

/* Functions, tree, edges and threads. 0 or -ENOMEM. */
int snapshot_make(struct snapshot_maker *maker);

/* snapshot_tasks.c: the functions that tasks need; asyncio's tasks. 0 or -ENOMEM. */
void snapshot_make_mark_tasks(const struct snapshot_maker *maker);
int snapshot_make_tasks(struct snapshot_maker *maker);

/* snapshot_activations.c: the functions that are alive; who is. 0 or -ENOMEM. */
void snapshot_make_mark_activations(const struct snapshot_maker *maker);
int snapshot_make_activations(struct snapshot_maker *maker);

/* snapshot_gc.c: the functions that triggered collections; the collector's pauses. 0 or -ENOMEM. */
void snapshot_make_mark_gc(const struct snapshot_maker *maker);
int snapshot_make_gc(struct snapshot_maker *maker);

/* snapshot_io.c: the functions that called the C library; what they did. 0 or -ENOMEM. */
void snapshot_make_mark_io(const struct snapshot_maker *maker);
int snapshot_make_io(struct snapshot_maker *maker);

/* snapshot_waits.c: the functions that waited or held; how long; threads' splits. 0 or -ENOMEM. */
void snapshot_make_mark_waits(const struct snapshot_maker *maker);
int snapshot_make_waits(struct snapshot_maker *maker);
/* snapshot_requests.c: the functions that ran in spans; these. 0 or -ENOMEM. */
void snapshot_make_mark_requests(const struct snapshot_maker *maker);
int snapshot_make_requests(struct snapshot_maker *maker);

/* snapshot_lines.c: the functions whose lines were told; these. 0 or -ENOMEM. */
void snapshot_make_mark_lines(const struct snapshot_maker *maker);
int snapshot_make_lines(struct snapshot_maker *maker);

/* snapshot_escalations.c: functions under a rule. 0 or -ENOMEM. */
int snapshot_make_escalations(struct snapshot_maker *maker);

/* snapshot_objects.c: the functions that made objects; births and deaths. 0 or -ENOMEM. */
void snapshot_make_mark_objects(const struct snapshot_maker *maker);
int snapshot_make_objects(struct snapshot_maker *maker);

/* snapshot_memory.c: the functions that asked for memory; what they got. 0 or -ENOMEM. */
void snapshot_make_mark_memory(const struct snapshot_maker *maker);
int snapshot_make_memory(struct snapshot_maker *maker);

/* snapshot_detail.c: what a recording keeps, out of a moment with its detail. 0 or -ENOMEM. */
int snapshot_make_detail(struct snapshot_maker *maker);

/* Window columns of functions and nodes from moment->seconds. 0 or -ENOMEM. */
int snapshot_make_window(struct snapshot_maker *maker);

/* Time that a thread was on a CPU for. */
static inline int64_t snapshot_make_on_cpu(const struct ended_thread *sums)
{
    return sums->profiled_ticks - sums->wait_ticks - sums->stalled_ticks;
}

static inline int64_t snapshot_make_ns(const struct snapshot_maker *maker, int64_t ticks)
{
    return snapshot_scale_ns(ticks, maker->ns_per_tick);
}

/* Waiting time: what was seen of it, and the share of the rest that was stolen. */
static inline int64_t snapshot_make_wait_ns(const struct snapshot_maker *maker, int64_t wall_ticks,
                                            int64_t wait_ticks)
{
    return snapshot_scale_wait_ns(wall_ticks, wait_ticks, maker->ns_per_tick, maker->stolen_share);
}

#endif

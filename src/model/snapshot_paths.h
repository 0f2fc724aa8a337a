/* SPDX-License-Identifier: MIT */
/* Functions' sums, the tree and the edges of a snapshot, out of paths with numbers.
 * Why: see nodes.h for how cProfile's meaning comes out of sums over paths. A live model and a recording
 * both have paths; what is made of them must be the same to the nanosecond, so it is made here.
 * Rules: nothing of the model, nothing of Linux: the reading half is built alone, too. Paths that differ
 * only by their thread, or by twins of a row, are joined. */
#ifndef ULMA_MODEL_SNAPSHOT_PATHS_H
#define ULMA_MODEL_SNAPSHOT_PATHS_H

#include "model/snapshot.h"

static inline int64_t snapshot_scale_ns(int64_t ticks, double ns_per_tick)
{
    return (int64_t)((double)ticks * ns_per_tick);
}

/* Waiting time: what was seen of it, and the share of the rest that was stolen. */
static inline int64_t snapshot_scale_wait_ns(int64_t wall_ticks, int64_t wait_ticks,
                                             double ns_per_tick, double stolen_share)
{
    double stolen_ticks = stolen_share * (double)(wall_ticks - wait_ticks);
    return (int64_t)(((double)wait_ticks + stolen_ticks) * ns_per_tick);
}

/* The times of a thread, out of its ticks. */
void snapshot_scale_thread(struct snapshot_thread *thread,
                           const struct snapshot_thread_ticks *ticks, double ns_per_tick,
                           double stolen_share);

/* One path's numbers. Times in nanoseconds. */
struct path_numbers {
    uint32_t parent;  /* index; 0: the root */
    int32_t function; /* NONE: the root, or the bottom of a thread */
    uint32_t flags;   /* enum snapshot_path_flags */
    bool has_numbers; /* else only what stands below it has */
    uint64_t calls, resumes;
    int64_t self_ns, total_ns, self_wait_ns, total_wait_ns;
};

struct snapshot_paths {
    size_t count; /* [0] is the root; a parent stands before its children */
    const void *context;
    void (*get)(const void *context, size_t index, struct path_numbers *ret);
    int32_t
        *node_of;  /* by path: out of mark, whether it is in the snapshot; out of fill, its node */
    size_t marked; /* that are in it */
    int32_t other; /* the function `(other)`, or NONE */
};

/* Finds the paths that have numbers or stand above one that has. `function` of numbers is not read yet.
 * 0 or -ENOMEM. */
int snapshot_paths_mark(struct snapshot *snapshot, struct snapshot_paths *paths);

/* Fills the sums of snapshot->functions, its nodes and edges. 0 or -ENOMEM. */
int snapshot_paths_fill(struct snapshot *snapshot, const struct snapshot_paths *paths);

/* The window's columns are those of the whole; then the root's. */
void snapshot_paths_copy_window(struct snapshot *snapshot);
void snapshot_paths_sum_window_root(struct snapshot *snapshot);

#endif

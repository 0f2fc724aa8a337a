/* SPDX-License-Identifier: MIT */
/* What a chunk holds, for the index: how many events of which thread, from when to when.
 * Why: who wants one thread or a slice of time finds the chunks that have something of it.
 * Rules: blocks are shown in their order, since a track is introduced once. Counters, not times: the rate
 * between them gets better while the recording grows. */
#ifndef ULMA_RECORDING_TRACE_INDEX_H
#define ULMA_RECORDING_TRACE_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct trace_span {
    uint64_t from, to; /* counters of the first and the last event; from > to: none */
    uint64_t events;
};

struct trace_thread {
    uint32_t track, pid, tid;
    struct trace_span span;
};

struct trace_index {
    struct trace_span span; /* of the block looked at last */
    struct trace_thread *threads;
    uint32_t thread_count, thread_limit;

    struct trace_known *tracks; /* by track's number */
    uint32_t track_limit;
    uint32_t *pids; /* by process's number */
    uint32_t pid_limit, process;
    uint64_t first; /* counter of the first event of all; 0: none yet */
    double ns_per_tick;
};

/* Zeroes are an empty one. */
void trace_index_done(struct trace_index *index);

/* 0 or -ENOMEM. The block is sound. */
int trace_index_look(struct trace_index *index, const void *block, size_t size);

/* Nanoseconds from the first event to a counter. */
int64_t trace_index_ns(const struct trace_index *index, uint64_t counter);

#endif

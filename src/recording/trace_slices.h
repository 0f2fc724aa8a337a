/* SPDX-License-Identifier: MIT */
/* Slices (model/slices.h) of a trace.
 * Why by the fold: which function an end belongs to, what a gap, a seed, a greenlet or a function left out
 * does to a stack, is decided in one place. Here the stack is only looked at after each event.
 * Rules: one thread. Memory is that of a replay, and the slices of one batch. */
#ifndef ULMA_RECORDING_TRACE_SLICES_H
#define ULMA_RECORDING_TRACE_SLICES_H

#include "model/slices.h"
#include "recording/trace_player.h"

/* What of it; zero: all. */
struct trace_slices_query {
    int64_t from_ns, to_ns; /* 0: to the end. What is open at from begins there, at to ends there */
    const char *thread;     /* a thread id or a name */
    uint32_t pid;           /* 0: of all processes */
};

/* Takes over the player, which has played nothing yet. NULL: no memory. */
struct slices *trace_slices_new(struct trace_player *player,
                                const struct trace_slices_query *query);
void trace_slices_set_meta(struct slices *slices, const struct snapshot_meta *meta);
void trace_slices_free(struct slices *slices); /* NULL is allowed */

#endif

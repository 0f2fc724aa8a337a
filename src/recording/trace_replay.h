/* SPDX-License-Identifier: MIT */
/* A trace's steps carried out: the same model, by the same fold, as when they were told.
 * Why: views, formats and reports of a trace are those of the live model, so they are made by the same
 * code from the same numbers; there is no second fold that could differ.
 * Rules: one thread. A step is hostile: what it names is looked up and checked, memory stays in proportion
 * to what a real program has, and what makes no sense is -EBADMSG. Knows no file. Nothing of Linux. */
#ifndef ULMA_RECORDING_TRACE_REPLAY_H
#define ULMA_RECORDING_TRACE_REPLAY_H

#include "model/reading.h"
#include "recording/trace_codec.h"

struct trace_replay;

struct trace_replay *trace_replay_new(void); /* NULL: no memory */
void trace_replay_free(struct trace_replay *replay);

/* 0, -EBADMSG or -ENOMEM. */
int trace_replay_step(struct trace_replay *replay, const struct trace_record *record);

/* Told after each event, for who draws lines of time. `end`: not an event, but the track's end, its off, or
 * a stack that was told: what is open may be any. The stack is track->entries. */
struct trace_listener {
    int (*moved)(void *context, const struct track *track, const struct event *event,
                 uint64_t counter); /* 0 or an error that ends it; event NULL: see above */
    void *context;
};
void trace_replay_listen(struct trace_replay *replay, const struct trace_listener *listener);

/* Sees each event, as it did where the trace was made; its rate is set here. Before the first step. */
void trace_replay_watch(struct trace_replay *replay, struct model_watch *watch);

/* Times with the probe's own cost in them, as the clock had them. Before the first step. */
void trace_replay_leave_uncorrected(struct trace_replay *replay);

/* A function's rows of all processes are one, whatever the live model did. Before the first step. */
void trace_replay_sum_processes(struct trace_replay *replay);

/* No thread but these, each as trace_thread_of says it, has events; they stay the caller's. Before the first step. */
void trace_replay_only(struct trace_replay *replay, const uint64_t *threads, size_t count);

static inline uint64_t trace_thread_of(uint32_t pid, uint32_t tid)
{
    return (uint64_t)pid << 32 | tid;
}

/* When things were is kept (model/kept.h). Before the first step. */
void trace_replay_keep(struct trace_replay *replay);

/* The words of the trace's end, where they are known before: all times are by their rate. */
void trace_replay_set_end(struct trace_replay *replay, const struct tap_words *end);

/* Events of counters beyond are not folded: their tracks stand still from there on. UINT64_MAX: all. */
void trace_replay_stop_at(struct trace_replay *replay, uint64_t counter);

/* Longest and shortest calls since the last detailed snapshot: only those that end after `counter` count. */
void trace_replay_mark_at(struct trace_replay *replay, uint64_t counter);
/* Where the mark has not been met yet, it is met here. */
void trace_replay_begin_recent(struct trace_replay *replay);

/* No track has events before the stop any more: what is open is brought up to it. */
void trace_replay_settle(struct trace_replay *replay);

/* The counter that the recorded clock shows; that of the first event, where times begin; the rate. 0: not
 * known yet. */
uint64_t trace_replay_now(const struct trace_replay *replay);
uint64_t trace_replay_start(const struct trace_replay *replay);
double trace_replay_rate(const struct trace_replay *replay);

/* True once the end of the profiling was told. */
bool trace_replay_has_ended(const struct trace_replay *replay);

const struct model *trace_replay_model(const struct trace_replay *replay);

/* Its first process is this one's; of children, by number. */
const struct tap_words *trace_replay_words(const struct trace_replay *replay);

/* As collector_snapshot. NULL: no memory. */
struct snapshot *trace_replay_snapshot(struct trace_replay *replay, int window_s,
                                       enum snapshot_clock clock, bool detailed);

#endif

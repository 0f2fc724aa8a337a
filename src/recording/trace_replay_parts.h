/* SPDX-License-Identifier: MIT */
/* The inside of a replay, for the files that make it up.
 * Why two: what changes the model (trace_replay.c), and what reads it (trace_replay_read.c).
 * Rules: as trace_replay.h. */
#ifndef ULMA_RECORDING_TRACE_REPLAY_PARTS_H
#define ULMA_RECORDING_TRACE_REPLAY_PARTS_H

#include "recording/trace_replay.h"

enum {
    REPLAY_CACHE = 256,
    REPLAY_PROCESS_ROWS = 1024, /* as the live family has */
    REPLAY_SLACK = 1 << 22,     /* of LATEST before the clock: the drain's */
};

struct replay_process {
    struct process process;
    uint32_t number;
    bool gone, is_row;
};

struct trace_replay {
    struct model model;
    bool begun, schedstat, on, uncorrected, summed, keeps;
    struct sites *sites; /* owned, with their texts */
    struct process *present;
    struct replay_process **processes; /* of children */
    uint32_t process_count, living, rows;
    struct process rest; /* the numbers of those that are no rows */
    size_t folded;
    struct track *cache[REPLAY_CACHE];
    uint32_t track_count;
    struct seed_frame *frames; /* of the seed being told */
    uint32_t frame_count, frame_limit;
    uint32_t defined_id;
    struct definition_text defined;
    struct tap_words words, end;
    uint64_t mark; /* 0: none, or it is met */
    bool marked;   /* some track is beyond it */
    uint64_t now, reset, stop, holes, events_baseline, gaps_baseline;
    const uint64_t *only; /* NULL: all threads */
    size_t only_count;
    struct trace_listener listener;
    struct model_watch *watch; /* NULL: nobody watches */
    struct moment scratch;
};

/* Calls of the C library that have ended by then (model/io_apply.h). */
void trace_replay_apply_io(struct trace_replay *replay, uint64_t counter);

#endif

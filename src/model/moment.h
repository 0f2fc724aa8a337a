/* SPDX-License-Identifier: MIT */
/* A moment: what a snapshot needs of the model, copied under its lock; the rest is done after.
 * Why two steps: the fold stands still while the lock is held, and rings fill meanwhile. Copying is
 * memcpy; sorting out functions, callers and windows takes longer and needs no lock.
 * Rules: strings of symbols are read after the lock is given back: they are never changed or freed
 * while the collector lives. */
#ifndef ULMA_MODEL_MOMENT_H
#define ULMA_MODEL_MOMENT_H

#include "model/activations.h"
#include "model/fold.h"

struct moment_row {
    uint32_t symbol; /* the row's first twin; 0: not in the snapshot */
    uint64_t yields, raised;
    bool absorbs, is_method, is_partial, is_estimated, holds_muted, lines_partial;
    uint64_t estimated;
    int64_t min_ticks, max_ticks, p50_ticks, p99_ticks; /* of the clock asked for */
};

struct moment_thread {
    struct ended_thread sums;
    struct wait_shares shares;
    bool ended;
    uint32_t running_symbol; /* 0: none */
    uint32_t depth;
    struct track_second window;
};

struct moment_io {
    uint32_t symbol, line, operation;
    const char *resource; /* of the model, for ever; NULL: none, or not known */
    uint32_t fd;          /* IO_NO_FD: none */
    struct io_sums sums;
    int64_t p99_ticks;
    uint64_t durations[SNAPSHOT_IO_DURATIONS];
};

/* What somebody is in still is in it. */
struct moment_wait {
    struct wait_sums_row sums;
    int64_t p99_ticks;
    uint32_t holder_symbol, holder_line, holder_tid; /* who held longest meanwhile; 0: not known */
    int64_t held_ticks;
};

struct moment_request {
    struct span_group
        group; /* strings are the model's, for ever; functions and durations are not to be read */
    int64_t p50_ticks, p99_ticks;
    uint32_t first_function, function_count;
};

struct moment_object {
    const char *type; /* never freed while the model lives */
    uint32_t row;     /* of the model; they rise */
    uint32_t symbol, line;
    bool before;
    uint64_t births, deaths, live, bytes, live_bytes;
    int64_t median_ticks; /* -1: none has died */
};

struct moment {
    struct node *nodes;
    uint32_t node_count, node_limit;
    struct moment_row *rows; /* by symbol: only first twins are filled */
    uint32_t symbol_count, row_limit;
    struct moment_thread *threads;
    uint32_t thread_count, thread_limit;
    /* asyncio's: [0] stands for none */
    struct async_task *tasks;
    uint32_t task_count, task_limit;
    struct async_group *groups;
    uint32_t group_count, group_limit;
    struct async_task longest;
    struct gc_sums gc[GC_GENERATIONS];
    struct gc_trigger *gc_triggers;
    uint32_t gc_trigger_count, gc_trigger_limit;
    struct moment_io *io_rows;
    uint32_t io_row_count, io_row_limit;
    struct moment_wait *waits; /* [0] is nobody's */
    uint32_t wait_count, wait_limit;
    bool waits_heard;
    struct moment_request *requests;
    uint32_t request_count, request_limit;
    struct span_function *request_functions; /* of each, the heaviest first */
    uint32_t request_function_count, request_function_limit;
    uint64_t first_counter;
    struct line_sums *lines; /* [0] is nobody's */
    uint32_t line_count, line_limit;
    uint64_t lines_refused;
    struct escalation *escalations; /* [0] is nobody's */
    uint32_t escalation_count, escalation_limit;
    struct moment_object *objects;
    uint32_t object_count, object_limit;
    struct births_sample *births; /* the newest, oldest first */
    uint32_t birth_count;
    uint64_t births_before; /* samples that were taken before these */
    uint32_t birth_stride;
    struct memory_site *memory_sites;
    uint32_t memory_site_count, memory_site_limit;
    uint64_t *memory_before; /* by site: live bytes when the window began */
    uint32_t memory_before_limit;
    struct memory memory;          /* its sums alone */
    struct window_second *seconds; /* owned copies; [0] is the present one */
    uint32_t second_count;
    struct activations activations;
    enum snapshot_clock clock;
    /* of a detailed one */
    uint32_t *thread_of; /* by node: its thread's number; 0: of several */
    uint32_t thread_of_limit;
    struct snapshot_durations *durations; /* by symbol: only first twins are filled */
    uint32_t duration_limit;
    struct snapshot_slot *slots;
    size_t slot_count, slot_limit;
};

struct moment_room {
    uint32_t nodes, symbols, threads, tasks, groups, gc_triggers, lines, objects, memory_sites,
        io_rows, waits, requests, escalations;
};

/* Makes room outside of the lock for about what the model holds now. 0 or -ENOMEM. */
int moment_prepare(struct moment *moment, const struct moment_room *room);

/* True when the room that was made is enough now. */
bool moment_fits(const struct moment *moment, const struct model *model);
struct moment_room moment_room_of(const struct model *model);

/* Under the lock: copies. `seconds`: whole past seconds of the window beside the present one; -1: no
 * window. 0 or -ENOMEM. */
int moment_take(struct moment *moment, struct model *model, uint64_t counter, int seconds);

/* moment_waits.c: a part of moment_take, once the threads are there. */
void moment_take_waits(struct moment *moment, struct model *model, uint64_t counter);

/* Of a thread that is no more: what it waited in then is told by no end. */
void moment_settle_wait(struct model *model, struct track *track);

/* Under the lock, after moment_take: histograms and extremes, whose recent ones begin anew; and which
 * thread each node is of. 0 or -ENOMEM. */
int moment_take_detail(struct moment *moment, struct model *model);

/* The recent extremes begin anew, or are kept (NULL: no memory) and put back, as if nothing had ended meanwhile. */
struct recent_extremes;
void moment_begin_recent(struct model *model);
struct recent_extremes *moment_keep_recent(const struct model *model);
void moment_put_recent(struct model *model, struct recent_extremes *kept); /* frees it */

void moment_done(struct moment *moment);

#endif

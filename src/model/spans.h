/* SPDX-License-Identifier: MIT */
/* Spans: requests, and other named pieces of work, of which many may be under way at once.
 * Why: the probe says which span a thread is in from a push on, or at once (wire/event.h); what passes there on the thread's
 * clock is the span's: so one that runs in steps between those of others, or in several threads, has its own time alone.
 *   wall       from its begin to its end, without the probe's own cost in it
 *   cpu, wait  of the threads while they were in it: on a CPU, and not
 *   suspended  the rest of wall: it was in no thread
 * A span's numbers hold those of the spans that began in it and ended before it did.
 * One that its process's death ends has failed, with the status `not ended`.
 * Rules: the fold's owner. Threads' rings are read one after the other, so a span may be heard of before its begin is: what
 * is heard is kept by number, and summed up when every ring has been read up to its end. Bounded: beyond the limits spans
 * are not followed, and counted, and kinds of spans are one, `(other)`. Texts of groups are never freed while the model
 * lives. */
#ifndef ULMA_MODEL_SPANS_H
#define ULMA_MODEL_SPANS_H

#include "model/histogram.h"
#include "wire/event.h"
#include "wire/io_operation.h"

#include <stdbool.h>
#include <stdint.h>

struct model;
struct process;
struct track;

enum {
    SPANS_LIMIT = 1 << 16, /* under way at once */
    SPAN_GROUPS_LIMIT = 1 << 12,
    SPAN_STACK = 64,   /* contexts within contexts on one thread */
    SPAN_LABELS = 256, /* as SNAPSHOT_LABELS_MOST */
};

/* Self time by function; open addressing, symbol 0 is a free place. */
struct span_functions {
    struct span_function {
        uint32_t symbol;
        int64_t ticks;
    } * slots;
    uint32_t used, limit;
};

struct span_sums {
    int64_t wall_ticks, cpu_ticks, wait_ticks, suspended_ticks;
    int64_t socket_ticks, file_ticks; /* in calls of the C library (io_calls.h) */
};

struct span {
    const struct process *process; /* NULL: a free slot */
    uint32_t number, parent, next; /* next in its bucket, or free */
    unsigned char sort;            /* enum span_sort */
    bool begun, ended, failed, pending;
    uint64_t heard, begin, end; /* counters */
    int64_t taken_ticks;        /* of wall, for the probe's cost */
    struct span_sums sums;
    struct span_functions functions;
    char *text; /* owned; what its begin told, then what its end did; NULL: nothing */
    uint32_t text_size;
};

/* Spans of one name, method and status. */
struct span_group {
    unsigned char sort;
    const char *name, *method, *status; /* "": none */
    char *strings;                      /* owned */
    uint64_t hash, count, errors;
    uint32_t next;
    struct span_sums sums;
    int64_t queued_ns;           /* before they began, as their labels say */
    struct histogram *durations; /* NULL: no memory for it */
    struct span_functions functions;
    /* the slowest */
    struct span_sums slowest;
    uint64_t slowest_begin; /* counter */
    uint32_t slowest_symbol;
    char slowest_labels[SPAN_LABELS];
};

struct spans {
    struct span *spans; /* [0] stands for none */
    uint32_t count, limit, free, live;
    uint32_t *buckets;
    uint32_t *pending; /* those that have ended, or were heard of without their begin */
    uint32_t pending_count, pending_limit;
    struct span_group *groups; /* [0] stands for none */
    uint32_t group_count, group_limit;
    uint32_t *group_buckets;
    struct octave_pool octaves;
    uint64_t refused;
};

/* A thread's: from which depth on its entries are of which span. */
struct span_track {
    struct span_part {
        uint32_t number, depth;
    } parts[SPAN_STACK]; /* [0] is of the thread itself */
    uint32_t part_count; /* beside it */
    uint32_t told;       /* what is pushed next is of it */
    bool is_watched;     /* any of these is a span */
    /* at the last look */
    int64_t clock_ticks, wait_ticks;
    uint64_t counter;
    uint32_t text_size;
    char text[SPAN_TEXT_MOST + 8];
};

/* 0 or -ENOMEM. */
int spans_init(struct spans *spans);
void spans_done(struct spans *spans);
void spans_reset(struct spans *spans);

/* The process's span of that number, made if need be; 0: there is no room. */
uint32_t spans_find(struct model *model, uint32_t number, uint64_t counter);

/* Begun, with what was told last as the one that it is in; ended, with the text told before. */
void spans_begin(struct model *model, struct track *track, const struct event *event);
void spans_end(struct model *model, struct track *track, const struct event *event);

void span_functions_add(struct span_functions *functions, uint32_t symbol, int64_t ticks);

/* A call of the C library of the process's span has ended (io_apply.h). */
void spans_add_io(struct model *model, const struct process *process, uint32_t number,
                  enum io_sort sort, int64_t ticks);

/* It turned out to have waited (schedstat.h). */
void spans_add_wait(struct model *model, const struct process *process, uint32_t number,
                    int64_t ticks);

/* Sums up the process's spans that ended up to `counter`: all its rings have been read up to there. */
void spans_apply(struct model *model, const struct process *process, uint64_t counter);

/* The process died then: what has begun since `since` and goes on is summed up, as `not ended` where its begin told a name. */
void spans_cut(struct model *model, const struct process *process, uint64_t since,
               uint64_t counter);

/* The process is no more. */
void spans_end_process(struct model *model, const struct process *process);

/* --- span_steps.c: a thread's ----------------------------------------------------------------- */

/* The event NOW. Time has passed. */
void span_steps_tell(struct track *track, uint32_t number, bool at_once);

/* Time has passed up to track->last, before anything has changed there. */
void span_steps_pass(struct model *model, struct track *track);

/* A Python function is about to be pushed. */
void span_steps_push(struct track *track);

/* It is on another stack (parked.h). */
void span_steps_leave(struct track *track);

/* It is off, or what it was in is not known any more. */
void span_steps_forget(struct track *track);

/* What the top is in; 0: none. */
static inline uint32_t span_steps_now(const struct span_track *spans)
{
    return spans->parts[spans->part_count].number;
}

#endif

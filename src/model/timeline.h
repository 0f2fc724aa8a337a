/* SPDX-License-Identifier: MIT */
/* A stretch of time, of what the model keeps (kept.h): slices of calls, down to what one column of a picture shows;
 * the calls of one function, its slowest ones with their stacks, and how long its calls took in each second.
 * Why apart from snapshots: a snapshot says how much, this says when; one is of all functions, this of one view.
 * Rules: a timeline owns what it points at, and is read by any one thread. Times are nanoseconds since the start of the profiling, uncorrected; functions are the ids of
 * snapshots. */
#ifndef ULMA_MODEL_TIMELINE_H
#define ULMA_MODEL_TIMELINE_H

#include "model/snapshot.h"

enum timeline_kind {
    TIMELINE_CALL,
    TIMELINE_GC,
    TIMELINE_IO,
    TIMELINE_OFF,
    TIMELINE_GIL,  /* waits for it */
    TIMELINE_LOCK, /* all other waits that the source `waits` tells of */
};

enum {
    TIMELINE_CLASSES = 8,
    TIMELINE_COLUMNS_MOST = 4096,
    TIMELINE_SLICES_MOST = 6000,
    TIMELINE_CALLS_MOST = 2000
};
enum { TIMELINE_STACK_MOST = 200, TIMELINE_SECONDS = 61, TIMELINE_BUCKETS = 96 };

struct timeline_query {
    int64_t from_ns, to_ns;    /* to_ns <= from_ns: no slices are wanted */
    uint32_t columns;          /* what is shorter than one is summed with its neighbours */
    size_t slices;             /* at most; the shortest are left out */
    uint32_t function;         /* id; 0: none */
    size_t calls;              /* of it, the latest, at most */
    bool slowest, seconds;     /* of it */
    enum snapshot_clock clock; /* of the seconds */
};

struct timeline_slice {
    int64_t from_ns, length_ns;
    int64_t busy_ns;   /* of several: in them, in all */
    uint32_t count;    /* 1; more: neighbours that are shorter than a column */
    uint32_t thread;   /* snapshot_thread's number */
    uint32_t function; /* id; of several: of the longest. GC: the generation */
    uint32_t task;     /* 0: none's */
    uint16_t depth;
    enum timeline_kind kind;
    const char *name; /* IO: its operation; GIL, LOCK: what was waited for */
    bool open;        /* it goes on */
};

struct timeline_call {
    int64_t from_ns, length_ns;
    uint32_t thread, task;
    uint16_t depth;
    uint32_t *stack; /* function ids, outermost first, itself last; NULL: not asked for */
    size_t stack_size;
};

/* Calls that ended in one second, by their length: bucket i holds those from 2^(i/2) ns on. */
struct timeline_second {
    int64_t from_ns, to_ns;
    int64_t calls, max_ns;
    int64_t buckets[TIMELINE_BUCKETS];
};

/* From when on all calls are known that took at least so long. */
struct timeline_detail {
    int64_t least_ns, from_ns;
};

struct timeline {
    int64_t now_ns, from_ns, to_ns;
    struct timeline_slice *slices; /* by thread, kind, depth and begin */
    size_t slice_count;
    uint64_t left_out;
    struct timeline_detail details[TIMELINE_CLASSES]; /* the shortest first */
    struct timeline_call *calls;                      /* by begin */
    size_t call_count;
    struct timeline_call *slowest; /* the slowest first */
    size_t slowest_count;
    struct timeline_second *seconds; /* oldest first */
    size_t second_count;
};

void timeline_free(struct timeline *timeline); /* NULL is allowed */

#endif

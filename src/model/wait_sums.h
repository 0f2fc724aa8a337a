/* SPDX-License-Identifier: MIT */
/* What threads waited for: by function, line and kind; who held the GIL, or the lock, meanwhile; and what each thread's
 * time was spent on.
 * Why waits are not counted as they end: who held is written in another thread's ring. They are set against the holds once
 * every ring has been read up to their end, as the C library's calls are (io_apply.h).
 * Rules: one owner, the fold. Ticks are of the counter. Bounded: beyond the limits waits are counted under no function,
 * and nobody holds. */
#ifndef ULMA_MODEL_WAIT_SUMS_H
#define ULMA_MODEL_WAIT_SUMS_H

#include "model/histogram.h"
#include "model/snapshot.h"
#include "wire/wait_kind.h"

enum { WAIT_ROWS_LIMIT = 1 << 13, WAIT_HOLDERS_LIMIT = 1 << 14, WAIT_PLACES = 16 };

struct wait_site;

struct wait_sums_row {
    uint32_t symbol; /* a row's first twin; 0: no Python function was open */
    uint32_t line;
    unsigned char kind; /* enum wait_kind; of HELD: who held the GIL, and for how long */
    bool in_task;
    uint32_t next; /* of its bucket */
    uint64_t count;
    int64_t ticks, max_ticks;
    int64_t others_ticks; /* of HELD: that others waited meanwhile, added up */
    struct histogram *durations;
};

/* Of the time that was waited in one row, so much went while this one held. */
struct wait_holder {
    uint32_t row, holder; /* rows; of a lock its holder is a HELD row, too, with nothing counted */
    uint32_t thread;      /* number of its track */
    uint32_t tid;
    uint32_t next; /* of its bucket */
    int64_t ticks;
};

/* One that has ended, not applied yet. */
struct wait_done {
    uint64_t since, until;
    uint32_t row, object, thread;
    bool is_gil;
};

/* Of the GIL from since to until; of a lock (since is 0) it was given on at until. */
struct wait_hold {
    uint64_t since, until;
    uint32_t row, object, thread, tid;
};

/* A process's. */
struct wait_queue {
    struct wait_done *done;
    struct wait_hold *holds;
    uint32_t done_count, done_limit, hold_count, hold_limit;
    uint32_t hold_sorted; /* so many of them are in order */
};

/* By what a thread did not compute in. */
struct wait_shares {
    int64_t ticks[SHARE_COUNT];
};

struct wait_sums {
    bool heard; /* the source was on, at some time */
    struct wait_sums_row *rows;
    uint32_t row_count;
    uint32_t *buckets;
    struct wait_holder *holders;
    uint32_t holder_count;
    uint32_t *holder_buckets;
    struct octave_pool octaves;
    struct wait_shares *shares; /* by the track's number */
    uint32_t share_limit;
};

/* A thread's: the wait that it is in. */
struct wait_open {
    uint64_t since,
        until; /* counters; until 0: it waits still, else it may go on with the next event */
    uint32_t row, object;
    uint32_t node; /* the path of who waits, for whoever watches */
    unsigned char way, kind;
    bool is_open;
};

struct wait_place {
    uint32_t frame, line;
};

/* 0 or -ENOMEM. */
int wait_sums_init(struct wait_sums *sums);
void wait_sums_done(struct wait_sums *sums);
void wait_sums_reset(struct wait_sums *sums);
void wait_queue_done(struct wait_queue *queue);

/* The row of a site, made if need be; 0: there is no more room, not even for `(other)`. */
uint32_t wait_sums_row(struct wait_sums *sums, const struct wait_site *site);

void wait_sums_add(struct wait_sums *sums, uint32_t row, int64_t ticks);

/* So much of the thread's time went so. */
void wait_sums_share(struct wait_sums *sums, uint32_t thread, enum snapshot_share share,
                     int64_t ticks);

/* To be set against what the others held. Without memory it is not. */
void wait_sums_await(struct wait_queue *queue, const struct wait_done *done);
void wait_sums_hold(struct wait_queue *queue, const struct wait_hold *hold);

/* Those up to `counter`: all rings of the process have been read up to there. Somebody waits for
 * the GIL since `kept_since`. */
void wait_sums_apply(struct wait_sums *sums, struct wait_queue *queue, uint64_t counter,
                     uint64_t kept_since);

enum snapshot_share wait_sums_share_of(enum wait_kind kind);

/* In reports. */
const char *wait_sums_name(enum wait_kind kind);

#endif

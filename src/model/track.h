/* SPDX-License-Identifier: MIT */
/* A track: one thread of the target as the fold sees it: its stack, its clock, what was taken out.
 * Why a clock of its own: the probe's cost per event and the sleep of a full ring are taken out of
 * every interval between two of the thread's events, so the corrected time of a thread only exists as
 * the sum of its corrected intervals.
 *
 * Units: ticks of the session's counter, whole: 2^63 of them are a hundred years of one thread, where
 * nanoseconds times threads times months would still fit and fractions of ticks would not.
 * The stack: entries[0] is the base (the root node, outside of all functions); entries[depth] is the
 * top. Entries are found by key through buckets: each entry points at the next older one of its
 * bucket, which stays right because entries leave in the reverse order of their coming.
 * Rules: one owner, the fold. The clock never goes back. */
#ifndef ULMA_MODEL_TRACK_H
#define ULMA_MODEL_TRACK_H

#include "model/gc_pauses.h"
#include "model/io_calls.h"
#include "model/kept.h"
#include "model/lines.h"
#include "model/memory_blocks.h"
#include "model/parked.h"
#include "model/spans.h"
#include "model/wait_sums.h"
#include "model/waits.h"
#include "wire/event.h"

#include <stddef.h>

struct model;
struct process;
struct schedstat_gaps;

/* The beginning of an activation that was not seen to begin or to go on: so late that its running
 * time is negative, which keeps it out of the percentiles. */
#define TRACK_UNCERTAIN (INT64_MAX / 4)

/* Keys of open entries: the frame, and this bit for the frame's C call. */
#define TRACK_C_CALL (UINT64_C(1) << 32)
/* ... and, with it, a monitored method's. */
#define TRACK_METHOD (UINT64_C(1) << 33)

enum {
    TRACK_FIRST_ENTRIES = 64,
    TRACK_ENTRIES_MAX = 1 << 22,
    TRACK_HISTORY = 61,
    TRACK_NAME_SIZE = 64,
};

struct entry {
    uint64_t key;
    int64_t start_ticks;      /* track clock at its push, or at the last flush */
    int64_t child_ticks;      /* since then, in what it called */
    int64_t wait_start_ticks; /* track wait at start */
    /* track clock and wait at its activation's beginning, as if it had run without a pause since
     * then: a flush changes nothing in them */
    int64_t begin_ticks, wait_begin_ticks;
    uint32_t node;
    uint32_t below; /* the next older entry of its bucket; 0: none */
    uint32_t symbol;
    uint32_t task; /* whose step it is (async_tasks.h); 0: none's */
};
static_assert(sizeof(struct entry) == 64, "an entry is one cache line");

struct seed_frame {
    uint32_t frame;
    uint32_t symbol;
};

/* What the control ring says about a thread, until the thread's own events before it are consumed. */
struct order {
    uint64_t counter;
    uint64_t round;            /* of the drain, in which it was read */
    bool off;                  /* else a seed */
    struct seed_frame *frames; /* owned */
    uint32_t frame_count;
    uint32_t bottom; /* as SEED_END has it */
};

struct track_second {
    uint64_t calls;
    int64_t wall_ticks, wait_ticks;
};

/* What an interval was too short to have taken out of it, and the next one bears: a counter that ticks every
 * 10 ns makes this interval shorter by what it makes the next one longer. No more than that: where the cost is
 * taken for more than it is, the rest must not pile up until it meets real time. */
enum { TRACK_LEFT_OVER_MOST = 32 };

static inline int64_t track_left_over(int64_t net_ticks)
{
    int64_t over = net_ticks < 0 ? -net_ticks : 0;
    return over < TRACK_LEFT_OVER_MOST ? over : TRACK_LEFT_OVER_MOST;
}

/* START of what can be suspended costs more, since making it does. What a C function calls costs less where C calls are heard:
 * no call was an instruction, at which the interpreter would have asked for it. */
enum {
    TRACK_START_GENERATOR = EVENT_KIND_COUNT,
    TRACK_START_COROUTINE,
    TRACK_START_FROM_C,
    TRACK_ASKED_ALONE, /* an ASKED of id 1; the other one is what its end costs */
    TRACK_COST_COUNT
};

/* The probe's cost of an event of each kind, before its counter is read and after. */
struct track_costs {
    int64_t pre_ticks[TRACK_COST_COUNT], post_ticks[TRACK_COST_COUNT];
};

struct track {
    struct entry *entries;
    uint32_t depth, entry_limit;
    uint32_t *buckets;
    uint32_t bucket_shift;

    int64_t clock_ticks; /* corrected time since its first event */
    uint64_t last;       /* counter of its last event */
    int64_t debt_ticks;  /* the probe's cost since then, still to be taken out */
    uint64_t hurdle;     /* an event from here on takes the slow path (track_pass) */
    uint32_t *depths;    /* once the tree is full: how often each symbol is open; else NULL */
    uint64_t python_pushes, c_pushes;
    struct track_costs costs; /* as of the speed of its processor now */
    uint64_t priced_pushes;   /* of python_pushes: what the model has the price of */
    uint32_t speed_ticks;     /* of which this is the measure; 0: not told */
    uint32_t chain_ticks;     /* ... and this of its clock alone */
    /* What the probe took for ends of its calls lately, as of the calibration's clock, x 256, of so many. [1]: while functions
     * are muted, when events come seldom: a burst goes on where the one before ended. */
    struct track_own {
        double ticks256, count;
    } own[2];
    bool own_mixed; /* the next OWN_TIME tells of both */

    bool on, seen, ended, resync;
    uint64_t segment_start;  /* counter of the present stretch of recording */
    uint64_t profiled_ticks; /* of the stretches before it */
    int64_t stalled_ticks, outside_ticks, outside_wait_ticks;
    int64_t wait_ticks;      /* off the CPU so far, in functions or outside; stalls left out */
    int64_t late_wait_ticks; /* the same, told after the fact (schedstat.h) */
    int64_t away_ticks;      /* since its last EVENT_AWAY, as switch records and stalls have it */
    bool away_told;          /* there was one in this stretch, and no events were lost since */
    int64_t resync_ticks, resync_wait_ticks; /* since the GAP, to be given out at the seed */
    struct waits waits;
    struct kept_begin
        *begins; /* where begins are kept (kept.h), by place in the stack; else NULL */
    uint32_t begin_limit;
    bool waits_known;            /* whether it was off when it was first seen has been looked up */
    struct schedstat_gaps *gaps; /* owned; NULL: there was none */

    uint32_t bottom;         /* which stack it is on: its outermost frame; 0: see track_bottom */
    struct parked parked;    /* stacks of greenlets that it has left */
    struct seed_frame *seed; /* being received in its own ring */
    uint32_t seed_count, seed_limit;
    bool seeding;
    struct order *orders;
    uint32_t order_count, order_limit;

    /* asyncio (async_tasks.h) */
    uint32_t task_told, task_name_left; /* the next push is its step's; bytes of its name to come */
    uint32_t task_passing; /* whose throw() has just left a coroutine, at this counter */
    uint64_t passing_counter, event_before; /* ... ; the counter of the event before a push */
    struct gc_open gc;
    struct io_open io;
    struct wait_open waiting;
    struct wait_place places[WAIT_PLACES]; /* the innermost first */
    uint32_t place_count;
    int64_t apart_ticks;    /* in calls and waits that have ended */
    int64_t gc_apart_ticks; /* ... when the present collection began */
    struct span_track spans;
    struct line_stack lines;
    struct witness_telling *telling; /* owned; NULL: nothing has escalated (escalations.h) */
    struct witness_telling *io_told; /* owned; of the call of the C library that is open */
    struct memory_told memory;
    uint32_t object_place, object_type; /* of a place that is being told (births.h) */
    uint32_t yield_symbol; /* the innermost coroutine of those that yielded one after the other */
    uint32_t yield_depth;  /* after the last yield */
    uint64_t yield_pushes; /* until then, of any kind */

    struct process *process;
    uint32_t tid;
    uint32_t number; /* in order of first sight; 1.. */
    char name[TRACK_NAME_SIZE];
    uint64_t lost, nested;           /* copied from its ring */
    char told_name[TRACK_NAME_SIZE]; /* to the tap */
    uint32_t told_tid;
    uint64_t told_lost, told_nested;
    struct track_second history[TRACK_HISTORY];
    struct track_second history_mark; /* sums at the last tick */
    struct track_second baseline;     /* sums at the last reset */
    int64_t baseline_stalled_ticks, baseline_outside_ticks, baseline_profiled;
    int64_t baseline_corrected_ticks;
    uint64_t baseline_lost;
    struct track *next; /* all live tracks of the model, in order of first sight */
};

/* NULL: no memory. */
struct track *track_new(void);
void track_free(struct track *track);

static inline uint32_t track_bucket(uint64_t key, uint32_t shift)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> shift);
}

/* Room for one more entry; false: no memory, or deeper than any real stack. */
bool track_make_room(struct track *track);

/* The outermost frame of the present stack, an entry or not; 0: not known. */
uint32_t track_bottom(const struct model *model, const struct track *track);

/* The depth at which the key is open, or 0. */
uint32_t track_find(const struct track *track, uint64_t key);

/* The slow way of time passing up to `counter`: orders, stretches, waits, gaps, clocks that go back.
 * `pre` is the cost of the event at `counter` before its counter was read, `post` the one after. */
void track_pass(struct model *model, struct track *track, uint64_t counter, int64_t pre_ticks,
                int64_t post_ticks);

/* Time passes up to `counter`, where no event is: nothing shows that the thread runs. */
void track_pass_quiet(struct model *model, struct track *track, uint64_t counter);

/* Closes all entries above `depth` as of now, unseen: their activations count in no percentile. */
void track_close(struct model *model, struct track *track, uint32_t depth);

/* Adds what is open to the nodes, so that their numbers are those of this moment. */
void track_flush(struct model *model, struct track *track);

/* Recording stops on this thread at `counter`: what is open ends unseen. */
void track_off(struct model *model, struct track *track, uint64_t counter);

/* The sleep of a full ring, which ended at `counter`. */
void track_stall(struct model *model, struct track *track, uint64_t counter, uint64_t ticks);

void track_set_hurdle(struct track *track);

/* What it has had since the last tick of the windows. */
struct track_second track_since_tick(const struct track *track);
struct track_second track_sums(const struct track *track);

/* Time over all its stretches, and what was taken out of it for the probe's cost. */
int64_t track_profiled(const struct track *track);
int64_t track_corrected_ticks(const struct track *track);

#endif

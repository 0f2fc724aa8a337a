/* SPDX-License-Identifier: MIT */
/* From the session's rings into the fold.
 * Why the order of reading matters: the control ring tells stacks of other threads (seeds). A round
 * reads the heads of all rings first and the control ring's head after them, so that every seed that
 * precedes an event of the round is known when that event is folded; a seed read in one round is in
 * any case due in the next, by when all events before it have been read. Ids that ended are forgotten
 * only after a round whose heads were read later than gone_head.
 * Rules: events are copied out in batches, under guard_run, before anyone looks at them; heads, tails
 * and states are the target's word and are checked. No I/O. One owner at a time. */
#ifndef ULMA_MODEL_DRAIN_H
#define ULMA_MODEL_DRAIN_H

#include "base/clock.h"
#include "model/fold.h"
#include "model/rules_slots.h"
#include "wire/mapping.h"

#include <stdatomic.h>

/* Counters of two CPUs may differ by a little. */
enum { DRAIN_COUNTER_SLACK = 1 << 22 };

enum { DRAIN_BATCH = 1024, DRAIN_QUANTUM = 16 * DRAIN_BATCH };

struct drain_ring {
    struct track *track; /* the thread that has it; NULL: none yet */
    const struct event *events;
    uint32_t capacity; /* 0: not looked at yet */
    uint32_t state;    /* as read in this round */
    uint64_t tail, head;
    uint32_t tid;
};

/* What the header said when a round began. */
struct drain_words {
    uint32_t target_pid, gone_head, children_made;
    uint32_t methods_listed, files_asked;
    struct model_costs costs;
};

struct drain {
    struct mapping *mapping;
    struct model *model;
    struct process *process; /* whose session it is */
    struct drain *next;      /* of another process of the family; NULL: none */
    enum clock_source clock;
    const uint64_t *past_now;    /* what the clock says, of a session that is over; NULL: ask it */
    _Atomic uint32_t ring_count; /* rings that exist; set by who adds them */
    bool joined;                 /* a session that somebody else made: the header says how many */
    struct drain_ring *rings;    /* SESSION_RING_LIMIT */
    struct event batch[DRAIN_BATCH];
    uint64_t round;
    uint32_t gone_acked;
    struct drain_words words;
    bool unreadable; /* the file was truncated under us */
    /* called once heads are read and before events are folded: the kernel's switch records */
    void (*before_events)(void *context, struct drain *drain);
    void *before_events_context;

    /* the control ring's seed being received */
    uint32_t seed_ring;
    bool seeding;
    struct seed_frame *seed;
    struct tap_frame *told_seed; /* the same, as the tap has it */
    uint32_t seed_count, seed_limit;

    uint64_t lost_of_ended, nested_of_ended;   /* of rings given back */
    bool on;                                   /* as the control ring says */
    uint64_t on_counter;                       /* of the last ON */
    uint64_t on_ticks, off_ticks, off_counter; /* finished stretches */
    uint64_t image_end; /* counter at which the armed program ended, not yet carried out; 0: none */
    bool image_exec;
    bool died_on; /* it was on when the process died */
    uint64_t execs;
    _Atomic uint32_t
        files_known; /* the last question about descriptors that was answered (io_lookup.h) */
    struct rules_slots *rules; /* owned; NULL: no function has one */
    uint32_t rules_answered;   /* the last question that was (rules_slots.h) */
    bool types_limited;        /* as the session has been told */
    uint32_t methods_decided;  /* the list of methods last answered (methods.h) */
    uint32_t fullest;          /* of this round: the highest share of a ring in use, in 1/256 */
    uint32_t free_rings;       /* of this round */

    /* the budget's (budget.h) */
    uint64_t cpu_seen_ns; /* the process's CPU time when it was last looked at; 0: not yet */
    uint64_t ticks_seen,
        kernel_ticks_seen; /* clock ticks of its time, as last looked at; 0: not yet */
    bool ran;              /* it has used some since it was called */
    uint32_t call_serial;  /* the switch serial that calls it */
};

/* `clock` is the session's, as chosen when it was made. */
int drain_init(struct drain *drain, struct mapping *mapping, struct model *model,
               enum clock_source clock);
void drain_done(struct drain *drain);

/* Ids and frames are this process's from here on. */
void drain_enter(struct drain *drain);

/* Consumes what was published when it began. Returns the number of events. */
uint64_t drain_round(struct drain *drain);

/* True when some ring has events that were not consumed yet (before going to sleep). */
bool drain_has_more(struct drain *drain);

/* The track of a thread id, or NULL. */
struct track *drain_find_tid(const struct drain *drain, uint32_t tid);

/* lost, nested of all rings that are or were. */
void drain_losses(struct drain *drain, uint64_t *ret_lost, uint64_t *ret_nested);

/* The target has ended at `counter`: so have its threads. Everything has been consumed. */
void drain_end(struct drain *drain, uint64_t counter);

/* Ticks that recording was on, and off between, up to `counter`. */
uint64_t drain_on_ticks(const struct drain *drain, uint64_t counter);
uint64_t drain_off_ticks(const struct drain *drain, uint64_t counter);

/* --- control.c: the control ring ------------------------------------------------------------ */

/* The process, or the program in it, has ended at `counter`: as if it had switched off then. */
void control_end(struct drain *drain, uint64_t counter, bool exec);

/* Once a round, after its control events: an end is carried out. */
void control_obey_end(struct drain *drain);
void control_events(struct drain *drain, const struct event *events, size_t count);

#endif

/* SPDX-License-Identifier: MIT */
/* The budget of a running session: the governor's clock, purse and hands. A family has one: what all its
 * processes cost is held against what they run, and a function that is muted is so in each.
 * Why apart: governor.h decides, mute.h changes the model; here is what they need to know of the session:
 * the target's time, the calibrated cost, and whether the probe has answered.
 * Rules: the collector's lock is held, but for budget_call, which is the keeper's: asking the probe may
 * need the file system. */
#ifndef ULMA_MODEL_BUDGET_H
#define ULMA_MODEL_BUDGET_H

#include "model/governor.h"
#include "model/mute.h"
#include "model/steps.h"
#include "wire/session.h"

#include <stdatomic.h>

struct collector;

struct budget {
    bool on; /* there is one */
    struct governor governor;
    struct mute mute;
    uint64_t next_ns; /* monotonic: when to look again */
    uint64_t seen_ns;
    uint64_t ran_ns;             /* monotonic: the last look that found that somebody had run */
    bool in_burst;               /* a listening that was ordered, until who is muted is chosen */
    uint64_t busy_ns;            /* of all processes that are followed */
    double burst_busy_ns;        /* of the bursts, older ones less, as in their profiles */
    double event_ns, call_ticks; /* of an event, and of a call, at the speed of late */
    struct priced_calls priced;  /* the model's, when that was last looked at */
    struct priced_calls chosen;  /* ... when it was last chosen who is muted */
    struct priced_calls burst;   /* of the bursts, older ones less */
    double price_ns;             /* of an event, by what the program did between the last ones */
    double cost_ns;              /* of all events so far */
    double coldest;              /* price of an event that comes seldom: governor_coldest */
    double all_ticks,
        kernel_ticks; /* clock ticks of all processes, in either mode and in the kernel; older ones less */
    uint64_t slice_ns;                      /* monotonic: no slice before */
    uint64_t priced_events, priced_busy_ns; /* that are in it */
    bool silences;                          /* muted functions cost nothing: 3.12 and newer */
    uint64_t called_ns;
    struct steps steps;
    uint32_t refused_before; /* the last change that came from outside */
    char refusal
        [SESSION_REASON_SIZE];    /* the program's sentence, of the last source that it refused */
    uint64_t step_ns, step_ticks; /* when the program was told of the last change: by both clocks */
    uint64_t call_ns;             /* when it is called again */
    _Atomic bool steps_urgent;
    _Atomic bool urgent; /* the probe has not noticed by itself: the keeper signals it */
};

/* 0 or -ENOMEM. `budget_pct` 0: none. */
int budget_init(struct collector *collector, double budget_pct);
void budget_done(struct collector *collector);

/* After each round, which has read all up to `counter`; every few milliseconds it acts. */
void budget_round(struct collector *collector, uint64_t counter);

/* How long the collector may sleep that would sleep `most_ns`. */
long budget_sleep_ns(const struct collector *collector, long most_ns);

/* Time was flushed up to `counter`: estimates are brought up to it. */
void budget_settle(struct collector *collector, uint64_t counter);

/* Another budget is in force, 0: none; or, the same one, the functions that there are to hear are others.
 * Time was flushed up to `counter`. 0 or -ENOMEM. */
int budget_change(struct collector *collector, double budget_pct, uint64_t counter);

void budget_reset(struct collector *collector, uint64_t counter);

/* budget_steps.c: the sources that come and go. A round, as above; what is to be on when this is asked for. */
void budget_steps_begin(struct collector *collector, uint32_t asked, uint32_t on);
void budget_steps_round(struct collector *collector, uint64_t now_ns);
uint32_t budget_steps_change(struct collector *collector, const uint32_t *asked);

/* Signals the target if that is due. The lock is not held. */
void budget_call(struct collector *collector);

#endif

/* SPDX-License-Identifier: MIT */
/* Steps: under a budget, sources come on one after the other, and one that tells too much goes off again.
 * Why: a function that is dear can be muted, the calls of C functions, methods, allocations cannot. What a source
 * costs a program nobody knows before it is on; so each is listened to for a while before the next, and the cost
 * of all that cannot be muted is held against a part of the budget that is theirs.
 *
 * How it works. The first source that was asked for is on at once. Each tenth of a second one more is, as long as
 * there is room. A purse fills with the sources' part of the budget and pays for the events of those that cannot
 * be muted; when it is empty the dearest of them is held back, for a while that doubles each time.
 * Rules: arithmetic over what it is told: no clock, no memory of its own but this struct. Times are nanoseconds,
 * `busy` those of the target. */
#ifndef ULMA_MODEL_STEPS_H
#define ULMA_MODEL_STEPS_H

#include <stdbool.h>
#include <stdint.h>

enum { STEPS_SOURCES = 32 };

struct steps {
    uint32_t asked;         /* bits of enum session_source: what is to be followed */
    uint32_t on;            /* ... what the session says */
    uint32_t held, refused; /* ... by the budget, for now; by the program */
    uint64_t stepped_ns;    /* when the program had answered the last change; 0: it has not */
    double share;           /* 0 .. 1: the budget; 0: none, and all that is asked is on */
    double purse_ns;
    uint64_t busy_ns; /* as last told */
    struct steps_source {
        uint64_t events;             /* as last told */
        double cost_ns;              /* lately */
        uint64_t again_ns, pause_ns; /* held back until that busy time; for so long the next time */
    } sources[STEPS_SOURCES];
};

/* What is on when `asked` begins under a budget: one. */
uint32_t steps_first(uint32_t asked);

/* `on`: what is on already; no budget. */
void steps_begin(struct steps *steps, uint32_t asked, uint32_t on);

/* Another budget, other sources: what is to be on from here on. */
uint32_t steps_set_budget(struct steps *steps, double budget_pct);
uint32_t steps_ask(struct steps *steps, uint32_t asked);

/* Both since the start: the busy time, and events by the number of the source's bit. What is to be on from here
 * on: another than before is to be said to the program. `has_room`: for one more. */
uint32_t steps_tick(struct steps *steps, uint64_t busy_ns, uint64_t now_ns, const uint64_t *events,
                    double event_ns, bool has_room);

/* The program has answered: these are on. What it refused is not asked for again. */
void steps_answered(struct steps *steps, uint32_t on, uint64_t now_ns);

/* Asked for, not refused, and neither on nor held back. */
uint32_t steps_to_come(const struct steps *steps);

#endif

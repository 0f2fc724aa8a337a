/* SPDX-License-Identifier: MIT */
/* The arithmetic of steps.
 * Why: see steps.h.
 * Rules: as there. */
#include "model/steps.h"

#include "wire/session.h"

#include <string.h>

#define MS UINT64_C(1000000)

/* Of the budget, what all sources may cost that cannot be muted. The rest is for functions, and for what the
 * calibration does not know. */
static const double PART = 0.5;

/* The order: who calls is in everything else; then by what they use to cost, those that do not stand here in the end. Two
 * come after all others, since they forget what they knew when another comes or goes. */
static const uint32_t order[] = {
    SOURCE_CALLS, SOURCE_GC, SOURCE_IO, SOURCE_WAITS, SOURCE_LINES, SOURCE_METHODS, SOURCE_C_CALLS,
};
static const uint32_t FORGETFUL = SOURCE_OBJECTS | SOURCE_MEMORY;

/* The governor mutes functions, and their lines. */
static const uint32_t MUTED_ALONE = SOURCE_CALLS | SOURCE_LINES;

enum {
    STEP_MS = 100,  /* from one to the next */
    PURSE_MS = 400, /* busy time whose part the purse holds */
    PAUSE_MS = 10 * 1000,
    PAUSE_MOST_MS = 600 * 1000,
};

static double full_ns(const struct steps *steps)
{
    return steps->share * PART * PURSE_MS * (double)MS;
}

/* The first of `sources`; 0: there is none. */
static uint32_t first_of(uint32_t sources)
{
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
        if (sources & order[i])
            return order[i];
    uint32_t rest = sources & ~FORGETFUL ? sources & ~FORGETFUL : sources;
    return rest & -rest;
}

uint32_t steps_first(uint32_t asked)
{
    return first_of(asked);
}

void steps_begin(struct steps *steps, uint32_t asked, uint32_t on)
{
    *steps = (struct steps){.asked = asked, .on = on};
}

static void change(struct steps *steps, uint32_t on)
{
    if (on != steps->on)
        steps->stepped_ns = 0;
    steps->on = on;
}

/* All that are held back may be tried anew. */
static void let_go(struct steps *steps, uint32_t sources)
{
    steps->held &= ~sources;
    for (uint32_t i = 0; i < STEPS_SOURCES; i++)
        if (sources >> i & 1)
            steps->sources[i].again_ns = steps->sources[i].pause_ns = 0;
}

uint32_t steps_set_budget(struct steps *steps, double budget_pct)
{
    steps->share = budget_pct / 100;
    steps->purse_ns = full_ns(steps);
    let_go(steps, steps->held);
    if (budget_pct <= 0)
        change(steps, steps->asked & ~steps->refused);
    return steps->on;
}

uint32_t steps_ask(struct steps *steps, uint32_t asked)
{
    let_go(steps, asked & ~steps->asked);
    steps->refused &= steps->asked & asked;
    steps->asked = asked;
    steps->held &= asked;
    steps->on &= asked;
    if (steps->share > 0)
        steps->on |= first_of(steps_to_come(steps));
    else
        steps->on = asked & ~steps->refused;
    steps->stepped_ns = 0;
    return steps->on;
}

uint32_t steps_to_come(const struct steps *steps)
{
    return steps->asked & ~(steps->on | steps->held | steps->refused);
}

static void account(struct steps *steps, uint64_t busy_ns, const uint64_t *events, double event_ns)
{
    uint64_t passed_ns = busy_ns > steps->busy_ns ? busy_ns - steps->busy_ns : 0;
    steps->purse_ns += (double)passed_ns * steps->share * PART;
    steps->busy_ns += passed_ns;
    if (steps->purse_ns > full_ns(steps)) {
        steps->purse_ns = full_ns(steps);
        for (uint32_t i = 0; i < STEPS_SOURCES; i++)
            steps->sources[i].cost_ns = 0;
    }
    for (uint32_t i = 0; i < STEPS_SOURCES; i++) {
        struct steps_source *source = &steps->sources[i];
        uint64_t more = events[i] > source->events ? events[i] - source->events : 0;
        source->events = events[i];
        source->cost_ns += (double)more * event_ns;
        if (!(MUTED_ALONE >> i & 1))
            steps->purse_ns -= (double)more * event_ns;
    }
}

static uint32_t dearest(const struct steps *steps)
{
    int32_t found = -1;
    for (int32_t i = 0; i < STEPS_SOURCES; i++)
        if ((steps->on & ~MUTED_ALONE) >> i & 1 && steps->sources[i].cost_ns > 0 &&
            (found < 0 || steps->sources[i].cost_ns > steps->sources[found].cost_ns))
            found = i;
    return found < 0 ? 0 : UINT32_C(1) << found;
}

static void hold(struct steps *steps, uint32_t bit)
{
    struct steps_source *source = &steps->sources[__builtin_ctz(bit)];
    source->pause_ns = source->pause_ns ? source->pause_ns * 2 : PAUSE_MS * MS;
    if (source->pause_ns > PAUSE_MOST_MS * MS)
        source->pause_ns = PAUSE_MOST_MS * MS;
    source->again_ns = steps->busy_ns + source->pause_ns;
    steps->held |= bit;
    change(steps, steps->on & ~bit);
}

static void try_again(struct steps *steps)
{
    for (uint32_t i = 0; i < STEPS_SOURCES; i++)
        if (steps->held >> i & 1 && steps->busy_ns >= steps->sources[i].again_ns)
            steps->held &= ~(UINT32_C(1) << i);
}

uint32_t steps_tick(struct steps *steps, uint64_t busy_ns, uint64_t now_ns, const uint64_t *events,
                    double event_ns, bool has_room)
{
    account(steps, busy_ns, events, event_ns);
    if (steps->purse_ns <= 0 && steps->stepped_ns) {
        uint32_t bit = dearest(steps);
        if (bit)
            hold(steps, bit);
    } else if (has_room && steps->stepped_ns && now_ns - steps->stepped_ns >= STEP_MS * MS) {
        try_again(steps);
        change(steps, steps->on | first_of(steps_to_come(steps)));
    }
    return steps->on;
}

void steps_answered(struct steps *steps, uint32_t on, uint64_t now_ns)
{
    steps->refused |= steps->on & ~on;
    steps->on &= on;
    steps->stepped_ns = now_ns;
    if (steps->purse_ns < full_ns(steps) / 2)
        steps->purse_ns = full_ns(steps) / 2;
}

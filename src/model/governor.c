/* SPDX-License-Identifier: MIT */
/* The governor's arithmetic.
 * Why: see governor.h.
 * Rules: as there. */
#include "model/governor.h"

#include <math.h>
#include <stdlib.h>

/* Of the budget, what is spent: the rest is for what is not known of the price. */
static const double SPENT = 0.7;
/* ... and what functions that stay heard may cost of it; the rest pays for the bursts. */
static const double HEARD = 0.6;

/* A program's first seconds may cost more: the sooner it is known what it does, the less is guessed. */
static const double EAGERLY = 2;

enum {
    EAGER_NS = 1500 * 1000 * 1000,
    BUCKET_NS = 200 * 1000 * 1000,        /* busy time whose allowance the bucket holds */
    SHORTEST_BURST_NS = 10 * 1000 * 1000, /* of busy time: less tells too little */
    SHORTEST_MUTE_NS = 100 * 1000 * 1000,
    LONGEST_MUTE_NS = 1000 * 1000 * 1000,
    LEAST_BUCKET_NS = 200 * 1000,
};

/* Who is in the kernel often finds less of the rest in the caches, too. */
double governor_coldest(double kernel_share)
{
    static const double computing_share = 0.02, serving_share = 0.05;
    double serving = (kernel_share - computing_share) / (serving_share - computing_share);
    return GOVERNOR_COLD + (GOVERNOR_COLDEST - GOVERNOR_COLD) * fmin(fmax(serving, 0), 1);
}

/* From 16 ns between events to 160, programs had them at 1.0 to 1.8 times the price, web servers, at 1,000, at 1.9. */
double governor_coldness(double gap_ns, double coldest)
{
    static const double cold_gap_ns = 200, colder_gap_ns = 1000;
    if (gap_ns <= 0)
        return 1;
    if (gap_ns < cold_gap_ns)
        return 1 + gap_ns / cold_gap_ns;
    return gap_ns < colder_gap_ns ? 2 : fmin(1 + gap_ns / colder_gap_ns, coldest);
}

static double bucket_ns(const struct governor *governor)
{
    double full_ns = governor->share * SPENT * BUCKET_NS;
    return full_ns > LEAST_BUCKET_NS ? full_ns : LEAST_BUCKET_NS;
}

void governor_init(struct governor *governor, double budget_pct)
{
    *governor = (struct governor){.share = budget_pct / 100, .state = GOVERNOR_LISTENING};
    governor->allowance_ns = bucket_ns(governor);
}

static void begin(struct governor *governor, enum governor_state state)
{
    governor->state = state;
    governor->since_busy_ns = governor->busy_ns;
    governor->peak_ns = governor->allowance_ns;
}

static bool is_eager(const struct governor *governor)
{
    return governor->computes && governor->busy_ns - governor->began_busy_ns < EAGER_NS;
}

void governor_account(struct governor *governor, uint64_t busy_ns, uint64_t cost_ns)
{
    double full_ns = bucket_ns(governor);
    /* A clock that went back has told nothing. */
    double busy = busy_ns > governor->busy_ns ? (double)(busy_ns - governor->busy_ns) : 0;
    double cost = cost_ns > governor->cost_ns ? (double)(cost_ns - governor->cost_ns) : 0;
    governor->allowance_ns += busy * governor->share * SPENT * (is_eager(governor) ? EAGERLY : 1) -
                              cost;
    if (governor->allowance_ns > full_ns)
        governor->allowance_ns = full_ns;
    if (governor->allowance_ns < -2 * full_ns)
        governor->allowance_ns = -2 * full_ns;
    if (governor->allowance_ns > governor->peak_ns)
        governor->peak_ns = governor->allowance_ns;
    if (busy_ns > governor->busy_ns)
        governor->busy_ns = busy_ns;
    if (cost_ns > governor->cost_ns)
        governor->cost_ns = cost_ns;
}

enum governor_act governor_tick(struct governor *governor, uint64_t busy_ns, uint64_t cost_ns)
{
    governor_account(governor, busy_ns, cost_ns);
    uint64_t lasted_ns = governor->busy_ns - governor->since_busy_ns;
    if (governor->state == GOVERNOR_LISTENING)
        return governor->allowance_ns <= 0 && lasted_ns >= SHORTEST_BURST_NS ? GOVERNOR_CHOOSE
                                                                             : GOVERNOR_GO_ON;
    if (governor->state == GOVERNOR_CALLING || lasted_ns < SHORTEST_MUTE_NS)
        return GOVERNOR_GO_ON;
    /* What is heard was to fill the bucket: where it empties it, or does neither for long, the choice is out of date. */
    if (lasted_ns < LONGEST_MUTE_NS && governor->allowance_ns < bucket_ns(governor) &&
        governor->allowance_ns > governor->peak_ns - bucket_ns(governor) / 3)
        return GOVERNOR_GO_ON;
    begin(governor, GOVERNOR_CALLING);
    return GOVERNOR_CALL;
}

/* What is saved, and the more so the less the function itself runs. */
static double worth(const struct governor_row *row)
{
    return row->cost_ns > 0 ? row->cost_ns * row->cost_ns / (row->cost_ns + row->self_ns) : 0;
}

static int by_worth(const void *left, const void *right)
{
    double one = worth(left), other = worth(right);
    return one < other ? 1 : one > other ? -1 : 0;
}

size_t governor_choose(const struct governor *governor, struct governor_row *rows, size_t count,
                       double busy_ns)
{
    double cost_ns = 0;
    for (size_t i = 0; i < count; i++) {
        cost_ns += rows[i].cost_ns;
        rows[i].mute = false;
    }
    double most_ns = busy_ns * governor->share * SPENT;
    if (cost_ns <= most_ns)
        return 0;
    qsort(rows, count, sizeof(*rows), by_worth);
    size_t muted = 0;
    for (size_t i = 0; i < count && cost_ns > most_ns * HEARD; i++) {
        if (rows[i].cost_ns <= 0)
            break;
        rows[i].mute = true;
        cost_ns -= rows[i].cost_ns;
        muted++;
    }
    return muted;
}

void governor_call(struct governor *governor)
{
    begin(governor, GOVERNOR_CALLING);
}

void governor_change(struct governor *governor, double budget_pct)
{
    governor->share = budget_pct / 100;
    double full_ns = bucket_ns(governor);
    if (governor->allowance_ns > full_ns)
        governor->allowance_ns = full_ns;
}

bool governor_has_room(const struct governor *governor)
{
    return governor->state != GOVERNOR_CALLING && governor->allowance_ns >= bucket_ns(governor) / 2;
}

void governor_muted(struct governor *governor, size_t count)
{
    begin(governor, count ? GOVERNOR_MUTED : GOVERNOR_LISTENING);
}

void governor_heard(struct governor *governor)
{
    begin(governor, GOVERNOR_LISTENING);
}

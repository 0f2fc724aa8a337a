/* SPDX-License-Identifier: MIT */
/* The governor on made-up programs: how soon it acts, what it mutes, what it lets be.
 * Why: what a program costs here is known exactly, and its time is made up, so that "within 100 ms" and "5 %"
 * are arithmetic.
 * A load has functions with calls per second (of the program's own time) and time of their own; a call costs
 * CALL_NS more while it is heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/governor.h"

#include <string.h>

#define MS UINT64_C(1000000)

enum { CALL_NS = 100, FUNCTIONS = 4, STEP_NS = 1000 * 1000 };

struct load {
    double calls_per_s[FUNCTIONS], self_share[FUNCTIONS];
};

/* The program runs: real time, its cost so far, and who is muted. */
struct play {
    struct governor governor;
    struct load load;
    bool muted[FUNCTIONS];
    double busy_ns, cost_ns;
    double own_ns, listened_own_ns,
        listened_ns; /* the program's own time: in all, in this listening */
    double recent[FUNCTIONS], recent_own_ns;
    int calls, chooses;
};

static void begin_listening(struct play *play)
{
    memset(play->muted, 0, sizeof(play->muted));
    memset(play->recent, 0, sizeof(play->recent));
    play->recent_own_ns = play->listened_ns = 0;
}

static void start(struct play *play, double budget_pct, struct load load)
{
    *play = (struct play){.load = load};
    governor_init(&play->governor, budget_pct);
    begin_listening(play);
}

static void choose(struct play *play)
{
    struct governor_row rows[FUNCTIONS];
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        rows[i] = (struct governor_row){.row = i,
                                        .cost_ns = play->recent[i] * CALL_NS,
                                        .self_ns = play->recent_own_ns * play->load.self_share[i]};
    size_t count = governor_choose(&play->governor, rows, FUNCTIONS, play->listened_ns);
    size_t muted = 0;
    begin_listening(play);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        play->muted[rows[i].row] = rows[i].mute;
        muted += rows[i].mute;
    }
    assert_int_equal(muted, count);
    governor_muted(&play->governor, count);
    play->chooses++;
}

/* A step of the program's own time. The probe answers at once. */
static void step(struct play *play)
{
    double cost_ns = 0;
    for (int i = 0; i < FUNCTIONS; i++) {
        double calls = play->muted[i] ? 0 : play->load.calls_per_s[i] * STEP_NS / 1e9;
        cost_ns += calls * CALL_NS;
        play->recent[i] += calls;
    }
    play->own_ns += STEP_NS;
    play->recent_own_ns += STEP_NS;
    play->listened_ns += STEP_NS + cost_ns;
    play->busy_ns += STEP_NS + cost_ns;
    play->cost_ns += cost_ns;
    switch (governor_tick(&play->governor, (uint64_t)play->busy_ns, (uint64_t)play->cost_ns)) {
    case GOVERNOR_CHOOSE:
        choose(play);
        break;
    case GOVERNOR_CALL:
        play->calls++;
        begin_listening(play);
        governor_heard(&play->governor);
        break;
    case GOVERNOR_GO_ON:
        break;
    }
}

static void run_to(struct play *play, uint64_t busy_ns)
{
    while (play->busy_ns < (double)busy_ns)
        step(play);
}

/* Nothing but tiny calls: f0 takes as long as it costs to hear. */
static const struct load tiny = {{10e6, 1e3, 10, 0}, {0.9, 0.05, 0.05, 0}};

static void a_program_within_its_budget_is_heard(void **state)
{
    (void)state;
    struct play play;
    struct load load = {{130e3, 70e3, 30e3, 5e3}, {0.25, 0.25, 0.25, 0.25}};
    start(&play, 5, load);
    run_to(&play, 5000 * MS);
    assert_int_equal(play.chooses, 0);
    assert_int_equal(play.calls, 0);
    for (int i = 0; i < FUNCTIONS; i++)
        assert_false(play.muted[i]);
}

static void tiny_calls_are_muted_at_once(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    run_to(&play, 100 * MS);
    assert_int_equal(play.chooses, 1);
    assert_true(play.muted[0]);
    assert_false(play.muted[1]); /* what is left costs nearly nothing */
    assert_false(play.muted[2]);
}

static void every_second_keeps_the_budget(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    for (uint64_t second = 1; second <= 10; second++) {
        double before = play.cost_ns, busy = play.busy_ns;
        run_to(&play, second * 1000 * MS);
        double share = (play.cost_ns - before) / (play.busy_ns - busy);
        if (share > 0.05) /* one burst more may begin in a second than end in it */
            fail_msg("second %d: %.1f %%", (int)second, 100 * share);
    }
    assert_true(play.cost_ns / play.busy_ns < 0.04); /* three tenths of the budget are a reserve */
    /* ... and hears them again in each, or their figures would grow old. */
    assert_in_range(play.calls, 20, 80);
}

static double share_of(struct play *play, uint64_t until_busy_ns)
{
    double before = play->cost_ns, busy = play->busy_ns;
    run_to(play, until_busy_ns);
    return (play->cost_ns - before) / (play->busy_ns - busy);
}

/* The first second and a half of a program that computes may cost twice as much, and no later one. */
static void the_first_seconds_learn(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    play.governor.computes = true;
    double learning = share_of(&play, 2000 * MS);
    int calls = play.calls;
    assert_true(learning > 0.05 && learning < 0.1);
    share_of(&play, 2200 * MS); /* a burst that had begun */
    for (uint64_t second = 3; second <= 6; second++)
        assert_true(share_of(&play, 200 * MS + second * 1000 * MS) <= 0.05);
    assert_true(2 * calls > play.calls - calls); /* more of them in a second than later */
}

static void what_comes_seldom_costs_more(void **state)
{
    (void)state;
    assert_true(governor_coldness(-5, GOVERNOR_COLDEST) == 1);
    double before = 1;
    for (double gap_ns = 10; gap_ns <= 10000; gap_ns *= 2) {
        assert_true(governor_coldness(gap_ns, GOVERNOR_COLDEST) >= before);
        before = governor_coldness(gap_ns, GOVERNOR_COLDEST);
    }
    assert_true(before == GOVERNOR_COLDEST);
    assert_true(governor_coldness(10000, GOVERNOR_COLD) == GOVERNOR_COLD);
}

static void who_is_in_the_kernel_is_colder(void **state)
{
    (void)state;
    assert_true(governor_coldest(0) == GOVERNOR_COLD);
    assert_true(governor_coldest(0.01) == GOVERNOR_COLD);
    assert_true(governor_coldest(0.03) > GOVERNOR_COLD);
    assert_true(governor_coldest(0.03) < governor_coldest(0.04));
    assert_true(governor_coldest(0.2) == GOVERNOR_COLDEST);
    assert_true(governor_coldest(1) == GOVERNOR_COLDEST);
}

static struct governor called_again(void)
{
    struct governor governor;
    governor_init(&governor, 5);
    assert_int_equal(governor_tick(&governor, 20 * MS, 20 * MS), GOVERNOR_CHOOSE);
    governor_muted(&governor, 1);
    assert_int_equal(governor_tick(&governor, 10000 * MS, 20 * MS), GOVERNOR_CALL);
    return governor;
}

/* What passed between the last look and the answer is not the burst's. */
static void a_burst_begins_where_it_was_accounted(void **state)
{
    (void)state;
    struct governor governor = called_again();
    governor_account(&governor, 10030 * MS, 60 * MS); /* dearer than all that was allowed */
    governor_heard(&governor);
    assert_int_equal(governor_tick(&governor, 10035 * MS, 61 * MS), GOVERNOR_GO_ON);
    assert_int_equal(governor_tick(&governor, 10040 * MS, 62 * MS), GOVERNOR_CHOOSE);
}

static void who_costs_most_for_least_goes_first(void **state)
{
    (void)state;
    struct governor governor;
    governor_init(&governor, 5);
    struct governor_row rows[] = {
        {.row = 1, .cost_ns = 300e3, .self_ns = 9e6}, /* as dear as the next, and tells much */
        {.row = 2, .cost_ns = 300e3, .self_ns = 1e3},
        {.row = 3, .cost_ns = 100e3, .self_ns = 100e3},
        {.row = 4, .cost_ns = 0, .self_ns = 50e6},
    };
    size_t count = governor_choose(&governor, rows, 4, 10e6); /* 7 % */
    assert_true(count >= 1);
    assert_int_equal(rows[0].row, 2);
    assert_true(rows[0].mute);
    for (int i = 0; i < 4; i++)
        assert_false(rows[i].row == 4 &&
                     rows[i].mute); /* a function that costs nothing never goes */
}

/* Another phase begins while f0 is muted: f3 was not there before. */
static void a_new_phase_is_seen_within_100_ms(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    run_to(&play, 3000 * MS);
    while (!play.muted[0])
        step(&play);
    play.load = (struct load){{0, 1e3, 10, 10e6}, {0, 0.05, 0.05, 0.9}};
    double begin = play.busy_ns;
    while (!play.muted[3] && play.busy_ns < begin + 1000e6)
        step(&play);
    assert_true(play.busy_ns - begin <= 200e6); /* muting lasts 100 ms at least */
    run_to(&play, 6000 * MS);
    assert_false(play.muted[0]); /* it is not called any more */
}

/* What is heard costs just what the budget lets it: the bucket neither fills nor empties. */
static void a_choice_does_not_stand_for_ever(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    run_to(&play, 3000 * MS);
    while (!play.muted[0])
        step(&play);
    play.load.calls_per_s[1] = 256e3; /* 2.5 % */
    int calls = play.calls;
    run_to(&play, (uint64_t)play.busy_ns + 1100 * MS);
    assert_true(play.calls > calls);
}

static void what_becomes_cheap_comes_back(void **state)
{
    (void)state;
    struct play play;
    start(&play, 5, tiny);
    run_to(&play, 2000 * MS);
    play.load = (struct load){{100e3, 1e3, 10, 0}, {0.9, 0.05, 0.05, 0}}; /* 1 % */
    run_to(&play, 4000 * MS);
    assert_false(play.muted[0]);
    int chooses = play.chooses;
    run_to(&play, 9000 * MS);
    assert_int_equal(play.chooses, chooses); /* and stays */
}

/* All time is the probe's to tell: a clock that stands or goes back must not make it act. */
static void clocks_that_lie(void **state)
{
    (void)state;
    struct governor governor;
    governor_init(&governor, 5);
    assert_int_equal(governor_tick(&governor, 1000 * MS, 0), GOVERNOR_GO_ON);
    assert_int_equal(governor_tick(&governor, 10 * MS, 0), GOVERNOR_GO_ON);
    assert_int_equal(governor_tick(&governor, 10 * MS, 900 * MS), GOVERNOR_CHOOSE);
    assert_int_equal(governor_tick(&governor, 10 * MS, UINT64_MAX), GOVERNOR_CHOOSE);
    assert_int_equal(governor_choose(&governor, NULL, 0, 0), 0);
    governor_muted(&governor, 0);
    assert_int_equal(governor.state, GOVERNOR_LISTENING);
}

static void nothing_happens_until_the_probe_answers(void **state)
{
    (void)state;
    struct governor governor = called_again();
    for (uint64_t ms = 1; ms < 1000; ms++)
        assert_int_equal(governor_tick(&governor, (10000 + ms) * MS, 20 * MS), GOVERNOR_GO_ON);
    governor_heard(&governor);
    assert_int_equal(governor.state, GOVERNOR_LISTENING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_within_its_budget_is_heard),
        cmocka_unit_test(tiny_calls_are_muted_at_once),
        cmocka_unit_test(every_second_keeps_the_budget),
        cmocka_unit_test(the_first_seconds_learn),
        cmocka_unit_test(what_comes_seldom_costs_more),
        cmocka_unit_test(who_is_in_the_kernel_is_colder),
        cmocka_unit_test(a_burst_begins_where_it_was_accounted),
        cmocka_unit_test(who_costs_most_for_least_goes_first),
        cmocka_unit_test(a_new_phase_is_seen_within_100_ms),
        cmocka_unit_test(a_choice_does_not_stand_for_ever),
        cmocka_unit_test(what_becomes_cheap_comes_back),
        cmocka_unit_test(clocks_that_lie),
        cmocka_unit_test(nothing_happens_until_the_probe_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

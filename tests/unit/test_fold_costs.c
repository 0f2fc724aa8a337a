/* SPDX-License-Identifier: MIT */
/* What the probe costs, taken out of the times, on hand-written streams.
 * Why: one event of a kind more or less is a few ticks, which no whole run shows.
 * Times are in ticks. */
#include "fold_tools.h"

static struct model model;

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

#define expect(...)               fold_tools_expect(&model, __VA_ARGS__)
#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static struct bench_thread new_thread(void)
{
    return fold_tools_thread(&model, 1, 1000);
}

/* Beside those of a plain call. */
static void set_costs(struct model_costs costs)
{
    costs.inner_ticks256 = 4 * 256;
    costs.outer_ticks256 = 6 * 256;
    model_set_costs(&model, &costs);
}

static void costs_are_taken_out(void **state)
{
    (void)state;
    set_costs((struct model_costs){.c_inner_ticks256 = 2 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(1, START, 2, 20); /* 5 shorter than the cost: no time, not less than none */
    E(50, C_CALL, 200, 20);
    E(10, C_RETURN, 0, 20);
    E(10, RETURN, 2, 20);
    E(100, RETURN, 1, 10);
    expect("f2", 2, 0, 2, 46 + (48 - 5) + 8, 46 + (48 - 5) + 8 + 8); /* the next one bears it */
    expect("c200", 1, 0, 1, 8, 8);
    expect("f1", 1, 0, 1, 95 + 95, 95 + 95 + 105);
    assert_int_equal(track_profiled(thread.track), 321);
    assert_int_equal(track_corrected_ticks(thread.track), 321 - 295);
}

static void each_kind_has_its_cost(void **state)
{
    (void)state;
    set_costs((struct model_costs){.segment_inner_ticks256 = 8 * 256,
                                   .segment_outer_ticks256 = 10 * 256,
                                   .unwind_inner_ticks256 = 24 * 256,
                                   .unwind_outer_ticks256 = 46 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, RESUME, 2, 20);
    E(50, YIELD, 0, 20);
    E(100, START, 3, 30);
    E(60, UNWIND, 3, 30);
    E(100, RETURN, 1, 10);
    expect("f2", 0, 1, 1, 50 - 8, 50 - 8);
    expect("f3", 1, 0, 1, 60 - 24, 60 - 24);
    /* Between: what is around its own two readings, and what is outside of each of the others'. */
    int64_t before = 100 - 2 - 5, between = 100 - 5 - 3, after = 100 - 43 - 2;
    expect("f1", 1, 0, 1, before + between + after, before + between + after + 42 + 36);
}

/* Making it is the caller's, and the probe's cost of that is taken out of the caller; its end is any call's. */
static void what_suspends_costs_more_to_start(void **state)
{
    (void)state;
    set_costs((struct model_costs){.generator_inner_ticks256 = 8 * 256,
                                   .generator_outer_ticks256 = 20 * 256,
                                   .coroutine_inner_ticks256 = 12 * 256,
                                   .coroutine_outer_ticks256 = 40 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, START, 100, 20);
    E(50, RETURN, 100, 20);
    E(100, START, 150, 30);
    E(60, RETURN, 150, 30);
    E(100, RETURN, 1, 10);
    expect("g100", 1, 0, 1, 50 - 8, 50 - 8);
    expect("g150", 1, 0, 1, 60 - 12, 60 - 12);
    int64_t before = 100 - 2 - 17, between = 100 - 3 - 37, after = 100 - 3 - 2;
    expect("f1", 1, 0, 1, before + between + after, before + between + after + 42 + 48);
}

/* No instruction made the call, so that none was heard. */
static void what_c_calls_costs_less_to_start(void **state)
{
    (void)state;
    set_costs((struct model_costs){.c_inner_ticks256 = 2 * 256,
                                   .from_c_inner_ticks256 = 4 * 256,
                                   .from_c_outer_ticks256 = 4 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, C_CALL, 200, 10);
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(100, C_RETURN, 0, 10);
    E(100, START, 2, 30);
    E(50, RETURN, 2, 30);
    E(100, RETURN, 1, 10);
    expect("f2", 2, 0, 2, 46 + 46, 46 + 46);
    expect("c200", 1, 0, 1, 100 - 1 - 1 + 100 - 3 - 1, 194 + 46);
    int64_t before = 100 - 2, between = 100 - 3, after = 100 - 3 - 2;
    expect("f1", 1, 0, 1, before + between + after, before + between + after + 240 + 46);
}

static void what_no_instruction_calls_is_told_by_its_start(void **state)
{
    (void)state;
    set_costs(
        (struct model_costs){.from_c_inner_ticks256 = 4 * 256, .from_c_outer_ticks256 = 2 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, START, 2 | EVENT_FROM_C, 20);
    E(50, RETURN, 0, 20);
    E(100, START, 2, 20);
    E(50, RETURN, 0, 20);
    E(100, RETURN, 0, 10);
    expect("f2", 2, 0, 2, 46 + 46, 46 + 46);
    int64_t before = 100 - 2, between = 100 - 3 - 3, after = 100 - 3 - 2;
    expect("f1", 1, 0, 1, before + between + after, before + between + after + 46 + 46);
}

static void what_was_asked_for_nothing_is_taken_out(void **state)
{
    (void)state;
    set_costs((struct model_costs){.asked_ticks256 = 20 * 256, .made_ticks256 = 27 * 256});
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, ASKED, 1, 10);
    E(100, START, 2, 20);
    E(50, RETURN, 0, 20);
    E(100, ASKED, 0, 10);
    E(100, RETURN, 0, 10);
    expect("f2", 1, 0, 1, 46, 46);
    int64_t self = 100 - 2 - 10 + 100 - 10 - 3 + 100 - 3 - 8 + 100 - 9 - 2;
    expect("f1", 1, 0, 1, self, self + 46);
    assert_int_equal(model.bad_events, 0);
}

static void costs_follow_the_speed(void **state)
{
    (void)state;
    struct model_costs costs = {
        .inner_ticks256 = 10 * 256, .outer_ticks256 = 20 * 256, .speed_ticks = 1000};
    model_set_costs(&model, &costs);
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(100, SPEED, 2000, 30); /* half as fast; 30 ticks went into finding that out */
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(100, SPEED, 1200, 0); /* within the noise of measuring it */
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, SPEED, 1 << 23, 0); /* nobody is as slow as that */
    E(100, RETURN, 1, 10);
    expect("f2", 3, 0, 3, 40 + 30 + 40, 40 + 30 + 40);
    int64_t first = 100 - 15, second = 100 - 10 - 30 + 100 - 20, third = 100 - 20 + 100 - 10;
    int64_t last = 100 - 10 - 40;
    int64_t self = first + second + third + last;
    expect("f1", 1, 0, 1, self, self + 110);
    assert_int_equal(model.bad_events, 0);
}

/* Of a probe that has timed itself. */
static const struct model_costs timed_costs = {.inner_ticks256 = 10 * 256,
                                               .outer_ticks256 = 20 * 256,
                                               .speed_ticks = 1000,
                                               .chain_ticks = 1000,
                                               .own_ticks256 = 100 * 256};

static void costs_follow_what_the_probe_takes(void **state)
{
    (void)state;
    model_set_costs(&model, &timed_costs);
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(0, OWN_TIME, 1000, event_own_time(15, 150 * 256)); /* too few to tell */
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, OWN_TIME, 1000,
      event_own_time(15, 150 * 256)); /* half as much again: a call costs nine tenths more */
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, OWN_TIME, 1100, event_own_time(1200, 110 * 256)); /* a slower clock, which explains it */
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, OWN_TIME, 1000, event_own_time(0, 0));
    E(100, RETURN, 1, 10);
    expect("f2", 3, 0, 3, 40 + 40 + 39, 40 + 40 + 39);
    int64_t self = 100 - 5 - 10 + 100 - 10 - 23 + 100 - 24 - 11 + 100 - 12 - 5;
    expect("f1", 1, 0, 1, self, self + 119);
    assert_int_equal(model.bad_events, 0);
}

/* What the probe takes is a reading of the counter for the most part. A neighbour makes the interpreter slower and not that. */
static void neighbour_says_nothing_of_coldness(void **state)
{
    (void)state;
    model_set_costs(&model, &timed_costs);
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(0, SPEED, 2000, 0); /* one that has come */
    E(0, OWN_TIME, 1000, event_own_time(1200, 100 * 256));
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, SPEED, 500, 0); /* the calibration's that has gone */
    E(0, OWN_TIME, 1000, event_own_time(1200, 100 * 256));
    E(100, START, 2, 20);
    E(50, RETURN, 2, 20);
    E(0, SPEED, 1000, 0);
    E(100, RETURN, 1, 10);
    expect("f2", 2, 0, 2, (50 - 20) + (50 - 5), (50 - 20) + (50 - 5));
    int64_t self = 100 - 5 - 20 + 100 - 20 - 5 + 100 - 5 - 5;
    expect("f1", 1, 0, 1, self, self + 75);
    assert_int_equal(model.bad_events, 0);
}

/* What is shown of the probe's cost, and what a budget is held by: by calls, since there are more of them where they are quick. */
static void calls_have_the_price_of_their_speed(void **state)
{
    (void)state;
    struct model_costs costs = {
        .inner_ticks256 = 10 * 256, .outer_ticks256 = 20 * 256, .speed_ticks = 1000};
    struct priced_calls none = {0};
    assert_true(model_call_price(&model, none) == 0);
    model_set_costs(&model, &costs);
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, START, 2, 20);
    E(100, RETURN, 2, 20);
    E(100, SPEED, 2000, 0); /* two calls as calibrated */
    assert_true(model_call_price(&model, none) == 30);
    struct priced_calls before = model.priced;
    assert_true(model_call_price(&model, before) == 0);
    E(9000, SPEED, 2000, 0);
    assert_true(model_call_price(&model, before) == 0);
    for (int i = 0; i < 6; i++) {
        E(100, START, 2, 20);
        E(100, RETURN, 2, 20);
    }
    E(100, SPEED, 1000, 0); /* six at half of the speed */
    assert_true(model_call_price(&model, before) == 60);
    assert_true(model_call_price(&model, none) == (2 * 30 + 6 * 60) / 8.0);
    E(100, RETURN, 1, 10);
}

/* Each process has its own calibration. */
static void calls_have_the_price_of_their_process(void **state)
{
    (void)state;
    struct model_costs costs = {.inner_ticks256 = 50 * 256, .speed_ticks = 1000};
    model_set_costs(&model, &costs);
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, SPEED, 1000, 0);
    struct priced_calls before = model.priced;
    costs.inner_ticks256 = 100 * 256; /* of one that had a neighbour then, and has none now */
    costs.speed_ticks = 2000;
    model_set_costs(&model, &costs);
    E(100, START, 2, 20);
    E(100, SPEED, 1000, 0);
    assert_true(model_call_price(&model, before) == 50);
    E(100, RETURN, 2, 20);
    E(100, RETURN, 1, 10);
}

static void speed_takes_nothing_from_uncorrected_times(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(100, SPEED, 2000, 30);
    E(100, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 200, 200);
}

#define COST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COST(costs_are_taken_out),
        COST(each_kind_has_its_cost),
        COST(what_suspends_costs_more_to_start),
        COST(what_c_calls_costs_less_to_start),
        COST(what_no_instruction_calls_is_told_by_its_start),
        COST(what_was_asked_for_nothing_is_taken_out),
        COST(costs_follow_the_speed),
        COST(costs_follow_what_the_probe_takes),
        COST(neighbour_says_nothing_of_coldness),
        COST(calls_have_the_price_of_their_speed),
        COST(calls_have_the_price_of_their_process),
        COST(speed_takes_nothing_from_uncorrected_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

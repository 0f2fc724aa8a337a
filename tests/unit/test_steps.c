/* SPDX-License-Identifier: MIT */
/* Sources that come on in steps, on made-up programs: in which order, how soon, and which the budget holds back.
 * A program makes events of each source per second of its own time, as long as that source is on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/steps.h"
#include "wire/session.h"

#include <string.h>

#define MS UINT64_C(1000000)

enum { EVENT_NS = 50 };
static const uint32_t ALL = SOURCE_CALLS | SOURCE_C_CALLS | SOURCE_GC | SOURCE_IO | SOURCE_MEMORY;

struct play {
    struct steps steps;
    double per_s[STEPS_SOURCES];
    uint64_t events[STEPS_SOURCES], now_ns;
    uint32_t refuses;
    double cost_ns;
};

static void start(struct play *play, uint32_t asked)
{
    memset(play, 0, sizeof(*play));
    play->now_ns = MS;
    steps_begin(&play->steps, asked, steps_first(asked));
    steps_set_budget(&play->steps, 5);
    steps_answered(&play->steps, play->steps.on, play->now_ns);
}

static void set_rate(struct play *play, uint32_t source, double per_s)
{
    play->per_s[__builtin_ctz(source)] = per_s;
}

/* Never two at once. */
static void run(struct play *play, int ms)
{
    for (; ms > 0; ms--) {
        uint32_t before = play->steps.on;
        play->now_ns += MS;
        for (uint32_t i = 0; i < STEPS_SOURCES; i++) {
            uint64_t more = before >> i & 1 ? (uint64_t)(play->per_s[i] / 1000) : 0;
            play->events[i] += more;
            play->cost_ns += i ? (double)more * EVENT_NS : 0; /* functions are muted */
        }
        steps_tick(&play->steps, play->now_ns, play->now_ns, play->events, EVENT_NS, true);
        assert_true(__builtin_popcount(play->steps.on ^ before) <= 1);
        if (!play->steps.stepped_ns)
            steps_answered(&play->steps, play->steps.on & ~play->refuses, play->now_ns);
    }
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    struct play play;
    start(&play, ALL);
    assert_int_equal(play.steps.on, SOURCE_CALLS);
    run(&play, 110);
    assert_int_equal(play.steps.on, SOURCE_CALLS | SOURCE_GC);
    assert_int_equal(steps_to_come(&play.steps), SOURCE_C_CALLS | SOURCE_IO | SOURCE_MEMORY);
    run(&play, 400);
    assert_int_equal(play.steps.on, ALL);
    assert_int_equal(steps_to_come(&play.steps), 0);
}

/* Nothing is decided while the program owes an answer, nor where there is no room. */
static void test_waits(void **state)
{
    (void)state;
    struct play play;
    start(&play, ALL);
    for (int i = 1; i < 1000; i++)
        steps_tick(&play.steps, (uint64_t)i * MS, (uint64_t)i * MS, play.events, EVENT_NS, false);
    assert_int_equal(play.steps.on, SOURCE_CALLS);
    for (int i = 1000; i < 3000; i++)
        steps_tick(&play.steps, (uint64_t)i * MS, (uint64_t)i * MS, play.events, EVENT_NS, true);
    assert_int_equal(play.steps.on, SOURCE_CALLS | SOURCE_GC);
}

/* What is dear goes off within 100 ms, and the others stay; it is tried again, ever more seldom. */
static void test_held_back(void **state)
{
    (void)state;
    struct play play;
    start(&play, ALL);
    set_rate(&play, SOURCE_CALLS, 1e7);
    set_rate(&play, SOURCE_C_CALLS, 5e6); /* 25 % of the time */
    set_rate(&play, SOURCE_IO, 1e4);
    run(&play, 700);
    assert_int_equal(play.steps.held, SOURCE_C_CALLS);
    assert_int_equal(play.steps.on, ALL & ~(uint32_t)SOURCE_C_CALLS);
    assert_true(play.cost_ns < 0.05 * 700 * MS);
    run(&play, 120 * 1000);
    assert_true(play.cost_ns < 0.01 * (double)play.now_ns);
    assert_int_equal(play.steps.on & SOURCE_IO, SOURCE_IO);
    /* Its behaviour changes: it comes back. */
    set_rate(&play, SOURCE_C_CALLS, 1e3);
    run(&play, 200 * 1000);
    assert_int_equal(play.steps.on, ALL);
    assert_int_equal(play.steps.held, 0);
}

static void test_refused(void **state)
{
    (void)state;
    struct play play;
    start(&play, ALL);
    play.refuses = SOURCE_GC;
    run(&play, 1000);
    assert_int_equal(play.steps.on, ALL & ~(uint32_t)SOURCE_GC);
    assert_int_equal(play.steps.refused, SOURCE_GC);
    assert_int_equal(steps_to_come(&play.steps), 0);
}

static void test_changes(void **state)
{
    (void)state;
    struct play play;
    start(&play, SOURCE_CALLS | SOURCE_C_CALLS);
    set_rate(&play, SOURCE_C_CALLS, 5e6);
    run(&play, 400);
    assert_int_equal(play.steps.held, SOURCE_C_CALLS);
    /* One that is asked for by itself comes at once. */
    assert_int_equal(steps_ask(&play.steps, SOURCE_CALLS | SOURCE_GC), SOURCE_CALLS | SOURCE_GC);
    assert_int_equal(play.steps.held, 0);
    assert_int_equal(steps_ask(&play.steps, SOURCE_CALLS), SOURCE_CALLS);
    assert_int_equal(steps_ask(&play.steps, ALL), SOURCE_CALLS | SOURCE_GC);
    /* Without a budget, all of them. */
    assert_int_equal(steps_set_budget(&play.steps, 0), ALL);
    assert_int_equal(steps_ask(&play.steps, SOURCE_CALLS), SOURCE_CALLS);
    assert_int_equal(steps_ask(&play.steps, ALL), ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_held_back),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What an event costs, as bursts and the time between them tell it.
 * Why: the program here is made up, so its events' cost is known; the price has to find it, and not to run away when a
 * comparison tells nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/price.h"

static const double CALIBRATED_NS = 20, OLDER = 0.5;

struct play {
    struct price price;
    double event_ns;     /* the truth */
    double heard, muted; /* events of a unit of work */
    double unit_ns;      /* what it takes unheard */
};

static struct play play_of(double event_ns)
{
    struct play play = {.event_ns = event_ns, .heard = 2400, .muted = 200, .unit_ns = 300e3};
    price_init(&play.price);
    return play;
}

/* A burst of 200 units, and as many more that `times` says while they are muted; `slowed`: by a neighbour. */
static void cycle(struct play *play, double times, double slowed)
{
    enum { UNITS = 200 };
    double events = UNITS * play->heard, muted = times * UNITS * play->muted;
    price_note_burst(&play->price, UNITS * play->unit_ns + events * play->event_ns, events, OLDER,
                     CALIBRATED_NS);
    double bursts = play->price.burst_events / events; /* work that the bursts have together */
    price_note_muted(&play->price,
                     (times * UNITS * play->unit_ns + muted * play->event_ns) * slowed, muted,
                     times / bursts, CALIBRATED_NS);
}

static void expect_near(const struct play *play, double factor, double apart)
{
    if (play->price.factor < factor - apart || play->price.factor > factor + apart)
        fail_msg("%.3f, not %.3f", play->price.factor, factor);
}

static void it_finds_what_an_event_costs(void **state)
{
    (void)state;
    for (int halves = 2; halves <= 7; halves++) {
        double truth = halves / 2.0;
        struct play play = play_of(truth * CALIBRATED_NS);
        for (int i = 0; i < 20; i++)
            cycle(&play, 5 + i % 7, 1);
        expect_near(&play, truth, 0.01);
    }
}

static void a_neighbour_is_averaged_out(void **state)
{
    (void)state;
    struct play play = play_of(2 * CALIBRATED_NS);
    for (int i = 0; i < 200; i++) {
        cycle(&play, 8, i % 2 ? 1.05 : 0.95);
        if (i > 20)
            expect_near(&play, 2, 0.5);
    }
}

static void nonsense_has_bounds(void **state)
{
    (void)state;
    struct play play = play_of(2 * CALIBRATED_NS);
    for (int i = 0; i < 100; i++)
        cycle(&play, 8, 100);
    expect_near(&play, 1, 0.01); /* never below what the calibration says */
    for (int i = 0; i < 100; i++)
        cycle(&play, 8, 0);
    expect_near(&play, 4, 0.01);
}

static void what_says_nothing_changes_nothing(void **state)
{
    (void)state;
    struct play play = play_of(2 * CALIBRATED_NS);
    price_note_muted(&play.price, 1e9, 1000, 10, CALIBRATED_NS); /* no burst was */
    assert_false(play.price.told);
    price_note_burst(&play.price, 1e9, 1e6, OLDER, CALIBRATED_NS);
    double before = play.price.factor;
    price_note_muted(&play.price, 1e9, 1000, 0, CALIBRATED_NS); /* no work */
    price_note_muted(&play.price, 1e9, 1e7, 10, CALIBRATED_NS); /* as many events as before */
    price_note_muted(&play.price, 1e9, 1000, 10, 0);            /* not calibrated */
    assert_true(play.price.factor == before);
}

/* Until the program has told: a loop of nothing but events is like the calibration's own. */
static void what_is_guessed(void **state)
{
    (void)state;
    struct play dense = play_of(20), thin = play_of(20);
    price_note_burst(&dense.price, 50e6, 1e6, OLDER, CALIBRATED_NS);
    price_note_burst(&thin.price, 1000e6, 1e6, OLDER, CALIBRATED_NS);
    assert_true(dense.price.factor < 1.2);
    assert_true(thin.price.factor > 1.5);
    assert_false(dense.price.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_an_event_costs),
        cmocka_unit_test(a_neighbour_is_averaged_out),
        cmocka_unit_test(nonsense_has_bounds),
        cmocka_unit_test(what_says_nothing_changes_nothing),
        cmocka_unit_test(what_is_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

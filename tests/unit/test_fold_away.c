/* SPDX-License-Identifier: MIT */
/* Time without a processor that a thread tells of itself, on hand-written streams.
 * Why: no test can make a host take a processor away when it wants.
 * Times are in ticks of 500 ns: what is 10 ticks long is a gap, and 40 of them are worth to be given. */
#include "fold_tools.h"

#include "model/schedstat.h"

enum { TICK_NS = 500 };

static struct model model;
static struct bench_thread thread;

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static void tell_away(uint64_t ticks)
{
    fold_tools_amount(&thread, 0, EVENT_AWAY, ticks * TICK_NS);
}

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    model.gap_ticks = SCHEDSTAT_GAP_NS / TICK_NS;
    model.on_gap = schedstat_note_gap;
    model.by_records = true;
    thread = fold_tools_thread(&model, 1, 1000);
    E(0, START, 1, 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

/* A call of f2 from f1, which takes `ticks`. */
static void call(uint64_t ticks)
{
    E(5, START, 2, 20);
    E(ticks, RETURN, 2, 20);
}

#define expect_waits(name, self, total) expect_waits_at(name, self, total, __LINE__)

static void expect_waits_at(const char *name, int64_t self, int64_t total, int line)
{
    model_flush(&model, thread.counter);
    struct fold_sums sums = fold_tools_sums(&model, name);
    if (sums.self_wait != self || sums.total_wait != total)
        fail_msg("line %d: %s waited %ld, in all %ld", line, name, (long)sums.self_wait,
                 (long)sums.total_wait);
}

static void the_longest_silence_was_stolen(void **state)
{
    (void)state;
    waits_out(&thread.track->waits, 1010);
    waits_in(&thread.track->waits, 1030);
    track_set_hurdle(thread.track);
    tell_away(0);
    E(50, START, 3, 30);
    E(20, RETURN, 3, 30);
    for (int i = 0; i < 100; i++)
        call(4);
    call(300);
    E(30, START, 3, 30);
    E(20, RETURN, 3, 30);
    tell_away(20 + 290); /* 20 of it the records have */
    expect_waits("f2", 290, 290);
    expect_waits("f3", 0, 0);
    expect_waits("f1", 20, 310);
    assert_int_equal(model.stolen_ticks, 290);
    assert_int_equal(track_sums(thread.track).wait_ticks, 310);
    call(300); /* it was not told of any */
    tell_away(0);
    expect_waits("f2", 290, 290);
}

static void a_silence_as_long_comes_before_a_longer_one(void **state)
{
    (void)state;
    tell_away(0);
    call(300);
    E(0, START, 3, 30);
    E(100, RETURN, 3, 30);
    tell_away(98);
    expect_waits("f2", 0, 0);
    expect_waits("f3", 98, 98);
}

/* What was before the first telling, or is not known in full, is nobody's. */
static void what_is_not_known_in_full_is_not_given(void **state)
{
    (void)state;
    call(300);
    tell_away(290);
    expect_waits("f2", 0, 0);
    call(300);
    fold_tools_amount(&thread, 1, EVENT_GAP, 7);
    fold_tools_amount(&thread, 0, EVENT_SEED_BEGIN, 1);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_END, 0, 10);
    call(300);
    tell_away(590);
    expect_waits("f2", 0, 0);
    call(300);
    tell_away(290);
    expect_waits("f2", 290, 290);
    model_reset(&model, thread.counter);
    tell_away(290);
    expect_waits("f2", 0, 0);
}

/* The kernel's account as others read it: `ran` ticks of `at`. */
static void read_account(uint64_t at, uint64_t ran)
{
    schedstat_apply(&model, thread.track, at * TICK_NS, ran * TICK_NS, 1.0 / TICK_NS);
}

/* Readings in place of records; the thread has begun to tell. */
static void be_read(void)
{
    model.by_records = false;
    read_account(1000, 0);
    tell_away(0);
}

static void nothing_is_known_without_records_and_readings(void **state)
{
    (void)state;
    model.by_records = false;
    tell_away(0);
    call(300);
    tell_away(290);
    expect_waits("f2", 0, 0);
    read_account(1000, 0);
    call(300);
    tell_away(290);
    expect_waits("f2", 290, 290);
    assert_int_equal(model.stolen_ticks, 0); /* it may have been any wait */
}

/* With records a little is what these differ by; without, it is the thread's and adds up. */
static void a_little_adds_up_where_there_are_no_records(void **state)
{
    (void)state;
    be_read();
    call(35);
    tell_away(30);
    expect_waits("f2", 0, 0);
    call(65);
    tell_away(30);
    expect_waits("f2", 60, 60);
    model.by_records = true;
    for (int i = 0; i < 4; i++) {
        call(65);
        tell_away(30);
    }
    expect_waits("f2", 60, 60);
}

static void of_many_silences_the_longest_are_kept(void **state)
{
    (void)state;
    tell_away(0);
    for (int i = 0; i < 5 * SCHEDSTAT_GAPS; i++)
        call(12);
    E(5, START, 3, 30);
    E(300, RETURN, 3, 30);
    for (int i = 0; i < 5 * SCHEDSTAT_GAPS; i++)
        call(11);
    tell_away(295);
    expect_waits("f3", 295, 295);
    expect_waits("f2", 0, 0);
    call(60); /* the next ones are looked at as ever */
    tell_away(55);
    expect_waits("f2", 55, 55);
}

/* The account stands still for up to 4 ms while a thread runs, and says nothing of who has told just now. */
static void who_tells_itself_is_not_read(void **state)
{
    (void)state;
    be_read();
    call(300);
    tell_away(0);
    read_account(1310, 0);
    read_account(1311, 311);
    expect_waits("f2", 0, 0);
    assert_int_equal(track_sums(thread.track).wait_ticks, 0);
    /* It has not told for a while: it is read, and tells only what the reading did not. */
    call(300);
    read_account(1620, 340);
    expect_waits("f2", 280, 280);
    call(100);
    tell_away(285);
    expect_waits("f2", 280, 280);
    assert_int_equal(track_sums(thread.track).wait_ticks, 280);
}

/* A silence before a reading that said nothing waits for the thread's own word. */
static void what_a_reading_passed_over_is_told_later(void **state)
{
    (void)state;
    be_read();
    tell_away(0);
    call(300);
    read_account(1310, 0);
    E(5, START, 3, 30);
    E(200, RETURN, 3, 30);
    read_account(1510, 0);
    expect_waits("f3", 200, 200);
    expect_waits("f2", 0, 0);
    tell_away(500);
    expect_waits("f3", 200, 200);
    expect_waits("f2", 300, 300);
}

/* The probe looked how fast the processor is, and lost it meanwhile: that was taken out of the time. */
static void what_was_stolen_from_the_probe_is_not_given(void **state)
{
    (void)state;
    model_set_costs(&model, &(struct model_costs){.speed_ticks = 100});
    E(1, SPEED, 100, 0);
    tell_away(0);
    call(300);
    E(400, SPEED, 100, 395);
    tell_away(390);
    expect_waits("f2", 0, 0);
    expect_waits("f1", 0, 0);
}

#define AWAY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWAY(the_longest_silence_was_stolen),
        AWAY(a_silence_as_long_comes_before_a_longer_one),
        AWAY(what_is_not_known_in_full_is_not_given),
        AWAY(nothing_is_known_without_records_and_readings),
        AWAY(a_little_adds_up_where_there_are_no_records),
        AWAY(of_many_silences_the_longest_are_kept),
        AWAY(who_tells_itself_is_not_read),
        AWAY(what_a_reading_passed_over_is_told_later),
        AWAY(what_was_stolen_from_the_probe_is_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

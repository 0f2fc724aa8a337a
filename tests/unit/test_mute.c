/* SPDX-License-Identifier: MIT */
/* Muted functions in the model: what is estimated, whom it is taken from, what the probe is told.
 * Why: a program whose every call takes the same ticks is estimated exactly, so wrong sums show.
 * Times are in ticks. f1 calls f2 five times a round, each for 2 ticks; f1's own part is 10 ticks. */
#include "fold_tools.h"

#include "model/mute.h"
#include "model/schedstat.h"

#include <string.h>

static struct model model;
static struct mute mute;
static unsigned char modes[SESSION_ID_LIMIT];
static struct bench_thread thread;

static void tell(void *context, uint32_t id, enum site_mode mode)
{
    (void)context;
    modes[id] = (unsigned char)mode;
}

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    memset(modes, MODE_RECORD, sizeof(modes));
    model.symbols.tell = tell;
    assert_int_equal(mute_init(&mute, &model), 0);
    thread = fold_tools_thread(&model, 1, 1000);
    mute_begin_burst(&mute, &model, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mute_done(&mute);
    model_done(&model);
    return 0;
}

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

/* One round; `heard`: f2's calls are told. 20 ticks. */
static void play_round(bool heard)
{
    E(0, START, 1, 10);
    for (int i = 0; i < 5 && heard; i++) {
        E(2, START, 2, 20);
        E(2, RETURN, 2, 20);
    }
    E(heard ? 0 : 20, RETURN, 1, 10);
}

static void settle(void)
{
    model_flush(&model, thread.counter);
    mute_settle(&mute, &model, thread.counter);
}

static uint32_t row_named(const char *name)
{
    for (uint32_t i = SYMBOL_FIRST; i < model.symbols.count; i++)
        if (strcmp(model.symbols.symbols[i].name, name) == 0)
            return model.symbols.symbols[i].row;
    fail_msg("no symbol %s", name);
    return 0;
}

static void end_burst_and_mute(const char *name, bool closing)
{
    size_t count = 0;
    model_flush(&model, thread.counter);
    struct governor_row *rows = mute_end_burst(&mute, &model, thread.counter, 2, 1, &count);
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++)
        rows[i].mute = rows[i].row == row_named(name);
    mute_apply(&mute, &model, rows, count, closing);
    mute_tell(&model, model.symbols.mute_mode);
}

static void expect(const char *name, uint64_t calls, int64_t self, int64_t total)
{
    struct fold_sums sums = fold_tools_sums(&model, name);
    if (sums.calls != calls || sums.self != self || sums.total != total)
        fail_msg("%s: calls %lu self %ld total %ld", name, (unsigned long)sums.calls,
                 (long)sums.self, (long)sums.total);
}

static void what_nobody_heard_is_estimated(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_round(true);
    expect("f2", 500, 1000, 1000);
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 900; i++)
        play_round(false);
    expect("f2", 500, 1000, 1000);
    expect("f1", 1000, 19000, 20000);
    settle();
    expect("f2", 5000, 10000, 10000);
    expect("f1", 1000, 10000, 20000); /* its total was measured */
    const struct symbol *f1 = &model.symbols.symbols[row_named("f1")];
    const struct symbol *f2 = &model.symbols.symbols[row_named("f2")];
    assert_true(f2->is_estimated);
    assert_int_equal(f2->estimated, 4500);
    assert_true(f1->holds_muted);
    assert_false(f1->is_estimated); /* its calls were counted */
}

static void dividing_often_is_dividing_once(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_round(true);
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 900; i++) {
        play_round(false);
        settle();
    }
    settle(); /* nothing has passed */
    expect("f2", 5000, 10000, 10000);
    expect("f1", 1000, 10000, 20000);
}

static void on_late_wait(void *context, uint32_t node, int64_t ticks, bool of_burst)
{
    mute_late_wait(context, &model, node, ticks, of_burst);
}

enum { TICK_NS = 500, STOLEN = 800 };

/* A virtual machine's host took the processor away, which is known a little later. */
static void lose_the_processor(void)
{
    model.gap_ticks = SCHEDSTAT_GAP_NS / TICK_NS;
    model.on_gap = schedstat_note_gap;
    model.by_records = true;
    model.on_late_wait = on_late_wait;
    model.on_late_wait_context = &mute;
    for (int i = 0; i < 99; i++) {
        play_round(true);
        fold_tools_amount(&thread, 0, EVENT_AWAY, 0);
    }
    E(0, START, 1, 10);
    E(2, START, 2, 20);
    E(STOLEN, RETURN, 2, 20);
    E(0, RETURN, 1, 10);
}

static void tell_the_loss(void)
{
    fold_tools_amount(&thread, 0, EVENT_AWAY, STOLEN * TICK_NS);
}

static void what_was_stolen_before_a_burst_is_not_of_it(void **state)
{
    (void)state;
    lose_the_processor();
    model_flush(&model, thread.counter);
    mute_begin_burst(&mute, &model, thread.counter);
    for (int i = 0; i < 100; i++)
        play_round(true);
    tell_the_loss();
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 100; i++)
        play_round(false);
    settle();
    struct fold_sums f2 = fold_tools_sums(&model, "f2");
    assert_int_equal(f2.self_wait, STOLEN);
    assert_in_range(f2.self - f2.self_wait, 2990, 3000); /* half of all */
}

static void what_was_stolen_at_a_bursts_end_is_nobodys(void **state)
{
    (void)state;
    lose_the_processor();
    end_burst_and_mute("f2", true);
    E(0, START, 1, 10);
    tell_the_loss();
    E(20, RETURN, 1, 10);
    struct fold_sums f2 = fold_tools_sums(&model, "f2");
    assert_int_equal(f2.self, 990 + STOLEN);
    assert_int_equal(f2.self_wait, STOLEN);
    for (int i = 0; i < 99; i++)
        play_round(false);
    settle();
    f2 = fold_tools_sums(&model, "f2");
    assert_in_range(f2.self - f2.self_wait, 1970, 2000); /* half of 2000 since */
    assert_int_equal(f2.self_wait, STOLEN);
}

/* An anchor that is never called: its time alone tells. */
static void by_time_where_calls_do_not_tell(void **state)
{
    (void)state;
    E(0, START, 1, 10);
    for (int i = 0; i < 100; i++) {
        E(3, START, 2, 20);
        E(1, RETURN, 2, 20);
    }
    end_burst_and_mute("f2", true);
    E(3600, START, 3, 30);
    E(0, RETURN, 3, 30);
    settle();
    expect("f2", 1000, 1000, 1000);
    expect("f3", 1, 0, 0);
    assert_int_equal(fold_tools_sums(&model, "f1").self, 3000);
}

/* A call of f1 that leads to `calls` of f2, of 2 ticks each. */
static void play_uneven(int calls, bool heard)
{
    E(0, START, 1, 10);
    for (int i = 0; i < calls && heard; i++) {
        E(0, START, 2, 20);
        E(2, RETURN, 2, 20);
    }
    E(heard ? 0 : 2 * calls, RETURN, 1, 10);
}

static void next_slice(void)
{
    model_flush(&model, thread.counter);
    mute_slice(&mute, &model);
}

/* An anchor whose calls are of very different sizes: how many small ones and large ones a burst had says nothing of what
 * comes after. */
static void by_time_where_calls_are_uneven(void **state)
{
    (void)state;
    for (int slice = 0; slice < 4; slice++) {
        for (int i = 0; i < (slice % 2 ? 100 : 10); i++)
            play_uneven(slice % 2 ? 1 : 50, true);
        next_slice();
    }
    expect("f2", 1200, 2400, 2400);
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 1000; i++)
        play_uneven(1, false);
    settle();
    struct fold_sums sums = fold_tools_sums(&model, "f2");
    assert_int_equal(sums.self, 4400);
    assert_in_range(sums.calls, 2200 - 200, 2200 + 200); /* 6654 by calls */
}

/* Three calls are few, but each had the same: the hundredth will, too, however long it takes. */
static void a_few_regular_calls_tell(void **state)
{
    (void)state;
    for (int slice = 0; slice < 3; slice++) {
        play_uneven(50, true);
        next_slice();
    }
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 97; i++)
        play_uneven(30, false); /* ticks that the bursts had 100 of */
    settle();
    assert_int_equal(fold_tools_sums(&model, "f2").calls, 5000);
}

/* ... but not where they differ. */
static void a_few_irregular_calls_do_not_tell(void **state)
{
    (void)state;
    for (int slice = 0; slice < 3; slice++) {
        play_uneven(slice == 1 ? 100 : 25, true);
        next_slice();
    }
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 97; i++)
        play_uneven(30, false);
    settle();
    assert_in_range(fold_tools_sums(&model, "f2").calls, 3060 - 1, 3060 + 1);
}

/* Heard, each call of f2 takes a tick more than what is taken out for it. f1 is called as often as not and says so; f3 is hardly
 * ever called, and its time is known to be too long by that. */
static void even_anchors_tell_what_listening_costs(void **state)
{
    (void)state;
    E(0, START, 3, 30);
    for (int slice = 0; slice < 4; slice++) {
        for (int i = 0; i < 1000; i++) {
            E(0, START, 1, 10);
            E(0, START, 2, 20);
            E(3, RETURN, 2, 20);
            E(0, RETURN, 1, 10);
        }
        for (int i = 0; i < 10; i++) {
            E(0, START, 2, 20);
            E(3, RETURN, 2, 20);
        }
        next_slice();
    }
    end_burst_and_mute("f2", true);
    for (int i = 0; i < 4000; i++) {
        E(0, START, 1, 10);
        E(2, RETURN, 1, 10);
    }
    settle();
    expect("f2", 4040 + 4000, 4040 * 3 + 8000, 4040 * 3 + 8000);
    E(2 * 1000, START, 4, 40);
    E(0, RETURN, 4, 40);
    settle();
    uint64_t calls = fold_tools_sums(&model, "f2").calls;
    assert_in_range(calls, 8040 + 900, 8040 + 1000); /* 667 by time alone */
}

static void a_chain_of_muted_functions(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        E(0, START, 1, 10);
        E(1, START, 2, 20);
        E(2, START, 3, 30);
        E(3, RETURN, 3, 30);
        E(4, RETURN, 2, 20);
        E(0, RETURN, 1, 10);
    }
    size_t count = 0;
    model_flush(&model, thread.counter);
    struct governor_row *rows = mute_end_burst(&mute, &model, thread.counter, 1, 1, &count);
    for (size_t i = 0; i < count; i++)
        rows[i].mute = rows[i].row != row_named("f1");
    mute_apply(&mute, &model, rows, count, true);
    mute_tell(&model, model.symbols.mute_mode);
    for (int i = 0; i < 100; i++) {
        E(0, START, 1, 10);
        E(10, RETURN, 1, 10);
    }
    settle();
    expect("f1", 200, 200, 2000);
    expect("f2", 200, 1200, 1800);
    expect("f3", 200, 600, 600);
}

/* f1 calls f2 calls f3 calls f4; f2 and f4 fall silent: f3 is then called by f1, as far as is heard. */
static void play_chain(bool heard)
{
    E(0, START, 1, 10);
    if (heard)
        E(1, START, 2, 20);
    E(heard ? 2 : 3, START, 3, 30);
    if (heard) {
        E(3, START, 4, 40);
        E(4, RETURN, 4, 40);
    }
    E(heard ? 0 : 7, RETURN, 3, 30);
    if (heard)
        E(0, RETURN, 2, 20);
    E(0, RETURN, 1, 10);
}

static void muted_below_heard_below_muted(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_chain(true);
    size_t count = 0;
    model_flush(&model, thread.counter);
    struct governor_row *rows = mute_end_burst(&mute, &model, thread.counter, 1, 1, &count);
    for (size_t i = 0; i < count; i++)
        rows[i].mute = rows[i].row == row_named("f2") || rows[i].row == row_named("f4");
    mute_apply(&mute, &model, rows, count, true);
    mute_tell(&model, model.symbols.mute_mode);
    for (int i = 0; i < 100; i++) {
        play_chain(false);
        settle();
    }
    expect("f1", 200, 200, 2000);
    expect("f2", 200, 400, 1800);
    expect("f3", 200, 600, 1400);
    expect("f4", 200, 800, 800);
}

static void nothing_is_estimated_of_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_round(true);
    end_burst_and_mute("f2", true);
    E(5000, START, 3, 30); /* outside of all functions */
    E(7, RETURN, 3, 30);
    settle();
    expect("f2", 500, 1000, 1000);
    expect("f1", 100, 1000, 2000);
}

static void it_closes_before_it_is_off(void **state)
{
    (void)state;
    play_round(true);
    E(1, START, 1, 10);
    E(1, START, 2, 20);
    E(1, START, 3, 30);
    end_burst_and_mute("f2", true);
    assert_int_equal(modes[2], MODE_CLOSING);
    assert_int_equal(modes[1], MODE_RECORD);
    assert_int_equal(thread.track->depth, 3);
    model_flush(&model, thread.counter);
    if (mute_close(&model))
        mute_tell(&model, MODE_OFF);
    assert_int_equal(modes[2], MODE_OFF);
    assert_int_equal(thread.track->depth, 2); /* f3 stays, f1's child from now on */
    E(4, RETURN, 3, 30);
    E(4, RETURN, 2, 20); /* was on its way */
    E(4, RETURN, 1, 10);
    assert_int_equal(thread.track->depth, 0);
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(fold_tools_sums(&model, "f3").total, 4);
    assert_int_equal(fold_tools_sums(&model, "f1").total, 20 + 14);
}

static void before_3_12_it_is_off_at_once(void **state)
{
    (void)state;
    play_round(true);
    end_burst_and_mute("f2", false);
    assert_int_equal(modes[2], MODE_OFF);
}

static void lifting_lets_it_be_heard(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_round(true);
    end_burst_and_mute("f2", true);
    if (mute_close(&model))
        mute_tell(&model, MODE_OFF);
    play_round(false);
    settle();
    mute_tell(&model, MODE_RECORD);
    mute_lift(&model);
    assert_int_equal(modes[2], MODE_RECORD);
    assert_int_equal(model.symbols.muted_rows, 0);
    mute_begin_burst(&mute, &model, thread.counter);
    play_round(true);
    settle();
    expect("f2", 500 + 5 + 5, 1020, 1020);
    expect("f1", 102, 1020, 2040);
}

static void a_reset_forgets(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        play_round(true);
    end_burst_and_mute("f2", true);
    play_round(false);
    settle();
    model_reset(&model, thread.counter);
    mute_reset(&mute, &model, thread.counter);
    assert_false(model.symbols.symbols[row_named("f2")].is_estimated);
    for (int i = 0; i < 10; i++)
        play_round(false);
    settle();
    expect("f2", 50, 100, 100);
    expect("f1", 10, 100, 200);
}

/* Ids that come while their row is muted, and ids that go. */
static void new_ids_of_a_muted_row(void **state)
{
    (void)state;
    play_round(true);
    end_burst_and_mute("f2", true);
    symbols_forget(&model.symbols, 2);
    assert_int_equal(modes[2], MODE_RECORD); /* it may be anybody's now */
    E(1, START, 2, 20);
    assert_int_equal(modes[2], MODE_CLOSING);
    model_flush(&model, thread.counter);
    if (mute_close(&model))
        mute_tell(&model, MODE_OFF);
    assert_int_equal(modes[2], MODE_OFF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_heard_is_estimated),
        TEST(what_was_stolen_before_a_burst_is_not_of_it),
        TEST(what_was_stolen_at_a_bursts_end_is_nobodys),
        TEST(dividing_often_is_dividing_once),
        TEST(by_time_where_calls_do_not_tell),
        TEST(a_chain_of_muted_functions),
        TEST(muted_below_heard_below_muted),
        TEST(nothing_is_estimated_of_nothing),
        TEST(it_closes_before_it_is_off),
        TEST(before_3_12_it_is_off_at_once),
        TEST(lifting_lets_it_be_heard),
        TEST(a_reset_forgets),
        TEST(new_ids_of_a_muted_row),
        TEST(by_time_where_calls_are_uneven),
        TEST(a_few_regular_calls_tell),
        TEST(a_few_irregular_calls_do_not_tell),
        TEST(even_anchors_tell_what_listening_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

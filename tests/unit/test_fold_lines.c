/* SPDX-License-Identifier: MIT */
/* Lines in the fold: whose time runs when.
 * Why: to the tick, and what a real program cannot be made to do on demand: stacks that change under a line, words that
 * lie, and limits.
 * Times are in ticks. g100.. are generators. */
#include "fold_tools.h"

#include "model/resite.h"

#include <string.h>

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

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static uint32_t row_of(uint32_t id)
{
    return symbols_handle(&model.symbols, id) >> 1;
}

static void want(uint32_t id)
{
    model.symbols.symbols[row_of(id)].has_lines = true;
}

/* An absent line is all 0. */
static struct line_sums line_of(uint32_t id, uint32_t line)
{
    for (uint32_t i = 1; i < model.lines.count; i++)
        if (model.lines.sums[i].row == row_of(id) && model.lines.sums[i].line == line)
            return model.lines.sums[i];
    return (struct line_sums){0};
}

static void expect(uint32_t id, uint32_t line, uint64_t hits, int64_t self_ticks)
{
    struct line_sums sums = line_of(id, line);
    assert_int_equal(sums.hits, hits);
    assert_int_equal(sums.self_ticks, self_ticks);
}

static void a_line_ends_where_the_next_begins(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    want(1);
    E(0, START, 1, 10);
    E(3, LINE, 11, 10);
    E(10, LINE, 12, 10);
    E(20, LINE, 11, 10);
    E(40, RETURN, 0, 10);
    E(1000, START, 1, 10);
    E(0, LINE, 11, 10);
    E(5, UNWIND, 1, 10);
    expect(1, 11, 3, 10 + 40 + 5);
    expect(1, 12, 1, 20);
    assert_int_equal(model.unmatched_pops, 0);
}

static void what_is_called_is_not_in_it(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    want(1);
    want(3);
    E(0, START, 1, 10);
    E(0, LINE, 11, 10);
    E(1, START, 2, 20); /* without lines */
    E(100, START, 3, 30);
    E(7, LINE, 31, 30);
    E(13, C_CALL, 200, 30);
    E(500, C_RETURN, 0, 30);
    E(2, RETURN, 0, 30);
    E(200, RETURN, 0, 20);
    E(4, LINE, 12, 10);
    E(0, START, 1, 11); /* recursive */
    E(0, LINE, 11, 11);
    E(6, RETURN, 0, 11);
    E(8, RETURN, 0, 10);
    expect(1, 11, 2, 1 + 4 + 6);
    expect(1, 12, 1, 8);
    expect(3, 31, 1, 13 + 2);
}

/* Off the CPU while the line was on top, and while what it called was. */
static void a_wait_is_the_running_lines(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    want(1);
    E(0, START, 1, 10);
    E(0, LINE, 11, 10);
    thread.track->wait_ticks += 30;
    E(100, START, 2, 20);
    thread.track->wait_ticks += 500;
    E(600, RETURN, 0, 20);
    thread.track->wait_ticks += 4;
    E(10, LINE, 12, 10);
    thread.track->wait_ticks += 1;
    E(10, RETURN, 0, 10);
    expect(1, 11, 1, 110);
    assert_int_equal(line_of(1, 11).wait_ticks, 34);
    assert_int_equal(line_of(1, 12).wait_ticks, 1);
}

static void a_generator_goes_on_at_its_line(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    struct bench_thread other = fold_tools_thread(&model, 8, 1000);
    want(100);
    E(0, START, 100, 50);
    E(0, LINE, 5, 50);
    E(3, YIELD, 0, 50);
    E(1000, RESUME, 100, 50);
    E(4, YIELD, 0, 50);
    fold_tools_event(&other, 5000, EVENT_RESUME, 100, 50); /* in another thread */
    fold_tools_event(&other, 20, EVENT_LINE, 6, 50);
    fold_tools_event(&other, 30, EVENT_RETURN, 0, 50);
    expect(100, 5, 1, 3 + 4 + 20);
    expect(100, 6, 1, 30);
}

static void what_ended_unseen_gives_its_line_back(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    want(1);
    want(2);
    E(0, START, 1, 10);
    E(0, LINE, 11, 10);
    E(1, START, 2, 20);
    E(0, LINE, 21, 20);
    E(5, LINE, 12, 10); /* the one above is over */
    E(6, LINE, 99, 77); /* nobody's frame */
    E(7, RETURN, 0, 10);
    expect(2, 21, 1, 5);
    expect(1, 12, 1, 13);
    assert_int_equal(line_of(1, 99).hits + line_of(2, 99).hits, 0);
    assert_int_equal(model.unmatched_pops, 0);
}

static void nobodys_lines_are_dropped(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    E(0, LINE, 11, 10);
    E(5, RETURN, 0, 10);
    assert_int_equal(model.lines.count, 1);
    assert_int_equal(fold_tools_sums(&model, "f1").self, 5);
}

/* A flush and a reset leave what runs running, and one whose lines are wanted no more stops. */
static void clocks_go_on_and_stop(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    struct sites sites = {0};
    want(1);
    E(0, START, 1, 10);
    E(0, LINE, 11, 10);
    model_flush(&model, 1010);
    expect(1, 11, 1, 10);
    model_reset(&model, 1015);
    expect(1, 11, 0, 0);
    model_flush(&model, 1018);
    expect(1, 11, 0, 3);
    model.symbols.sites = &sites;
    resite_rows(&model);
    resite_ids(&model);
    resite_stacks(&model);
    thread.counter = 1018;
    E(100, LINE, 12, 10);
    E(100, RETURN, 0, 10);
    expect(1, 11, 0, 3);
    assert_int_equal(line_of(1, 12).hits, 0);
    assert_int_equal(thread.track->lines.count, 0);
}

static void there_is_an_end_to_lines(void **state)
{
    (void)state;
    enum { MORE = 5 };
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    want(1);
    E(0, START, 1, 10);
    for (uint32_t line = 1; line < LINES_LIMIT + MORE; line++)
        E(1, LINE, line, 10);
    E(1, RETURN, 0, 10);
    assert_int_equal(model.lines.count, LINES_LIMIT);
    assert_int_equal(model.lines.refused, MORE);
    expect(1, LINES_LIMIT - 1, 1, 1);
    assert_int_equal(fold_tools_sums(&model, "f1").self, LINES_LIMIT + MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_ends_where_the_next_begins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_called_is_not_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_is_the_running_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_generator_goes_on_at_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_ended_unseen_gives_its_line_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobodys_lines_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clocks_go_on_and_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_an_end_to_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The small parts of the terminal: putting text on a screen, spark lines, a function's history. */
#include "tui_check.h"

#include "sample_snapshot.h"
#include "tui/spark.h"
#include "views/cell_text.h"

#include <string.h>

static void assert_row(const struct screen *screen, int row, const char *wanted)
{
    char text[1024];
    screen_grid_row(screen, row, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void text_is_cut_at_its_width(void **state)
{
    (void)state;
    struct screen *screen = screen_grid_new(4, 10, true);
    assert_int_equal(screen_put(screen, 0, 0, 5, STYLE_PLAIN, "abcdefgh"), 5);
    assert_row(screen, 0, "abcd…");
    assert_int_equal(screen_put(screen, 1, 0, 5, STYLE_PLAIN, "abcde"), 5);
    assert_row(screen, 1, "abcde");
    assert_int_equal(screen_put_right(screen, 2, 0, 10, STYLE_PLAIN, "abc"), 3);
    assert_row(screen, 2, "       abc");
    assert_int_equal(screen_put(screen, 3, 8, 50, STYLE_PLAIN, "abcde"), 2);
    assert_row(screen, 3, "        a…");
    screen_close(screen);
}

static void wide_characters_are_never_halved(void **state)
{
    (void)state;
    struct screen *screen = screen_grid_new(4, 10, true);
    assert_int_equal(screen_put(screen, 0, 0, 5, STYLE_PLAIN, "价格价格"), 5);
    assert_row(screen, 0, "价格…");
    assert_int_equal(screen_put(screen, 1, 0, 4, STYLE_PLAIN, "价格价格"), 3);
    assert_row(screen, 1, "价…");
    screen_put(screen, 2, 0, 10, STYLE_PLAIN, "价格");
    screen_put(screen, 2, 1, 1, STYLE_PLAIN, "x");
    assert_row(screen, 2, " x格");
    screen_put(screen, 3, 0, 10, STYLE_PLAIN, "cafe\xcc\x81!");
    assert_row(screen, 3, "cafe\xcc\x81!");
    screen_close(screen);
}

static void unsafe_text_is_spelled(void **state)
{
    (void)state;
    struct screen *screen = screen_grid_new(3, 60, true);
    int used = screen_put(screen, 0, 0, 60, STYLE_PLAIN, "a\x1b[2Jb\n\xff\xe2\x80\xae\xe2\x80\x8b");
    assert_row(screen, 0, "a\\x1b[2Jb\\n\\xff\\u202e\\u200b");
    assert_int_equal(used, (int)strlen("a\\x1b[2Jb\\n\\xff\\u202e\\u200b"));
    screen->unicode = false;
    screen_put(screen, 1, 0, 60, STYLE_PLAIN, "12.3µs ▁█ 价 cafe\xcc\x81 …");
    assert_row(screen, 1, "12.3us .# ? cafe >");
    assert_int_equal(screen_put(screen, 2, 0, 4, STYLE_PLAIN, "价格价格价格"), 4);
    assert_row(screen, 2, "\?\?\?>");
    screen_close(screen);
}

static void outside_of_the_screen_is_nothing(void **state)
{
    (void)state;
    struct screen *screen = screen_grid_new(2, 5, true);
    assert_int_equal(screen_put(screen, -1, 0, 5, STYLE_PLAIN, "x"), 0);
    assert_int_equal(screen_put(screen, 2, 0, 5, STYLE_PLAIN, "x"), 0);
    assert_int_equal(screen_put(screen, 0, 5, 5, STYLE_PLAIN, "x"), 0);
    assert_int_equal(screen_put(screen, 0, -3, 5, STYLE_PLAIN, "x"), 0);
    assert_int_equal(screen_put(screen, 0, 0, 0, STYLE_PLAIN, "x"), 0);
    assert_int_equal(screen_put(screen, 0, 0, 5, STYLE_PLAIN, NULL), 0);
    screen_fill(screen, 1, 3, 100, STYLE_SELECTED);
    assert_row(screen, 0, "");
    assert_int_equal(screen_grid_style(screen, 1, 4), STYLE_SELECTED);
    assert_int_equal(screen_grid_style(screen, 1, 2), STYLE_PLAIN);
    screen_close(screen);
}

static void sparks_scale_to_their_largest(void **state)
{
    (void)state;
    char text[64];
    const float values[] = {0, 0.001F, 50, 100};
    spark_text(values, 4, 0, text, sizeof text);
    assert_string_equal(text, " ▁▅█");
    spark_text(values, 4, 200, text, sizeof text);
    assert_string_equal(text, " ▁▃▅");
    const float nothing[] = {0, 0};
    spark_text(nothing, 2, 0, text, sizeof text);
    assert_string_equal(text, "  ");
    spark_text(values, 4, 0, text, 6);
    assert_string_equal(text, " ▁");
}

static void paths_keep_their_telling_end(void **state)
{
    (void)state;
    char buffer[64];
    assert_string_equal(cell_text_shorten("shop/db.py:41", 20, buffer, sizeof buffer),
                        "shop/db.py:41");
    assert_string_equal(cell_text_shorten("invoicing/rendering/html.py:1204", 20, buffer, 64),
                        "…/html.py:1204");
    assert_string_equal(cell_text_shorten("averyveryverylongname", 8, buffer, 64), "…ongname");
}

static void cells_fit_their_columns(void **state)
{
    (void)state;
    char text[64];
    const struct view_column count = {"calls", "calls", CELL_COUNT, 7, 1, ""};
    const struct view_column pid = {"pid", "pid", CELL_COUNT, 7, 1, ""};
    struct cell cell = {.integer = 123456};
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "123,456");
    cell.estimate = true;
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "~123k");
    cell = (struct cell){.integer = 1234, .holds = true};
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "+1,234");
    cell.estimate = true;
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "+~1,234");
    cell = (struct cell){.integer = 4194304};
    cell_text_format(&pid, &cell, 7, text, sizeof text);
    assert_string_equal(text, "4194304");
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "4.19M");
    cell.absent = true;
    cell_text_format(&count, &cell, 7, text, sizeof text);
    assert_string_equal(text, "");
}

static struct snapshot *snapshot_at(int seconds, uint64_t calls, int64_t self_ns)
{
    struct snapshot *snapshot = sample_snapshot_new();
    assert_non_null(snapshot);
    snapshot->meta.duration_ns = INT64_C(1000000000) * seconds;
    snapshot->functions[0].calls = calls;
    snapshot->functions[0].resumes = 0;
    snapshot->functions[0].self_ns = snapshot->functions[0].total_ns = self_ns;
    snapshot->functions[0].self_wait_ns = snapshot->functions[0].total_wait_ns = 0;
    return snapshot;
}

static void add(struct history *history, int seconds, uint64_t calls, int64_t self_ns)
{
    struct snapshot *snapshot = snapshot_at(seconds, calls, self_ns);
    history_add(history, snapshot);
    snapshot_free(snapshot);
}

static void history_is_rates(void **state)
{
    (void)state;
    float calls[8], self[8], total[8];
    struct history *history = history_new();
    add(history, 10, 100, 0);
    assert_int_equal(history_points(history, 1, 8, calls, self, total), 0);
    add(history, 12, 300, INT64_C(1000000000));
    add(history, 12, 300, INT64_C(1000000000)); /* no time has passed: no point */
    add(history, 16, 300, INT64_C(3000000000));
    assert_int_equal(history_points(history, 1, 8, calls, self, total), 2);
    assert_float_equal(calls[0], 100, 0.01);
    assert_float_equal(self[0], 0.5, 0.001);
    assert_float_equal(calls[1], 0, 0.01);
    assert_float_equal(total[1], 0.5, 0.001);
    assert_float_equal((float)history_span_s(history, 8), 6, 0.001);
    /* A reset: what is there since then. */
    add(history, 1, 50, 0);
    assert_int_equal(history_points(history, 1, 1, calls, self, total), 1);
    assert_float_equal(calls[0], 50, 0.01);
    assert_int_equal(history_points(history, 4711, 1, calls, self, total), 0);
    history_clear(history);
    assert_int_equal(history_points(history, 1, 8, calls, self, total), 0);
    history_free(history);
}

static void history_keeps_the_newest(void **state)
{
    (void)state;
    float calls[HISTORY_POINTS], self[HISTORY_POINTS], total[HISTORY_POINTS];
    struct history *history = history_new();
    for (int i = 0; i <= HISTORY_POINTS + 10; i++)
        add(history, i + 1, (uint64_t)(i * (i + 1) / 2), 0);
    assert_int_equal(history_points(history, 1, HISTORY_POINTS, calls, self, total),
                     HISTORY_POINTS);
    assert_float_equal(calls[HISTORY_POINTS - 1], HISTORY_POINTS + 10, 0.01);
    assert_float_equal(calls[0], 11, 0.01);
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_at_its_width),
        cmocka_unit_test(wide_characters_are_never_halved),
        cmocka_unit_test(unsafe_text_is_spelled),
        cmocka_unit_test(outside_of_the_screen_is_nothing),
        cmocka_unit_test(sparks_scale_to_their_largest),
        cmocka_unit_test(paths_keep_their_telling_end),
        cmocka_unit_test(cells_fit_their_columns),
        cmocka_unit_test(history_is_rates),
        cmocka_unit_test(history_keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

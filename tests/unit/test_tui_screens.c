/* SPDX-License-Identifier: MIT */
/* What people see: every view and line of the terminal, compared with tests/golden/screens.
 * GENERATE=1 writes them anew (then look at the difference). Run from the root of the sources. */
#include "tui_check.h"

#include "base/text.h"
#include "sample_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden/screens/"

static const struct {
    int columns, rows;
} sizes[] = {{60, 12}, {80, 24}, {250, 80}};

static void compare_golden(struct tui_check *check, const char *name)
{
    char path[256], wanted[256 * 1024];
    const char *text = tui_check_draw(check);
    snprintf(path, sizeof path, FOLDER "%s.txt", name);
    if (getenv("GENERATE") != NULL) {
        FILE *stream = fopen(path, "w");
        assert_non_null(stream);
        fputs(text, stream);
        assert_int_equal(fclose(stream), 0);
        return;
    }
    FILE *stream = fopen(path, "r");
    if (stream == NULL)
        fail_msg("%s: not there; GENERATE=1 writes it", path);
    size_t size = fread(wanted, 1, sizeof wanted - 1, stream);
    fclose(stream);
    wanted[size] = '\0';
    if (strcmp(text, wanted) != 0)
        fail_msg("%s differs. The screen is now:\n%s", path, text);
}

/* The same keys on each size. */
static void compare_sizes(const char *name, const char *view, void (*act)(struct tui_check *check))
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char file[128];
        struct tui_check *check = tui_check_new(sizes[i].rows, sizes[i].columns);
        tui_open(&check->state, view_find(view), 0);
        check->state.back_count = 0;
        if (act != NULL)
            act(check);
        snprintf(file, sizeof file, "%s-%dx%d", name, sizes[i].columns, sizes[i].rows);
        compare_golden(check, file);
        tui_check_free(check);
    }
}

static void functions_screen(void **state)
{
    (void)state;
    compare_sizes("functions", "functions", NULL);
}

static void tree_screen(void **state)
{
    (void)state;
    compare_sizes("tree", "tree", NULL);
}

static void threads_screen(void **state)
{
    (void)state;
    compare_sizes("threads", "threads", NULL);
}

static void processes_screen(void **state)
{
    (void)state;
    compare_sizes("processes", "processes", NULL);
}

static void tasks_screen(void **state)
{
    (void)state;
    compare_sizes("tasks", "tasks", NULL);
}

/* Thirty frames later, so that the spark lines have a course. */
static void open_fib(struct tui_check *check)
{
    for (int i = 0; i < 30; i++)
        tui_refresh(&check->state);
    tui_open(&check->state, view_find("function"), SAMPLE_FIB + 1);
}

static void function_screen(void **state)
{
    (void)state;
    compare_sizes("function", "functions", open_fib);
}

static void open_help(struct tui_check *check)
{
    tui_check_key(check, '?');
}

static void help_screen(void **state)
{
    (void)state;
    compare_sizes("help", "functions", open_help);
}

static void open_output(struct tui_check *check)
{
    tui_check_key(check, 'v');
}

static void output_screen(void **state)
{
    (void)state;
    compare_sizes("output", "functions", open_output);
}

static void type_filter(struct tui_check *check)
{
    tui_check_type(check, "/shop/db");
}

static void filter_screen(void **state)
{
    (void)state;
    compare_sizes("filter", "functions", type_filter);
}

static void end_target(struct tui_check *check)
{
    check->sample.ended = true;
    check->sample.frame = 0;
    tui_refresh(&check->state);
}

static void ended_screen(void **state)
{
    (void)state;
    compare_sizes("ended", "functions", end_target);
}

static void ascii_screen(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 80);
    check->screen->unicode = false;
    tui_open(&check->state, view_find("tree"), 0);
    compare_golden(check, "tree-ascii-80x24");
    tui_check_free(check);
}

static void ascii_terminals_get_ascii_only(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(50, 120);
    check->screen->unicode = false;
    for (int i = 0; i < 5; i++) {
        for (const char *c = tui_check_draw(check); *c != '\0'; c++)
            assert_true((*c >= ' ' && *c <= '~') || *c == '\n');
        tui_check_key(check, SCREEN_KEY_TAB);
    }
    tui_check_free(check);
}

static void header_says_all_in_60_columns(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "app/main.py --rows '3 000'",
        "3.12.4",
        "pid 4242",
        "0:20",
        "cpu 60%",
        "MainThread 57%",
        "ev/s",
        "calls/s",
        "probe 0.3",
        "lost 0",
        "waited 3.00ms",
        "exact: no, 1 function muted",
        "10 s",
        "● on",
        "· cpu ·",
    };
    struct tui_check *check = tui_check_new(12, 60);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_shown(check, wanted[i]);
    tui_check_free(check);
}

/* The row and column at which `text` stands. */
static bool find_text(struct tui_check *check, const char *text, int *ret_row, int *ret_column)
{
    const char *screen = tui_check_draw(check), *at = strstr(screen, text);
    if (at == NULL)
        return false;
    const char *line = screen;
    *ret_row = 0;
    for (const char *c = screen; c < at; c++) {
        if (*c == '\n') {
            line = c + 1;
            ++*ret_row;
        }
    }
    char before[1024];
    snprintf(before, sizeof before, "%.*s", (int)(at - line), line);
    *ret_column = text_width(before);
    return true;
}

static enum screen_style style_of(struct tui_check *check, const char *text)
{
    int row, column;
    if (!find_text(check, text, &row, &column))
        fail_msg("not on the screen: %s\n%s", text, check->text);
    return screen_grid_style(check->screen, row, column);
}

static void color_means_something(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 80);
    struct snapshot_meta *meta = &check->state.snapshot->meta;
    assert_int_equal(style_of(check, "exact: no"), STYLE_WARN);
    assert_int_equal(style_of(check, "lost 0"), STYLE_PLAIN);
    assert_int_equal(style_of(check, "● on"), STYLE_GOOD);
    tui_check_key(check, SCREEN_KEY_DOWN);
    assert_int_equal(style_of(check, "51.6"), STYLE_HOT);
    assert_int_equal(style_of(check, "fib"), STYLE_STRONG);
    assert_int_equal(style_of(check, "8.2"), STYLE_WARM);
    assert_int_equal(style_of(check, "app/main.py:24"), STYLE_FAINT);
    assert_int_equal(style_of(check, "商店"), STYLE_SELECTED);
    /* What did nothing steps back: main was not called in the window. */
    int row, column;
    assert_true(find_text(check, "94.2       0 ", &row, &column));
    assert_int_equal(screen_grid_style(check->screen, row, column), STYLE_PLAIN);
    assert_int_equal(screen_grid_style(check->screen, row, column + 11), STYLE_FAINT);
    meta->inexact = NULL;
    meta->lost = 12345;
    meta->recording = false;
    assert_int_equal(style_of(check, "exact: yes"), STYLE_GOOD);
    assert_int_equal(style_of(check, "lost 12.3k"), STYLE_BAD);
    assert_int_equal(style_of(check, "○ off"), STYLE_WARN);
    tui_check_free(check);
}

/* Whatever the size, every view draws within the screen, and the name stays. */
static void every_size_is_drawn(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(1, 1);
    for (int rows = 1; rows <= 40; rows += 3) {
        for (int columns = 1; columns <= 140; columns += 7) {
            assert_int_equal(screen_grid_resize(check->screen, rows, columns), 0);
            for (size_t i = 0; view_list[i] != NULL; i++) {
                tui_open(&check->state, view_list[i], SAMPLE_WIDE + 1);
                tui_check_draw(check);
                check->state.output = !check->state.output;
                tui_check_draw(check);
            }
        }
    }
    tui_check_free(check);
}

static void narrow_screens_drop_columns_by_priority(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 250);
    const struct view *view = view_find("functions");
    int shown_before = (int)view->column_count;
    for (int columns = 250; columns >= 30; columns--) {
        int shown = 0, lowest_dropped = 1000, highest_kept = 0;
        assert_int_equal(screen_grid_resize(check->screen, 24, columns), 0);
        tui_check_draw(check);
        char titles[1024];
        screen_grid_row(check->screen, 5, titles, sizeof titles);
        for (size_t i = 0; i < view->column_count; i++) {
            char title[32];
            snprintf(title, sizeof title, " %s", view->columns[i].title);
            bool kept = strstr(titles, title) != NULL ||
                        strncmp(titles, title + 1, strlen(title + 1)) == 0;
            int priority = view->columns[i].priority;
            shown += kept;
            if (kept && priority > highest_kept)
                highest_kept = priority;
            if (!kept && priority < lowest_dropped)
                lowest_dropped = priority;
        }
        assert_non_null(strstr(titles, "function"));
        assert_true(highest_kept < lowest_dropped);
        assert_true(shown <= shown_before);
        shown_before = shown;
    }
    assert_true(shown_before < (int)view->column_count);
    tui_check_free(check);
}

static void names_lose_their_place_before_themselves(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 80);
    assert_shown(check, "fib  app/main.py:24");
    assert_int_equal(screen_grid_resize(check->screen, 24, 41), 0);
    assert_shown(check, " main  …/main.py:10\n");
    assert_shown(check, " Table.rows\n");
    assert_shown(check, " InvoiceDocumentRen…\n");
    tui_check_free(check);
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(60, 200);
    check->state.snapshot->meta.command = "evil\x1b]0;title\x07\n\xe2\x80\xaegnp.exe\xff";
    for (const char *c = tui_check_draw(check); *c != '\0'; c++)
        assert_true((unsigned char)*c >= ' ' || *c == '\n');
    assert_shown(check, "evil\\x1b]0;title\\x07\\n\\u202egnp.exe\\xff");
    tui_check_free(check);
}

static struct snapshot *huge_snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    (void)context;
    struct snapshot *snapshot = sample_snapshot_huge_new();
    snapshot->meta.clock = clock;
    snapshot->meta.window_s = window_s;
    return snapshot;
}

/* Numbers beyond 2^53 keep to their columns: every title still ends above its numbers. */
static void huge_numbers_keep_their_columns(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 200);
    check->sample.host.snapshot = huge_snapshot;
    tui_refresh(&check->state);
    for (int i = 0; i < 4; i++) {
        tui_check_key(check, SCREEN_KEY_TAB);
        assert_not_shown(check, "…");
    }
    tui_check_free(check);
}

static struct snapshot *empty_snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    (void)context;
    (void)window_s;
    (void)clock;
    return sample_snapshot_empty_new();
}

static void nothing_yet_is_said(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 80);
    check->sample.host.snapshot = empty_snapshot;
    tui_refresh(&check->state);
    assert_shown(check, "no Python yet");
    assert_shown(check, "nothing yet");
    tui_check_free(check);

    check = tui_check_new(24, 80);
    snapshot_free(check->state.snapshot);
    view_table_free(&check->state.table);
    check->state.snapshot = NULL;
    check->state.has_table = false;
    check->state.rows.count = 0;
    assert_shown(check, "waiting for the first numbers");
    tui_check_free(check);
}

static struct snapshot *refused_snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    struct snapshot *snapshot = sample_snapshot_new();
    struct snapshot_source *source = &snapshot->meta.sources[1];
    (void)context;
    snapshot->meta.window_s = window_s;
    snapshot->meta.clock = clock;
    source->step = STEP_REFUSED;
    source->wanted = false;
    source->reason = "this Python does not tell of calls of functions that are written in C";
    return snapshot;
}

/* Whole, on any width, and above the rows. */
static void a_refused_source_is_told_with_its_reason(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 50);
    check->sample.host.snapshot = refused_snapshot;
    tui_refresh(&check->state);
    assert_shown(check, "c-calls is not on: this Python does not tell of");
    assert_shown(check, "calls of functions that are written in C");
    tui_check_free(check);

    check = tui_check_new(24, 120);
    assert_not_shown(check, "is not on");
    check->sample.host.snapshot = refused_snapshot;
    tui_refresh(&check->state);
    assert_shown(check, "refused: c-calls");
    assert_shown(check, "does not tell of calls of functions that are written in C");
    tui_check_free(check);
}

static void output_is_shown_as_a_terminal_would(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 80);
    tui_check_key(check, 'v');
    assert_shown(check, "/tmp/ulma-shop-4242.out");
    assert_shown(check, "\nGET /价格 200\n");
    assert_shown(check, "\n99%\n");
    assert_shown(check, "\na       b\n");
    assert_shown(check, "bad \\xff byte");
    tui_check_key(check, 'v');
    assert_not_shown(check, "/tmp/ulma-shop-4242.out");
    tui_check_free(check);
}

static void more_threads_than_fit_are_counted(void **state)
{
    (void)state;
    struct tui_check *check = tui_check_new(24, 60);
    assert_shown(check, "1 more");
    assert_int_equal(screen_grid_resize(check->screen, 24, 120), 0);
    assert_not_shown(check, "more");
    tui_check_free(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_screen),
        cmocka_unit_test(tree_screen),
        cmocka_unit_test(threads_screen),
        cmocka_unit_test(processes_screen),
        cmocka_unit_test(tasks_screen),
        cmocka_unit_test(function_screen),
        cmocka_unit_test(help_screen),
        cmocka_unit_test(output_screen),
        cmocka_unit_test(filter_screen),
        cmocka_unit_test(ended_screen),
        cmocka_unit_test(ascii_screen),
        cmocka_unit_test(ascii_terminals_get_ascii_only),
        cmocka_unit_test(header_says_all_in_60_columns),
        cmocka_unit_test(color_means_something),
        cmocka_unit_test(every_size_is_drawn),
        cmocka_unit_test(narrow_screens_drop_columns_by_priority),
        cmocka_unit_test(names_lose_their_place_before_themselves),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(huge_numbers_keep_their_columns),
        cmocka_unit_test(nothing_yet_is_said),
        cmocka_unit_test(a_refused_source_is_told_with_its_reason),
        cmocka_unit_test(output_is_shown_as_a_terminal_would),
        cmocka_unit_test(more_threads_than_fit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

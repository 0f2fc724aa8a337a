/* SPDX-License-Identifier: MIT */
/* Each key of the terminal: what changes when it is pressed. */
#include "tui_check.h"

#include "sample_snapshot.h"
#include "tui/tui_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 100 };

static int set_up(void **state)
{
    *state = tui_check_new(ROWS, COLUMNS);
    return 0;
}

static int tear_down(void **state)
{
    tui_check_free(*state);
    return 0;
}

static const char *view_id(const struct tui_check *check)
{
    return check->state.place.view->id;
}

static void keys_are_bound_once(void **state)
{
    (void)state;
    for (const struct tui_key *key = tui_key_list; key->key != 0; key++) {
        for (const struct tui_key *other = key + 1; other->key != 0; other++) {
            assert_int_not_equal(key->key, other->key);
            if (key->rank != 0)
                assert_int_not_equal(key->rank, other->rank);
        }
        assert_true(key->label == NULL || key->help != NULL);
    }
}

static void q_quits_and_so_does_a_lost_terminal(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, SCREEN_KEY_RESIZE);
    assert_false(check->state.quit);
    tui_check_key(check, SCREEN_KEY_CLOSED);
    assert_true(check->state.quit);
    check->state.quit = false;
    tui_check_key(check, 'q');
    assert_true(check->state.quit);
}

static void m_lists_what_is_muted(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'm'); /* none is: said, and nothing is hidden */
    assert_false(check->state.only_muted);
    size_t all = check->state.rows.count;
    check->state.snapshot->meta.muted = 1;
    check->state.snapshot->functions[SAMPLE_ESTIMATED].is_muted = true;
    tui_check_key(check, 't');
    tui_check_key(check, 'm');
    assert_string_equal(view_id(check), "functions");
    assert_int_equal(check->state.rows.count, 1);
    assert_non_null(strstr(tui_check_draw(check), "only muted"));
    tui_check_key(check, 'm');
    assert_int_equal(check->state.rows.count, all);
}

static void an_unknown_key_does_nothing(void **state)
{
    struct tui_check *check = *state;
    char before[sizeof check->text];
    strcpy(before, tui_check_draw(check));
    tui_check_type(check, "yX!\x01");
    assert_string_equal(before, tui_check_draw(check));
}

static double value_of(const struct cell *cell, enum cell_kind kind)
{
    return kind == CELL_COUNT || kind == CELL_TIME ? (double)cell->integer : cell->number;
}

/* Every column has its turn, and the rows are then in its order. */
static void s_sorts_by_the_next_column(void **state)
{
    struct tui_check *check = *state;
    const struct view *view = check->state.place.view;
    assert_string_equal(tui_sort_column(&check->state)->id, "self_pct");
    for (size_t turn = 1; turn <= view->column_count; turn++) {
        tui_check_key(check, 's');
        const struct view_column *column = tui_sort_column(&check->state);
        size_t position = turn % view->column_count;
        assert_ptr_equal(column, &view->columns[position]);
        for (size_t i = 1; i < check->state.rows.count; i++) {
            const struct cell *above = &check->state.table.rows[i - 1].cells[position];
            const struct cell *below = &check->state.table.rows[i].cells[position];
            if (below->absent)
                continue;
            if (column->kind == CELL_TEXT)
                assert_true(strcmp(above->text, below->text) <= 0);
            else
                assert_true(value_of(above, column->kind) >= value_of(below, column->kind));
        }
    }
    tui_check_key(check, 'S');
    assert_ptr_equal(tui_sort_column(&check->state), &view->columns[view->column_count - 1]);
    assert_shown(check, "function▴");
}

static void selection_follows_its_function(void **state)
{
    struct tui_check *check = *state;
    while (strncmp(tui_check_selected(check), "Table.rows", 10) != 0)
        tui_check_key(check, SCREEN_KEY_DOWN);
    size_t first = check->state.place.cursor.position, moves = 0;
    for (int i = 0; i < 40; i++) {
        tui_refresh(&check->state);
        assert_memory_equal(tui_check_selected(check), "Table.rows", 10);
        assert_shown(check, "Table.rows");
        moves += check->state.place.cursor.position != first;
    }
    assert_true(moves > 10);
    tui_check_key(check, 's');
    tui_check_key(check, 's');
    assert_memory_equal(tui_check_selected(check), "Table.rows", 10);
}

/* Two functions of one name and place are still two. */
static void selection_tells_twins_apart(void **state)
{
    struct tui_check *check = *state;
    const struct snapshot_function *twin = NULL;
    for (size_t i = 0; twin == NULL && i < 40; i++) {
        tui_check_key(check, SCREEN_KEY_DOWN);
        const struct snapshot_function *function =
            rows_function(&check->state.rows, &check->state.table, check->state.snapshot,
                          check->state.place.cursor.position);
        if (function != NULL && function->id == SAMPLE_LAMBDA_TWIN + 1)
            twin = function;
    }
    assert_non_null(twin);
    tui_check_key(check, 'S');
    assert_int_equal(rows_function(&check->state.rows, &check->state.table, check->state.snapshot,
                                   check->state.place.cursor.position)
                         ->id,
                     SAMPLE_LAMBDA_TWIN + 1);
}

/* Who has not chosen a row sees the busiest, whichever it is. */
static void first_row_stays_the_first(void **state)
{
    struct tui_check *check = *state;
    bool others = false;
    for (int i = 0; i < 20; i++) {
        tui_refresh(&check->state);
        assert_int_equal(check->state.place.cursor.position, 0);
        others |= strncmp(tui_check_selected(check), "fib", 3) != 0;
    }
    assert_true(others);
    tui_check_key(check, SCREEN_KEY_END);
    assert_int_equal(check->state.place.cursor.position, check->state.rows.count - 1);
    tui_check_key(check, SCREEN_KEY_HOME);
    tui_refresh(&check->state);
    assert_int_equal(check->state.place.cursor.position, 0);
}

static void moving_stays_within_the_rows(void **state)
{
    struct tui_check *check = *state;
    size_t last = check->state.rows.count - 1;
    tui_check_key(check, SCREEN_KEY_UP);
    assert_int_equal(check->state.place.cursor.position, 0);
    tui_check_key(check, SCREEN_KEY_PAGE_DOWN);
    size_t page = check->state.place.cursor.position;
    assert_true(page > 5 && page < last);
    tui_check_key(check, SCREEN_KEY_PAGE_UP);
    assert_int_equal(check->state.place.cursor.position, 0);
    for (size_t i = 0; i < last + 5; i++) {
        tui_check_key(check, SCREEN_KEY_DOWN);
        assert_non_null(strstr(tui_check_draw(check), "function"));
        size_t top = check->state.place.cursor.top;
        size_t position = check->state.place.cursor.position;
        assert_true(position >= top && position < top + (size_t)check->state.page_height);
    }
    assert_int_equal(check->state.place.cursor.position, last);
}

static void p_and_space_pause(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'p');
    assert_true(check->state.paused);
    assert_shown(check, "collecting goes on");
    int frame = check->sample.frame;
    tui_check_key(check, SCREEN_KEY_DOWN);
    assert_int_equal(check->sample.frame, frame);
    tui_check_key(check, ' ');
    assert_false(check->state.paused);
    assert_int_equal(check->sample.frame, frame + 1);
}

static void z_goes_through_the_windows(void **state)
{
    struct tui_check *check = *state;
    static const int wanted[] = {60, 0, 1, 10};
    for (size_t i = 0; i < 4; i++) {
        tui_check_key(check, 'z');
        assert_int_equal(check->sample.window_s, wanted[i]);
        assert_shown(check, wanted[i] == 0    ? "since start"
                            : wanted[i] == 1  ? "last 1 s"
                            : wanted[i] == 60 ? "last 60 s"
                                              : "last 10 s");
    }
}

static void slash_filters_as_one_types(void **state)
{
    struct tui_check *check = *state;
    size_t all = check->state.rows.count;
    tui_check_type(check, "/SHOP/n");
    assert_true(check->state.filtering);
    assert_int_equal(check->state.rows.count, 2);
    tui_check_key(check, SCREEN_KEY_BACKSPACE);
    assert_true(check->state.rows.count > 2);
    tui_check_key(check, 'n');
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_false(check->state.filtering);
    assert_shown(check, "filter: SHOP/n");
    tui_check_key(check, SCREEN_KEY_DOWN);
    assert_int_equal(check->state.rows.count, 2);
    tui_check_key(check, 'c');
    assert_int_equal(check->state.rows.count, all);
    tui_check_type(check, "/nothing at all, q");
    assert_false(check->state.quit);
    assert_shown(check, "nothing here matches");
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    assert_int_equal(check->state.rows.count, all);
    assert_false(check->state.filtering);
}

static void filter_takes_wide_characters(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, '/');
    tui_check_key(check, 0x5546); /* 商 */
    tui_check_key(check, 0x4EF7); /* 价 */
    assert_string_equal(check->state.filter, "商价");
    tui_check_key(check, SCREEN_KEY_BACKSPACE);
    assert_string_equal(check->state.filter, "商");
    assert_int_equal(check->state.rows.count, 1);
    for (int i = 0; i < 200; i++)
        tui_check_key(check, 0x5546);
    assert_true(strlen(check->state.filter) < TUI_FILTER_BYTES);
    tui_check_key(check, 21);
    assert_string_equal(check->state.filter, "");
}

static void o_switches_the_target(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'o');
    assert_int_equal(check->sample.switches, 1);
    assert_false(check->sample.on);
    assert_shown(check, "○ off");
    tui_check_key(check, 'o');
    assert_true(check->sample.on);
    assert_shown(check, "● on");
}

static void k_x_and_b_ask_what_to_follow(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'k');
    assert_shown(check, "only=");
    assert_shown(check, "Enter sets  Esc leaves it");
    tui_check_type(check, "shop,q"); /* no key has its meaning here */
    assert_false(check->state.quit);
    assert_string_equal(check->sample.set_word, "");
    tui_check_key(check, SCREEN_KEY_BACKSPACE);
    tui_check_key(check, SCREEN_KEY_BACKSPACE);
    assert_shown(check, "only=shop");
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_string_equal(check->sample.set_word, "only=shop");
    assert_shown(check, "in force");
    tui_check_key(check, 'x');
    tui_check_type(check, "@stdlib");
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    assert_not_shown(check, "@stdlib");
    assert_string_equal(check->sample.set_word, "only=shop");
    tui_check_key(check, 'b');
    tui_check_type(check, "2");
    check->sample.refuses = true;
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_string_equal(check->sample.set_word, "budget=2");
    assert_shown(check, "it makes no sense");
    assert_int_equal(screen_grid_style(check->screen, ROWS - 1, 0), STYLE_BAD);
    check->sample.refuses = false;
    tui_check_key(check, 'R');
    tui_check_type(check, "a.rules");
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_string_equal(check->sample.set_word, "rules=a.rules");
}

static void the_line_has_what_is_in_force(void **state)
{
    struct tui_check *check = *state;
    struct snapshot_site sites[] = {
        {.text = "shop"}, {.text = "@site", .skip = true}, {.text = "x"}};
    check->state.snapshot->meta.sites = sites;
    check->state.snapshot->meta.site_count = 3;
    check->state.snapshot->meta.budget_pct = 2.5;
    tui_check_key(check, 'k');
    assert_string_equal(check->state.asked, "shop,x");
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    tui_check_key(check, 'x');
    assert_string_equal(check->state.asked, "@site");
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    tui_check_key(check, 'b');
    assert_string_equal(check->state.asked, "2.5");
    enum { CONTROL_U = 21 };
    tui_check_key(check, CONTROL_U);
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_string_equal(check->sample.set_word, "budget=");
    /* What is typed is seen, however long the line is. */
    tui_check_key(check, 'k');
    for (int i = 0; i < 300; i++)
        tui_check_key(check, i % 10 ? 'a' : ',');
    tui_check_type(check, "the_end");
    assert_shown(check, "aaathe_end");
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    check->state.snapshot->meta.site_count = 0;
}

static void e_switches_c_calls(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'e'); /* the sample has both */
    assert_string_equal(check->sample.set_word, "events=calls");
    check->state.snapshot->meta.sources[1].wanted = false;
    tui_check_key(check, 'e');
    assert_string_equal(check->sample.set_word, "events=calls,c-calls");
    check->sample.host.set = NULL;
    tui_check_key(check, 'e');
    assert_shown(check, "nothing to set");
    tui_check_key(check, 'x');
    assert_shown(check, "nothing to set");
}

static int refuse_switch(void *context, bool on)
{
    (void)context;
    (void)on;
    return -EPERM;
}

static void refusals_are_said(void **state)
{
    struct tui_check *check = *state;
    check->sample.host.switch_on = refuse_switch;
    tui_check_key(check, 'o');
    assert_shown(check, "could not switch the program's profiling off: Operation not permitted");
    assert_int_equal(screen_grid_style(check->screen, ROWS - 1, 0), STYLE_BAD);
    check->sample.host.switch_on = NULL;
    tui_check_key(check, 'o');
    assert_shown(check, "nothing to switch");
    check->sample.host.reset = NULL;
    tui_check_key(check, 'r');
    assert_shown(check, "cannot be reset");
    check->sample.host.save = NULL;
    tui_check_key(check, 'W');
    assert_shown(check, "cannot be saved");
    check->sample.host.target_output = NULL;
    tui_check_key(check, 'v');
    assert_shown(check, "does not come here");
    tui_pass(&check->state, TUI_MESSAGE_S + 1);
    assert_not_shown(check, "does not come here");
}

static void seek_by(void *context, int step, char *message, size_t size)
{
    ((struct tui_sample *)context)->sought += step;
    snprintf(message, size, "up to 0:42 of 1:00");
}

static void brackets_move_the_window_of_a_recording(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, '[');
    assert_shown(check, "this program runs: the window ends now");
    check->sample.host.seek = seek_by;
    tui_check_key(check, '[');
    tui_check_key(check, '[');
    assert_int_equal(check->sample.sought, -2);
    assert_shown(check, "up to 0:42 of 1:00");
    tui_check_key(check, ']');
    assert_int_equal(check->sample.sought, -1);
    assert_shown(check, "recorded");
}

static void r_and_W_reach_the_host(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'r');
    assert_int_equal(check->sample.resets, 1);
    tui_check_key(check, 'W');
    assert_int_equal(check->sample.saves, 1);
    assert_shown(check, "saved report.txt");
    tui_check_key(check, SCREEN_KEY_DOWN);
    assert_not_shown(check, "saved report.txt");
}

static void i_hides_what_only_waits(void **state)
{
    struct tui_check *check = *state;
    assert_int_equal(screen_grid_resize(check->screen, 40, COLUMNS), 0);
    assert_shown(check, "Queue.get");
    tui_check_key(check, 'i');
    assert_not_shown(check, "Queue.get");
    tui_check_key(check, SCREEN_KEY_HOME);
    assert_shown(check, "waiting hidden");
    tui_check_key(check, 'i');
    assert_shown(check, "Queue.get");
}

static void enter_opens_and_escape_returns(void **state)
{
    struct tui_check *check = *state;
    while (strncmp(tui_check_selected(check), "商店", 6) != 0)
        tui_check_key(check, SCREEN_KEY_DOWN);
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_string_equal(view_id(check), "function");
    assert_int_equal(tui_function(&check->state)->id, SAMPLE_WIDE + 1);
    assert_shown(check, "Function: 商店");
    /* A caller of it, and one more step back. */
    while (strncmp(tui_check_selected(check), "worker", 6) != 0)
        tui_check_key(check, SCREEN_KEY_DOWN);
    tui_check_key(check, SCREEN_KEY_ENTER);
    assert_int_equal(tui_function(&check->state)->id, SAMPLE_WORKER + 1);
    tui_refresh(&check->state);
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    assert_int_equal(tui_function(&check->state)->id, SAMPLE_WIDE + 1);
    assert_memory_equal(tui_check_selected(check), "worker", 6);
    tui_check_key(check, SCREEN_KEY_BACKSPACE);
    assert_string_equal(view_id(check), "functions");
    assert_memory_equal(tui_check_selected(check), "商店", 6);
    tui_check_key(check, SCREEN_KEY_ESCAPE);
    assert_false(check->state.quit);
}

static void deep_ways_in_find_back(void **state)
{
    struct tui_check *check = *state;
    for (int i = 0; i < 3 * TUI_BACK_LIMIT; i++)
        tui_open(&check->state, view_find("function"), (uint32_t)(i % SAMPLE_FUNCTIONS) + 1);
    for (int i = 0; i < TUI_BACK_LIMIT; i++)
        tui_check_key(check, SCREEN_KEY_ESCAPE);
    assert_int_equal(check->state.back_count, 0);
    tui_check_key(check, SCREEN_KEY_TAB);
    assert_false(check->state.place.view->needs_function);
}

static void tab_goes_round(void **state)
{
    struct tui_check *check = *state;
    size_t views = 0;
    for (size_t i = 0; view_list[i] != NULL; i++)
        views += tui_can_turn_to(&check->state, view_list[i]);
    for (size_t i = 0; i < views; i++) {
        assert_false(check->state.place.view->needs_function);
        assert_true(i == 0 || strcmp(view_id(check), "functions") != 0);
        tui_check_key(check, SCREEN_KEY_TAB);
    }
    assert_string_equal(view_id(check), "functions");
    tui_check_key(check, SCREEN_KEY_BACK_TAB);
    tui_check_key(check, SCREEN_KEY_TAB);
    assert_string_equal(view_id(check), "functions");
}

/* Tab passes by what a source shows, until that source is on. */
static void tab_comes_to_a_source_that_is_on(void **state)
{
    struct tui_check *check = *state;
    assert_false(tui_can_turn_to(&check->state, view_find("gc")));
    assert_int_equal(sample_snapshot_add_sources(check->state.snapshot), 0);
    assert_true(tui_can_turn_to(&check->state, view_find("gc")));
    const char *last = NULL;
    for (size_t i = 0; view_list[i]; i++)
        if (tui_can_turn_to(&check->state, view_list[i]))
            last = view_list[i]->id;
    tui_check_key(check, SCREEN_KEY_BACK_TAB);
    assert_string_equal(view_id(check), last);
    assert_true(check->state.table.row_count > 0);
}

static void places_are_remembered(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 's');
    tui_check_key(check, SCREEN_KEY_DOWN);
    tui_check_key(check, SCREEN_KEY_DOWN);
    const char *sort = tui_sort_column(&check->state)->id;
    char selected[128];
    strncpy(selected, tui_check_selected(check), sizeof selected - 1);
    selected[sizeof selected - 1] = '\0';
    tui_check_key(check, SCREEN_KEY_TAB);
    tui_check_key(check, SCREEN_KEY_BACK_TAB);
    assert_string_equal(tui_sort_column(&check->state)->id, sort);
    assert_string_equal(tui_check_selected(check), selected);
}

static void t_shows_threads_and_returns(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 't');
    assert_string_equal(view_id(check), "threads");
    assert_shown(check, "worker-1 工人");
    tui_check_key(check, 't');
    assert_string_equal(view_id(check), "functions");
}

/* What a thread is in changes from frame to frame; the cursor stays with the thread. */
static void selection_stays_on_its_thread(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 't');
    tui_check_key(check, SCREEN_KEY_DOWN);
    size_t index = check->state.rows.shown[check->state.place.cursor.position].index;
    const char *tid = check->state.table.rows[index].cells[1].text;
    assert_non_null(tid);
    char wanted[16];
    strncpy(wanted, tid, sizeof wanted - 1);
    wanted[sizeof wanted - 1] = '\0';
    size_t moves = 0;
    for (int i = 0; i < 20; i++) {
        tui_refresh(&check->state);
        check->state.snapshot->threads[1].running = i % SAMPLE_FUNCTIONS;
        check->state.snapshot->threads[2].running = i % SAMPLE_FUNCTIONS;
        tui_remake(&check->state);
        moves += check->state.rows.shown[check->state.place.cursor.position].index != index;
        size_t now = check->state.rows.shown[check->state.place.cursor.position].index;
        assert_string_equal(check->state.table.rows[now].cells[1].text, wanted);
    }
    assert_true(moves > 0);
}

static void plus_and_minus_change_the_interval(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, '+');
    assert_shown(check, "every 0.5 s");
    for (int i = 0; i < 10; i++)
        tui_check_key(check, '+');
    assert_true(check->state.options.interval_s >= 0.1);
    for (int i = 0; i < 20; i++)
        tui_check_key(check, '-');
    assert_true(check->state.options.interval_s == 10);
    check->state.options.interval_s = 0.7;
    tui_check_key(check, '-');
    assert_true(check->state.options.interval_s == 1);
    check->state.options.interval_s = 0.7;
    tui_check_key(check, '+');
    assert_true(check->state.options.interval_s == 0.5);
}

static void branches_close_and_open(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, SCREEN_KEY_TAB);
    assert_string_equal(view_id(check), "tree");
    size_t all = check->state.rows.count;
    tui_check_key(check, SCREEN_KEY_DOWN);
    assert_memory_equal(tui_check_selected(check), "main", 4);
    tui_check_key(check, SCREEN_KEY_LEFT);
    size_t closed = check->state.rows.count;
    assert_true(closed < all);
    assert_shown(check, "▸ main");
    tui_refresh(&check->state);
    assert_int_equal(check->state.rows.count, closed);
    assert_memory_equal(tui_check_selected(check), "main", 4);
    /* Closed already: to the branch that it is on. */
    tui_check_key(check, SCREEN_KEY_LEFT);
    assert_memory_equal(tui_check_selected(check), "<module>", 8);
    tui_check_key(check, SCREEN_KEY_DOWN);
    tui_check_key(check, SCREEN_KEY_RIGHT);
    assert_int_equal(check->state.rows.count, all);
    assert_shown(check, "▾ main");
}

static void headings_are_stepped_over(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, SCREEN_KEY_ENTER);
    for (int i = 0; i < 60; i++) {
        size_t index = check->state.rows.shown[check->state.place.cursor.position].index;
        assert_false(check->state.table.rows[index].heading);
        tui_check_key(check, i < 30 ? SCREEN_KEY_DOWN : SCREEN_KEY_UP);
    }
}

static void help_names_every_key_and_goes(void **state)
{
    struct tui_check *check = *state;
    tui_check_key(check, 'h');
    for (const struct tui_key *key = tui_key_list; key->key != 0; key++) {
        if (key->label != NULL)
            assert_shown(check, key->help);
    }
    tui_check_key(check, 'q');
    assert_false(check->state.quit);
    assert_false(check->state.help);
    assert_int_equal(screen_grid_resize(check->screen, 12, 60), 0);
    tui_check_key(check, '?');
    assert_not_shown(check, "calls and resumes per second");
    for (int i = 0; i < 30; i++)
        tui_check_key(check, SCREEN_KEY_DOWN);
    assert_shown(check, "its name and where it is defined");
}

static void a_view_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct tui_sample sample;
    struct tui_state other;
    const struct tui_options options = {.interval_s = 1, .view = "no such view"};
    tui_sample_init(&sample);
    assert_int_equal(tui_init(&other, &sample.host, &options), -EINVAL);
}

static void the_first_sort_is_the_option(void **state)
{
    (void)state;
    struct tui_sample sample;
    struct tui_state other;
    const struct tui_options options = {.interval_s = 1, .sort = "calls_per_s", .limit = 3};
    tui_sample_init(&sample);
    assert_int_equal(tui_init(&other, &sample.host, &options), 0);
    tui_refresh(&other);
    assert_string_equal(tui_sort_column(&other)->id, "calls_per_s");
    assert_int_equal(other.rows.count, 3);
    assert_true(other.table.left_out > 0);
    tui_done(&other);
}

/* Without a new snapshot the last one stays. */
static void no_snapshot_keeps_the_last(void **state)
{
    struct tui_check *check = *state;
    check->sample.empty = true;
    tui_refresh(&check->state);
    assert_shown(check, "fib  app/main.py:24");
}

#define KEY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_bound_once),
        KEY_TEST(q_quits_and_so_does_a_lost_terminal),
        KEY_TEST(m_lists_what_is_muted),
        KEY_TEST(an_unknown_key_does_nothing),
        KEY_TEST(s_sorts_by_the_next_column),
        KEY_TEST(selection_follows_its_function),
        KEY_TEST(selection_tells_twins_apart),
        KEY_TEST(first_row_stays_the_first),
        KEY_TEST(moving_stays_within_the_rows),
        KEY_TEST(p_and_space_pause),
        KEY_TEST(z_goes_through_the_windows),
        KEY_TEST(slash_filters_as_one_types),
        KEY_TEST(filter_takes_wide_characters),
        KEY_TEST(o_switches_the_target),
        KEY_TEST(k_x_and_b_ask_what_to_follow),
        KEY_TEST(the_line_has_what_is_in_force),
        KEY_TEST(e_switches_c_calls),
        KEY_TEST(refusals_are_said),
        KEY_TEST(brackets_move_the_window_of_a_recording),
        KEY_TEST(r_and_W_reach_the_host),
        KEY_TEST(i_hides_what_only_waits),
        KEY_TEST(enter_opens_and_escape_returns),
        KEY_TEST(deep_ways_in_find_back),
        KEY_TEST(tab_goes_round),
        KEY_TEST(tab_comes_to_a_source_that_is_on),
        KEY_TEST(places_are_remembered),
        KEY_TEST(t_shows_threads_and_returns),
        KEY_TEST(selection_stays_on_its_thread),
        KEY_TEST(plus_and_minus_change_the_interval),
        KEY_TEST(branches_close_and_open),
        KEY_TEST(headings_are_stepped_over),
        KEY_TEST(help_names_every_key_and_goes),
        cmocka_unit_test(a_view_that_is_not_there_is_refused),
        cmocka_unit_test(the_first_sort_is_the_option),
        KEY_TEST(no_snapshot_keeps_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The view `functions`: every function, over the window.
 * Why: the first screen; it answers where the time goes now. Its columns are those of docs/cli.md.
 * Rules: percentages are shares of all functions' self time in the window, so that %self adds up to
 * 100. Functions that did nothing in the window are not shown. */
#include "views/view_rows.h"

#include <errno.h>

enum {
    COLUMN_SELF_PCT,
    COLUMN_TOTAL_PCT,
    COLUMN_CALLS_PER_S,
    COLUMN_SELF,
    COLUMN_TOTAL,
    COLUMN_P99,
    COLUMN_MAX,
    COLUMN_WAIT,
    COLUMN_FUNCTION,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"self_pct", "%self", CELL_PERCENT, 6, 1, "share of the window's time spent in it alone"},
    {"total_pct", "%total", CELL_PERCENT, 6, 3, "the same with all that it called"},
    {"calls_per_s", "calls/s", CELL_RATE, 7, 2, "calls and resumes per second"},
    {"self", "self", CELL_TIME, 7, 4, "time in it alone"},
    {"total", "total", CELL_TIME, 7, 7, "time with all that it called"},
    {"p99", "p99", CELL_TIME, 7, 6, "99 of 100 calls took no longer"},
    {"max", "max", CELL_TIME, 7, 8, "the longest call"},
    {"wait", "wait", CELL_TIME, 7, 5, "time blocked or waiting for the GIL"},
    {"function", "function", CELL_TEXT, 0, 0, "its name and where it is defined"},
};

static bool is_shown(const struct snapshot_function *function, const struct view_query *query)
{
    bool idle = !function->window.calls && !function->window.resumes &&
                !function->window.total_ns && !function->window.self_ns;
    if (idle || !view_rows_match(function, query->filter) ||
        (query->only_muted && !function->is_muted))
        return false;
    return !query->hide_waiting || function->window.self_ns > function->window.self_wait_ns;
}

static int fill_row(const struct snapshot *snapshot, const struct view_query *query, int32_t index,
                    int64_t whole_ns, struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[index];
    int64_t self =
        view_rows_time(function->window.self_ns, function->window.self_wait_ns, query->clock);
    int64_t total =
        view_rows_time(function->window.total_ns, function->window.total_wait_ns, query->clock);
    uint64_t calls = function->window.calls + function->window.resumes;
    struct view_row *row = view_rows_add(table);
    row->function = index;
    row->cells[COLUMN_SELF_PCT] = cell_number(view_rows_percent(self, whole_ns));
    row->cells[COLUMN_TOTAL_PCT] = cell_number(view_rows_percent(total, whole_ns));
    row->cells[COLUMN_CALLS_PER_S] = cell_number((double)calls / view_rows_window_s(snapshot));
    row->cells[COLUMN_SELF] = cell_integer(self);
    row->cells[COLUMN_TOTAL] = cell_integer(total);
    if (function->window.max_ns) {
        row->cells[COLUMN_P99] = cell_integer(function->window.p99_ns);
        row->cells[COLUMN_MAX] = cell_integer(function->window.max_ns);
    }
    if (snapshot->meta.wait_source != WAIT_NONE)
        row->cells[COLUMN_WAIT] = cell_integer(function->window.self_wait_ns);
    const char *label = view_rows_label(table, snapshot, index);
    row->cells[COLUMN_FUNCTION] = cell_text(label);
    for (int i = COLUMN_SELF_PCT; i < COLUMN_FUNCTION; i++)
        row->cells[i].estimate = i == COLUMN_CALLS_PER_S ? !function->calls_exact
                                                         : !function->times_exact;
    row->cells[COLUMN_SELF].holds = function->holds_left_out;
    return label ? 0 : -ENOMEM;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, snapshot->function_count);
    if (result < 0)
        return result;
    int64_t whole_ns = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        whole_ns += view_rows_time(snapshot->functions[i].window.self_ns,
                                   snapshot->functions[i].window.self_wait_ns, query->clock);
    for (size_t i = 0; i < snapshot->function_count; i++) {
        if (!is_shown(&snapshot->functions[i], query))
            continue;
        result = fill_row(snapshot, query, (int32_t)i, whole_ns, table);
        if (result < 0)
            return result;
    }
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_functions = {
    .id = "functions",
    .title = "Functions",
    .question = "Where is the time spent?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "self_pct",
    .fill = fill,
};

/* SPDX-License-Identifier: MIT */
/* The view `methods`: what the interpreter's own types do: how often, how long, for whom.
 * Why: a program's functions are few and known; that one of them asks a list ten million times whether something is in
 * it stands nowhere else.
 * Rules: counts and times are of the window. Enter opens the method: its callers. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum {
    COLUMN_TOTAL_PCT,
    COLUMN_CALLS_PER_S,
    COLUMN_CALLS,
    COLUMN_TOTAL,
    COLUMN_MEAN,
    COLUMN_P99,
    COLUMN_MAX,
    COLUMN_RAISED,
    COLUMN_METHOD,
    COLUMN_TYPE,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"total_pct", "%total", CELL_PERCENT, 6, 2, "share of all time"},
    {"calls_per_s", "calls/s", CELL_RATE, 7, 1, "over the window"},
    {"calls", "calls", CELL_COUNT, 11, 4, "since the start"},
    {"total", "total", CELL_TIME, 7, 0, "time in it and in what it called, over the window"},
    {"mean", "mean", CELL_TIME, 7, 3, "time of a call, over the window"},
    {"p99", "p99", CELL_TIME, 7, 5, "99 of 100 calls took no longer"},
    {"max", "max", CELL_TIME, 7, 6, "the longest"},
    {"raised", "raised", CELL_COUNT, 6, 8, "calls that ended by an exception, since the start"},
    {"method", "method", CELL_TEXT, 20, 0, "its name"},
    {"type", "type", CELL_TEXT, 0, 0, "of which type or module"},
};

static int fill_row(const struct snapshot *snapshot, int32_t index, const struct view_query *query,
                    struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[index];
    char type[SNAPSHOT_METHOD_SIZE], name[SNAPSHOT_METHOD_SIZE];
    if (!snapshot_read_method(function, type, name))
        return 0;
    struct view_row *row = view_rows_add(table);
    int64_t total_ns =
        view_rows_time(function->window.total_ns, function->window.total_wait_ns, query->clock);
    int64_t whole_ns = snapshot->node_count ? snapshot->nodes[0].window_total_ns : 0;
    row->function = index;
    row->cells[COLUMN_TOTAL_PCT] = cell_number(view_rows_percent(total_ns, whole_ns));
    row->cells[COLUMN_CALLS_PER_S] =
        cell_number((double)function->window.calls / view_rows_window_s(snapshot));
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)function->calls);
    row->cells[COLUMN_TOTAL] = cell_integer(total_ns);
    if (function->window.calls) {
        row->cells[COLUMN_MEAN] = cell_integer(total_ns / (int64_t)function->window.calls);
        row->cells[COLUMN_P99] = cell_integer(function->window.p99_ns);
        row->cells[COLUMN_MAX] = cell_integer(function->window.max_ns);
    }
    row->cells[COLUMN_RAISED] = cell_integer((int64_t)function->raised);
    row->cells[COLUMN_METHOD] = cell_text(text_clean(table->arena, name));
    row->cells[COLUMN_TYPE] = cell_text(text_clean(table->arena, type));
    return row->cells[COLUMN_METHOD].text && row->cells[COLUMN_TYPE].text ? 0 : -ENOMEM;
}

static int fill_one(const struct snapshot *snapshot, size_t index, const struct view_query *query,
                    struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[index];
    return function->is_method && view_rows_match(function, query->filter)
               ? fill_row(snapshot, (int32_t)index, query, table)
               : 0;
}

static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    return view_rows_say_incomplete(snapshot, "methods", table);
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    return view_rows_fill(snapshot, query, table, snapshot->function_count, fill_one, set_title);
}

const struct view view_methods = {
    .id = "methods",
    .title = "Methods",
    .question = "What do the interpreter's own types do, how often, how long, and for whom?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "total",
    .source = "methods",
    .fill = fill,
};

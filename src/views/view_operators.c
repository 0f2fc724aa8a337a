/* SPDX-License-Identifier: MIT */
/* The view `operators`: which lines subscript, search and iterate over the builtin types, how often, how long.
 * Why by line: a dictionary's subscript is fast; that one line makes ten million of them can be mended.
 * Rules: counts and times are of the window. A `~` says that this Python does not tell all (the title says of which
 * operators), so the true count is higher. Enter opens the operator at that line. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
    COLUMN_TOTAL_PCT,
    COLUMN_CALLS_PER_S,
    COLUMN_CALLS,
    COLUMN_TOTAL,
    COLUMN_MEAN,
    COLUMN_MAX,
    COLUMN_RAISED,
    COLUMN_OPERATOR,
    COLUMN_LINE,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"total_pct", "%total", CELL_PERCENT, 6, 3, "share of all time"},
    {"calls_per_s", "calls/s", CELL_RATE, 7, 2, "over the window"},
    {"calls", "calls", CELL_COUNT, 11, 0,
     "since the start; ~: at least, this Python does not tell all"},
    {"total", "total", CELL_TIME, 7, 1, "time in it and in what it called, over the window"},
    {"mean", "mean", CELL_TIME, 7, 4, "time of one, over the window"},
    {"max", "max", CELL_TIME, 7, 6, "the longest"},
    {"raised", "raised", CELL_COUNT, 6, 7, "ended by an exception, since the start"},
    {"operator", "operator", CELL_TEXT, 14, 0, "what was done to which type"},
    {"line", "used by", CELL_TEXT, 0, 0, "the function, and the line that ran"},
};

/* As people write it. */
static const char *as_written(struct arena *arena, const char *type, const char *name)
{
    static const struct {
        const char *name, *before, *after;
    } forms[] = {
        {"__getitem__", "", "[k]"},     {"__setitem__", "", "[k] = v"},
        {"__delitem__", "del ", "[k]"}, {"__contains__", "k in ", ""},
        {"__iter__", "iter ", ""},      {"__next__", "next of ", ""},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(forms[i].name, name) == 0)
            return arena_format(arena, "%s%s%s", forms[i].before, type, forms[i].after);
    return arena_format(arena, "%s.%s", type, name);
}

/* By function: who uses the operator of that row; a line's is one function's. */
static int32_t *find_callers(const struct snapshot *snapshot, struct arena *arena)
{
    int32_t *callers = arena_array(arena, snapshot->function_count + 1, sizeof(*callers));
    for (size_t i = 0; callers && i < snapshot->function_count; i++)
        callers[i] = SNAPSHOT_NONE;
    for (size_t i = 0; callers && i < snapshot->edge_count; i++)
        callers[snapshot->edges[i].callee] = snapshot->edges[i].caller;
    return callers;
}

static const char *line_of(const struct snapshot_function *site, const struct snapshot *snapshot,
                           int32_t caller, struct arena *arena)
{
    const char *name = caller < 0 ? "(no Python function)" : snapshot->functions[caller].qualname;
    const char *location = view_short_location(arena, site);
    const char *clean = text_clean(arena, name ? name : snapshot->functions[caller].name);
    if (!clean || !location)
        return NULL;
    return location[0] ? arena_format(arena, "%s (%s)", clean, location) : clean;
}

static int fill_row(const struct snapshot *snapshot, int32_t index, int32_t caller,
                    const struct view_query *query, struct view_table *table)
{
    const struct snapshot_function *site = &snapshot->functions[index];
    char type[SNAPSHOT_METHOD_SIZE], name[SNAPSHOT_METHOD_SIZE];
    bool matches = view_rows_match(site, query->filter) ||
                   (caller >= 0 && view_rows_match(&snapshot->functions[caller], query->filter));
    if (!matches || !snapshot_read_operator(site, type, name))
        return 0;
    struct view_row *row = view_rows_add(table);
    int64_t total_ns =
        view_rows_time(site->window.total_ns, site->window.total_wait_ns, query->clock);
    int64_t whole_ns = snapshot->node_count ? snapshot->nodes[0].window_total_ns : 0;
    row->function = index;
    row->cells[COLUMN_TOTAL_PCT] = cell_number(view_rows_percent(total_ns, whole_ns));
    row->cells[COLUMN_CALLS_PER_S] =
        cell_number((double)site->window.calls / view_rows_window_s(snapshot));
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)site->calls);
    row->cells[COLUMN_TOTAL] = cell_integer(total_ns);
    if (site->window.calls) {
        row->cells[COLUMN_MEAN] = cell_integer(total_ns / (int64_t)site->window.calls);
        row->cells[COLUMN_MAX] = cell_integer(site->window.max_ns);
    }
    row->cells[COLUMN_RAISED] = cell_integer((int64_t)site->raised);
    for (int i = 0; i <= COLUMN_TOTAL; i++)
        row->cells[i].estimate = !site->calls_exact;
    row->cells[COLUMN_OPERATOR] = cell_text(as_written(table->arena, type, name));
    row->cells[COLUMN_LINE] = cell_text(line_of(site, snapshot, caller, table->arena));
    return row->cells[COLUMN_OPERATOR].text && row->cells[COLUMN_LINE].text ? 0 : -ENOMEM;
}

/* What is not told stands over the table, whatever it shows. */

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int32_t *callers = find_callers(snapshot, table->arena);
    int result = callers ? view_rows_alloc(table, snapshot->function_count) : -ENOMEM;
    for (size_t i = 0; result == 0 && i < snapshot->function_count; i++)
        result = fill_row(snapshot, (int32_t)i, callers[i], query, table);
    if (result == 0)
        result = view_rows_say_incomplete(snapshot, "operators", table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_operators = {
    .id = "operators",
    .title = "Operators",
    .question =
        "Which lines subscript, search and iterate over the builtin types, how often, how long?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "calls",
    .source = "operators",
    .fill = fill,
};

/* SPDX-License-Identifier: MIT */
/* The view `lines`: what each line of the functions that were chosen does: how often it ran, and for how long.
 * Why: a function that is slow is slow somewhere.
 * Rules: counts and times are of the whole run. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum {
    COLUMN_SELF_PCT,
    COLUMN_HITS,
    COLUMN_SELF,
    COLUMN_MEAN,
    COLUMN_FUNCTION,
    COLUMN_LINE,
    COLUMN_SOURCE,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"self_pct", "%self", CELL_PERCENT, 6, 2, "share of its function's lines"},
    {"hits", "hits", CELL_COUNT, 11, 1, "times that it began"},
    {"self", "self", CELL_TIME, 7, 0, "time in it, without what it called"},
    {"mean", "mean", CELL_TIME, 7, 3, "of one hit"},
    {"function", "function", CELL_TEXT, 16, 5, "whose line it is"},
    {"line", "line", CELL_TEXT, 20, 4, "where it stands"},
    {"source", "source", CELL_TEXT, 0, 0, "what stands there, where it can be read"},
};

static int64_t self_of(const struct snapshot_line *line, enum snapshot_clock clock)
{
    return view_rows_time(line->self_ns, line->self_wait_ns, clock);
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_line *line,
                    int64_t self_ns, int64_t whole_ns, struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[line->function];
    struct snapshot_function place = *function;
    struct view_row *row = view_rows_add(table);
    place.line = line->line;
    row->function = line->function;
    row->cells[COLUMN_SELF_PCT] = cell_number(view_rows_percent(self_ns, whole_ns));
    row->cells[COLUMN_HITS] = cell_integer((int64_t)line->hits);
    row->cells[COLUMN_HITS].estimate = line->is_partial;
    row->cells[COLUMN_SELF] = cell_integer(self_ns);
    row->cells[COLUMN_SELF].estimate = line->is_partial;
    row->cells[COLUMN_SELF].holds = function->holds_left_out;
    row->cells[COLUMN_MEAN] = cell_integer(line->hits ? self_ns / (int64_t)line->hits : 0);
    row->cells[COLUMN_FUNCTION] = cell_text(text_clean(table->arena, function->qualname));
    row->cells[COLUMN_LINE] = cell_text(view_short_location(table->arena, &place));
    row->cells[COLUMN_LINE].integer = line->function * INT64_C(0x100000000) + line->line;
    row->cells[COLUMN_SOURCE] = cell_text(line->text ? text_clean(table->arena, line->text) : "");
    return row->cells[COLUMN_FUNCTION].text && row->cells[COLUMN_LINE].text &&
                   row->cells[COLUMN_SOURCE].text
               ? 0
               : -ENOMEM;
}

/* Those of one function: `count` from `first` on. */
static int fill_function(const struct snapshot *snapshot, size_t first, size_t count,
                         const struct view_query *query, struct view_table *table)
{
    int64_t whole_ns = 0;
    int result = 0;
    for (size_t i = 0; i < count; i++)
        whole_ns += self_of(&snapshot->lines[first + i], query->clock);
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct snapshot_line *line = &snapshot->lines[first + i];
        result = fill_row(snapshot, line, self_of(line, query->clock), whole_ns, table);
    }
    return result;
}

static void set_title(const struct snapshot *snapshot, struct view_table *table)
{
    for (size_t i = 0; i < snapshot->line_count; i++)
        if (snapshot->lines[i].is_partial)
            table->title = "Lines (~: the budget left them out for a part of the time)";
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, snapshot->line_count);
    size_t count;
    for (size_t first = 0; result == 0 && first < snapshot->line_count; first += count) {
        int32_t function = snapshot->lines[first].function;
        for (count = 1; first + count < snapshot->line_count &&
                        snapshot->lines[first + count].function == function;)
            count++;
        if (view_rows_match(&snapshot->functions[function], query->filter))
            result = fill_function(snapshot, first, count, query, table);
    }
    if (result < 0)
        return result;
    set_title(snapshot, table);
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_lines = {
    .id = "lines",
    .title = "Lines",
    .question = "Where within these functions is the time spent?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "self",
    .source = "lines",
    .since_start = true,
    .fill = fill,
};

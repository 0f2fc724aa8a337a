/* SPDX-License-Identifier: MIT */
/* The view `gc`: how long the garbage collector stopped the program, and which code made it run.
 * Why by function: a collection is run by whoever makes one container too many, so the functions that trigger
 * it are those that make many.
 * Rules: counts and times are of the whole run. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>

enum {
    COLUMN_GENERATION,
    COLUMN_RUNS,
    COLUMN_TOTAL,
    COLUMN_MAX,
    COLUMN_COLLECTED,
    COLUMN_UNCOLLECTABLE,
    COLUMN_FUNCTION,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"generation", "gen", CELL_COUNT, 4, 2, "the generation collected, with all younger ones"},
    {"runs", "runs", CELL_COUNT, 7, 1, "collections"},
    {"total", "total", CELL_TIME, 7, 0, "time that they stopped their thread"},
    {"max", "max", CELL_TIME, 7, 3, "the longest of them"},
    {"collected", "collected", CELL_COUNT, 9, 4, "objects found unreachable and freed"},
    {"uncollectable", "uncoll.", CELL_COUNT, 7, 5, "unreachable objects that could not be freed"},
    {"function", "triggered by", CELL_TEXT, 0, 0, "the Python function that ran when it began"},
};

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_gc *row,
                     const struct view_query *query)
{
    if (!query->filter || !query->filter[0])
        return true;
    return row->function >= 0 &&
           view_rows_match(&snapshot->functions[row->function], query->filter);
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_gc *gc,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    row->function = gc->function;
    row->cells[COLUMN_GENERATION] = cell_integer(gc->generation);
    row->cells[COLUMN_RUNS] = cell_integer((int64_t)gc->runs);
    row->cells[COLUMN_TOTAL] = cell_integer(gc->total_ns);
    row->cells[COLUMN_MAX] = cell_integer(gc->max_ns);
    row->cells[COLUMN_COLLECTED] = cell_integer((int64_t)gc->collected);
    row->cells[COLUMN_UNCOLLECTABLE] = cell_integer((int64_t)gc->uncollectable);
    row->cells[COLUMN_FUNCTION] = cell_text(
        gc->function < 0 ? "(no Python function)" : view_rows_label(table, snapshot, gc->function));
    return row->cells[COLUMN_FUNCTION].text ? 0 : -ENOMEM;
}

/* `GC: 31 pauses, 12.3ms, longest 4.5ms` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    uint64_t runs = 0;
    int64_t total_ns = 0, max_ns = 0;
    char total[TEXT_NUMBER_BYTES], longest[TEXT_NUMBER_BYTES];
    for (size_t i = 0; i < snapshot->gc_count; i++) {
        runs += snapshot->gc[i].runs;
        total_ns += snapshot->gc[i].total_ns;
        if (snapshot->gc[i].max_ns > max_ns)
            max_ns = snapshot->gc[i].max_ns;
    }
    if (!snapshot_has_source(&snapshot->meta, "gc"))
        return 0;
    table->title = arena_format(table->arena, "GC: %" PRIu64 " pauses, %s, longest %s", runs,
                                text_format_time(total, total_ns),
                                text_format_time(longest, max_ns));
    return table->title ? 0 : -ENOMEM;
}

static int fill_one(const struct snapshot *snapshot, size_t index, const struct view_query *query,
                    struct view_table *table)
{
    return is_shown(snapshot, &snapshot->gc_triggers[index], query)
               ? fill_row(snapshot, &snapshot->gc_triggers[index], table)
               : 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    return view_rows_fill(snapshot, query, table, snapshot->gc_trigger_count, fill_one, set_title);
}

const struct view view_gc = {
    .id = "gc",
    .title = "GC",
    .question = "How long does the garbage collector stop the program, and what makes it run?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "total",
    .source = "gc",
    .since_start = true,
    .fill = fill,
};

/* SPDX-License-Identifier: MIT */
/* The view `waits`: what threads wait for, by function and line, who held it meanwhile, and what their time goes into.
 * Why holds of the GIL are rows, too: what they cost is what the others waited meanwhile, and that column sorts both.
 * Rules: counts and times are of the whole run. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMN_SHARE,
    COLUMN_COUNT,
    COLUMN_WAITED,
    COLUMN_P99,
    COLUMN_MAX,
    COLUMN_HELD,
    COLUMN_KIND,
    COLUMN_HOLDER,
    COLUMN_FUNCTION,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"waited_pct", "%time", CELL_PERCENT, 6, 3, "share of all threads' time"},
    {"count", "count", CELL_COUNT, 9, 1, "waits, or holds"},
    {"waited", "waited", CELL_TIME, 7, 0, "time in them; of a hold: that others waited meanwhile"},
    {"p99", "p99", CELL_TIME, 7, 4, "99 of 100 took no longer"},
    {"max", "max", CELL_TIME, 7, 5, "the longest"},
    {"held", "held", CELL_TIME, 7, 6, "of a hold: how long the GIL was held, in all"},
    {"kind", "for", CELL_TEXT, 12, 0, "what was waited for"},
    {"holder", "held meanwhile by", CELL_TEXT, 32, 2, "who had it longest, where that is known"},
    {"function", "function", CELL_TEXT, 0, 0, "the Python function and line that waited, or held"},
};

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_wait *wait,
                     const struct view_query *query)
{
    if (!query->filter || !query->filter[0])
        return true;
    return text_contains(wait->kind, query->filter) ||
           (wait->function >= 0 &&
            view_rows_match(&snapshot->functions[wait->function], query->filter));
}

static int64_t whole_ns(const struct snapshot *snapshot)
{
    return snapshot->node_count ? snapshot->nodes[0].total_ns : 0;
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_wait *wait,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    int64_t waited_ns = wait->is_hold ? wait->others_ns : wait->total_ns;
    const char *place = view_rows_label_at(table, snapshot, wait->function, wait->line);
    const char *holder = wait->holder < 0
                             ? ""
                             : view_rows_label_at(table, snapshot, wait->holder, wait->holder_line);
    row->function = wait->function;
    row->cells[COLUMN_SHARE] = cell_number(view_rows_percent(waited_ns, whole_ns(snapshot)));
    row->cells[COLUMN_COUNT] = cell_integer((int64_t)wait->count);
    row->cells[COLUMN_WAITED] = cell_integer(waited_ns);
    row->cells[COLUMN_P99] = cell_integer(wait->p99_ns);
    row->cells[COLUMN_MAX] = cell_integer(wait->max_ns);
    if (wait->is_hold)
        row->cells[COLUMN_HELD] = cell_integer(wait->total_ns);
    row->cells[COLUMN_KIND] = cell_text(wait->kind);
    row->cells[COLUMN_HOLDER] = cell_text(holder);
    if (place && wait->in_task)
        place = arena_format(table->arena, "%s, and its event loop", place);
    row->cells[COLUMN_FUNCTION] = cell_text(place);
    return place && holder ? 0 : -ENOMEM;
}

/* `MainThread 4711: compute 31.0% socket 40.2% …`, what there is of it. */
static int fill_split(const struct snapshot_split *split, struct view_table *table)
{
    const char *name = text_clean(table->arena, split->name);
    const char *text = name ? arena_format(table->arena, "  %s (%" PRIu32 "):", name, split->tid)
                            : NULL;
    for (int i = 0; text && i < SHARE_COUNT; i++) {
        int64_t ns = snapshot_split_ns(split, (enum snapshot_share)i);
        if (ns > 0)
            text = arena_format(table->arena, "%s %s %.1f%%", text, snapshot_share_names[i],
                                view_rows_percent(ns, split->wall_ns));
    }
    if (text)
        view_rows_add_heading(table, text);
    return text ? 0 : -ENOMEM;
}

static int by_wall(const void *a, const void *b)
{
    const struct snapshot_split *one = a, *other = b;
    return one->wall_ns < other->wall_ns ? 1 : one->wall_ns > other->wall_ns ? -1 : 0;
}

enum { SPLITS_SHOWN = 64 };

/* The threads that were there longest. */
static int fill_splits(const struct snapshot *snapshot, struct view_table *table)
{
    size_t count = snapshot->split_count;
    struct snapshot_split *splits = arena_array(table->arena, count, sizeof(*splits));
    int result = splits ? 0 : -ENOMEM;
    if (!splits)
        return result;
    memcpy(splits, snapshot->splits, count * sizeof(*splits));
    qsort(splits, count, sizeof(*splits), by_wall);
    view_rows_add_heading(table, "threads: what their time goes into");
    for (size_t i = 0; result == 0 && i < count && i < SPLITS_SHOWN; i++)
        result = fill_split(&splits[i], table);
    return result;
}

/* `Waits: 1,203, 12.3s in them, 4.10s of it for the GIL` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    char count_text[TEXT_NUMBER_BYTES], time[TEXT_NUMBER_BYTES], gil[TEXT_NUMBER_BYTES];
    uint64_t count = 0;
    int64_t total_ns = 0, gil_ns = 0;
    for (size_t i = 0; i < snapshot->wait_count; i++) {
        count += snapshot->waits[i].is_hold ? 0 : snapshot->waits[i].count;
        total_ns += snapshot->waits[i].is_hold ? 0 : snapshot->waits[i].total_ns;
    }
    for (size_t i = 0; i < snapshot->split_count; i++)
        gil_ns += snapshot->splits[i].gil_ns;
    if (!snapshot_has_source(&snapshot->meta, "waits"))
        return 0;
    table->title = arena_format(table->arena, "Waits: %s, %s in them, %s of it for the GIL",
                                text_format_count(count_text, count),
                                text_format_time(time, total_ns), text_format_time(gil, gil_ns));
    return table->title ? 0 : -ENOMEM;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    bool whole = !query->filter || !query->filter[0];
    int result = view_rows_alloc(table, snapshot->wait_count + SPLITS_SHOWN + 1);
    for (size_t i = 0; result == 0 && i < snapshot->wait_count; i++)
        if (is_shown(snapshot, &snapshot->waits[i], query))
            result = fill_row(snapshot, &snapshot->waits[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    if (whole && snapshot->split_count)
        result = fill_splits(snapshot, table);
    return result < 0 ? result : set_title(snapshot, table);
}

const struct view view_waits = {
    .id = "waits",
    .title = "Waits",
    .question = "What do threads wait for, where, how long, and who holds it meanwhile?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "waited",
    .source = "waits",
    .since_start = true,
    .fill = fill,
};

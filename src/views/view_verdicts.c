/* SPDX-License-Identifier: MIT */
/* The view `verdicts`: what costs more than it has to.
 * Why the evidence stands in the row: a verdict without its figures is an opinion.
 * Rules: it is there only where there is one. Figures are of the whole run. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"
#include "model/verdicts.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { COLUMN_SHARE, COLUMN_COST, COLUMN_COUNT, COLUMN_VERDICT, COLUMN_EVIDENCE, COLUMNS };

static const struct view_column columns[COLUMNS] = {
    {"cost_pct", "%cost", CELL_PERCENT, 6, 2,
     "share of all threads' time that mending it would save, at least"},
    {"cost", "cost", CELL_TIME, 7, 0, "that time"},
    {"count", "count", CELL_COUNT, 9, 1, "how often it happened"},
    {"verdict", "verdict", CELL_TEXT, 26, 0, "what it is"},
    {"evidence", "function and evidence", CELL_TEXT, 0, 0, "where, and what was counted"},
};

static bool is_shown(const struct snapshot *snapshot, const struct usage_verdict *verdict,
                     const struct view_query *query)
{
    return !query->filter || !query->filter[0] || strcasecmp(verdict->name, query->filter) == 0 ||
           (verdict->function >= 0 &&
            view_rows_match(&snapshot->functions[verdict->function], query->filter));
}

static int fill_row(const struct snapshot *snapshot, const struct usage_verdict *verdict,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    int64_t whole_ns = snapshot->node_count ? snapshot->nodes[0].total_ns : 0;
    const char *label = verdict->function < 0 ? "(no Python function)"
                                              : view_rows_label(table, snapshot, verdict->function);
    const char *evidence = text_clean(table->arena, verdict->evidence);
    if (!label || !evidence)
        return -ENOMEM;
    row->function = verdict->function;
    row->cells[COLUMN_SHARE] = cell_number(view_rows_percent(verdict->cost_ns, whole_ns));
    row->cells[COLUMN_COST] = cell_integer(verdict->cost_ns);
    row->cells[COLUMN_COST].estimate = true;
    row->cells[COLUMN_COUNT] = cell_integer((int64_t)verdict->count);
    row->cells[COLUMN_VERDICT] = cell_text(verdict->name);
    row->cells[COLUMN_EVIDENCE] = cell_text(arena_format(table->arena, "%s: %s", label, evidence));
    return row->cells[COLUMN_EVIDENCE].text ? 0 : -ENOMEM;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    struct usage_verdicts verdicts;
    int result = verdicts_find(snapshot, table->arena, &verdicts);
    if (result == 0)
        result = view_rows_alloc(table, verdicts.count);
    for (size_t i = 0; result == 0 && i < verdicts.count; i++)
        if (is_shown(snapshot, &verdicts.rows[i], query))
            result = fill_row(snapshot, &verdicts.rows[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_verdicts = {
    .id = "verdicts",
    .title = "Verdicts",
    .question = "What costs more than it has to?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "cost",
    .since_start = true,
    .is_there = verdicts_any,
    .fill = fill,
};

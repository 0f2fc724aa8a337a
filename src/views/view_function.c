/* SPDX-License-Identifier: MIT */
/* The view `function`: one function, who calls it, whom it calls, how long a call takes.
 * Why: a table says that a function is slow; this says for whom and because of what.
 * Rules: four sections, each under a heading row. Figures are of the whole run, because edges are.
 * Sort, filter and limit apply within callers and callees, each for itself. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum { COLUMN_PCT, COLUMN_CALLS, COLUMN_SELF, COLUMN_TOTAL, COLUMN_WAIT, COLUMN_NAME, COLUMNS };

/* Rows that are not edges: headings, numbers, latencies. */
enum { FIXED_ROWS = 16 };

static const struct view_column columns[COLUMNS] = {
    {"pct", "%total", CELL_PERCENT, 6, 1, "share of this function's total time"},
    {"calls", "calls", CELL_COUNT, 7, 2, "calls and resumes"},
    {"self", "self", CELL_TIME, 7, 4, "time in the called function alone"},
    {"total", "total", CELL_TIME, 7, 3, "time with all that it called"},
    {"wait", "wait", CELL_TIME, 7, 5, "part of self, blocked or waiting for the GIL"},
    {"function", "function", CELL_TEXT, 0, 0, "its name and where it is defined"},
};

static const char *kind_name(enum snapshot_kind kind)
{
    switch (kind) {
    case KIND_C:
        return "C function";
    case KIND_GENERATOR:
        return "generator";
    case KIND_COROUTINE:
        return "coroutine";
    case KIND_ASYNC_GENERATOR:
        return "async generator";
    case KIND_PSEUDO:
        return "not a function";
    case KIND_PYTHON:
        break;
    }
    return "Python function";
}

static void add_count(struct view_table *table, uint64_t count, const char *name)
{
    struct view_row *row = view_rows_add(table);
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)count);
    row->cells[COLUMN_NAME] = cell_text(name);
}

static void add_time(struct view_table *table, int64_t time_ns, bool estimate, const char *name)
{
    struct view_row *row = view_rows_add(table);
    row->cells[COLUMN_TOTAL] = cell_integer(time_ns);
    row->cells[COLUMN_TOTAL].estimate = estimate;
    row->cells[COLUMN_NAME] = cell_text(name);
}

static void add_numbers(const struct snapshot *snapshot, const struct view_query *query,
                        struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[query->function];
    uint64_t calls = function->calls + function->resumes;
    view_rows_add_heading(table, "this function");
    struct view_row *row = view_rows_add(table);
    row->cells[COLUMN_PCT] = cell_number(100);
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)calls);
    row->cells[COLUMN_CALLS].estimate = !function->calls_exact;
    row->cells[COLUMN_SELF] =
        cell_integer(view_rows_time(function->self_ns, function->self_wait_ns, query->clock));
    row->cells[COLUMN_TOTAL] =
        cell_integer(view_rows_time(function->total_ns, function->total_wait_ns, query->clock));
    row->cells[COLUMN_SELF].estimate = row->cells[COLUMN_TOTAL].estimate = !function->times_exact;
    if (snapshot->meta.wait_source != WAIT_NONE)
        row->cells[COLUMN_WAIT] = cell_integer(function->self_wait_ns);
    row->cells[COLUMN_NAME] = cell_text(kind_name(function->kind));
    if (function->primitive_calls != calls)
        add_count(table, function->primitive_calls, "of them not from within itself");
    if (function->resumes || function->yields) {
        add_count(table, function->calls, "of them starts");
        add_count(table, function->resumes, "of them resumes");
        add_count(table, function->yields, "yields");
    }
    if (function->raised)
        add_count(table, function->raised, "ended by an exception");
}

static void add_latency(const struct snapshot_function *function, struct view_table *table)
{
    if (!function->max_ns)
        return;
    bool estimate = !function->times_exact;
    view_rows_add_heading(table, "time of one call");
    add_time(table, function->min_ns, estimate, "min");
    add_time(table, function->p50_ns, estimate, "p50: half of the calls took no longer");
    add_time(table, function->p99_ns, estimate, "p99: 99 of 100 took no longer");
    add_time(table, function->max_ns, estimate, "max");
}

static int add_edge(const struct snapshot *snapshot, const struct view_query *query,
                    const struct snapshot_edge *edge, int32_t other, struct view_table *table)
{
    const struct snapshot_function *function = &snapshot->functions[query->function];
    int64_t whole = view_rows_time(function->total_ns, function->total_wait_ns, query->clock);
    int64_t total = view_rows_time(edge->total_ns, edge->total_wait_ns, query->clock);
    struct view_row *row = view_rows_add(table);
    row->function = other;
    row->cells[COLUMN_PCT] = cell_number(view_rows_percent(total, whole));
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)edge->calls);
    row->cells[COLUMN_SELF] =
        cell_integer(view_rows_time(edge->self_ns, edge->self_wait_ns, query->clock));
    row->cells[COLUMN_TOTAL] = cell_integer(total);
    if (snapshot->meta.wait_source != WAIT_NONE)
        row->cells[COLUMN_WAIT] = cell_integer(edge->self_wait_ns);
    const struct snapshot_function *callee = &snapshot->functions[edge->callee];
    row->cells[COLUMN_CALLS].estimate = !callee->calls_exact;
    row->cells[COLUMN_PCT].estimate = row->cells[COLUMN_SELF].estimate =
        row->cells[COLUMN_TOTAL].estimate = !callee->times_exact;
    const char *label = view_rows_label(table, snapshot, other);
    row->cells[COLUMN_NAME] = cell_text(label);
    return label ? 0 : -ENOMEM;
}

/* Callers, or callees. */
static int add_side(const struct snapshot *snapshot, const struct view_query *query, bool callers,
                    struct view_table *table)
{
    view_rows_add_heading(table, callers ? "called by" : "calls");
    size_t first = table->row_count;
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        if ((callers ? edge->callee : edge->caller) != query->function)
            continue;
        int32_t other = callers ? edge->caller : edge->callee;
        if (other >= 0 && !view_rows_match(&snapshot->functions[other], query->filter))
            continue;
        int result = add_edge(snapshot, query, edge, other, table);
        if (result < 0)
            return result;
    }
    view_rows_sort(table, first, query);
    view_rows_limit(table, first, query);
    return 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    if (query->function < 0 || (size_t)query->function >= snapshot->function_count) {
        table->title = "Function: none chosen";
        return view_rows_alloc(table, 0);
    }
    size_t most = FIXED_ROWS;
    for (size_t i = 0; i < snapshot->edge_count; i++)
        most += (size_t)(snapshot->edges[i].caller == query->function) +
                (size_t)(snapshot->edges[i].callee == query->function);
    int result = view_rows_alloc(table, most);
    if (result < 0)
        return result;
    const char *label = view_rows_label(table, snapshot, query->function);
    table->title = label ? arena_format(table->arena, "Function: %s", label) : NULL;
    if (!table->title)
        return -ENOMEM;
    add_numbers(snapshot, query, table);
    add_latency(&snapshot->functions[query->function], table);
    result = add_side(snapshot, query, true, table);
    return result < 0 ? result : add_side(snapshot, query, false, table);
}

const struct view view_function = {
    .id = "function",
    .title = "Function",
    .question = "When is this function slow, and why that time?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "total",
    .needs_function = true,
    .since_start = true,
    .fill = fill,
};

/* SPDX-License-Identifier: MIT */
/* The view `tree`: calling contexts, each with its own times.
 * Why: the same function may be cheap here and dear there; only its context tells.
 * Rules: figures are of the whole run. Children stand below their parent, heaviest first, whatever
 * the sort column: the column chooses what is heavy. With a filter, what matches and all above it
 * is shown. The limit cuts the rows as they stand. No recursion: trees can be very deep. */
#include "views/view_rows.h"

#include "model/tree_order.h"

#include <errno.h>
#include <string.h>

enum { COLUMN_TOTAL_PCT, COLUMN_TOTAL, COLUMN_SELF, COLUMN_CALLS, COLUMN_FUNCTION, COLUMNS };

static const struct view_column columns[COLUMNS] = {
    {"total_pct", "%total", CELL_PERCENT, 6, 1, "share of all time"},
    {"total", "total", CELL_TIME, 7, 3, "time here with all below"},
    {"self", "self", CELL_TIME, 7, 2, "time here alone"},
    {"calls", "calls", CELL_COUNT, 7, 4, "calls and resumes, from here"},
    {"function", "function", CELL_TEXT, 0, 0, "its name and where it is defined"},
};

static int64_t *weigh(const struct snapshot *snapshot, const struct view_query *query,
                      struct arena *arena)
{
    int64_t *weights = arena_array(arena, snapshot->node_count + 1, sizeof(*weights));
    const char *sort = query->sort ? query->sort : "total";
    for (size_t i = 0; weights && i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        if (strcmp(sort, "self") == 0)
            weights[i] = tree_order_self(node, query->clock);
        else if (strcmp(sort, "calls") == 0)
            weights[i] = (int64_t)(node->calls + node->resumes);
        else
            weights[i] = tree_order_total(node, query->clock);
        if (query->ascending)
            weights[i] = -weights[i];
    }
    return weights;
}

/* Marks what the filter lets through, and all above it. NULL: no memory. */
static bool *choose(const struct snapshot *snapshot, const struct view_query *query,
                    struct arena *arena)
{
    bool *chosen = arena_array(arena, snapshot->node_count + 1, sizeof(*chosen));
    bool *matches = arena_array(arena, snapshot->function_count + 1, sizeof(*matches));
    if (!chosen || !matches)
        return NULL;
    for (size_t i = 0; i < snapshot->function_count; i++)
        matches[i] = view_rows_match(&snapshot->functions[i], query->filter);
    for (size_t i = snapshot->node_count; i-- > 1;) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        if (node->function >= 0 && matches[node->function])
            chosen[i] = true;
        if (chosen[i])
            chosen[node->parent] = true;
    }
    return chosen;
}

static void fill_row(const struct snapshot *snapshot, const struct view_query *query,
                     const struct snapshot_node *node, int64_t whole, struct view_row *row)
{
    const struct snapshot_function *function = &snapshot->functions[node->function];
    int64_t total = tree_order_total(node, query->clock);
    row->function = node->function;
    row->cells[COLUMN_TOTAL_PCT] = cell_number(view_rows_percent(total, whole));
    row->cells[COLUMN_TOTAL] = cell_integer(total);
    row->cells[COLUMN_SELF] = cell_integer(tree_order_self(node, query->clock));
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)(node->calls + node->resumes));
    row->cells[COLUMN_CALLS].estimate = !function->calls_exact;
    row->cells[COLUMN_TOTAL_PCT].estimate = row->cells[COLUMN_TOTAL].estimate =
        row->cells[COLUMN_SELF].estimate = !function->times_exact;
}

static bool is_waiting(const struct snapshot_node *node)
{
    return node->total_ns <= node->total_wait_ns;
}

struct tree_walk {
    const struct snapshot *snapshot;
    const struct view_query *query;
    struct tree_order order;
    const bool *chosen;
    const char **labels; /* by function; NULL: not made yet */
    int64_t whole;
};

/* Rows of the walk, at most the limit; what is beyond it is counted, not made. */
static int walk(struct tree_walk *walk, struct view_table *table)
{
    const struct snapshot *snapshot = walk->snapshot;
    const struct view_query *query = walk->query;
    for (size_t i = 1; i < walk->order.count;) {
        const struct snapshot_node *node = &snapshot->nodes[walk->order.nodes[i]];
        double pct = view_rows_percent(tree_order_total(node, query->clock), walk->whole);
        if (node->function < 0 || !walk->chosen[walk->order.nodes[i]] || pct < query->min_pct ||
            (query->hide_waiting && is_waiting(node))) {
            i = (size_t)walk->order.ends[i];
            continue;
        }
        if (query->limit && table->row_count >= query->limit) {
            table->left_out++;
            i++;
            continue;
        }
        struct view_row *row = view_rows_add(table);
        fill_row(snapshot, query, node, walk->whole, row);
        row->depth = walk->order.depths[i] - 1;
        const char **label = &walk->labels[node->function];
        if (!*label)
            *label = view_rows_label(table, snapshot, node->function);
        if (!*label)
            return -ENOMEM;
        row->cells[COLUMN_FUNCTION] = cell_text(*label);
        i++;
    }
    return 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    struct tree_walk state = {.snapshot = snapshot, .query = query};
    size_t most = snapshot->node_count;
    if (query->limit && query->limit < most)
        most = query->limit;
    int result = view_rows_alloc(table, most);
    if (result < 0 || snapshot->node_count == 0)
        return result;
    int64_t *weights = weigh(snapshot, query, table->arena);
    state.chosen = choose(snapshot, query, table->arena);
    state.labels = arena_array(table->arena, snapshot->function_count + 1, sizeof(char *));
    if (!weights || !state.chosen || !state.labels)
        return -ENOMEM;
    result = tree_order_make(table->arena, snapshot, weights, &state.order);
    if (result < 0)
        return result;
    state.whole = tree_order_total(&snapshot->nodes[0], query->clock);
    return walk(&state, table);
}

const struct view view_tree = {
    .id = "tree",
    .title = "Calling contexts, since the start",
    .question = "Through which calls is the time spent?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "total",
    .since_start = true,
    .fill = fill,
};

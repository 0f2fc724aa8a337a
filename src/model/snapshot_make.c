/* SPDX-License-Identifier: MIT */
/* Functions, callers and tree out of the nodes.
 * Why: see nodes.h for how cProfile's meaning comes out of sums over nodes.
 * Rules: a row that has no number at all (forgotten by a reset) is not in the snapshot, nor is a
 * branch of the tree without numbers. A row's twins, and nodes that differ only by them, are joined
 * here. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_numbers(const struct node *node)
{
    return node->calls || node->resumes || node->total_ticks || node->self_wait_ticks ||
           node->total_wait_ticks;
}

static uint32_t row_of(const struct snapshot_maker *maker, uint32_t node)
{
    return maker->symbols->symbols[maker->moment->nodes[node].symbol].row;
}

/* Nodes that have numbers or stand above one that has. */
static int mark_nodes(struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    maker->node_of = arena_array(maker->snapshot->arena, moment->node_count, sizeof(int32_t));
    if (!maker->node_of)
        return -ENOMEM;
    maker->node_count = 1;
    for (uint32_t i = moment->node_count; i-- > 1;) {
        const struct node *node = &moment->nodes[i];
        if (maker->node_of[i] == 0 && !has_numbers(node)) {
            maker->node_of[i] = SNAPSHOT_NONE;
            continue;
        }
        maker->node_of[nodes_parent(node)] = 1;
        maker->node_count++;
    }
    return 0;
}

/* --- functions ------------------------------------------------------------------------------ */

static char *keep(struct snapshot_maker *maker, const char *text)
{
    return text ? arena_string(maker->snapshot->arena, text) : NULL;
}

static int fill_function(struct snapshot_maker *maker, uint32_t symbol,
                         struct snapshot_function *function)
{
    const struct symbol *from = &maker->symbols->symbols[symbol];
    const struct moment_row *row = &maker->moment->rows[symbol];
    *function = (struct snapshot_function){
        .pid = from->pid,
        .id = symbol,
        .kind = from->kind,
        .name = keep(maker, from->name),
        .module = keep(maker, from->module),
        .file = keep(maker, from->file),
        .line = from->line,
        .yields = row->yields,
        .raised = row->raised,
        .min_ns = snapshot_make_ns(maker, row->min_ticks),
        .max_ns = snapshot_make_ns(maker, row->max_ticks),
        .p50_ns = snapshot_make_ns(maker, row->p50_ticks),
        .p99_ns = snapshot_make_ns(maker, row->p99_ticks),
        .calls_exact = maker->exact && symbol != SYMBOL_OTHER && !row->is_estimated,
        .times_exact = maker->exact && symbol != SYMBOL_OTHER && symbol != SYMBOL_RESYNC &&
                       !row->is_estimated && !row->holds_muted,
        .estimated = row->estimated,
        .is_muted = row->is_estimated,
        .holds_left_out = row->absorbs,
        .is_method = row->is_method,
    };
    function->qualname = from->qualname == from->name ? function->name
                                                      : keep(maker, from->qualname);
    bool kept = function->name && function->qualname && (!from->module || function->module) &&
                (!from->file || function->file);
    return kept ? 0 : -ENOMEM;
}

static void mark_rows(struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 1; i < moment->node_count; i++)
        if (maker->node_of[i] != SNAPSHOT_NONE)
            maker->function_of[row_of(maker, i)] = 0;
    for (uint32_t i = 0; i < moment->thread_count; i++) {
        uint32_t running = moment->threads[i].running_symbol;
        if (running)
            maker->function_of[maker->symbols->symbols[running].row] = 0;
    }
    snapshot_make_mark_tasks(maker);
    snapshot_make_mark_gc(maker);
}

static int make_functions(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    size_t count = 0;
    maker->function_of = arena_array(snapshot->arena, moment->symbol_count + 1, sizeof(int32_t));
    if (!maker->function_of)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->symbol_count; i++)
        maker->function_of[i] = SNAPSHOT_NONE;
    mark_rows(maker);
    for (uint32_t i = 1; i < moment->symbol_count; i++)
        if (maker->function_of[i] != SNAPSHOT_NONE)
            maker->function_of[i] = (int32_t)count++;
    snapshot->functions =
        arena_array(snapshot->arena, count ? count : 1, sizeof(*snapshot->functions));
    if (!snapshot->functions)
        return -ENOMEM;
    snapshot->function_count = count;
    for (uint32_t i = 1; i < moment->symbol_count; i++) {
        int32_t at = maker->function_of[i];
        if (at != SNAPSHOT_NONE && fill_function(maker, i, &snapshot->functions[at]))
            return -ENOMEM;
    }
    return 0;
}

static void add_to_function(const struct snapshot_maker *maker, const struct node *node,
                            struct snapshot_function *function)
{
    function->calls += node->calls;
    function->resumes += node->resumes;
    if (node->parent_flags & NODE_PRIMITIVE)
        function->primitive_calls += node->calls + node->resumes;
    function->self_ns += snapshot_make_ns(maker, node->self_ticks);
    function->self_wait_ns += snapshot_make_wait_ns(maker, node->self_ticks, node->self_wait_ticks);
    if (node->parent_flags & NODE_OUTERMOST) {
        function->total_ns += snapshot_make_ns(maker, node->total_ticks);
        function->total_wait_ns +=
            snapshot_make_wait_ns(maker, node->total_ticks, node->total_wait_ticks);
    }
}

static void sum_functions(struct snapshot_maker *maker)
{
    for (uint32_t i = 1; i < maker->moment->node_count; i++) {
        const struct node *node = &maker->moment->nodes[i];
        int32_t at = maker->function_of[row_of(maker, i)];
        if (at != SNAPSHOT_NONE)
            add_to_function(maker, node, &maker->snapshot->functions[at]);
    }
}

/* --- a table of pairs: (parent, function) of the tree, (caller, callee) of edges -------------- */

struct pairs {
    uint64_t *keys; /* 0: free */
    int32_t *values;
    size_t mask;
};

static int pairs_init(struct pairs *pairs, size_t count)
{
    size_t size = 64;
    while (size < count * 2)
        size *= 2;
    pairs->mask = size - 1;
    pairs->keys = calloc(size, sizeof(*pairs->keys));
    pairs->values = calloc(size, sizeof(*pairs->values));
    return pairs->keys && pairs->values ? 0 : -ENOMEM;
}

static void pairs_done(struct pairs *pairs)
{
    free(pairs->keys);
    free(pairs->values);
}

/* The place for the pair's value; *ret_new when it was not there. */
static int32_t *pairs_at(struct pairs *pairs, int32_t first, int32_t second, bool *ret_new)
{
    uint64_t key = ((uint64_t)(uint32_t)(first + 2) << 32) | (uint32_t)(second + 2);
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 24);
    while (pairs->keys[at & pairs->mask] && pairs->keys[at & pairs->mask] != key)
        at++;
    *ret_new = pairs->keys[at & pairs->mask] == 0;
    pairs->keys[at & pairs->mask] = key;
    return &pairs->values[at & pairs->mask];
}

/* --- the tree ------------------------------------------------------------------------------- */

static void add_to_node(const struct snapshot_maker *maker, const struct node *node,
                        struct snapshot_node *target)
{
    target->calls += node->calls;
    target->resumes += node->resumes;
    target->self_ns += snapshot_make_ns(maker, node->self_ticks);
    target->total_ns += snapshot_make_ns(maker, node->total_ticks);
    target->self_wait_ns += snapshot_make_wait_ns(maker, node->self_ticks, node->self_wait_ticks);
    target->total_wait_ns +=
        snapshot_make_wait_ns(maker, node->total_ticks, node->total_wait_ticks);
}

static void fill_tree(struct snapshot_maker *maker, struct pairs *pairs)
{
    const struct moment *moment = maker->moment;
    struct snapshot *snapshot = maker->snapshot;
    snapshot->nodes[0] = (struct snapshot_node){.parent = SNAPSHOT_NONE, .function = SNAPSHOT_NONE};
    snapshot->node_count = 1;
    maker->node_of[0] = 0;
    for (uint32_t i = 1; i < moment->node_count; i++) {
        if (maker->node_of[i] == SNAPSHOT_NONE)
            continue;
        bool is_new;
        uint32_t row = row_of(maker, i);
        int32_t parent = maker->node_of[nodes_parent(&moment->nodes[i])];
        int32_t *at = pairs_at(pairs, parent, (int32_t)row, &is_new);
        if (is_new) {
            *at = (int32_t)snapshot->node_count++;
            snapshot->nodes[*at].parent = parent;
            snapshot->nodes[*at].function = maker->function_of[row];
        }
        maker->node_of[i] = *at;
        add_to_node(maker, &moment->nodes[i], &snapshot->nodes[*at]);
    }
}

/* The root is all that its children are; `(other)` stands for no calls of its own. */
static void sum_roots(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    int32_t other = SNAPSHOT_NONE;
    for (size_t i = 1; i < snapshot->node_count; i++) {
        struct snapshot_node *node = &snapshot->nodes[i];
        const struct snapshot_function *function = &snapshot->functions[node->function];
        if (node->parent == 0 && function->id == SYMBOL_OTHER && node->total_ns == 0)
            other = (int32_t)i;
        else if (node->parent == other && other != SNAPSHOT_NONE)
            snapshot->nodes[other].total_ns += node->self_ns;
    }
    for (size_t i = 1; i < snapshot->node_count; i++) {
        if (snapshot->nodes[i].parent != 0 || (int32_t)i == other)
            continue;
        snapshot->nodes[0].total_ns += snapshot->nodes[i].total_ns;
        snapshot->nodes[0].total_wait_ns += snapshot->nodes[i].total_wait_ns;
    }
}

static int make_tree(struct snapshot_maker *maker)
{
    struct pairs pairs = {0};
    struct snapshot *snapshot = maker->snapshot;
    int result = pairs_init(&pairs, maker->node_count);
    if (result == 0) {
        snapshot->nodes = arena_array(snapshot->arena, maker->node_count, sizeof(*snapshot->nodes));
        result = snapshot->nodes ? 0 : -ENOMEM;
    }
    if (result == 0) {
        fill_tree(maker, &pairs);
        sum_roots(maker);
    }
    pairs_done(&pairs);
    return result;
}

/* --- edges ---------------------------------------------------------------------------------- */

static void add_to_edge(const struct snapshot_maker *maker, const struct node *node,
                        struct snapshot_edge *edge)
{
    edge->calls += node->calls + node->resumes;
    if (node->parent_flags & NODE_EDGE_PRIMITIVE)
        edge->primitive_calls += node->calls + node->resumes;
    edge->self_ns += snapshot_make_ns(maker, node->self_ticks);
    edge->self_wait_ns += snapshot_make_wait_ns(maker, node->self_ticks, node->self_wait_ticks);
    if (node->parent_flags & NODE_EDGE_OUTERMOST) {
        edge->total_ns += snapshot_make_ns(maker, node->total_ticks);
        edge->total_wait_ns +=
            snapshot_make_wait_ns(maker, node->total_ticks, node->total_wait_ticks);
    }
}

static bool edge_of(const struct snapshot_maker *maker, uint32_t node, int32_t *ret_caller,
                    int32_t *ret_callee)
{
    uint32_t parent = nodes_parent(&maker->moment->nodes[node]);
    if (maker->node_of[node] == SNAPSHOT_NONE || !has_numbers(&maker->moment->nodes[node]))
        return false;
    *ret_callee = maker->function_of[row_of(maker, node)];
    *ret_caller = parent == NODE_ROOT ? SNAPSHOT_NONE : maker->function_of[row_of(maker, parent)];
    return *ret_callee != SNAPSHOT_NONE;
}

static size_t number_edges(const struct snapshot_maker *maker, struct pairs *pairs)
{
    size_t count = 0;
    for (uint32_t i = 1; i < maker->moment->node_count; i++) {
        int32_t caller, callee;
        bool is_new;
        if (!edge_of(maker, i, &caller, &callee))
            continue;
        int32_t *at = pairs_at(pairs, caller, callee, &is_new);
        if (is_new)
            *at = (int32_t)count++;
    }
    return count;
}

static void fill_edges(const struct snapshot_maker *maker, struct pairs *pairs)
{
    for (uint32_t i = 1; i < maker->moment->node_count; i++) {
        int32_t caller, callee;
        bool is_new;
        if (!edge_of(maker, i, &caller, &callee))
            continue;
        struct snapshot_edge *edge =
            &maker->snapshot->edges[*pairs_at(pairs, caller, callee, &is_new)];
        edge->caller = caller;
        edge->callee = callee;
        add_to_edge(maker, &maker->moment->nodes[i], edge);
    }
}

static int make_edges(struct snapshot_maker *maker)
{
    struct pairs pairs = {0};
    struct snapshot *snapshot = maker->snapshot;
    if (pairs_init(&pairs, snapshot->node_count)) {
        pairs_done(&pairs);
        return -ENOMEM;
    }
    size_t count = number_edges(maker, &pairs);
    snapshot->edges = arena_array(snapshot->arena, count ? count : 1, sizeof(*snapshot->edges));
    if (snapshot->edges) {
        snapshot->edge_count = count;
        fill_edges(maker, &pairs);
    }
    pairs_done(&pairs);
    return snapshot->edges ? 0 : -ENOMEM;
}

int snapshot_make(struct snapshot_maker *maker)
{
    int result = mark_nodes(maker);
    if (result == 0)
        result = make_functions(maker);
    if (result == 0) {
        sum_functions(maker);
        result = make_tree(maker);
    }
    return result == 0 ? make_edges(maker) : result;
}

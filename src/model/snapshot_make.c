/* SPDX-License-Identifier: MIT */
/* Functions out of symbols, paths out of nodes.
 * Why: see snapshot_paths.h for what follows from them.
 * Rules: a row that has no number at all (forgotten by a reset) is not in the snapshot, nor is a
 * branch of the tree without numbers. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>

static_assert((int)PATH_PRIMITIVE == (int)NODE_PRIMITIVE &&
                  (int)PATH_OUTERMOST == (int)NODE_OUTERMOST &&
                  (int)PATH_EDGE_PRIMITIVE == (int)NODE_EDGE_PRIMITIVE &&
                  (int)PATH_EDGE_OUTERMOST == (int)NODE_EDGE_OUTERMOST,
              "a path's flags are its node's");

static bool has_numbers(const struct node *node)
{
    return node->calls || node->resumes || node->total_ticks || node->self_wait_ticks ||
           node->total_wait_ticks;
}

static uint32_t row_of(const struct snapshot_maker *maker, uint32_t node)
{
    return maker->symbols->symbols[maker->moment->nodes[node].symbol].row;
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
        .calls_exact = maker->exact && symbol != SYMBOL_OTHER && !row->is_estimated &&
                       !row->is_partial,
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
    maker->function_of[SYMBOL_ROOT] = SNAPSHOT_NONE; /* of the bottoms of threads */
    for (uint32_t i = 0; i < moment->thread_count; i++) {
        uint32_t running = moment->threads[i].running_symbol;
        if (running)
            maker->function_of[maker->symbols->symbols[running].row] = 0;
    }
    snapshot_make_mark_tasks(maker);
    snapshot_make_mark_gc(maker);
    snapshot_make_mark_io(maker);
    snapshot_make_mark_waits(maker);
    snapshot_make_mark_lines(maker);
    snapshot_make_mark_objects(maker);
    snapshot_make_mark_memory(maker);
    snapshot_make_mark_activations(maker);
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

/* --- paths ---------------------------------------------------------------------------------- */

static void get_path(const void *context, size_t index, struct path_numbers *ret)
{
    const struct snapshot_maker *maker = context;
    const struct node *node = &maker->moment->nodes[index];
    *ret = (struct path_numbers){
        .parent = nodes_parent(node),
        .function = nodes_is_root(node) ? SNAPSHOT_NONE
                                        : maker->function_of[row_of(maker, (uint32_t)index)],
        .flags = node->parent_flags & PATH_FLAGS,
        .has_numbers = has_numbers(node),
        .calls = node->calls,
        .resumes = node->resumes,
        .self_ns = snapshot_make_ns(maker, node->self_ticks),
        .total_ns = snapshot_make_ns(maker, node->total_ticks),
        .self_wait_ns = snapshot_make_wait_ns(maker, node->self_ticks, node->self_wait_ticks),
        .total_wait_ns = snapshot_make_wait_ns(maker, node->total_ticks, node->total_wait_ticks),
    };
}

/* `function` of a path is not known yet. */
static void get_mark(const void *context, size_t index, struct path_numbers *ret)
{
    const struct snapshot_maker *maker = context;
    const struct node *node = &maker->moment->nodes[index];
    *ret = (struct path_numbers){.parent = nodes_parent(node), .has_numbers = has_numbers(node)};
}

int snapshot_make(struct snapshot_maker *maker)
{
    struct snapshot_paths paths = {
        .count = maker->moment->node_count, .context = maker, .get = get_mark};
    int result = snapshot_paths_mark(maker->snapshot, &paths);
    maker->node_of = paths.node_of;
    if (result == 0)
        result = make_functions(maker);
    if (result)
        return result;
    paths.get = get_path;
    paths.other = maker->function_of[SYMBOL_OTHER];
    return snapshot_paths_fill(maker->snapshot, &paths);
}

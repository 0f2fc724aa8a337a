/* SPDX-License-Identifier: MIT */
/* From paths to functions, tree and edges.
 * Why: see snapshot_paths.h.
 * Rules: as there. */
#include "model/snapshot_paths.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>

void snapshot_scale_thread(struct snapshot_thread *thread,
                           const struct snapshot_thread_ticks *ticks, double ns_per_tick,
                           double stolen_share)
{
    int64_t on_ticks = ticks->profiled - ticks->wait - ticks->stalled;
    int64_t stolen_ticks = (int64_t)((double)on_ticks * stolen_share);
    thread->profiled_ns = snapshot_scale_ns(ticks->profiled, ns_per_tick);
    thread->wait_ns =
        snapshot_scale_wait_ns(on_ticks + ticks->wait, ticks->wait, ns_per_tick, stolen_share);
    thread->cpu_ns = snapshot_scale_ns(on_ticks - stolen_ticks, ns_per_tick);
    thread->stalled_ns = snapshot_scale_ns(ticks->stalled, ns_per_tick);
    thread->corrected_ns = snapshot_scale_ns(ticks->corrected, ns_per_tick);
    thread->outside_ns = snapshot_scale_ns(ticks->outside, ns_per_tick);
}

int snapshot_paths_mark(struct snapshot *snapshot, struct snapshot_paths *paths)
{
    paths->node_of = arena_array(snapshot->arena, paths->count, sizeof(int32_t));
    if (!paths->node_of)
        return -ENOMEM;
    paths->marked = 1;
    for (size_t i = paths->count; i-- > 1;) {
        struct path_numbers path;
        paths->get(paths->context, i, &path);
        if (paths->node_of[i] == 0 && !path.has_numbers) {
            paths->node_of[i] = SNAPSHOT_NONE;
            continue;
        }
        paths->node_of[path.parent] = 1;
        paths->marked++;
    }
    return 0;
}

static void sum_functions(struct snapshot *snapshot, const struct snapshot_paths *paths)
{
    for (size_t i = 1; i < paths->count; i++) {
        struct path_numbers path;
        paths->get(paths->context, i, &path);
        if (path.function == SNAPSHOT_NONE)
            continue;
        struct snapshot_function *function = &snapshot->functions[path.function];
        function->calls += path.calls;
        function->resumes += path.resumes;
        if (path.flags & PATH_PRIMITIVE)
            function->primitive_calls += path.calls + path.resumes;
        function->self_ns += path.self_ns;
        function->self_wait_ns += path.self_wait_ns;
        if (path.flags & PATH_OUTERMOST) {
            function->total_ns += path.total_ns;
            function->total_wait_ns += path.total_wait_ns;
        }
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

static void add_to_node(const struct path_numbers *path, struct snapshot_node *node)
{
    node->calls += path->calls;
    node->resumes += path->resumes;
    node->self_ns += path->self_ns;
    node->total_ns += path->total_ns;
    node->self_wait_ns += path->self_wait_ns;
    node->total_wait_ns += path->total_wait_ns;
}

static void fill_tree(struct snapshot *snapshot, const struct snapshot_paths *paths,
                      struct pairs *pairs)
{
    snapshot->nodes[0] = (struct snapshot_node){.parent = SNAPSHOT_NONE, .function = SNAPSHOT_NONE};
    snapshot->node_count = 1;
    paths->node_of[0] = 0;
    for (size_t i = 1; i < paths->count; i++) {
        struct path_numbers path;
        bool is_new;
        if (paths->node_of[i] == SNAPSHOT_NONE)
            continue;
        paths->get(paths->context, i, &path);
        int32_t parent = paths->node_of[path.parent];
        if (path.function == SNAPSHOT_NONE) { /* a thread's bottom */
            paths->node_of[i] = parent;
            continue;
        }
        int32_t *at = pairs_at(pairs, parent, path.function, &is_new);
        if (is_new) {
            *at = (int32_t)snapshot->node_count++;
            snapshot->nodes[*at].parent = parent;
            snapshot->nodes[*at].function = path.function;
        }
        paths->node_of[i] = *at;
        add_to_node(&path, &snapshot->nodes[*at]);
    }
}

/* The root is all that its children are; `(other)` stands for no calls of its own. */
static void sum_roots(struct snapshot *snapshot, int32_t other_function)
{
    int32_t other = SNAPSHOT_NONE;
    for (size_t i = 1; i < snapshot->node_count; i++) {
        struct snapshot_node *node = &snapshot->nodes[i];
        if (node->parent == 0 && node->function == other_function && node->total_ns == 0)
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

static int make_tree(struct snapshot *snapshot, const struct snapshot_paths *paths)
{
    struct pairs pairs = {0};
    int result = pairs_init(&pairs, paths->marked);
    if (result == 0) {
        snapshot->nodes = arena_array(snapshot->arena, paths->marked, sizeof(*snapshot->nodes));
        result = snapshot->nodes ? 0 : -ENOMEM;
    }
    if (result == 0) {
        fill_tree(snapshot, paths, &pairs);
        sum_roots(snapshot, paths->other);
    }
    pairs_done(&pairs);
    return result;
}

/* --- edges ---------------------------------------------------------------------------------- */

static void add_to_edge(const struct path_numbers *path, struct snapshot_edge *edge)
{
    edge->calls += path->calls + path->resumes;
    if (path->flags & PATH_EDGE_PRIMITIVE)
        edge->primitive_calls += path->calls + path->resumes;
    edge->self_ns += path->self_ns;
    edge->self_wait_ns += path->self_wait_ns;
    if (path->flags & PATH_EDGE_OUTERMOST) {
        edge->total_ns += path->total_ns;
        edge->total_wait_ns += path->total_wait_ns;
    }
}

/* The pair's place, or NULL for a path that is no edge. */
static int32_t *edge_of(const struct snapshot *snapshot, const struct snapshot_paths *paths,
                        struct pairs *pairs, const struct path_numbers *path, bool *ret_new)
{
    if (!path->has_numbers || path->function == SNAPSHOT_NONE)
        return NULL;
    int32_t caller = snapshot->nodes[paths->node_of[path->parent]].function;
    return pairs_at(pairs, caller, path->function, ret_new);
}

static size_t number_edges(const struct snapshot *snapshot, const struct snapshot_paths *paths,
                           struct pairs *pairs)
{
    size_t count = 0;
    for (size_t i = 1; i < paths->count; i++) {
        struct path_numbers path;
        bool is_new = false;
        if (paths->node_of[i] == SNAPSHOT_NONE)
            continue;
        paths->get(paths->context, i, &path);
        int32_t *at = edge_of(snapshot, paths, pairs, &path, &is_new);
        if (is_new)
            *at = (int32_t)count++;
    }
    return count;
}

static void fill_edges(struct snapshot *snapshot, const struct snapshot_paths *paths,
                       struct pairs *pairs)
{
    for (size_t i = 1; i < paths->count; i++) {
        struct path_numbers path;
        bool is_new;
        if (paths->node_of[i] == SNAPSHOT_NONE)
            continue;
        paths->get(paths->context, i, &path);
        const int32_t *at = edge_of(snapshot, paths, pairs, &path, &is_new);
        if (!at)
            continue;
        struct snapshot_edge *edge = &snapshot->edges[*at];
        edge->caller = snapshot->nodes[paths->node_of[path.parent]].function;
        edge->callee = path.function;
        add_to_edge(&path, edge);
    }
}

static int make_edges(struct snapshot *snapshot, const struct snapshot_paths *paths)
{
    struct pairs pairs = {0};
    if (pairs_init(&pairs, snapshot->node_count)) {
        pairs_done(&pairs);
        return -ENOMEM;
    }
    size_t count = number_edges(snapshot, paths, &pairs);
    snapshot->edges = arena_array(snapshot->arena, count ? count : 1, sizeof(*snapshot->edges));
    if (snapshot->edges) {
        snapshot->edge_count = count;
        fill_edges(snapshot, paths, &pairs);
    }
    pairs_done(&pairs);
    return snapshot->edges ? 0 : -ENOMEM;
}

int snapshot_paths_fill(struct snapshot *snapshot, const struct snapshot_paths *paths)
{
    sum_functions(snapshot, paths);
    int result = make_tree(snapshot, paths);
    return result == 0 ? make_edges(snapshot, paths) : result;
}

/* --- windows -------------------------------------------------------------------------------- */

void snapshot_paths_copy_window(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        struct snapshot_function *function = &snapshot->functions[i];
        function->window.calls = function->calls;
        function->window.resumes = function->resumes;
        function->window.self_ns = function->self_ns;
        function->window.total_ns = function->total_ns;
        function->window.self_wait_ns = function->self_wait_ns;
        function->window.total_wait_ns = function->total_wait_ns;
        function->window.max_ns = function->max_ns;
        function->window.p50_ns = function->p50_ns;
        function->window.p99_ns = function->p99_ns;
    }
    for (size_t i = 0; i < snapshot->node_count; i++) {
        snapshot->nodes[i].window_self_ns = snapshot->nodes[i].self_ns;
        snapshot->nodes[i].window_total_ns = snapshot->nodes[i].total_ns;
    }
}

void snapshot_paths_sum_window_root(struct snapshot *snapshot)
{
    for (size_t i = 1; i < snapshot->node_count; i++)
        if (snapshot->nodes[i].parent == 0)
            snapshot->nodes[0].window_total_ns += snapshot->nodes[i].window_total_ns;
}

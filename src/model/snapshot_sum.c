/* SPDX-License-Identifier: MIT */
/* Rows that are alike, found by hash and added up in place.
 * Why: see snapshot_sum.h.
 * Rules: as there. What is kept moves to the front of its array, in its order, so that a parent stays before its
 * children. */
#include "model/snapshot_sum.h"

#include "base/arena.h"
#include "model/snapshot_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- finding ------------------------------------------------------------------------------------ */

/* Places of what is kept, 1 + index; open addressing. */
struct finder {
    uint32_t *places;
    size_t mask;
};

static int finder_init(struct finder *finder, size_t count)
{
    finder->mask = 63;
    while (finder->mask < 2 * count)
        finder->mask = finder->mask * 2 + 1;
    finder->places = calloc(finder->mask + 1, sizeof(*finder->places));
    return finder->places ? 0 : -ENOMEM;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return mix(hash, 0);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* --- functions ---------------------------------------------------------------------------------- */

static uint64_t hash_function(const struct snapshot_function *function)
{
    uint64_t hash = mix(function->line, function->kind);
    hash = hash_text(hash, function->name);
    hash = hash_text(hash, function->qualname);
    hash = hash_text(hash, function->module);
    return hash_text(hash, function->file);
}

static bool is_same(const struct snapshot_function *a, const struct snapshot_function *b)
{
    return a->line == b->line && a->kind == b->kind && a->is_method == b->is_method &&
           same_text(a->name, b->name) && same_text(a->qualname, b->qualname) &&
           same_text(a->module, b->module) && same_text(a->file, b->file);
}

/* Percentiles of whichever has some alone. */
static void join_percentile(bool both, int64_t *ns, int64_t more_ns)
{
    *ns = both ? 0 : *ns + more_ns;
}

static void join_extremes(struct snapshot_function *to, const struct snapshot_function *from)
{
    bool both = to->max_ns > 0 && from->max_ns > 0;
    bool both_now = to->window.max_ns > 0 && from->window.max_ns > 0;
    if (from->max_ns > 0 && (to->max_ns <= 0 || from->min_ns < to->min_ns))
        to->min_ns = from->min_ns;
    join_percentile(both, &to->p50_ns, from->p50_ns);
    join_percentile(both, &to->p99_ns, from->p99_ns);
    join_percentile(both_now, &to->window.p50_ns, from->window.p50_ns);
    join_percentile(both_now, &to->window.p99_ns, from->window.p99_ns);
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
    if (from->window.max_ns > to->window.max_ns)
        to->window.max_ns = from->window.max_ns;
}

static void add_function(struct snapshot_function *to, const struct snapshot_function *from)
{
    join_extremes(to, from);
    to->calls += from->calls;
    to->primitive_calls += from->primitive_calls;
    to->resumes += from->resumes;
    to->yields += from->yields;
    to->raised += from->raised;
    to->self_ns += from->self_ns;
    to->total_ns += from->total_ns;
    to->self_wait_ns += from->self_wait_ns;
    to->total_wait_ns += from->total_wait_ns;
    to->window.calls += from->window.calls;
    to->window.resumes += from->window.resumes;
    to->window.self_ns += from->window.self_ns;
    to->window.total_ns += from->window.total_ns;
    to->window.self_wait_ns += from->window.self_wait_ns;
    to->window.total_wait_ns += from->window.total_wait_ns;
    to->calls_exact &= from->calls_exact;
    to->times_exact &= from->times_exact;
    to->estimated += from->estimated;
    to->is_muted |= from->is_muted;
    to->holds_left_out |= from->holds_left_out;
}

/* Where the function's row is, or a free place. */
static uint32_t *place_of_function(const struct finder *finder, const struct snapshot *snapshot,
                                   const struct snapshot_function *function)
{
    size_t at = (size_t)hash_function(function) & finder->mask;
    while (finder->places[at] && !is_same(&snapshot->functions[finder->places[at] - 1], function))
        at = (at + 1) & finder->mask;
    return &finder->places[at];
}

static void join_functions(struct snapshot *snapshot, const struct finder *finder,
                           int32_t *index_of)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        struct snapshot_function function = snapshot->functions[i];
        uint32_t *place = place_of_function(finder, snapshot, &function);
        function.pid = 0;
        if (*place) {
            add_function(&snapshot->functions[*place - 1], &function);
        } else {
            snapshot->functions[kept++] = function;
            *place = (uint32_t)kept;
        }
        index_of[i] = (int32_t)*place - 1;
    }
    snapshot->function_count = kept;
}

/* --- paths and edges ---------------------------------------------------------------------------- */

static uint32_t *place_of_node(const struct finder *finder, const struct snapshot *snapshot,
                               int32_t parent, int32_t function)
{
    size_t at = (size_t)mix(mix(1, (uint32_t)parent), (uint32_t)function) & finder->mask;
    for (; finder->places[at]; at = (at + 1) & finder->mask) {
        const struct snapshot_node *node = &snapshot->nodes[finder->places[at] - 1];
        if (node->parent == parent && node->function == function)
            break;
    }
    return &finder->places[at];
}

static void add_node(struct snapshot_node *to, const struct snapshot_node *from)
{
    to->calls += from->calls;
    to->resumes += from->resumes;
    to->self_ns += from->self_ns;
    to->total_ns += from->total_ns;
    to->self_wait_ns += from->self_wait_ns;
    to->total_wait_ns += from->total_wait_ns;
    to->window_self_ns += from->window_self_ns;
    to->window_total_ns += from->window_total_ns;
}

/* A node without a function below the root is another tree's root: it is the root. */
static void join_nodes(struct snapshot *snapshot, const struct finder *finder, int32_t *index_of)
{
    size_t kept = snapshot->node_count > 0;
    for (size_t i = 1; i < snapshot->node_count; i++) {
        struct snapshot_node node = snapshot->nodes[i];
        node.parent = index_of[node.parent];
        if (node.function == SNAPSHOT_NONE) {
            add_node(&snapshot->nodes[0], &node);
            index_of[i] = 0;
            continue;
        }
        uint32_t *place = place_of_node(finder, snapshot, node.parent, node.function);
        if (*place) {
            add_node(&snapshot->nodes[*place - 1], &node);
        } else {
            snapshot->nodes[kept++] = node;
            *place = (uint32_t)kept;
        }
        index_of[i] = (int32_t)*place - 1;
    }
    snapshot->node_count = kept;
}

static uint32_t *place_of_edge(const struct finder *finder, const struct snapshot *snapshot,
                               const struct snapshot_edge *edge)
{
    size_t at = (size_t)mix(mix(2, (uint32_t)edge->caller), (uint32_t)edge->callee) & finder->mask;
    for (; finder->places[at]; at = (at + 1) & finder->mask) {
        const struct snapshot_edge *there = &snapshot->edges[finder->places[at] - 1];
        if (there->caller == edge->caller && there->callee == edge->callee)
            break;
    }
    return &finder->places[at];
}

static void join_edges(struct snapshot *snapshot, const struct finder *finder)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        struct snapshot_edge edge = snapshot->edges[i];
        uint32_t *place = place_of_edge(finder, snapshot, &edge);
        if (!*place) {
            snapshot->edges[kept++] = edge;
            *place = (uint32_t)kept;
            continue;
        }
        struct snapshot_edge *to = &snapshot->edges[*place - 1];
        to->calls += edge.calls;
        to->primitive_calls += edge.primitive_calls;
        to->self_ns += edge.self_ns;
        to->total_ns += edge.total_ns;
        to->self_wait_ns += edge.self_wait_ns;
        to->total_wait_ns += edge.total_wait_ns;
    }
    snapshot->edge_count = kept;
}

static void join_gc(struct snapshot_gc *rows, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        struct snapshot_gc row = rows[i], *to = NULL;
        for (size_t j = 0; j < kept && !to; j++)
            if (rows[j].generation == row.generation && rows[j].function == row.function)
                to = &rows[j];
        if (!to) {
            rows[kept++] = row;
            continue;
        }
        to->runs += row.runs;
        to->collected += row.collected;
        to->uncollectable += row.uncollectable;
        to->total_ns += row.total_ns;
        to->max_ns = row.max_ns > to->max_ns ? row.max_ns : to->max_ns;
    }
    *count = kept;
}

int snapshot_sum_paths(struct snapshot *snapshot)
{
    struct finder nodes = {0}, edges = {0};
    int32_t *index_of = calloc(snapshot->node_count + 1, sizeof(*index_of));
    int result = index_of ? finder_init(&nodes, snapshot->node_count) : -ENOMEM;
    if (result == 0)
        result = finder_init(&edges, snapshot->edge_count);
    if (result == 0) {
        join_nodes(snapshot, &nodes, index_of);
        join_edges(snapshot, &edges);
        join_gc(snapshot->gc, &snapshot->gc_count);
        join_gc(snapshot->gc_triggers, &snapshot->gc_trigger_count);
    }
    free(nodes.places);
    free(edges.places);
    free(index_of);
    return result;
}

int snapshot_sum_processes(struct snapshot *snapshot)
{
    struct finder finder = {0};
    int32_t *index_of = calloc(snapshot->function_count + 1, sizeof(*index_of));
    int result = index_of ? finder_init(&finder, snapshot->function_count) : -ENOMEM;
    if (result == 0) {
        join_functions(snapshot, &finder, index_of);
        snapshot_renumber(snapshot, index_of);
        result = snapshot_sum_paths(snapshot);
    }
    if (result == 0)
        snapshot->meta.by_process = false;
    free(finder.places);
    free(index_of);
    return result;
}

/* --- the meta data ------------------------------------------------------------------------------ */

static void add_source(struct snapshot_meta *meta, struct arena *arena,
                       const struct snapshot_source *source)
{
    struct snapshot_source *to = NULL;
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, source->name) == 0)
            to = &meta->sources[i];
    if (!to && meta->source_count < SNAPSHOT_SOURCES_MOST) {
        to = &meta->sources[meta->source_count];
        *to = *source;
        to->name = arena_string(arena, source->name);
        to->reason = source->reason ? arena_string(arena, source->reason) : NULL;
        meta->source_count += to->name != NULL;
        return;
    }
    if (!to)
        return;
    if (to->complete && !source->complete)
        to->reason = source->reason ? arena_string(arena, source->reason) : NULL;
    to->complete &= source->complete;
    to->wanted |= source->wanted;
    if (source->on_ns > to->on_ns)
        to->on_ns = source->on_ns;
}

static void add_counts(struct snapshot_meta *to, const struct snapshot_meta *from)
{
    to->corrected_ns += from->corrected_ns;
    to->waited_ns += from->waited_ns;
    to->calls += from->calls;
    to->events_read += from->events_read;
    to->lost += from->lost;
    to->gaps += from->gaps;
    to->nested += from->nested;
    to->unmatched_pops += from->unmatched_pops;
    to->bad_events += from->bad_events;
    to->waits_lost += from->waits_lost;
    to->execs_unfollowed += from->execs_unfollowed;
    to->processes_folded += from->processes_folded;
    to->definitions_refused += from->definitions_refused;
    to->stack_guards += from->stack_guards;
    to->forks_unfollowed += from->forks_unfollowed;
    to->stack_guard_ns += from->stack_guard_ns;
    to->off_ns += from->off_ns;
    to->stolen_ns += from->stolen_ns;
    to->thread_count += from->thread_count;
    to->events_per_s += from->events_per_s;
    to->collector_pct += from->collector_pct;
    to->muted += from->muted;
    to->left_out += from->left_out;
    to->tasks_live += from->tasks_live;
    to->tasks_refused += from->tasks_refused;
}

void snapshot_sum_meta(struct snapshot *to, const struct snapshot *from)
{
    struct snapshot_meta *meta = &to->meta;
    const struct snapshot_meta *more = &from->meta;
    add_counts(meta, more);
    if (more->start_time_ns < meta->start_time_ns)
        meta->start_time_ns = more->start_time_ns;
    if (more->duration_ns > meta->duration_ns)
        meta->duration_ns = more->duration_ns;
    if (more->window_to_ns > meta->window_to_ns)
        meta->window_to_ns = more->window_to_ns;
    if (more->cost_pct > meta->cost_pct)
        meta->cost_pct = more->cost_pct;
    if (!meta->inexact && more->inexact)
        meta->inexact = arena_string(to->arena, more->inexact);
    meta->ended &= more->ended;
    meta->recording |= more->recording;
    meta->corrected &= more->corrected;
    meta->budget_is_held &= more->budget_is_held;
    for (size_t i = 0; i < more->source_count; i++)
        add_source(meta, to->arena, &more->sources[i]);
}

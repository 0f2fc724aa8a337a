/* SPDX-License-Identifier: MIT */
/* The part of a snapshot that only recordings keep.
 * Why: see snapshot.h. What changes from one second to the next must be told from what only looks
 * different because the counter's rate became known better: so ticks, not nanoseconds.
 * Rules: paths in the order of the model's nodes, those that the snapshot's tree has. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

static int make_paths(const struct snapshot_maker *maker, struct snapshot_detail *detail)
{
    const struct moment *moment = maker->moment;
    size_t count = 0;
    for (uint32_t i = 1; i < moment->node_count; i++)
        count += maker->node_of[i] != SNAPSHOT_NONE;
    detail->paths = arena_array(maker->snapshot->arena, count + 1, sizeof(*detail->paths));
    if (!detail->paths)
        return -ENOMEM;
    for (uint32_t i = 1; i < moment->node_count; i++) {
        const struct node *node = &moment->nodes[i];
        if (maker->node_of[i] == SNAPSHOT_NONE)
            continue;
        uint32_t row = maker->symbols->symbols[node->symbol].row;
        detail->paths[detail->path_count++] = (struct snapshot_path){
            .id = i,
            .parent = nodes_parent(node),
            .function = nodes_is_root(node) ? SNAPSHOT_NONE : maker->function_of[row],
            .thread = moment->thread_of[i],
            .flags = node->parent_flags & PATH_FLAGS,
            .calls = node->calls,
            .resumes = node->resumes,
            .self_ticks = node->self_ticks,
            .total_ticks = node->total_ticks,
            .self_wait_ticks = node->self_wait_ticks,
            .total_wait_ticks = node->total_wait_ticks,
        };
    }
    return 0;
}

static int make_durations(const struct snapshot_maker *maker, struct snapshot_detail *detail)
{
    const struct moment *moment = maker->moment;
    struct snapshot *snapshot = maker->snapshot;
    detail->durations =
        arena_array(snapshot->arena, snapshot->function_count + 1, sizeof(*detail->durations));
    detail->slots = arena_array(snapshot->arena, moment->slot_count + 1, sizeof(*detail->slots));
    if (!detail->durations || !detail->slots)
        return -ENOMEM;
    detail->slot_count = moment->slot_count;
    if (moment->slot_count)
        memcpy(detail->slots, moment->slots, moment->slot_count * sizeof(*detail->slots));
    for (uint32_t i = 1; i < moment->symbol_count; i++) {
        int32_t at = maker->function_of[i];
        if (at == SNAPSHOT_NONE || maker->symbols->symbols[i].row != i)
            continue;
        detail->durations[at] = moment->durations[i];
    }
    return 0;
}

static int make_threads(const struct snapshot_maker *maker, struct snapshot_detail *detail)
{
    const struct moment *moment = maker->moment;
    detail->threads =
        arena_array(maker->snapshot->arena, moment->thread_count + 1, sizeof(*detail->threads));
    if (!detail->threads)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->thread_count; i++) {
        const struct ended_thread *sums = &moment->threads[i].sums;
        detail->threads[i] = (struct snapshot_thread_ticks){.profiled = sums->profiled_ticks,
                                                            .wait = sums->wait_ticks,
                                                            .stalled = sums->stalled_ticks,
                                                            .corrected = sums->corrected_ticks,
                                                            .outside = sums->outside_ticks};
    }
    return 0;
}

int snapshot_make_detail(struct snapshot_maker *maker)
{
    struct snapshot_detail *detail = arena_alloc(maker->snapshot->arena, sizeof(*detail));
    if (!detail || make_paths(maker, detail) || make_durations(maker, detail) ||
        make_threads(maker, detail))
        return -ENOMEM;
    detail->ns_per_tick = maker->ns_per_tick;
    detail->stolen_share = maker->stolen_share;
    maker->snapshot->detail = detail;
    return 0;
}

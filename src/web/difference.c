/* SPDX-License-Identifier: MIT */
/* Finding each path of the later snapshot in the earlier one.
 * Why: see difference.h.
 * Rules: as there. Parents stand before their children, in both. */
#include "web/difference.h"

#include <errno.h>
#include <stdlib.h>

/* (parent, function) -> node + 1, open addressing. */
struct paths {
    const struct snapshot *snapshot;
    int32_t *slots;
    size_t mask;
};

static uint64_t function_of(const struct snapshot *snapshot, const struct snapshot_node *node)
{
    if (node->function < 0)
        return 0;
    const struct snapshot_function *function = &snapshot->functions[node->function];
    return (uint64_t)function->pid << 32 | function->id;
}

static size_t slot_of(const struct paths *paths, int32_t parent, uint64_t function)
{
    uint64_t hash = (function ^ (uint64_t)(uint32_t)parent << 20) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 20) & paths->mask;
    while (paths->slots[at]) {
        const struct snapshot_node *node = &paths->snapshot->nodes[paths->slots[at] - 1];
        if (node->parent == parent && function_of(paths->snapshot, node) == function)
            break;
        at = (at + 1) & paths->mask;
    }
    return at;
}

static int paths_init(struct paths *paths, const struct snapshot *snapshot)
{
    size_t size = 64;
    while (size < snapshot->node_count * 2)
        size *= 2;
    *paths = (struct paths){
        .snapshot = snapshot, .slots = calloc(size, sizeof(int32_t)), .mask = size - 1};
    if (!paths->slots)
        return -ENOMEM;
    for (size_t i = 1; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        size_t at = slot_of(paths, node->parent, function_of(snapshot, node));
        if (!paths->slots[at])
            paths->slots[at] = (int32_t)i + 1;
    }
    return 0;
}

static uint64_t less(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static int64_t less_ns(int64_t now, int64_t before)
{
    return now > before ? now - before : 0;
}

static void subtract(struct snapshot_node *node, const struct snapshot_node *before)
{
    node->calls = less(node->calls, before->calls);
    node->resumes = less(node->resumes, before->resumes);
    node->self_ns = less_ns(node->self_ns, before->self_ns);
    node->total_ns = less_ns(node->total_ns, before->total_ns);
    node->self_wait_ns = less_ns(node->self_wait_ns, before->self_wait_ns);
    node->total_wait_ns = less_ns(node->total_wait_ns, before->total_wait_ns);
}

int difference_make(struct snapshot *later, const struct snapshot *earlier)
{
    struct paths paths;
    int result = paths_init(&paths, earlier);
    int32_t *places = calloc(later->node_count + 1, sizeof(*places)); /* in the earlier one */
    if (result < 0 || !places) {
        free(paths.slots);
        free(places);
        return -ENOMEM;
    }
    for (size_t i = 0; i < later->node_count; i++) {
        struct snapshot_node *node = &later->nodes[i];
        places[i] = i == 0 && earlier->node_count > 0 ? 0 : SNAPSHOT_NONE;
        if (i > 0 && places[node->parent] >= 0)
            places[i] =
                paths.slots[slot_of(&paths, places[node->parent], function_of(later, node))] - 1;
        if (places[i] >= 0)
            subtract(node, &earlier->nodes[places[i]]);
    }
    later->meta.start_time_ns += earlier->meta.duration_ns;
    later->meta.duration_ns = less_ns(later->meta.duration_ns, earlier->meta.duration_ns);
    free(paths.slots);
    free(places);
    return 0;
}

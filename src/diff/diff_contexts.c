/* SPDX-License-Identifier: MIT */
/* One tree of calling contexts out of all recordings' trees.
 * Why: a function that became slower did so for somebody; the tree shows for whom.
 * Rules: no recursion (trees may be a hundred thousand levels deep). Numbers are means of a side's
 * recordings; times of each are brought to old's pace first. Only functions that have changed change a
 * context: the rest would be the sum of everybody's noise. */
#include "diff/diff_parts.h"

#include <errno.h>
#include <math.h>

struct table {
    uint32_t *slots; /* 1 + node */
    uint32_t mask;
};

static uint32_t hash_of(int32_t parent, int32_t function)
{
    uint64_t mixed = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)function) *
                     UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32);
}

static int32_t node_for(struct diff *diff, struct table *table, int32_t parent, int32_t function)
{
    uint32_t at = hash_of(parent, function) & table->mask;
    for (; table->slots[at]; at = (at + 1) & table->mask) {
        const struct diff_node *node = &diff->nodes[table->slots[at] - 1];
        if (node->parent == parent && node->function == function)
            return (int32_t)table->slots[at] - 1;
    }
    int32_t added = (int32_t)diff->node_count++;
    diff->nodes[added].parent = parent;
    diff->nodes[added].function = function;
    table->slots[at] = (uint32_t)added + 1;
    return added;
}

static int64_t self_of(const struct snapshot_node *node, enum snapshot_clock clock)
{
    int64_t self = clock == CLOCK_CPU ? node->self_ns - node->self_wait_ns : node->self_ns;
    return self > 0 ? self : 0;
}

static int join_recording(struct making *making, struct diff *diff, struct table *table,
                          size_t recording, double pace, const int32_t *function_of)
{
    const struct snapshot *whole = whole_of(making, recording);
    enum diff_side side = side_of(making, recording);
    double share = 1 / (double)making->request->counts[side];
    int32_t *joined = arena_array(making->scratch, whole->node_count + 1, sizeof(*joined));
    if (!joined)
        return -ENOMEM;
    for (size_t i = 1; i < whole->node_count; i++) {
        const struct snapshot_node *node = &whole->nodes[i];
        int32_t entry = making->entry_of[recording][node->function];
        joined[i] = node_for(diff, table, joined[node->parent], function_of[entry]);
        struct diff_node *into = &diff->nodes[joined[i]];
        into->calls[side] += share * ((double)node->calls + (double)node->resumes);
        into->self_ns[side] += share * (double)self_of(node, making->request->clock) / pace;
    }
    return 0;
}

static void sum_changes(struct diff *diff)
{
    for (size_t i = diff->node_count; i-- > 1;) {
        struct diff_node *node = &diff->nodes[i];
        const struct diff_function *function = &diff->functions[node->function];
        bool by_time = function->self.way || function->per_call.way || function->calls.way ||
                       !function->sides[DIFF_OLD] || !function->sides[DIFF_NEW];
        if (by_time)
            node->change_ns = node->self_ns[DIFF_NEW] - node->self_ns[DIFF_OLD];
        node->below_ns += fabs(node->change_ns);
        node->net_ns += node->change_ns;
        diff->nodes[node->parent].below_ns += node->below_ns;
        diff->nodes[node->parent].net_ns += node->net_ns;
    }
}

/* The same as a snapshot, so that what draws paths and orders trees of snapshots does it here. */
static int make_snapshot(struct diff *diff)
{
    struct snapshot *tree = arena_alloc(diff->arena, sizeof(*tree));
    if (!tree)
        return -ENOMEM;
    tree->functions = arena_array(diff->arena, diff->function_count + 1, sizeof(*tree->functions));
    tree->nodes = arena_array(diff->arena, diff->node_count + 1, sizeof(*tree->nodes));
    if (!tree->functions || !tree->nodes)
        return -ENOMEM;
    tree->function_count = diff->function_count;
    tree->node_count = diff->node_count;
    for (size_t i = 0; i < diff->function_count; i++) {
        const struct diff_function *function = &diff->functions[i];
        tree->functions[i] =
            *(function->sides[DIFF_NEW] ? function->sides[DIFF_NEW] : function->sides[DIFF_OLD]);
    }
    for (size_t i = 0; i < diff->node_count; i++) {
        tree->nodes[i].parent = diff->nodes[i].parent;
        tree->nodes[i].function = diff->nodes[i].function;
    }
    diff->tree = tree;
    return 0;
}

int diff_contexts(struct making *making, struct diff *diff, const int32_t *function_of)
{
    size_t most = 1;
    for (size_t i = 0; i < making->recording_count; i++)
        most += whole_of(making, i)->node_count;
    struct table table = {.mask = 15};
    while (table.mask < 2 * most)
        table.mask = 2 * table.mask + 1;
    table.slots = arena_array(making->scratch, (size_t)table.mask + 1, sizeof(*table.slots));
    diff->nodes = arena_array(diff->arena, most, sizeof(*diff->nodes));
    if (!table.slots || !diff->nodes)
        return -ENOMEM;
    diff->nodes[0].parent = diff->nodes[0].function = SNAPSHOT_NONE;
    diff->node_count = 1;
    for (size_t i = 0; i < making->recording_count; i++)
        if (join_recording(making, diff, &table, i, diff->paces[i].ratio, function_of))
            return -ENOMEM;
    sum_changes(diff);
    return make_snapshot(diff);
}

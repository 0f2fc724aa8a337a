/* SPDX-License-Identifier: MIT */
/* Counting sort by parent, then a sort of each family, then a walk with a stack of our own.
 * Why: see tree_order.h. O(n log n), no recursion.
 * Rules: relies on snapshot.h's promise that a parent stands before its children. */
#include "model/tree_order.h"

#include "base/sort.h"

#include <errno.h>
#include <stdlib.h>

static int compare_siblings(const void *left, const void *right, void *context)
{
    const int64_t *weights = context;
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    if (weights[a] != weights[b])
        return weights[a] > weights[b] ? -1 : 1;
    return (a > b) - (a < b);
}

/* children[firsts[n]] .. children[firsts[n + 1] - 1] are the children of node n, heaviest first. */
static void gather_children(const struct snapshot *snapshot, const int64_t *weights,
                            int32_t *firsts, int32_t *children)
{
    size_t count = snapshot->node_count;
    for (size_t i = 1; i < count; i++)
        firsts[snapshot->nodes[i].parent + 2]++;
    for (size_t i = 2; i <= count; i++)
        firsts[i] += firsts[i - 1];
    /* firsts[n + 1] is where n's children begin; filling moves it to where they end. */
    for (size_t i = 1; i < count; i++)
        children[firsts[snapshot->nodes[i].parent + 1]++] = (int32_t)i;
    for (size_t i = 0; i < count; i++) {
        size_t size = (size_t)(firsts[i + 1] - firsts[i]);
        if (size > 1)
            sort_with(children + firsts[i], size, sizeof(*children), compare_siblings,
                      (void *)(uintptr_t)weights);
    }
}

static void set_ends(struct tree_order *order, int32_t *last_at_depth)
{
    int32_t count = (int32_t)order->count;
    int32_t deepest = -1;
    for (int32_t i = 0; i <= count; i++) {
        int32_t depth = i < count ? order->depths[i] : 0;
        for (; deepest >= depth; deepest--)
            order->ends[last_at_depth[deepest]] = i;
        if (i < count) {
            last_at_depth[depth] = i;
            deepest = depth;
        }
    }
}

int tree_order_make(struct arena *arena, const struct snapshot *snapshot, const int64_t *weights,
                    struct tree_order *ret_order)
{
    size_t count = snapshot->node_count;
    struct tree_order order = {.count = count};
    order.nodes = arena_array(arena, count + 1, sizeof(int32_t));
    order.depths = arena_array(arena, count + 1, sizeof(int32_t));
    order.ends = arena_array(arena, count + 1, sizeof(int32_t));
    int32_t *firsts = arena_array(arena, count + 2, sizeof(int32_t));
    int32_t *children = arena_array(arena, count + 1, sizeof(int32_t));
    int32_t *stack = arena_array(arena, count + 1, sizeof(int32_t));
    int32_t *depth_of = arena_array(arena, count + 1, sizeof(int32_t));
    if (!order.nodes || !order.depths || !order.ends || !firsts || !children || !stack || !depth_of)
        return -ENOMEM;
    if (count == 0) {
        *ret_order = order;
        return 0;
    }
    gather_children(snapshot, weights, firsts, children);
    size_t open = 1, at = 0;
    stack[0] = 0;
    while (open) {
        int32_t node = stack[--open];
        int32_t parent = snapshot->nodes[node].parent;
        depth_of[node] = node ? depth_of[parent] + 1 : 0;
        order.nodes[at] = node;
        order.depths[at++] = depth_of[node];
        for (int32_t i = firsts[node + 1]; i-- > firsts[node];)
            stack[open++] = children[i];
    }
    set_ends(&order, stack);
    *ret_order = order;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A walk over a snapshot's calling-context tree, heaviest children first.
 * Why: the tree lies in the order in which it grew; every picture of it wants parents before
 * children and siblings by weight. A tree may be a hundred thousand levels deep, so no reader may
 * recurse over it: they loop over this order instead.
 * Rules: position 0 is the root. The subtree of position i is [i, ends[i]): skipping it is a jump. */
#ifndef ULMA_MODEL_TREE_ORDER_H
#define ULMA_MODEL_TREE_ORDER_H

#include "base/arena.h"
#include "model/snapshot.h"

struct tree_order {
    int32_t *nodes;  /* indices into snapshot->nodes */
    int32_t *depths; /* 0 for the root */
    int32_t *ends;   /* the position after the last one of its subtree */
    size_t count;
};

/* Siblings by `weights` (one for each node) descending, then as they stand. 0 or -ENOMEM. */
int tree_order_make(struct arena *arena, const struct snapshot *snapshot, const int64_t *weights,
                    struct tree_order *ret_order);

/* By the clock asked for, never below zero. */
static inline int64_t tree_order_self(const struct snapshot_node *node, enum snapshot_clock clock)
{
    int64_t self = clock == CLOCK_CPU ? node->self_ns - node->self_wait_ns : node->self_ns;
    return self > 0 ? self : 0;
}

static inline int64_t tree_order_total(const struct snapshot_node *node, enum snapshot_clock clock)
{
    int64_t total = clock == CLOCK_CPU ? node->total_ns - node->total_wait_ns : node->total_ns;
    return total > 0 ? total : 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/* The calling-context tree: finding and making nodes.
 * Why: see nodes.h.
 * Rules: the hot path looks at last_child itself (fold.c); here is what it misses. */
#include "model/nodes.h"

#include "model/census.h"
#include "model/region.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1 << 12, OTHER_SPARE = 2 };

int nodes_init(struct nodes *nodes, size_t path_limit)
{
    size_t most = (UINT32_MAX >> NODE_FLAG_BITS) - OTHER_SPARE * (size_t)SYMBOLS_LIMIT - 2;
    *nodes = (struct nodes){.count = 1, .slot_mask = FIRST_SLOTS - 1};
    if (path_limit == 0)
        path_limit = NODES_LIMIT;
    nodes->path_limit = (uint32_t)(path_limit < most ? path_limit : most);
    nodes->limit = nodes->path_limit + OTHER_SPARE * SYMBOLS_LIMIT + 2;
    nodes->nodes = region_new(nodes->limit, sizeof(*nodes->nodes));
    nodes->other_first = region_new(SYMBOLS_LIMIT, sizeof(uint32_t));
    nodes->other_deeper = region_new(SYMBOLS_LIMIT, sizeof(uint32_t));
    nodes->slots = calloc(FIRST_SLOTS, sizeof(*nodes->slots));
    nodes->roots = calloc(NODES_ROOTS_MAX + 1, sizeof(*nodes->roots));
    nodes->census = census_new();
    if (!nodes->roots || !nodes->nodes || !nodes->other_first || !nodes->other_deeper ||
        !nodes->slots || !nodes->census) {
        nodes_done(nodes);
        return -ENOMEM;
    }
    return 0;
}

void nodes_done(struct nodes *nodes)
{
    region_free(nodes->nodes, nodes->limit, sizeof(*nodes->nodes));
    region_free(nodes->other_first, SYMBOLS_LIMIT, sizeof(uint32_t));
    region_free(nodes->other_deeper, SYMBOLS_LIMIT, sizeof(uint32_t));
    free(nodes->slots);
    free(nodes->roots);
    census_free(nodes->census);
    *nodes = (struct nodes){0};
}

static uint32_t hash_of(uint32_t parent, uint32_t symbol)
{
    uint64_t key = ((uint64_t)parent << 32 | symbol) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 32) ^ (uint32_t)(key >> 11);
}

/* The hash stands beside the index, so that a probe that misses does not fetch a node's line. */
uint32_t nodes_find(const struct nodes *nodes, uint32_t parent, uint32_t symbol)
{
    uint32_t hash = hash_of(parent, symbol);
    for (uint32_t at = hash;; at++) {
        uint64_t slot = nodes->slots[at & nodes->slot_mask];
        if (slot == 0)
            return 0;
        if ((uint32_t)(slot >> 32) != hash)
            continue;
        const struct node *node = &nodes->nodes[(uint32_t)slot];
        if (node->symbol == symbol && nodes_parent(node) == parent)
            return (uint32_t)slot;
    }
}

static void put_slot(uint64_t *slots, uint32_t mask, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot >> 32);
    while (slots[at & mask])
        at++;
    slots[at & mask] = slot;
}

static bool grow_slots(struct nodes *nodes)
{
    uint32_t mask = nodes->slot_mask * 2 + 1;
    uint64_t *slots = calloc((size_t)mask + 1, sizeof(*slots));
    if (!slots)
        return false;
    for (uint32_t i = 0; i <= nodes->slot_mask; i++)
        if (nodes->slots[i])
            put_slot(slots, mask, nodes->slots[i]);
    free(nodes->slots);
    nodes->slots = slots;
    nodes->slot_mask = mask;
    return true;
}

static uint32_t make_node(struct nodes *nodes, uint32_t parent, uint32_t symbol, uint32_t flags)
{
    uint32_t index = nodes->count++;
    nodes->nodes[index].parent_flags = parent << NODE_FLAG_BITS | flags;
    nodes->nodes[index].symbol = symbol;
    return index;
}

uint32_t nodes_thread_root(struct nodes *nodes)
{
    if (nodes->root_count >= NODES_ROOTS_MAX || nodes->count >= nodes->path_limit / 2)
        return NODE_ROOT;
    uint32_t index = make_node(nodes, NODE_ROOT, SYMBOL_ROOT, 0);
    nodes->roots[++nodes->root_count] = index;
    return index;
}

static uint32_t make_path(struct nodes *nodes, uint32_t parent, uint32_t symbol, uint32_t flags)
{
    if (nodes->slots_used > nodes->slot_mask / 2 && !grow_slots(nodes))
        nodes->full = true;
    if (nodes->full)
        return 0;
    uint32_t index = make_node(nodes, parent, symbol, flags);
    put_slot(nodes->slots, nodes->slot_mask, (uint64_t)hash_of(parent, symbol) << 32 | index);
    nodes->slots_used++;
    return index;
}

uint32_t nodes_add(struct nodes *nodes, const struct symbols *symbols, const struct track *track,
                   uint32_t symbol)
{
    if (nodes->count >= nodes->path_limit)
        nodes->full = true;
    if (nodes->full)
        return 0;
    uint32_t flags = census_flags(nodes->census, nodes, symbols, track, symbol);
    return make_path(nodes, track->entries[track->depth].node, symbol, flags);
}

uint32_t nodes_pseudo(struct nodes *nodes, uint32_t parent, uint32_t symbol)
{
    uint32_t index = nodes_find(nodes, parent, symbol);
    if (index || nodes->count >= nodes->path_limit)
        return index;
    return make_path(nodes, parent, symbol, NODE_OUTERMOST | NODE_EDGE_OUTERMOST);
}

uint32_t nodes_other(struct nodes *nodes, uint32_t symbol, bool primitive)
{
    uint32_t all = NODE_PRIMITIVE | NODE_OUTERMOST | NODE_EDGE_PRIMITIVE | NODE_EDGE_OUTERMOST;
    if (nodes->other == 0)
        nodes->other = make_node(nodes, NODE_ROOT, SYMBOL_OTHER, all);
    uint32_t *index = primitive ? &nodes->other_first[symbol] : &nodes->other_deeper[symbol];
    if (*index == 0)
        *index = make_node(nodes, nodes->other, symbol, primitive ? all : 0);
    return *index;
}

void nodes_reset(struct nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->count; i++) {
        struct node *node = &nodes->nodes[i];
        node->calls = node->resumes = 0;
        node->self_ticks = node->total_ticks = node->self_wait_ticks = node->total_wait_ticks = 0;
    }
}

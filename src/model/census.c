/* SPDX-License-Identifier: MIT */
/* The census of the open path.
 * Why: see census.h.
 * Rules: counts go up and down together with `path`; an edge's counter stays at zero rather than
 * being removed, so their number is bounded by the program's distinct edges. */
#include "model/census.h"

#include "model/region.h"

#include <stdlib.h>

enum { FIRST_EDGES = 1 << 10 };

struct edge_count {
    uint64_t key; /* 0: free */
    uint64_t count;
};

struct census {
    uint32_t *path; /* nodes from the first below the root; depth of them are counted */
    uint32_t depth, capacity;
    uint32_t *by_symbol, *by_row;
    struct edge_count *edges;
    uint32_t edge_mask, edges_used;
};

struct census *census_new(void)
{
    struct census *census = calloc(1, sizeof(*census));
    if (!census)
        return NULL;
    census->edge_mask = FIRST_EDGES - 1;
    census->edges = calloc(FIRST_EDGES, sizeof(*census->edges));
    census->by_symbol = region_new(SYMBOLS_LIMIT, sizeof(*census->by_symbol));
    census->by_row = region_new(SYMBOLS_LIMIT, sizeof(*census->by_row));
    if (!census->edges || !census->by_symbol || !census->by_row) {
        census_free(census);
        return NULL;
    }
    return census;
}

void census_free(struct census *census)
{
    if (!census)
        return;
    free(census->path);
    free(census->edges);
    region_free(census->by_symbol, SYMBOLS_LIMIT, sizeof(*census->by_symbol));
    region_free(census->by_row, SYMBOLS_LIMIT, sizeof(*census->by_row));
    free(census);
}

/* --- edges ---------------------------------------------------------------------------------- */

static uint64_t edge_key(uint32_t caller, uint32_t callee, bool rows)
{
    return (UINT64_C(1) << 63) | ((uint64_t)rows << 62) | ((uint64_t)caller << 31) | callee;
}

static struct edge_count *edge_slot(struct edge_count *edges, uint32_t mask, uint64_t key)
{
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
        struct edge_count *edge = &edges[i & mask];
        if (edge->key == key || edge->key == 0)
            return edge;
    }
}

static bool grow_edges(struct census *census)
{
    uint32_t mask = census->edge_mask * 2 + 1;
    struct edge_count *edges = calloc((size_t)mask + 1, sizeof(*edges));
    if (!edges)
        return false;
    for (uint32_t i = 0; i <= census->edge_mask; i++)
        if (census->edges[i].key)
            *edge_slot(edges, mask, census->edges[i].key) = census->edges[i];
    free(census->edges);
    census->edges = edges;
    census->edge_mask = mask;
    return true;
}

static void count_edge(struct census *census, uint64_t key, int step)
{
    if (census->edges_used > census->edge_mask / 2 && !grow_edges(census) &&
        census->edges_used >= census->edge_mask)
        return;
    struct edge_count *edge = edge_slot(census->edges, census->edge_mask, key);
    if (edge->key == 0) {
        edge->key = key;
        census->edges_used++;
    }
    if (step > 0 || edge->count)
        edge->count += (uint64_t)(int64_t)step;
}

static bool edge_is_open(const struct census *census, uint64_t key)
{
    return edge_slot(census->edges, census->edge_mask, key)->count != 0;
}

/* --- the path ------------------------------------------------------------------------------- */

static void count_node(struct census *census, const struct nodes *nodes,
                       const struct symbols *symbols, uint32_t index, int step)
{
    const struct node *node = &nodes->nodes[index];
    uint32_t caller = nodes->nodes[nodes_parent(node)].symbol;
    uint32_t row = symbols->symbols[node->symbol].row;
    uint32_t caller_row = symbols->symbols[caller].row;
    census->by_symbol[node->symbol] += (uint32_t)step;
    census->by_row[row] += (uint32_t)step;
    count_edge(census, edge_key(caller, node->symbol, false), step);
    count_edge(census, edge_key(caller_row, row, true), step);
}

static bool make_room(struct census *census, uint32_t depth)
{
    if (depth <= census->capacity)
        return true;
    uint32_t capacity = depth < 64 ? 64 : depth + depth / 2;
    uint32_t *path = realloc(census->path, capacity * sizeof(*path));
    if (!path)
        return false;
    census->path = path;
    census->capacity = capacity;
    return true;
}

/* Makes the census that of the track's stack. Entry 0 of a stack is its base, the root. */
static bool follow(struct census *census, const struct nodes *nodes, const struct symbols *symbols,
                   const struct track *track)
{
    uint32_t depth = track->depth;
    if (!make_room(census, depth))
        return false;
    while (census->depth > depth ||
           (census->depth && census->path[census->depth - 1] != track->entries[census->depth].node))
        count_node(census, nodes, symbols, census->path[--census->depth], -1);
    while (census->depth < depth) {
        uint32_t node = track->entries[census->depth + 1].node;
        census->path[census->depth++] = node;
        count_node(census, nodes, symbols, node, 1);
    }
    return true;
}

uint32_t census_flags(struct census *census, const struct nodes *nodes,
                      const struct symbols *symbols, const struct track *track, uint32_t symbol)
{
    uint32_t flags = NODE_PRIMITIVE | NODE_OUTERMOST | NODE_EDGE_PRIMITIVE | NODE_EDGE_OUTERMOST;
    if (!follow(census, nodes, symbols, track))
        return flags;
    uint32_t row = symbols->symbols[symbol].row;
    uint32_t caller = nodes->nodes[track->entries[track->depth].node].symbol;
    uint32_t caller_row = symbols->symbols[caller].row;
    if (census->by_symbol[symbol])
        flags &= ~(uint32_t)NODE_PRIMITIVE;
    if (census->by_row[row])
        flags &= ~(uint32_t)NODE_OUTERMOST;
    if (edge_is_open(census, edge_key(caller, symbol, false)))
        flags &= ~(uint32_t)NODE_EDGE_PRIMITIVE;
    if (edge_is_open(census, edge_key(caller_row, row, true)))
        flags &= ~(uint32_t)NODE_EDGE_OUTERMOST;
    return flags;
}

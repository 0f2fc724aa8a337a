/* SPDX-License-Identifier: MIT */
/* The calling-context tree: one node for each distinct path of functions from a thread's start.
 * Why a tree and nothing else: function totals, callers and primitive calls all follow from sums over
 * its nodes, so the hot path keeps one set of numbers.
 * How cProfile's meaning comes out of it: a call is primitive when no activation of the same function
 * is open below it, and a path says that once and for all; so each node knows, from its creation,
 * whether its calls are primitive, whether its time counts in the function's total (by row: a row's
 * twins are one function to a reader), and the same of its edge (caller, callee).
 * Beyond the limit, calls of new paths go to two nodes for each function below the node `(other)`:
 * one for primitive calls, one for the rest; the fold then keeps each thread's depth by symbol.
 * Where threads are to be told apart (a recording), each has a node of its own in the root's place, up
 * to NODES_ROOTS_MAX of them: a node with the root's symbol.
 * Rules: nodes never move and are never removed; 64 bytes; node 0 is the root. A parent stands before
 * its children. */
#ifndef ULMA_MODEL_NODES_H
#define ULMA_MODEL_NODES_H

#include "model/symbols.h"

enum { NODE_ROOT = 0, NODES_LIMIT = 1 << 20, NODES_ROOTS_MAX = 4096 };

enum node_flags {
    NODE_PRIMITIVE = 1,      /* counts: no ancestor of the same symbol */
    NODE_OUTERMOST = 2,      /* time: no ancestor of the same row */
    NODE_EDGE_PRIMITIVE = 4, /* the same of (caller, callee) */
    NODE_EDGE_OUTERMOST = 8,
    NODE_MARKED = 16, /* it has changed in the present second (windows.h) */
    NODE_FLAG_BITS = 5,
};

struct node {
    uint32_t parent_flags; /* parent << NODE_FLAG_BITS | enum node_flags */
    uint32_t symbol;
    /* Bodies call the same functions in the same order: so the child that is wanted is nearly always
     * the one last entered, or the one that followed it last time. */
    uint32_t last_child; /* the child last entered; 0: none */
    uint32_t next;       /* the sibling that was entered after this one; 0: none */
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
};
static_assert(sizeof(struct node) == 64, "a node is one cache line");

struct census;
struct track;

struct nodes {
    struct node *nodes;
    uint32_t count, limit; /* limit includes the nodes below `(other)` */
    uint32_t path_limit;   /* distinct paths before `(other)` */
    bool full;
    uint64_t *slots; /* (parent, symbol) -> hash << 32 | node, open addressing */
    uint32_t slot_mask, slots_used;
    uint32_t other;         /* the node `(other)`; 0: none yet */
    uint32_t *other_first;  /* by symbol, once full: its primitive node below `(other)`; 0: none */
    uint32_t *other_deeper; /* ... and the one of recursive calls */
    uint32_t *roots; /* by number: the bottom of a thread that has one of its own; [0] is unused */
    uint32_t root_count;
    struct census *census;
};

int nodes_init(struct nodes *nodes, size_t path_limit);
void nodes_done(struct nodes *nodes);

static inline uint32_t nodes_parent(const struct node *node)
{
    return node->parent_flags >> NODE_FLAG_BITS;
}

/* The root, or the bottom of a thread. */
static inline bool nodes_is_root(const struct node *node)
{
    return node->symbol == SYMBOL_ROOT;
}

/* A bottom for one more thread, so that its paths are its own. NODE_ROOT: it shares that one, since
 * there are many, or since the tree is half full. */
uint32_t nodes_thread_root(struct nodes *nodes);

/* The child of `parent` for `symbol`, or 0. */
uint32_t nodes_find(const struct nodes *nodes, uint32_t parent, uint32_t symbol);

/* Makes the child for `symbol` of the node on top of the track's stack. 0: the tree is full, and
 * nodes->full is set. */
uint32_t nodes_add(struct nodes *nodes, const struct symbols *symbols, const struct track *track,
                   uint32_t symbol);

/* The node below `(other)`. Falls back to `(other)` itself when even that is used up. */
uint32_t nodes_other(struct nodes *nodes, uint32_t symbol, bool primitive);

/* A child of `parent` that stands for no call: `(resync)`. 0: full. */
uint32_t nodes_pseudo(struct nodes *nodes, uint32_t parent, uint32_t symbol);

void nodes_reset(struct nodes *nodes);

#endif

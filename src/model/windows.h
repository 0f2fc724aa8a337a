/* SPDX-License-Identifier: MIT */
/* What happened in each of the last 61 seconds.
 * Why: `top` shows the last 1, 10 or 60 seconds. The nodes hold sums since the start; a node that
 * changes for the first time in a second leaves a copy of its old numbers, and the second's end is the
 * difference, summed by row. So the hot path pays one comparison within a line that it has anyway.
 * Rules: sparse: a second holds only what changed in it, at most WINDOW_ROWS_MAX rows and
 * WINDOW_NODES_MAX nodes (the rest is missing from windows, never from the sums). */
#ifndef ULMA_MODEL_WINDOWS_H
#define ULMA_MODEL_WINDOWS_H

#include "model/nodes.h"

enum {
    WINDOWS_SECONDS = 61,
    WINDOW_ROWS_MAX = 1 << 14,
    WINDOW_NODES_MAX = 1 << 14,
};

struct window_mark {
    uint32_t node;
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
};

struct window_row {
    uint32_t row;
    uint32_t slot_first, slot_count; /* its part of window_second.slots */
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
    int64_t max_ticks, max_cpu_ticks; /* -1: none ended */
};

/* A counter of a histogram, packed, since there are many: 10 bits which, 1 bit of the cpu clock's
 * difference, the rest how many (signed; more than fit take several). */
enum { WINDOW_SLOT_BITS = 10, WINDOW_SLOT_CPU = 1 << WINDOW_SLOT_BITS, WINDOW_COUNT_SHIFT = 11 };
enum { WINDOW_COUNT_MOST = 1 << 19 };
static_assert(HISTOGRAM_SLOTS <= 1 << WINDOW_SLOT_BITS, "a slot's number has its bits");

struct window_node {
    uint32_t node;
    int64_t self_ticks, total_ticks;
};

struct window_second {
    uint64_t from, to; /* counters */
    uint64_t events;
    struct window_row *rows;
    uint32_t *slots; /* packed */
    struct window_node *nodes;
    uint32_t row_count, row_limit, slot_count, slot_limit, node_count, node_limit;
};

struct windows {
    uint64_t from; /* counter at which the present second began */
    uint64_t events_from;
    struct window_mark *marks; /* nodes->limit of them */
    uint32_t mark_count, mark_limit;
    uint32_t *row_at; /* by row: 1 + its place in the second being made; region */
    struct window_second seconds[WINDOWS_SECONDS];
    uint32_t newest, second_count;
    bool unkept; /* nobody asks for any: what ends is forgotten */
};

int windows_init(struct windows *windows, uint32_t node_limit);
void windows_done(struct windows *windows);

void windows_mark(struct windows *windows, struct node *nodes, uint32_t index);

static inline void windows_touch(struct windows *windows, struct node *nodes, uint32_t index)
{
    if (__builtin_expect(!(nodes[index].parent_flags & NODE_MARKED), 0))
        windows_mark(windows, nodes, index);
}

/* The present second so far, into `second` (whose arrays are used again). */
void windows_collect(struct windows *windows, const struct nodes *nodes, struct symbols *symbols,
                     uint64_t counter, uint64_t events, struct window_second *second);

/* The second is over. */
void windows_tick(struct windows *windows, struct nodes *nodes, struct symbols *symbols,
                  uint64_t counter, uint64_t events);

void window_second_done(struct window_second *second);

/* The seconds' number from the newest (0) back; NULL: not that many. */
const struct window_second *windows_back(const struct windows *windows, uint32_t number);

/* Forgets all seconds; the present one begins at `counter`. */
void windows_reset(struct windows *windows, struct nodes *nodes, uint64_t counter, uint64_t events);

#endif

/* SPDX-License-Identifier: MIT */
/* The activations of a moment, as rows: what each waits in, and where hundreds wait alike, one row for them.
 * Why the limit: ten thousand tasks that wait in one place say so better in one row, and are told ten times a second.
 * Rules: beyond ACTIVATIONS_APART suspended ones those of one thread, function and place of waiting are one row, which
 * is the oldest's, with how many they are. Whoever stands above comes first. */
#include "model/snapshot_make.h"

#include "base/arena.h"
#include "base/sort.h"

#include <errno.h>
#include <stdlib.h>

enum { ACTIVATIONS_APART = 200 };

struct ordering {
    const struct activation *list;
    bool merges;
};

static int compare_place(const struct ordering *order, uint32_t left, uint32_t right)
{
    const struct activation *a = &order->list[left], *b = &order->list[right];
    if (a->is_active != b->is_active)
        return a->is_active ? -1 : 1;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    if (a->is_active || !order->merges)
        return (a->depth > b->depth) - (a->depth < b->depth);
    if (a->symbol != b->symbol)
        return a->symbol < b->symbol ? -1 : 1;
    return (a->awaiting > b->awaiting) - (a->awaiting < b->awaiting);
}

static int compare(const void *left, const void *right, void *context)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct ordering *order = context;
    int place = compare_place(order, a, b);
    if (place)
        return place;
    int64_t age_a = order->list[a].age_ticks, age_b = order->list[b].age_ticks;
    return age_a == age_b ? (a > b) - (a < b) : age_a > age_b ? -1 : 1;
}

static int32_t function_of(const struct snapshot_maker *maker, uint32_t symbol)
{
    if (symbol == 0 || symbol >= maker->moment->symbol_count)
        return SNAPSHOT_NONE;
    return maker->function_of[maker->symbols->symbols[symbol].row];
}

static void mark(const struct snapshot_maker *maker, uint32_t symbol)
{
    if (symbol && symbol < maker->moment->symbol_count)
        maker->function_of[maker->symbols->symbols[symbol].row] = 0;
}

void snapshot_make_mark_activations(const struct snapshot_maker *maker)
{
    const struct activations *activations = &maker->moment->activations;
    for (uint32_t i = 0; i < activations->count; i++) {
        mark(maker, activations->list[i].symbol);
        mark(maker, activations->list[i].maker);
        mark(maker, activations->list[i].awaiting);
    }
}

static void add_row(const struct snapshot_maker *maker, const struct ordering *order, uint32_t at)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct activation *one = &order->list[at];
    snapshot->activations[snapshot->activation_count++] = (struct snapshot_activation){
        .frame = one->frame,
        .number = one->symbol,
        .parent_frame = one->parent_frame,
        .parent_number = one->parent_symbol,
        .function = function_of(maker, one->symbol),
        .awaiting = function_of(maker, one->awaiting),
        .maker = function_of(maker, one->maker),
        .thread = one->thread,
        .depth = one->depth,
        .count = 1,
        .is_active = one->is_active,
        .is_top = one->is_top,
        .age_ns = snapshot_make_ns(maker, one->age_ticks),
    };
}

/* Rows out of what is sorted. */
static void add_rows(const struct snapshot_maker *maker, struct ordering *order,
                     const uint32_t *sorted, uint32_t count)
{
    struct snapshot *snapshot = maker->snapshot;
    for (uint32_t i = 0; i < count; i++) {
        bool same = i > 0 && order->merges && !order->list[sorted[i]].is_active &&
                    compare_place(order, sorted[i - 1], sorted[i]) == 0;
        if (same)
            snapshot->activations[snapshot->activation_count - 1].count++;
        else
            add_row(maker, order, sorted[i]);
    }
}

int snapshot_make_activations(struct snapshot_maker *maker)
{
    const struct activations *activations = &maker->moment->activations;
    struct snapshot *snapshot = maker->snapshot;
    uint32_t count = activations->count, suspended = 0;
    snapshot->activations_left_out = activations->left_out;
    snapshot->activations =
        arena_array(snapshot->arena, count ? count : 1, sizeof(*snapshot->activations));
    uint32_t *sorted = malloc((count + 1) * sizeof(*sorted));
    if (!snapshot->activations || !sorted) {
        free(sorted);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = i;
        suspended += !activations->list[i].is_active;
    }
    struct ordering order = {activations->list, suspended > ACTIVATIONS_APART};
    sort_with(sorted, count, sizeof(*sorted), compare, &order);
    add_rows(maker, &order, sorted, count);
    free(sorted);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The garbage collector's pauses of a moment, by generation and by the function that triggered them. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>

void snapshot_make_mark_gc(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 0; i < moment->gc_trigger_count; i++) {
        uint32_t symbol = moment->gc_triggers[i].symbol;
        if (symbol && symbol < moment->symbol_count)
            maker->function_of[symbol] = 0;
    }
}

static struct snapshot_gc row_of(const struct snapshot_maker *maker, const struct gc_sums *sums,
                                 uint32_t generation)
{
    return (struct snapshot_gc){
        .generation = generation,
        .function = SNAPSHOT_NONE,
        .runs = sums->runs,
        .collected = sums->collected,
        .uncollectable = sums->uncollectable,
        .total_ns = snapshot_make_ns(maker, sums->total_ticks),
        .max_ns = snapshot_make_ns(maker, sums->max_ticks),
    };
}

int snapshot_make_gc(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->gc = arena_array(snapshot->arena, GC_GENERATIONS, sizeof(*snapshot->gc));
    snapshot->gc_triggers =
        arena_array(snapshot->arena, moment->gc_trigger_count + 1, sizeof(*snapshot->gc_triggers));
    if (!snapshot->gc || !snapshot->gc_triggers)
        return -ENOMEM;
    int64_t total_ns[GC_GENERATIONS] = {0}; /* of the triggers, each rounded: they are to add up */
    for (uint32_t i = 0; i < moment->gc_trigger_count; i++) {
        const struct gc_trigger *trigger = &moment->gc_triggers[i];
        if (trigger->sums.runs == 0)
            continue;
        struct snapshot_gc row = row_of(maker, &trigger->sums, trigger->generation);
        if (trigger->symbol && trigger->symbol < moment->symbol_count)
            row.function = maker->function_of[trigger->symbol];
        snapshot->gc_triggers[snapshot->gc_trigger_count++] = row;
        total_ns[trigger->generation] += row.total_ns;
    }
    for (uint32_t i = 0; i < GC_GENERATIONS; i++) {
        if (moment->gc[i].runs == 0)
            continue;
        snapshot->gc[snapshot->gc_count] = row_of(maker, &moment->gc[i], i);
        snapshot->gc[snapshot->gc_count++].total_ns = total_ns[i];
    }
    return 0;
}

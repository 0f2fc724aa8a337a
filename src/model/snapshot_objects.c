/* SPDX-License-Identifier: MIT */
/* Births and deaths of a moment, by type and by the function and line that made them. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>

void snapshot_make_mark_objects(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 0; i < moment->object_count; i++) {
        uint32_t symbol = moment->objects[i].symbol;
        if (symbol && symbol < moment->symbol_count)
            maker->function_of[symbol] = 0;
    }
}

/* The place among the moment's objects of a row of the model; their count: none. */
static uint32_t find_object(const struct moment *moment, uint32_t row)
{
    uint32_t low = 0, high = moment->object_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (moment->objects[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < moment->object_count && moment->objects[low].row == row ? low
                                                                         : moment->object_count;
}

static int make_births(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->births =
        arena_array(snapshot->arena, moment->birth_count + 1, sizeof(*snapshot->births));
    if (!snapshot->births)
        return -ENOMEM;
    snapshot->births_before = moment->births_before;
    snapshot->birth_stride = moment->birth_stride;
    for (uint32_t i = 0; i < moment->birth_count; i++) {
        const struct births_sample *from = &moment->births[i];
        snapshot->births[snapshot->birth_count++] = (struct snapshot_birth){
            .at_ns = snapshot_make_ns(maker, (int64_t)(from->counter - maker->start)),
            .bytes = from->bytes,
            .task = from->task,
            .thread = from->thread,
            .object = find_object(moment, from->row),
            .stride = from->stride,
        };
    }
    return 0;
}

int snapshot_make_objects(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->objects =
        arena_array(snapshot->arena, moment->object_count + 1, sizeof(*snapshot->objects));
    if (!snapshot->objects)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->object_count; i++) {
        const struct moment_object *from = &moment->objects[i];
        struct snapshot_object *row = &snapshot->objects[snapshot->object_count++];
        *row = (struct snapshot_object){
            .type = arena_string(snapshot->arena, from->type),
            .function = from->symbol && from->symbol < moment->symbol_count
                            ? maker->function_of[from->symbol]
                            : SNAPSHOT_NONE,
            .line = from->line,
            .before = from->before,
            .births = from->births,
            .deaths = from->deaths,
            .live = from->live,
            .bytes = from->bytes,
            .live_bytes = from->live_bytes,
            .median_life_ns = from->median_ticks < 0 ? -1
                                                     : snapshot_make_ns(maker, from->median_ticks),
        };
        if (!row->type)
            return -ENOMEM;
    }
    return make_births(maker);
}

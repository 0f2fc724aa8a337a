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
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* What a recording takes of the model beside a moment.
 * Why apart: it changes the symbols, so that the next take knows what is new: extremes of a stretch of
 * time cannot be had from sums.
 * Rules: as moment.c, but that it makes room under the lock: what it needs is not known before. One
 * taker. */
#include "model/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(void *array_pointer, uint32_t *limit, uint32_t wanted, size_t size)
{
    void **array = array_pointer;
    if (*limit >= wanted && *array)
        return 0;
    free(*array);
    *limit = wanted + wanted / 4 + 64;
    *array = malloc(*limit * size);
    return *array ? 0 : -ENOMEM;
}

static void note_threads(struct moment *moment, const struct model *model)
{
    const struct nodes *nodes = &model->nodes;
    moment->thread_of[0] = 0;
    for (uint32_t i = 1; i < moment->node_count; i++)
        moment->thread_of[i] = UINT32_MAX;
    for (uint32_t i = 1; i <= nodes->root_count; i++)
        moment->thread_of[nodes->roots[i]] = i;
    for (uint32_t i = 1; i < moment->node_count; i++)
        if (moment->thread_of[i] == UINT32_MAX)
            moment->thread_of[i] = moment->thread_of[nodes_parent(&moment->nodes[i])];
}

static void raise_to(int64_t *most, int64_t value)
{
    if (value > *most)
        *most = value;
}

static void lower_to(int64_t *least, int64_t value)
{
    if (value < *least)
        *least = value;
}

static void take_extremes(struct symbol *symbol, struct snapshot_durations *durations)
{
    struct snapshot_extremes *recent = &durations->recent, *whole = &durations->whole;
    lower_to(&recent->min_ticks, symbol->min_ticks);
    lower_to(&recent->min_cpu_ticks, symbol->min_cpu_ticks);
    raise_to(&recent->max_ticks, symbol->second_max_ticks);
    raise_to(&recent->max_ticks, symbol->past_max_ticks);
    raise_to(&recent->max_cpu_ticks, symbol->second_max_cpu_ticks);
    raise_to(&recent->max_cpu_ticks, symbol->past_max_cpu_ticks);
    lower_to(&symbol->held_min_ticks, symbol->min_ticks);
    lower_to(&symbol->held_min_cpu_ticks, symbol->min_cpu_ticks);
    raise_to(&symbol->held_max_ticks, symbol->second_max_ticks);
    raise_to(&symbol->held_max_cpu_ticks, symbol->second_max_cpu_ticks);
    symbol->min_ticks = symbol->min_cpu_ticks = INT64_MAX;
    symbol->second_max_ticks = symbol->second_max_cpu_ticks = -1;
    symbol->past_max_ticks = symbol->past_max_cpu_ticks = -1;
    lower_to(&whole->min_ticks, symbol->held_min_ticks);
    lower_to(&whole->min_cpu_ticks, symbol->held_min_cpu_ticks);
    raise_to(&whole->max_ticks, symbol->held_max_ticks);
    raise_to(&whole->max_ticks, symbol->max_ticks);
    raise_to(&whole->max_cpu_ticks, symbol->held_max_cpu_ticks);
    raise_to(&whole->max_cpu_ticks, symbol->max_cpu_ticks);
}

static int add_slot(struct moment *moment, uint32_t slot, bool cpu, int64_t count)
{
    if (moment->slot_count >= moment->slot_limit) {
        size_t limit = moment->slot_limit ? moment->slot_limit * 2 : 1024;
        struct snapshot_slot *grown = realloc(moment->slots, limit * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        moment->slots = grown;
        moment->slot_limit = limit;
    }
    moment->slots[moment->slot_count++] =
        (struct snapshot_slot){.slot = (uint16_t)slot, .cpu = cpu, .count = count};
    return 0;
}

/* Of one clock, over the row's twins. */
static int take_slots(struct moment *moment, const struct symbols *symbols, uint32_t row, bool cpu)
{
    const struct octave_pool *pool = &symbols->octaves;
    for (uint32_t octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        int64_t counts[HISTOGRAM_SUBS] = {0};
        bool any = false;
        for (uint32_t i = row; i; i = symbols->symbols[i].next_twin) {
            const struct symbol *symbol = &symbols->symbols[i];
            const struct histogram *histogram = cpu ? symbol->cpu_difference : &symbol->wall;
            uint32_t at = histogram ? histogram->octave[octave] : 0;
            for (uint32_t sub = 0; at && sub < HISTOGRAM_SUBS; sub++)
                counts[sub] += pool->octaves[at].second[sub] + pool->octaves[at].total[sub];
            any |= at != 0;
        }
        for (uint32_t sub = 0; any && sub < HISTOGRAM_SUBS; sub++)
            if (counts[sub] && add_slot(moment, octave * HISTOGRAM_SUBS + sub, cpu, counts[sub]))
                return -ENOMEM;
    }
    return 0;
}

static int take_row(struct moment *moment, struct symbols *symbols, uint32_t row)
{
    static const struct snapshot_extremes none = {INT64_MAX, -1, INT64_MAX, -1};
    struct snapshot_durations *durations = &moment->durations[row];
    *durations = (struct snapshot_durations){
        .whole = none, .recent = none, .slot_first = moment->slot_count};
    for (uint32_t i = row; i; i = symbols->symbols[i].next_twin)
        take_extremes(&symbols->symbols[i], durations);
    if (durations->whole.max_ticks < 0)
        return 0;
    int result = take_slots(moment, symbols, row, false);
    if (result == 0)
        result = take_slots(moment, symbols, row, true);
    durations->slot_count = moment->slot_count - durations->slot_first;
    return result;
}

void moment_begin_recent(struct model *model)
{
    struct snapshot_durations durations = {0};
    for (uint32_t i = 1; i < model->symbols.count; i++)
        take_extremes(&model->symbols.symbols[i], &durations);
}

struct recent_extremes {
    uint32_t count;
    struct {
        int64_t min, min_cpu, second_max, second_max_cpu, past_max, past_max_cpu;
    } of[];
};

struct recent_extremes *moment_keep_recent(const struct model *model)
{
    uint32_t count = model->symbols.count;
    struct recent_extremes *kept = malloc(sizeof(*kept) + count * sizeof(kept->of[0]));
    for (uint32_t i = 0; kept && i < count; i++) {
        const struct symbol *symbol = &model->symbols.symbols[i];
        kept->of[i].min = symbol->min_ticks;
        kept->of[i].min_cpu = symbol->min_cpu_ticks;
        kept->of[i].second_max = symbol->second_max_ticks;
        kept->of[i].second_max_cpu = symbol->second_max_cpu_ticks;
        kept->of[i].past_max = symbol->past_max_ticks;
        kept->of[i].past_max_cpu = symbol->past_max_cpu_ticks;
    }
    if (kept)
        kept->count = count;
    return kept;
}

void moment_put_recent(struct model *model, struct recent_extremes *kept)
{
    moment_begin_recent(model);
    for (uint32_t i = 0; i < kept->count; i++) {
        struct symbol *symbol = &model->symbols.symbols[i];
        symbol->min_ticks = kept->of[i].min;
        symbol->min_cpu_ticks = kept->of[i].min_cpu;
        symbol->second_max_ticks = kept->of[i].second_max;
        symbol->second_max_cpu_ticks = kept->of[i].second_max_cpu;
        symbol->past_max_ticks = kept->of[i].past_max;
        symbol->past_max_cpu_ticks = kept->of[i].past_max_cpu;
    }
    free(kept);
}

int moment_take_detail(struct moment *moment, struct model *model)
{
    struct symbols *symbols = &model->symbols;
    int result = make_room(&moment->thread_of, &moment->thread_of_limit, moment->node_count,
                           sizeof(*moment->thread_of));
    if (result == 0)
        result = make_room(&moment->durations, &moment->duration_limit, symbols->count,
                           sizeof(*moment->durations));
    if (result)
        return result;
    note_threads(moment, model);
    moment->slot_count = 0;
    for (uint32_t i = 1; result == 0 && i < symbols->count; i++)
        if (symbols->symbols[i].row == i)
            result = take_row(moment, symbols, i);
    return result;
}

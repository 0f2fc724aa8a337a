/* SPDX-License-Identifier: MIT */
/* Summing pauses.
 * Why: see gc_pauses.h. */
#include "model/gc_pauses.h"

#include "model/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 2 * GC_TRIGGERS_LIMIT };

static void begin_anew(struct gc_pauses *pauses)
{
    for (uint32_t i = 0; i < GC_GENERATIONS; i++)
        pauses->triggers[i] = (struct gc_trigger){.generation = i};
    pauses->trigger_count = GC_GENERATIONS;
}

int gc_pauses_init(struct gc_pauses *pauses)
{
    *pauses = (struct gc_pauses){
        .triggers = malloc(GC_TRIGGERS_LIMIT * sizeof(*pauses->triggers)),
        .buckets = calloc(BUCKETS, sizeof(*pauses->buckets)),
    };
    if (!pauses->triggers || !pauses->buckets)
        return -ENOMEM;
    begin_anew(pauses);
    return 0;
}

void gc_pauses_done(struct gc_pauses *pauses)
{
    free(pauses->triggers);
    free(pauses->buckets);
    *pauses = (struct gc_pauses){0};
}

void gc_pauses_reset(struct gc_pauses *pauses)
{
    memset(pauses->generations, 0, sizeof(pauses->generations));
    memset(pauses->buckets, 0, BUCKETS * sizeof(*pauses->buckets));
    begin_anew(pauses);
}

static struct gc_trigger *find_trigger(struct gc_pauses *pauses, uint32_t symbol,
                                       uint32_t generation)
{
    uint32_t key = symbol * GC_GENERATIONS + generation;
    uint32_t at = (key * UINT32_C(0x9e3779b1)) % BUCKETS;
    if (symbol == 0)
        return &pauses->triggers[generation];
    for (; pauses->buckets[at]; at = (at + 1) % BUCKETS) {
        struct gc_trigger *trigger = &pauses->triggers[pauses->buckets[at] - 1];
        if (trigger->symbol == symbol && trigger->generation == generation)
            return trigger;
    }
    if (pauses->trigger_count == GC_TRIGGERS_LIMIT)
        return &pauses->triggers[generation];
    struct gc_trigger *trigger = &pauses->triggers[pauses->trigger_count++];
    *trigger = (struct gc_trigger){.symbol = symbol, .generation = generation};
    pauses->buckets[at] = pauses->trigger_count;
    return trigger;
}

static void add(struct gc_sums *sums, int64_t ticks, const struct gc_end *end)
{
    sums->runs++;
    sums->collected += end->collected;
    sums->uncollectable += end->uncollectable;
    sums->total_ticks += ticks;
    if (ticks > sums->max_ticks)
        sums->max_ticks = ticks;
}

void gc_pauses_begin(struct gc_open *open, uint64_t counter, uint32_t generation, uint32_t symbol)
{
    *open = (struct gc_open){
        .since = counter,
        .generation = generation < GC_GENERATIONS ? generation : GC_GENERATIONS - 1,
        .symbol = symbol,
    };
}

void gc_pauses_end(struct gc_pauses *pauses, struct gc_open *open, const struct symbols *symbols,
                   const struct gc_end *end)
{
    uint64_t since = open->since;
    open->since = 0;
    if (since == 0 || end->counter < since)
        return;
    uint32_t row = open->symbol ? symbols->symbols[open->symbol].row : 0;
    int64_t ticks = (int64_t)(end->counter - since);
    add(&pauses->generations[open->generation], ticks, end);
    add(&find_trigger(pauses, row, open->generation)->sums, ticks, end);
}

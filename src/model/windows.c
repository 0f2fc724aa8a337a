/* SPDX-License-Identifier: MIT */
/* Seconds.
 * Why: see windows.h.
 * Rules: called with open entries flushed, so that the nodes hold all that has passed. Memory that is
 * not to be had leaves rows out of a window; nothing else suffers. */
#include "model/windows.h"

#include "model/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Small: there are three arrays for each of 61 seconds, and most programs call few functions. */
enum { FIRST_PLACES = 8 };

int windows_init(struct windows *windows, uint32_t node_limit)
{
    *windows = (struct windows){.mark_limit = node_limit};
    windows->marks = region_new(node_limit, sizeof(*windows->marks));
    windows->row_at = region_new(SYMBOLS_LIMIT, sizeof(*windows->row_at));
    if (windows->marks && windows->row_at)
        return 0;
    windows_done(windows);
    return -ENOMEM;
}

void window_second_done(struct window_second *second)
{
    free(second->rows);
    free(second->slots);
    free(second->nodes);
    *second = (struct window_second){0};
}

void windows_done(struct windows *windows)
{
    region_free(windows->marks, windows->mark_limit, sizeof(*windows->marks));
    region_free(windows->row_at, SYMBOLS_LIMIT, sizeof(*windows->row_at));
    for (uint32_t i = 0; i < WINDOWS_SECONDS; i++)
        window_second_done(&windows->seconds[i]);
    *windows = (struct windows){0};
}

void windows_mark(struct windows *windows, struct node *nodes, uint32_t index)
{
    struct node *node = &nodes[index];
    if (windows->mark_count >= windows->mark_limit)
        return;
    node->parent_flags |= NODE_MARKED;
    windows->marks[windows->mark_count++] = (struct window_mark){
        .node = index,
        .calls = node->calls,
        .resumes = node->resumes,
        .self_ticks = node->self_ticks,
        .total_ticks = node->total_ticks,
        .self_wait_ticks = node->self_wait_ticks,
        .total_wait_ticks = node->total_wait_ticks,
    };
}

/* One more place in an array that grows up to `most`; NULL: none. */
static void *one_more(void *array_pointer, uint32_t *count, uint32_t *limit, uint32_t most,
                      size_t size)
{
    void **array = array_pointer;
    if (*count >= most)
        return NULL;
    if (*count >= *limit) {
        uint32_t bigger = *limit < FIRST_PLACES ? FIRST_PLACES : *limit + *limit / 2;
        void *grown = realloc(*array, bigger * size);
        if (!grown)
            return NULL;
        *array = grown;
        *limit = bigger;
    }
    return (char *)*array + (*count)++ * size;
}

static struct window_row *row_of(struct windows *windows, struct window_second *second,
                                 uint32_t row)
{
    if (windows->row_at[row])
        return &second->rows[windows->row_at[row] - 1];
    struct window_row *place = one_more(&second->rows, &second->row_count, &second->row_limit,
                                        WINDOW_ROWS_MAX, sizeof(*place));
    if (!place)
        return NULL;
    *place = (struct window_row){.row = row, .max_ticks = -1, .max_cpu_ticks = -1};
    windows->row_at[row] = second->row_count;
    return place;
}

static void add_difference(struct windows *windows, const struct nodes *nodes,
                           const struct symbols *symbols, const struct window_mark *mark,
                           struct window_second *second)
{
    const struct node *node = &nodes->nodes[mark->node];
    struct window_row *row = row_of(windows, second, symbols->symbols[node->symbol].row);
    if (!row)
        return;
    row->calls += node->calls - mark->calls;
    row->resumes += node->resumes - mark->resumes;
    row->self_ticks += node->self_ticks - mark->self_ticks;
    row->self_wait_ticks += node->self_wait_ticks - mark->self_wait_ticks;
    int64_t total_ticks = node->total_ticks - mark->total_ticks;
    if (node->parent_flags & NODE_OUTERMOST) {
        row->total_ticks += total_ticks;
        row->total_wait_ticks += node->total_wait_ticks - mark->total_wait_ticks;
    }
    struct window_node *place = one_more(&second->nodes, &second->node_count, &second->node_limit,
                                         WINDOW_NODES_MAX, sizeof(*place));
    if (place)
        *place = (struct window_node){mark->node, node->self_ticks - mark->self_ticks, total_ticks};
}

static void add_slot(struct window_second *second, uint32_t slot, int32_t count)
{
    while (count) {
        int32_t part = count > WINDOW_COUNT_MOST    ? WINDOW_COUNT_MOST
                       : count < -WINDOW_COUNT_MOST ? -WINDOW_COUNT_MOST
                                                    : count;
        uint32_t *place = one_more(&second->slots, &second->slot_count, &second->slot_limit,
                                   UINT32_MAX / 4, sizeof(*place));
        if (!place)
            return;
        *place = (uint32_t)part << WINDOW_COUNT_SHIFT | slot;
        count -= part;
    }
}

static void add_slots(struct window_second *second, const struct octave_pool *pool,
                      const struct histogram *histogram, uint32_t cpu)
{
    for (uint32_t i = 0; i < HISTOGRAM_OCTAVES; i++) {
        if (histogram->octave[i] == 0)
            continue;
        const struct octave *octave = &pool->octaves[histogram->octave[i]];
        for (uint32_t sub = 0; sub < HISTOGRAM_SUBS; sub++)
            add_slot(second, cpu | (i * HISTOGRAM_SUBS + sub), octave->second[sub]);
    }
}

static void raise_to(int64_t *most, int64_t value)
{
    if (value > *most)
        *most = value;
}

static void add_activations(const struct symbols *symbols, struct window_second *second,
                            struct window_row *row)
{
    row->slot_first = second->slot_count;
    for (uint32_t i = row->row; i; i = symbols->symbols[i].next_twin) {
        const struct symbol *symbol = &symbols->symbols[i];
        if (symbol->second_max_ticks < 0 && symbol->held_max_ticks < 0)
            continue;
        raise_to(&row->max_ticks, symbol->second_max_ticks);
        raise_to(&row->max_ticks, symbol->held_max_ticks);
        raise_to(&row->max_cpu_ticks, symbol->second_max_cpu_ticks);
        raise_to(&row->max_cpu_ticks, symbol->held_max_cpu_ticks);
        add_slots(second, &symbols->octaves, &symbol->wall, 0);
        if (symbol->cpu_difference)
            add_slots(second, &symbols->octaves, symbol->cpu_difference, WINDOW_SLOT_CPU);
    }
    row->slot_count = second->slot_count - row->slot_first;
}

void windows_collect(struct windows *windows, const struct nodes *nodes, struct symbols *symbols,
                     uint64_t counter, uint64_t events, struct window_second *second)
{
    second->row_count = second->slot_count = second->node_count = 0;
    second->from = windows->from;
    second->to = counter;
    second->events = events - windows->events_from;
    for (uint32_t i = 0; i < windows->mark_count; i++)
        add_difference(windows, nodes, symbols, &windows->marks[i], second);
    for (uint32_t i = 0; i < second->row_count; i++) {
        add_activations(symbols, second, &second->rows[i]);
        windows->row_at[second->rows[i].row] = 0;
    }
}

static void end_second_of(struct octave_pool *pool, const struct histogram *histogram)
{
    for (uint32_t i = 0; i < HISTOGRAM_OCTAVES; i++) {
        if (histogram->octave[i] == 0)
            continue;
        struct octave *octave = &pool->octaves[histogram->octave[i]];
        for (uint32_t sub = 0; sub < HISTOGRAM_SUBS; sub++) {
            octave->total[sub] += octave->second[sub];
            octave->second[sub] = 0;
        }
    }
}

static void end_second_of_symbol(struct symbols *symbols, struct symbol *symbol)
{
    if (symbol->second_max_ticks < 0 && symbol->held_max_ticks < 0)
        return;
    end_second_of(&symbols->octaves, &symbol->wall);
    if (symbol->cpu_difference)
        end_second_of(&symbols->octaves, symbol->cpu_difference);
    raise_to(&symbol->past_max_ticks, symbol->second_max_ticks);
    raise_to(&symbol->past_max_cpu_ticks, symbol->second_max_cpu_ticks);
    raise_to(&symbol->max_ticks, symbol->second_max_ticks);
    raise_to(&symbol->max_ticks, symbol->held_max_ticks);
    raise_to(&symbol->max_cpu_ticks, symbol->second_max_cpu_ticks);
    raise_to(&symbol->max_cpu_ticks, symbol->held_max_cpu_ticks);
    symbol->second_max_ticks = symbol->second_max_cpu_ticks = -1;
    symbol->held_max_ticks = symbol->held_max_cpu_ticks = -1;
}

/* A finished second keeps no spare room. */
static void shrink(void *array_pointer, uint32_t count, uint32_t *limit, size_t size)
{
    void **array = array_pointer;
    void *smaller = count ? realloc(*array, count * size) : NULL;
    if (!smaller)
        return;
    *array = smaller;
    *limit = count;
}

static void shrink_second(struct window_second *second)
{
    shrink(&second->rows, second->row_count, &second->row_limit, sizeof(*second->rows));
    shrink(&second->slots, second->slot_count, &second->slot_limit, sizeof(*second->slots));
    shrink(&second->nodes, second->node_count, &second->node_limit, sizeof(*second->nodes));
}

static void begin_second(struct windows *windows, struct nodes *nodes, uint64_t counter,
                         uint64_t events)
{
    for (uint32_t i = 0; i < windows->mark_count; i++)
        nodes->nodes[windows->marks[i].node].parent_flags &= ~(uint32_t)NODE_MARKED;
    windows->mark_count = 0;
    windows->from = counter;
    windows->events_from = events;
}

static void keep_second(struct windows *windows, const struct nodes *nodes, struct symbols *symbols,
                        uint64_t counter, uint64_t events)
{
    windows->newest = (windows->newest + 1) % WINDOWS_SECONDS;
    if (windows->second_count < WINDOWS_SECONDS)
        windows->second_count++;
    windows_collect(windows, nodes, symbols, counter, events, &windows->seconds[windows->newest]);
    shrink_second(&windows->seconds[windows->newest]);
}

void windows_tick(struct windows *windows, struct nodes *nodes, struct symbols *symbols,
                  uint64_t counter, uint64_t events)
{
    if (!windows->unkept)
        keep_second(windows, nodes, symbols, counter, events);
    for (uint32_t i = 0; i < windows->mark_count; i++)
        end_second_of_symbol(symbols,
                             &symbols->symbols[nodes->nodes[windows->marks[i].node].symbol]);
    begin_second(windows, nodes, counter, events);
}

const struct window_second *windows_back(const struct windows *windows, uint32_t number)
{
    if (number >= windows->second_count)
        return NULL;
    return &windows->seconds[(windows->newest + WINDOWS_SECONDS - number) % WINDOWS_SECONDS];
}

void windows_reset(struct windows *windows, struct nodes *nodes, uint64_t counter, uint64_t events)
{
    for (uint32_t i = 0; i < WINDOWS_SECONDS; i++)
        window_second_done(&windows->seconds[i]);
    windows->second_count = 0;
    begin_second(windows, nodes, counter, events);
}

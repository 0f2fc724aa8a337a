/* SPDX-License-Identifier: MIT */
/* The columns of a snapshot that are about the last seconds only.
 * Why: see windows.h. A window is a number of whole seconds and the present one so far.
 * Rules: percentiles come from the seconds' histograms, gathered row by row; extremes are exact. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A row's appearances in the seconds, chained. */
struct appearance {
    const struct window_second *second;
    const struct window_row *row;
    int32_t next; /* 1 + index; 0: none */
};

struct window_maker {
    struct snapshot_maker *maker;
    struct appearance *appearances;
    int32_t *first; /* by snapshot function: 1 + index; 0: none */
};

static void add_row(const struct snapshot_maker *maker, const struct window_row *row,
                    struct snapshot_function *function)
{
    bool cpu = maker->moment->clock == CLOCK_CPU;
    int64_t max_ns = snapshot_make_ns(maker, cpu ? row->max_cpu_ticks : row->max_ticks);
    function->window.calls += row->calls;
    function->window.resumes += row->resumes;
    function->window.self_ns += snapshot_make_ns(maker, row->self_ticks);
    function->window.total_ns += snapshot_make_ns(maker, row->total_ticks);
    function->window.self_wait_ns +=
        snapshot_make_wait_ns(maker, row->self_ticks, row->self_wait_ticks);
    function->window.total_wait_ns +=
        snapshot_make_wait_ns(maker, row->total_ticks, row->total_wait_ticks);
    if (max_ns > function->window.max_ns)
        function->window.max_ns = max_ns;
}

static void add_second(struct window_maker *window, const struct window_second *second,
                       int32_t *count)
{
    struct snapshot_maker *maker = window->maker;
    for (uint32_t i = 0; i < second->row_count; i++) {
        const struct window_row *row = &second->rows[i];
        int32_t at = row->row < maker->moment->symbol_count ? maker->function_of[row->row]
                                                            : SNAPSHOT_NONE;
        if (at == SNAPSHOT_NONE)
            continue;
        add_row(maker, row, &maker->snapshot->functions[at]);
        window->appearances[*count] =
            (struct appearance){.second = second, .row = row, .next = window->first[at]};
        window->first[at] = ++*count;
    }
    for (uint32_t i = 0; i < second->node_count; i++) {
        const struct window_node *node = &second->nodes[i];
        int32_t at = node->node < maker->moment->node_count ? maker->node_of[node->node]
                                                            : SNAPSHOT_NONE;
        if (at == SNAPSHOT_NONE)
            continue;
        maker->snapshot->nodes[at].window_self_ns += snapshot_make_ns(maker, node->self_ticks);
        maker->snapshot->nodes[at].window_total_ns += snapshot_make_ns(maker, node->total_ticks);
    }
}

static int64_t within(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

static void fill_percentiles(const struct window_maker *window, size_t function)
{
    struct snapshot_function *target = &window->maker->snapshot->functions[function];
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    for (int32_t at = window->first[function]; at; at = window->appearances[at - 1].next) {
        const struct appearance *appearance = &window->appearances[at - 1];
        for (uint32_t i = 0; i < appearance->row->slot_count; i++) {
            uint32_t slot = appearance->second->slots[appearance->row->slot_first + i];
            if (!(slot & WINDOW_SLOT_CPU) || window->maker->moment->clock == CLOCK_CPU)
                counts[slot & (WINDOW_SLOT_CPU - 1)] += (int32_t)slot >> WINDOW_COUNT_SHIFT;
        }
    }
    if (target->window.max_ns == 0)
        return;
    target->window.p50_ns = within(
        snapshot_make_ns(window->maker, histogram_percentile(counts, 0.50)), target->window.max_ns);
    target->window.p99_ns = within(
        snapshot_make_ns(window->maker, histogram_percentile(counts, 0.99)), target->window.max_ns);
}

int snapshot_make_window(struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    struct window_maker window = {.maker = maker};
    size_t rows = 1;
    int32_t count = 0;
    if (moment->second_count == 0) {
        snapshot_paths_copy_window(maker->snapshot);
        return 0;
    }
    for (uint32_t i = 0; i < moment->second_count; i++)
        rows += moment->seconds[i].row_count;
    window.appearances = calloc(rows, sizeof(*window.appearances));
    window.first = calloc(maker->snapshot->function_count + 1, sizeof(*window.first));
    int result = window.appearances && window.first ? 0 : -ENOMEM;
    if (result == 0) {
        for (uint32_t i = 0; i < moment->second_count; i++)
            add_second(&window, &moment->seconds[i], &count);
        for (size_t i = 0; i < maker->snapshot->function_count; i++)
            fill_percentiles(&window, i);
        snapshot_paths_sum_window_root(maker->snapshot);
    }
    free(window.appearances);
    free(window.first);
    return result;
}

/* SPDX-License-Identifier: MIT */
/* The lines of a moment, with their functions. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>

/* Of one that went on over a reset there is time alone. */
static bool has_numbers(const struct snapshot_maker *maker, const struct line_sums *sums)
{
    return (sums->hits || sums->self_ticks) && sums->row < maker->moment->symbol_count;
}

void snapshot_make_mark_lines(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 1; i < moment->line_count; i++)
        if (has_numbers(maker, &moment->lines[i]))
            maker->function_of[moment->lines[i].row] = 0;
}

static int by_place(const void *left, const void *right)
{
    const struct snapshot_line *a = left, *b = right;
    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

int snapshot_make_lines(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->lines =
        arena_array(snapshot->arena, moment->line_count + 1, sizeof(*snapshot->lines));
    if (!snapshot->lines)
        return -ENOMEM;
    for (uint32_t i = 1; i < moment->line_count; i++) {
        const struct line_sums *sums = &moment->lines[i];
        if (!has_numbers(maker, sums))
            continue;
        snapshot->lines[snapshot->line_count++] = (struct snapshot_line){
            .function = maker->function_of[sums->row],
            .line = sums->line,
            .hits = sums->hits,
            .is_partial = moment->rows[sums->row].lines_partial,
            .self_ns = snapshot_make_ns(maker, sums->self_ticks),
            .self_wait_ns = snapshot_make_wait_ns(maker, sums->self_ticks, sums->wait_ticks),
        };
    }
    qsort(snapshot->lines, snapshot->line_count, sizeof(*snapshot->lines), by_place);
    return 0;
}

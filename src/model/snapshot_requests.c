/* SPDX-License-Identifier: MIT */
/* Spans of a moment, the longest first. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>

static_assert((int)REQUEST_SPAN == (int)SPAN_PLAIN && (int)REQUEST_REQUEST == (int)SPAN_REQUEST &&
                  (int)REQUEST_TASK == (int)SPAN_TASK && (int)REQUEST_SORTS == (int)SPAN_SORTS,
              "a request's sort is its span's");

static uint32_t row_of(const struct snapshot_maker *maker, uint32_t symbol)
{
    return symbol < maker->moment->symbol_count ? maker->symbols->symbols[symbol].row : 0;
}

void snapshot_make_mark_requests(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 0; i < moment->request_function_count; i++) {
        uint32_t row = row_of(maker, moment->request_functions[i].symbol);
        if (row)
            maker->function_of[row] = 0;
    }
    for (uint32_t i = 0; i < moment->request_count; i++) {
        uint32_t row = row_of(maker, moment->requests[i].group.slowest_symbol);
        if (row)
            maker->function_of[row] = 0;
    }
}

static int32_t function_of(const struct snapshot_maker *maker, uint32_t symbol)
{
    uint32_t row = row_of(maker, symbol);
    return row ? maker->function_of[row] : SNAPSHOT_NONE;
}

/* The order that rows are shown in. */
static int by_time(const void *a, const void *b)
{
    const struct moment_request *one = a, *other = b;
    int64_t one_ticks = one->group.sums.wall_ticks, other_ticks = other->group.sums.wall_ticks;
    if (one_ticks != other_ticks)
        return one_ticks < other_ticks ? 1 : -1;
    return one->first_function < other->first_function ? -1 : 1;
}

static int copy_text(struct arena *arena, const char *text, const char **ret_text)
{
    *ret_text = NULL;
    if (!text || !text[0])
        return 0;
    *ret_text = arena_string(arena, text);
    return *ret_text ? 0 : -ENOMEM;
}

static int fill_times(const struct snapshot_maker *maker, const struct moment_request *from,
                      struct snapshot_request *row)
{
    const struct span_sums *sums = &from->group.sums, *slowest = &from->group.slowest;
    row->wall_ns = snapshot_make_ns(maker, sums->wall_ticks);
    row->cpu_ns = snapshot_make_ns(maker, sums->cpu_ticks);
    row->wait_ns = snapshot_make_ns(maker, sums->wait_ticks);
    row->suspended_ns = snapshot_make_ns(maker, sums->suspended_ticks);
    row->socket_ns = snapshot_make_ns(maker, sums->socket_ticks);
    row->file_ns = snapshot_make_ns(maker, sums->file_ticks);
    row->max_ns = snapshot_make_ns(maker, slowest->wall_ticks);
    row->p50_ns = snapshot_make_ns(maker, from->p50_ticks);
    row->p99_ns = snapshot_make_ns(maker, from->p99_ticks);
    if (row->p99_ns > row->max_ns) /* a bucket's middle may lie beyond what was seen */
        row->p99_ns = row->max_ns;
    if (row->p50_ns > row->max_ns)
        row->p50_ns = row->max_ns;
    row->slowest_cpu_ns = snapshot_make_ns(maker, slowest->cpu_ticks);
    row->slowest_wait_ns = snapshot_make_ns(maker, slowest->wait_ticks);
    row->slowest_suspended_ns = snapshot_make_ns(maker, slowest->suspended_ticks);
    uint64_t since = from->group.slowest_begin - maker->moment->first_counter;
    row->slowest_at_ns = (int64_t)since > 0 ? snapshot_make_ns(maker, (int64_t)since) : 0;
    return 0;
}

static int add_request(struct snapshot_maker *maker, const struct moment_request *from)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct span_group *group = &from->group;
    uint32_t index = (uint32_t)snapshot->request_count;
    struct snapshot_request row = {
        .sort = (enum snapshot_request_sort)group->sort,
        .name = arena_string(snapshot->arena, group->name),
        .count = group->count,
        .errors = group->errors,
        .queued_ns = group->queued_ns,
        .slowest_function = function_of(maker, group->slowest_symbol),
    };
    fill_times(maker, from, &row);
    if (!row.name || copy_text(snapshot->arena, group->method, &row.method) ||
        copy_text(snapshot->arena, group->status, &row.status) ||
        copy_text(snapshot->arena, group->slowest_labels, &row.slowest_labels))
        return -ENOMEM;
    snapshot->requests[snapshot->request_count++] = row;
    for (uint32_t i = 0; i < from->function_count; i++) {
        const struct span_function *function =
            &maker->moment->request_functions[from->first_function + i];
        int32_t shown = function_of(maker, function->symbol);
        if (shown != SNAPSHOT_NONE)
            snapshot->request_functions[snapshot->request_function_count++] =
                (struct snapshot_request_function){index, shown,
                                                   snapshot_make_ns(maker, function->ticks)};
    }
    return 0;
}

int snapshot_make_requests(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    struct moment_request *sorted =
        arena_array(snapshot->arena, moment->request_count + 1, sizeof(*sorted));
    snapshot->requests =
        arena_array(snapshot->arena, moment->request_count + 1, sizeof(*snapshot->requests));
    snapshot->request_functions = arena_array(snapshot->arena, moment->request_function_count + 1,
                                              sizeof(*snapshot->request_functions));
    if (!sorted || !snapshot->requests || !snapshot->request_functions)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->request_count; i++)
        sorted[i] = moment->requests[i];
    qsort(sorted, moment->request_count, sizeof(*sorted), by_time);
    int result = 0;
    for (uint32_t i = 0; i < moment->request_count && result == 0; i++)
        result = add_request(maker, &sorted[i]);
    return result;
}

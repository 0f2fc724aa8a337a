/* SPDX-License-Identifier: MIT */
/* Waits of a moment, the longest first; and what threads spend their time on. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void mark(const struct snapshot_maker *maker, uint32_t symbol)
{
    if (symbol && symbol < maker->moment->symbol_count)
        maker->function_of[symbol] = 0;
}

void snapshot_make_mark_waits(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 1; i < moment->wait_count; i++) {
        mark(maker, moment->waits[i].sums.symbol);
        mark(maker, moment->waits[i].holder_symbol);
    }
}

static int32_t function_of(const struct snapshot_maker *maker, uint32_t symbol)
{
    return symbol && symbol < maker->moment->symbol_count ? maker->function_of[symbol]
                                                          : SNAPSHOT_NONE;
}

/* What others waited for is what makes a hold long. */
static int64_t weight(const struct snapshot_wait *wait)
{
    return wait->is_hold ? wait->others_ns : wait->total_ns;
}

static int by_time(const void *a, const void *b)
{
    const struct snapshot_wait *one = a, *other = b;
    if (weight(one) != weight(other))
        return weight(one) < weight(other) ? 1 : -1;
    return one->total_ns < other->total_ns ? 1 : one->total_ns > other->total_ns ? -1 : 0;
}

static int make_waits(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->waits =
        arena_array(snapshot->arena, moment->wait_count + 1, sizeof(*snapshot->waits));
    if (!snapshot->waits)
        return -ENOMEM;
    for (uint32_t i = 1; i < moment->wait_count; i++) {
        const struct moment_wait *of = &moment->waits[i];
        if (of->sums.count == 0)
            continue;
        snapshot->waits[snapshot->wait_count++] = (struct snapshot_wait){
            .kind = wait_sums_name((enum wait_kind)of->sums.kind),
            .is_hold = of->sums.kind == WAIT_FOR_HELD,
            .function = function_of(maker, of->sums.symbol),
            .line = of->sums.line,
            .in_task = of->sums.in_task,
            .count = of->sums.count,
            .total_ns = snapshot_make_ns(maker, of->sums.ticks),
            .max_ns = snapshot_make_ns(maker, of->sums.max_ticks),
            .p99_ns = snapshot_make_ns(maker, of->p99_ticks),
            .others_ns = snapshot_make_ns(maker, of->sums.others_ticks),
            .holder = function_of(maker, of->holder_symbol),
            .holder_line = of->holder_line,
            .holder_thread = of->holder_tid,
            .held_ns = snapshot_make_ns(maker, of->held_ticks),
        };
    }
    qsort(snapshot->waits, snapshot->wait_count, sizeof(*snapshot->waits), by_time);
    return 0;
}

static void fill_split(const struct snapshot_maker *maker, const struct moment_thread *thread,
                       struct snapshot_split *split)
{
    const int64_t *ticks = thread->shares.ticks;
    int64_t spent = 0;
    for (int i = SHARE_COMPUTE + 1; i < SHARE_COUNT; i++)
        spent += ticks[i];
    int64_t left = thread->sums.profiled_ticks - spent;
    *split = (struct snapshot_split){
        .pid = thread->sums.pid,
        .tid = thread->sums.tid,
        .number = thread->sums.number,
        .wall_ns = snapshot_make_ns(maker, thread->sums.profiled_ticks),
        .compute_ns = snapshot_make_ns(maker, left > 0 ? left : 0),
        .socket_ns = snapshot_make_ns(maker, ticks[SHARE_SOCKET]),
        .file_ns = snapshot_make_ns(maker, ticks[SHARE_FILE]),
        .lock_ns = snapshot_make_ns(maker, ticks[SHARE_LOCK]),
        .gil_ns = snapshot_make_ns(maker, ticks[SHARE_GIL]),
        .gc_ns = snapshot_make_ns(maker, ticks[SHARE_GC]),
        .idle_ns = snapshot_make_ns(maker, ticks[SHARE_IDLE]),
    };
    memcpy(split->name, thread->sums.name, sizeof(split->name));
}
static_assert(sizeof(((struct snapshot_split *)NULL)->name) == TRACK_NAME_SIZE, "copied whole");

int snapshot_make_waits(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    if (!moment->waits_heard)
        return 0;
    int result = make_waits(maker);
    snapshot->splits =
        arena_array(snapshot->arena, moment->thread_count + 1, sizeof(*snapshot->splits));
    if (result || !snapshot->splits)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->thread_count; i++)
        if (moment->threads[i].sums.number)
            fill_split(maker, &moment->threads[i], &snapshot->splits[snapshot->split_count++]);
    return 0;
}

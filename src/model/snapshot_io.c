/* SPDX-License-Identifier: MIT */
/* Calls of the C library of a moment, the longest first. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) text,
#include "wire/io_operations.def"
};

const char *io_calls_operation(uint32_t operation)
{
    return operation < IO_OPERATION_COUNT ? names[operation] : NULL;
}

void snapshot_make_mark_io(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 0; i < moment->io_row_count; i++) {
        uint32_t symbol = moment->io_rows[i].symbol;
        if (symbol && symbol < moment->symbol_count)
            maker->function_of[symbol] = 0;
    }
}

/* A descriptor that nobody could say anything about is called by its number. */
static const char *resource_of(struct arena *arena, const struct moment_io *row)
{
    if (row->resource || row->fd == IO_NO_FD)
        return row->resource ? arena_string(arena, row->resource) : NULL;
    return arena_format(arena, "fd %u", row->fd);
}

static int by_time(const void *a, const void *b)
{
    const struct snapshot_io *one = a, *other = b;
    if (one->blocked_ns != other->blocked_ns)
        return one->blocked_ns < other->blocked_ns ? 1 : -1;
    return one->calls != other->calls ? (one->calls < other->calls ? 1 : -1) : 0;
}

static_assert((int)SNAPSHOT_IO_LEAST_TICKS == (int)HISTOGRAM_SUBS,
              "durations are a histogram's octaves");

int snapshot_make_io(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    snapshot->io = arena_array(snapshot->arena, moment->io_row_count + 1, sizeof(*snapshot->io));
    if (!snapshot->io)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->io_row_count; i++) {
        const struct moment_io *of = &moment->io_rows[i];
        if (of->sums.calls == 0 || of->operation >= IO_OPERATION_COUNT)
            continue;
        struct snapshot_io *row = &snapshot->io[snapshot->io_count++];
        *row = (struct snapshot_io){
            .operation = names[of->operation],
            .resource = resource_of(snapshot->arena, of),
            .function = of->symbol && of->symbol < moment->symbol_count
                            ? maker->function_of[of->symbol]
                            : SNAPSHOT_NONE,
            .line = of->line,
            .calls = of->sums.calls,
            .bytes = of->sums.bytes,
            .errors = of->sums.errors,
            .blocked_ns = snapshot_make_ns(maker, of->sums.ticks),
            .p99_ns = snapshot_make_ns(maker, of->p99_ticks),
            .max_ns = snapshot_make_ns(maker, of->sums.max_ticks),
        };
        memcpy(row->durations, of->durations, sizeof(row->durations));
        if (!row->resource && (of->resource || of->fd != IO_NO_FD))
            return -ENOMEM;
    }
    qsort(snapshot->io, snapshot->io_count, sizeof(*snapshot->io), by_time);
    return 0;
}

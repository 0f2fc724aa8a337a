/* SPDX-License-Identifier: MIT */
/* Rows by key.
 * Why: see io_calls.h. */
#include "model/io_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 2 * IO_ROWS_LIMIT, OCTAVES = 1 << 16 };

int io_calls_init(struct io_calls *calls)
{
    *calls = (struct io_calls){
        .rows = calloc(IO_ROWS_LIMIT, sizeof(*calls->rows)),
        .buckets = calloc(BUCKETS, sizeof(*calls->buckets)),
        .row_count = 1,
    };
    if (!calls->rows || !calls->buckets || histogram_pool_init(&calls->octaves, OCTAVES))
        return -ENOMEM;
    return io_files_init(&calls->files);
}

static void free_rows(struct io_calls *calls)
{
    for (uint32_t i = 1; calls->rows && i < calls->row_count; i++)
        free(calls->rows[i].durations);
}

void io_calls_done(struct io_calls *calls)
{
    free_rows(calls);
    free(calls->rows);
    free(calls->buckets);
    histogram_pool_done(&calls->octaves);
    io_files_done(&calls->files);
    *calls = (struct io_calls){0};
}

void io_calls_reset(struct io_calls *calls)
{
    free_rows(calls);
    memset(calls->rows, 0, calls->row_count * sizeof(*calls->rows));
    memset(calls->buckets, 0, BUCKETS * sizeof(*calls->buckets));
    memset(calls->octaves.octaves, 0, calls->octaves.used * sizeof(*calls->octaves.octaves));
    calls->octaves.used = 1; /* [0] is nobody's own */
    calls->row_count = 1;
}

static uint32_t *bucket_of(const struct io_calls *calls, struct io_key key)
{
    uint64_t mixed = ((uint64_t)key.symbol << 32 | key.resource) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ key.operation ^ (uint64_t)key.line << 8) * UINT64_C(0xff51afd7ed558ccd);
    return &calls->buckets[(mixed >> 32) % BUCKETS];
}

static struct io_key key_of(const struct io_row *row)
{
    return (struct io_key){row->symbol, row->line, row->operation, row->resource};
}

static struct io_row *find(const struct io_calls *calls, struct io_key key)
{
    for (uint32_t at = *bucket_of(calls, key); at; at = calls->rows[at].next) {
        struct io_row *row = &calls->rows[at];
        if (row->symbol == key.symbol && row->line == key.line && row->resource == key.resource &&
            row->operation == key.operation)
            return row;
    }
    return NULL;
}

static void enter(struct io_calls *calls, struct io_row *row)
{
    uint32_t *bucket = bucket_of(calls, key_of(row));
    row->next = *bucket;
    *bucket = (uint32_t)(row - calls->rows);
}

struct io_row *io_calls_row(struct io_calls *calls, struct io_key key)
{
    struct io_row *row = find(calls, key);
    /* The last rows are for what there is no row for: one of each operation. */
    if (!row && calls->row_count >= IO_ROWS_LIMIT - IO_OPERATION_COUNT) {
        key = (struct io_key){0, 0, key.operation, IO_RESOURCE_OTHER};
        row = find(calls, key);
    }
    if (row || calls->row_count == IO_ROWS_LIMIT)
        return row ? row : &calls->rows[IO_ROWS_LIMIT - 1];
    row = &calls->rows[calls->row_count++];
    *row = (struct io_row){.symbol = key.symbol,
                           .line = key.line,
                           .operation = key.operation,
                           .resource = key.resource,
                           .durations = calloc(1, sizeof(*row->durations))};
    enter(calls, row);
    return row;
}

void io_calls_add(struct io_calls *calls, struct io_row *row, int64_t ticks, uint64_t bytes,
                  bool failed)
{
    struct io_sums *sums = &row->sums;
    sums->calls++;
    sums->bytes += bytes;
    sums->errors += failed;
    sums->ticks += ticks;
    if (ticks > sums->max_ticks)
        sums->max_ticks = ticks;
    uint32_t slot = histogram_slot(ticks);
    if (row->durations)
        histogram_octave(&calls->octaves, row->durations, slot / HISTOGRAM_SUBS)
            ->total[slot % HISTOGRAM_SUBS]++;
}

static void take_over(struct io_calls *calls, struct io_row *row, struct io_row *other)
{
    row->sums.calls += other->sums.calls;
    row->sums.bytes += other->sums.bytes;
    row->sums.errors += other->sums.errors;
    row->sums.ticks += other->sums.ticks;
    if (other->sums.max_ticks > row->sums.max_ticks)
        row->sums.max_ticks = other->sums.max_ticks;
    for (uint32_t i = 0; row->durations && other->durations && i < HISTOGRAM_OCTAVES; i++) {
        if (!other->durations->octave[i])
            continue;
        const struct octave *from = &calls->octaves.octaves[other->durations->octave[i]];
        struct octave *to = histogram_octave(&calls->octaves, row->durations, i);
        for (uint32_t k = 0; k < HISTOGRAM_SUBS; k++)
            to->total[k] += from->total[k];
    }
    free(other->durations);
    *other = (struct io_row){0};
}

void io_calls_settle(struct io_calls *calls)
{
    memset(calls->buckets, 0, BUCKETS * sizeof(*calls->buckets));
    uint32_t kept = 1;
    for (uint32_t i = 1; i < calls->row_count; i++) {
        struct io_row *row = &calls->rows[i];
        row->resource = io_files_true(&calls->files, row->resource);
        struct io_row *same = find(calls, key_of(row));
        if (same) {
            take_over(calls, same, row);
            continue;
        }
        if (i != kept) {
            calls->rows[kept] = *row;
            *row = (struct io_row){0};
        }
        enter(calls, &calls->rows[kept++]);
    }
    calls->row_count = kept;
}

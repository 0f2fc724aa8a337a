/* SPDX-License-Identifier: MIT */
/* The format `pstats`: what cProfile writes, for `python -m pstats`, snakeviz, gprof2dot, PyCharm.
 * Why: hands and tools know it. The file is Python's marshal of
 *     {(file, line, name): (cc, nc, tt, ct, {caller: (nc, cc, tt, ct)})}
 * with seconds as floats, and the two counts in different orders at the two levels (cProfile's
 * snapshot_stats and pstats.add_callers, the same from 3.9 to 3.15): above, primitive calls come
 * first; in callers, all calls do.
 * Rules: only the marshal types that every version reads: `{` ended by `0`, `(` `u` `i` `l` `g`.
 * Rows of one (file, line, name) are one row, summed: two lambdas of a line are one key. The key is
 * compared after names are made valid UTF-8, as else a reader's dict would keep the last only. C
 * functions are ('~', 0, name). */
#include "export/export_names.h"
#include "export/exporter.h"

#include "base/sort.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *file, *name;
    uint32_t line;
    uint64_t primitive_calls, calls;
    int64_t self_ns, total_ns;
};

/* An edge between rows; sorted by callee, then caller. */
struct call {
    int32_t callee, caller;
    uint64_t primitive_calls, calls;
    int64_t self_ns, total_ns;
};

struct grouping {
    struct row *rows; /* of functions first, then merged */
    int32_t *row_of;  /* function -> row, NONE: not written */
    size_t row_count;
    struct call *calls;
    size_t call_count;
};

static int compare_rows(const struct row *a, const struct row *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = (a->line > b->line) - (a->line < b->line);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_indices(const void *left, const void *right, void *context)
{
    const struct row *rows = context;
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    int order = compare_rows(&rows[a], &rows[b]);
    return order ? order : (a > b) - (a < b);
}

static int compare_calls(const void *left, const void *right)
{
    const struct call *a = left, *b = right;
    if (a->callee != b->callee)
        return a->callee > b->callee ? 1 : -1;
    return (a->caller > b->caller) - (a->caller < b->caller);
}

static int make_row(struct arena *arena, const struct snapshot_function *function,
                    enum snapshot_clock clock, struct row *row)
{
    row->file = function->file ? text_valid(arena, function->file) : "~";
    row->name = text_valid(arena, function->name);
    row->line = function->file ? function->line : 0;
    row->primitive_calls = function->primitive_calls;
    row->calls = function->calls + function->resumes;
    row->self_ns = export_self(function, clock);
    row->total_ns = export_total(function, clock);
    return row->file && row->name ? 0 : -ENOMEM;
}

/* Marks functions that have something to tell or call one that has. */
static void mark_used(const struct snapshot *snapshot, int32_t *row_of)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        bool used = function->calls || function->resumes || function->self_ns || function->total_ns;
        row_of[i] = used ? 0 : SNAPSHOT_NONE;
    }
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        row_of[snapshot->edges[i].callee] = 0;
        if (snapshot->edges[i].caller >= 0)
            row_of[snapshot->edges[i].caller] = 0;
    }
}

static int group_rows(struct arena *arena, const struct snapshot *snapshot,
                      enum snapshot_clock clock, struct grouping *grouping)
{
    size_t count = snapshot->function_count;
    struct row *rows = arena_array(arena, count + 1, sizeof(*rows));
    int32_t *indices = arena_array(arena, count + 1, sizeof(*indices));
    grouping->rows = arena_array(arena, count + 1, sizeof(*rows));
    grouping->row_of = arena_array(arena, count + 1, sizeof(*grouping->row_of));
    if (!rows || !indices || !grouping->rows || !grouping->row_of)
        return -ENOMEM;
    mark_used(snapshot, grouping->row_of);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (make_row(arena, &snapshot->functions[i], clock, &rows[i]) < 0)
            return -ENOMEM;
        if (grouping->row_of[i] != SNAPSHOT_NONE)
            indices[used++] = (int32_t)i;
    }
    sort_with(indices, used, sizeof(*indices), compare_indices, rows);
    for (size_t i = 0; i < used; i++) {
        const struct row *row = &rows[indices[i]];
        struct row *merged = &grouping->rows[grouping->row_count];
        if (i && compare_rows(merged - 1, row) == 0) {
            merged--;
            merged->primitive_calls += row->primitive_calls;
            merged->calls += row->calls;
            merged->self_ns += row->self_ns;
            merged->total_ns += row->total_ns;
        } else {
            *merged = *row;
            grouping->row_count++;
        }
        grouping->row_of[indices[i]] = (int32_t)grouping->row_count - 1;
    }
    return 0;
}

static struct call make_call(const struct snapshot_edge *edge, const int32_t *row_of,
                             enum snapshot_clock clock)
{
    bool cpu = clock == CLOCK_CPU;
    int64_t self = edge->self_ns - (cpu ? edge->self_wait_ns : 0);
    int64_t total = edge->total_ns - (cpu ? edge->total_wait_ns : 0);
    return (struct call){
        .callee = row_of[edge->callee],
        .caller = row_of[edge->caller],
        .primitive_calls = edge->primitive_calls,
        .calls = edge->calls,
        .self_ns = self > 0 ? self : 0,
        .total_ns = total > 0 ? total : 0,
    };
}

/* What nobody called has no caller in cProfile either. */
static int group_calls(struct arena *arena, const struct snapshot *snapshot,
                       enum snapshot_clock clock, struct grouping *grouping)
{
    struct call *calls = arena_array(arena, snapshot->edge_count + 1, sizeof(*calls));
    if (!calls)
        return -ENOMEM;
    size_t used = 0, merged = 0;
    for (size_t i = 0; i < snapshot->edge_count; i++)
        if (snapshot->edges[i].caller >= 0)
            calls[used++] = make_call(&snapshot->edges[i], grouping->row_of, clock);
    qsort(calls, used, sizeof(*calls), compare_calls);
    for (size_t i = 0; i < used; i++) {
        if (merged && compare_calls(&calls[merged - 1], &calls[i]) == 0) {
            calls[merged - 1].primitive_calls += calls[i].primitive_calls;
            calls[merged - 1].calls += calls[i].calls;
            calls[merged - 1].self_ns += calls[i].self_ns;
            calls[merged - 1].total_ns += calls[i].total_ns;
        } else {
            calls[merged++] = calls[i];
        }
    }
    grouping->calls = calls;
    grouping->call_count = merged;
    return 0;
}

static void write_bytes(FILE *stream, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        putc((int)(value >> (8 * i) & 0xFF), stream);
}

/* `i` holds 32 bits with sign; `l` is a count of 15-bit digits and the digits. */
static void write_integer(FILE *stream, uint64_t value)
{
    if (value <= INT32_MAX) {
        putc('i', stream);
        write_bytes(stream, value, 4);
        return;
    }
    uint32_t digits = 0;
    for (uint64_t rest = value; rest; rest >>= 15)
        digits++;
    putc('l', stream);
    write_bytes(stream, digits, 4);
    for (; value; value >>= 15)
        write_bytes(stream, value & 0x7FFF, 2);
}

static void write_seconds(FILE *stream, int64_t time_ns)
{
    double seconds = (double)time_ns / 1e9;
    uint64_t bits;
    memcpy(&bits, &seconds, sizeof(bits));
    putc('g', stream);
    write_bytes(stream, bits, 8);
}

static void write_string(FILE *stream, const char *text)
{
    size_t size = strlen(text);
    putc('u', stream);
    write_bytes(stream, size, 4);
    fwrite(text, 1, size, stream);
}

static void write_tuple(FILE *stream, uint32_t size)
{
    putc('(', stream);
    write_bytes(stream, size, 4);
}

static void write_key(FILE *stream, const struct row *row)
{
    write_tuple(stream, 3);
    write_string(stream, row->file);
    write_integer(stream, row->line);
    write_string(stream, row->name);
}

static void write_rows(FILE *stream, const struct grouping *grouping)
{
    size_t next = 0;
    putc('{', stream);
    for (size_t i = 0; i < grouping->row_count; i++) {
        const struct row *row = &grouping->rows[i];
        write_key(stream, row);
        write_tuple(stream, 5);
        write_integer(stream, row->primitive_calls);
        write_integer(stream, row->calls);
        write_seconds(stream, row->self_ns);
        write_seconds(stream, row->total_ns);
        putc('{', stream);
        for (; next < grouping->call_count && grouping->calls[next].callee == (int32_t)i; next++) {
            const struct call *call = &grouping->calls[next];
            write_key(stream, &grouping->rows[call->caller]);
            write_tuple(stream, 4);
            write_integer(stream, call->calls);
            write_integer(stream, call->primitive_calls);
            write_seconds(stream, call->self_ns);
            write_seconds(stream, call->total_ns);
        }
        putc('0', stream);
    }
    putc('0', stream);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct grouping grouping = {0};
    struct arena *arena = arena_new();
    if (!arena)
        return -ENOMEM;
    int result = group_rows(arena, snapshot, options->clock, &grouping);
    if (result == 0)
        result = group_calls(arena, snapshot, options->clock, &grouping);
    if (result == 0) {
        write_rows(stream, &grouping);
        result = export_finish(stream);
    }
    arena_free(arena);
    return result;
}

const struct exporter export_pstats = {
    .name = "pstats",
    .extensions = ".pstats .prof",
    .help = "cProfile's file, for pstats, snakeviz, gprof2dot",
    .binary = true,
    .write = write,
};

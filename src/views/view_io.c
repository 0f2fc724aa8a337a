/* SPDX-License-Identifier: MIT */
/* The view `io`: what the program reads, writes and waits for: where, how often, how much, how long.
 * Why the mean of the bytes stands beside the calls: a hundred thousand writes of ten bytes look harmless in every
 * other figure.
 * Rules: counts and times are of the whole run. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum {
    COLUMN_SHARE,
    COLUMN_CALLS,
    COLUMN_BYTES,
    COLUMN_MEAN,
    COLUMN_BLOCKED,
    COLUMN_P99,
    COLUMN_MAX,
    COLUMN_ERRORS,
    COLUMN_OPERATION,
    COLUMN_RESOURCE,
    COLUMN_FUNCTION,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"blocked_pct", "%time", CELL_PERCENT, 6, 3, "share of all threads' time"},
    {"calls", "calls", CELL_COUNT, 9, 1, "calls of the C library"},
    {"bytes", "bytes", CELL_COUNT, 9, 2, "that they moved"},
    {"mean_bytes", "bytes/call", CELL_COUNT, 10, 4, "the mean"},
    {"blocked", "blocked", CELL_TIME, 7, 0, "time in them"},
    {"p99", "p99", CELL_TIME, 7, 5, "99 of 100 calls took no longer"},
    {"max", "max", CELL_TIME, 7, 7, "the longest"},
    {"errors", "errors", CELL_COUNT, 6, 6, "calls that failed, those that would have waited too"},
    {"operation", "operation", CELL_TEXT, 15, 0, "the C library's function"},
    {"resource", "file or address", CELL_TEXT, 32, 0, "what it was done to"},
    {"function", "function", CELL_TEXT, 0, 0, "the Python function and line that did it"},
};

static bool has_text(const char *text, const char *part)
{
    size_t size = strlen(part);
    for (; text && *text; text++)
        if (strncasecmp(text, part, size) == 0)
            return true;
    return false;
}

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_io *io,
                     const struct view_query *query)
{
    if (!query->filter || !query->filter[0])
        return true;
    return has_text(io->operation, query->filter) || has_text(io->resource, query->filter) ||
           (io->function >= 0 &&
            view_rows_match(&snapshot->functions[io->function], query->filter));
}

static int64_t whole_ns(const struct snapshot *snapshot)
{
    return snapshot->node_count ? snapshot->nodes[0].total_ns : 0;
}

/* The end of a path says more than its beginning. */
static const char *resource_text(struct arena *arena, const char *resource)
{
    enum { MOST = 32, ELLIPSIS = 3 };
    const char *clean = resource ? text_clean(arena, resource) : "";
    size_t size = clean ? strlen(clean) : 0;
    if (size <= MOST)
        return clean;
    const char *end = clean + size - (MOST - 1);
    while ((*end & 0xc0) == 0x80)
        end++;
    return arena_format(arena, "…%s", end);
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_io *io,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    row->function = io->function;
    row->cells[COLUMN_SHARE] = cell_number(view_rows_percent(io->blocked_ns, whole_ns(snapshot)));
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)io->calls);
    row->cells[COLUMN_BLOCKED] = cell_integer(io->blocked_ns);
    row->cells[COLUMN_P99] = cell_integer(io->p99_ns);
    row->cells[COLUMN_MAX] = cell_integer(io->max_ns);
    if (io->bytes) {
        row->cells[COLUMN_BYTES] = cell_integer((int64_t)io->bytes);
        row->cells[COLUMN_MEAN] = cell_integer((int64_t)(io->bytes / io->calls));
    }
    if (io->errors)
        row->cells[COLUMN_ERRORS] = cell_integer((int64_t)io->errors);
    row->cells[COLUMN_OPERATION] = cell_text(io->operation);
    row->cells[COLUMN_RESOURCE] = cell_text(resource_text(table->arena, io->resource));
    row->cells[COLUMN_FUNCTION] =
        cell_text(view_rows_label_at(table, snapshot, io->function, io->line));
    return row->cells[COLUMN_FUNCTION].text && row->cells[COLUMN_RESOURCE].text ? 0 : -ENOMEM;
}

/* `I/O: 100,012 calls, 1.2M bytes, 1.2s` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    uint64_t calls = 0, bytes = 0;
    int64_t blocked_ns = 0;
    char time[TEXT_NUMBER_BYTES], calls_text[TEXT_NUMBER_BYTES], bytes_text[TEXT_NUMBER_BYTES];
    for (size_t i = 0; i < snapshot->io_count; i++) {
        calls += snapshot->io[i].calls;
        bytes += snapshot->io[i].bytes;
        blocked_ns += snapshot->io[i].blocked_ns;
    }
    if (!snapshot_has_source(&snapshot->meta, "io"))
        return 0;
    table->title = arena_format(
        table->arena, "I/O: %s calls, %s bytes, %s in them", text_format_count(calls_text, calls),
        text_format_count(bytes_text, bytes), text_format_time(time, blocked_ns));
    return table->title ? 0 : -ENOMEM;
}

static int fill_one(const struct snapshot *snapshot, size_t index, const struct view_query *query,
                    struct view_table *table)
{
    return is_shown(snapshot, &snapshot->io[index], query)
               ? fill_row(snapshot, &snapshot->io[index], table)
               : 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    return view_rows_fill(snapshot, query, table, snapshot->io_count, fill_one, set_title);
}

const struct view view_io = {
    .id = "io",
    .title = "I/O",
    .question = "What does it read, write and wait for, where, how much and how long?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "blocked",
    .source = "io",
    .since_start = true,
    .fill = fill,
};

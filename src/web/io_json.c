/* SPDX-License-Identifier: MIT */
/* The picture of the view `io`: the rows that took longest, as numbers, and how many calls of each took how long.
 * Why beside the table: its rows are sorted, filtered and cut as the reader wishes, and the picture is of all. Counts are
 * since the start; what is of a window is the difference of two messages, which the page takes.
 * Rules: as view_json.h. A row is [function or null, line, operation, resource or null, calls, bytes, errors, blocked_ns, first,
 * counts...]: from the duration `first` on so many calls each; duration 0 is below `least_ns`, each other up to twice as long. */
#include "web/view_json.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MOST = 150 };

static void write_durations(struct json_writer *writer, const struct snapshot_io *io)
{
    int first = 0, last = SNAPSHOT_IO_DURATIONS;
    while (first < SNAPSHOT_IO_DURATIONS && io->durations[first] == 0)
        first++;
    while (last > first && io->durations[last - 1] == 0)
        last--;
    json_integer(writer, NULL, first);
    for (int i = first; i < last; i++)
        json_unsigned(writer, NULL, io->durations[i]);
}

static void write_row(struct json_writer *writer, const struct snapshot *snapshot,
                      const struct snapshot_io *io)
{
    json_open(writer, NULL, '[');
    if (io->function < 0)
        json_null(writer, NULL);
    else
        json_unsigned(writer, NULL, snapshot->functions[io->function].id);
    json_unsigned(writer, NULL, io->line);
    json_string(writer, NULL, io->operation);
    json_string(writer, NULL, io->resource);
    json_unsigned(writer, NULL, io->calls);
    json_unsigned(writer, NULL, io->bytes);
    json_unsigned(writer, NULL, io->errors);
    json_integer(writer, NULL, io->blocked_ns);
    write_durations(writer, io);
    json_close(writer, ']');
}

int io_json_write(struct json_writer *writer, const struct snapshot *snapshot)
{
    size_t rows = snapshot->io_count < ROWS_MOST ? snapshot->io_count : ROWS_MOST;
    bool *named = calloc(snapshot->function_count + 1, sizeof(*named));
    if (!named)
        return -ENOMEM;
    json_open(writer, "picture", '{');
    json_number(writer, "least_ns", snapshot->meta.ns_per_tick * SNAPSHOT_IO_LEAST_TICKS);
    json_unsigned(writer, "left_out", snapshot->io_count - rows);
    json_open(writer, "rows", '[');
    for (size_t i = 0; i < rows; i++) {
        write_row(writer, snapshot, &snapshot->io[i]);
        if (snapshot->io[i].function >= 0)
            named[snapshot->io[i].function] = true;
    }
    json_close(writer, ']');
    view_json_functions(writer, snapshot, named);
    json_close(writer, '}');
    free(named);
    return 0;
}

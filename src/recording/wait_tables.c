/* SPDX-License-Identifier: MIT */
/* Writing the tables `waits` and `splits`, and reading them.
 * Why whole: rows change all the time, and are as many as there are lines that wait.
 * Rules: as wait_tables.h. A number that a file may have made up is used as a number only. */
#include "recording/wait_tables.h"

#include "recording/slice.h"
#include "recording/writer_parts.h"

#include <errno.h>
#include <stdio.h>

static const char made_waits[] =
    "CREATE TABLE waits(position INTEGER PRIMARY KEY, kind TEXT, hold INTEGER, function INTEGER, "
    "line INTEGER, in_task INTEGER, count INTEGER, total_ns INTEGER, max_ns INTEGER, "
    "p99_ns INTEGER, others_ns INTEGER, holder INTEGER, holder_line INTEGER, "
    "holder_thread INTEGER, held_ns INTEGER)";
static const char made_splits[] =
    "CREATE TABLE splits(position INTEGER PRIMARY KEY, name TEXT, pid INTEGER, tid INTEGER, "
    "thread INTEGER, wall_ns INTEGER, compute_ns INTEGER, socket_ns INTEGER, file_ns INTEGER, "
    "lock_ns INTEGER, gil_ns INTEGER, gc_ns INTEGER, idle_ns INTEGER)";

/* --- writing ------------------------------------------------------------------------------------ */

static uint32_t id_of(const struct snapshot *snapshot, int32_t function)
{
    return function == SNAPSHOT_NONE ? 0 : snapshot->functions[function].id;
}

/* Into the columns from `first` on. */
static void bind(sqlite3_stmt *statement, int first, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(statement, first + i, values[i]);
}

static int put_wait(sqlite3_stmt *statement, const struct snapshot *snapshot, size_t index)
{
    const struct snapshot_wait *wait = &snapshot->waits[index];
    const int64_t values[] = {wait->is_hold,        id_of(snapshot, wait->function),
                              wait->line,           wait->in_task,
                              (int64_t)wait->count, wait->total_ns,
                              wait->max_ns,         wait->p99_ns,
                              wait->others_ns,      id_of(snapshot, wait->holder),
                              wait->holder_line,    wait->holder_thread,
                              wait->held_ns};
    sqlite3_bind_int64(statement, 1, (int64_t)index);
    database_bind_text(statement, 2, wait->kind);
    bind(statement, 3, values, (int)(sizeof(values) / sizeof(values[0])));
    return database_step(statement);
}

static int put_split(sqlite3_stmt *statement, const struct snapshot *snapshot, size_t index)
{
    const struct snapshot_split *split = &snapshot->splits[index];
    const int64_t values[] = {split->pid,        split->tid,       split->number,  split->wall_ns,
                              split->compute_ns, split->socket_ns, split->file_ns, split->lock_ns,
                              split->gil_ns,     split->gc_ns,     split->idle_ns};
    sqlite3_bind_int64(statement, 1, (int64_t)index);
    database_bind_text(statement, 2, split->name);
    bind(statement, 3, values, (int)(sizeof(values) / sizeof(values[0])));
    return database_step(statement);
}

typedef int put_row(sqlite3_stmt *statement, const struct snapshot *snapshot, size_t index);

static int put_rows(struct recording_writer *writer, const struct snapshot *snapshot,
                    const char *sql, put_row *put, size_t count)
{
    sqlite3_stmt *statement = NULL;
    int result = 0;
    if (sqlite3_prepare_v2(writer->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return -EIO;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = put(statement, snapshot, i);
    sqlite3_finalize(statement);
    return result;
}

int writer_put_waits(struct recording_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "waits"))
        return 0;
    int result =
        database_run(writer->database, writer->waits_made ? "DELETE FROM waits" : made_waits);
    if (result == 0)
        result =
            database_run(writer->database, writer->waits_made ? "DELETE FROM splits" : made_splits);
    writer->waits_made = true;
    if (result == 0)
        result = put_rows(writer, snapshot,
                          "INSERT INTO waits VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", put_wait,
                          snapshot->wait_count);
    if (result == 0)
        result = put_rows(writer, snapshot, "INSERT INTO splits VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                          put_split, snapshot->split_count);
    return result;
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool is_there(struct slice *slice)
{
    return slice_has_table(slice, "waits", made_waits) &&
           slice_has_table(slice, "splits", made_splits);
}

static int mark(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    (void)index;
    slice_mark(slice, slice_recorded_function(slice, statement, 0));
    slice_mark(slice, slice_recorded_function(slice, statement, 1));
    return 0;
}

int slice_mark_waits(struct slice *slice)
{
    return is_there(slice) ? slice_take_rows(slice, "SELECT function, holder FROM waits", mark) : 0;
}

static int32_t function_at(const struct slice *slice, sqlite3_stmt *statement, int column)
{
    uint32_t function = slice_recorded_function(slice, statement, column);
    return function ? slice->function_of[slice_row(slice, function - 1)] : SNAPSHOT_NONE;
}

static int take_wait(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    int result = 0;
    if (index >= slice->wait_rows)
        return 0;
    struct snapshot_wait wait = {
        .kind = recording_text(slice->recording, statement, 1, snapshot->arena, &result),
        .is_hold = sqlite3_column_int(statement, 2),
        .function = function_at(slice, statement, 3),
        .line = (uint32_t)slice_number(statement, 4),
        .in_task = sqlite3_column_int(statement, 5),
        .count = (uint64_t)slice_number(statement, 6),
        .total_ns = slice_number(statement, 7),
        .max_ns = slice_number(statement, 8),
        .p99_ns = slice_number(statement, 9),
        .others_ns = slice_number(statement, 10),
        .holder = function_at(slice, statement, 11),
        .holder_line = (uint32_t)slice_number(statement, 12),
        .holder_thread = (uint32_t)slice_number(statement, 13),
        .held_ns = slice_number(statement, 14),
    };
    if (wait.kind && wait.count)
        snapshot->waits[snapshot->wait_count++] = wait;
    return result;
}

static int take_split(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    int result = 0;
    if (index >= slice->split_rows)
        return 0;
    struct snapshot_split *split = &snapshot->splits[snapshot->split_count++];
    *split = (struct snapshot_split){
        .pid = (uint32_t)slice_number(statement, 2),
        .tid = (uint32_t)slice_number(statement, 3),
        .number = (uint32_t)slice_number(statement, 4),
        .wall_ns = slice_number(statement, 5),
        .compute_ns = slice_number(statement, 6),
        .socket_ns = slice_number(statement, 7),
        .file_ns = slice_number(statement, 8),
        .lock_ns = slice_number(statement, 9),
        .gil_ns = slice_number(statement, 10),
        .gc_ns = slice_number(statement, 11),
        .idle_ns = slice_number(statement, 12),
    };
    const char *name = recording_text(slice->recording, statement, 1, snapshot->arena, &result);
    snprintf(split->name, sizeof(split->name), "%s", name ? name : "");
    return result;
}

int slice_fill_waits(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!is_there(slice))
        return 0;
    slice->wait_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM waits");
    slice->split_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM splits");
    snapshot->waits = arena_array(snapshot->arena, slice->wait_rows + 1, sizeof(*snapshot->waits));
    snapshot->splits =
        arena_array(snapshot->arena, slice->split_rows + 1, sizeof(*snapshot->splits));
    if (!snapshot->waits || !snapshot->splits)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    int result = slice_take_rows(slice, "SELECT * FROM waits ORDER BY position", take_wait);
    return result == 0
               ? slice_take_rows(slice, "SELECT * FROM splits ORDER BY position", take_split)
               : result;
}

/* SPDX-License-Identifier: MIT */
/* Writing the table `requests`, and reading it.
 * Why whole: rows change all the time, and are as many as there are routes.
 * Rules: as request_rows.h. A number that a file may have made up is used as a number only. */
#include "recording/request_rows.h"

#include "recording/slice.h"
#include "recording/writer_parts.h"

#include <errno.h>

#define NAME "requests"
#define COLUMNS                                                                         \
    "position INTEGER PRIMARY KEY, kind INTEGER, request INTEGER, function INTEGER, "   \
    "name TEXT, method TEXT, status TEXT, labels TEXT, count INTEGER, errors INTEGER, " \
    "wall_ns INTEGER, p50_ns INTEGER, p99_ns INTEGER, max_ns INTEGER, cpu_ns INTEGER, " \
    "wait_ns INTEGER, suspended_ns INTEGER, socket_ns INTEGER, file_ns INTEGER, "       \
    "slowest_at_ns INTEGER, slowest_cpu_ns INTEGER, slowest_wait_ns INTEGER, "          \
    "slowest_suspended_ns INTEGER, queued_ns INTEGER, self_ns INTEGER"

static const char made[] = "CREATE TABLE " NAME "(" COLUMNS ")";

/* `kind`: enum snapshot_request_sort; of a function of the request before it: */
enum { ROW_FUNCTION = REQUEST_SORTS };

/* Places of columns. */
enum { AT_KIND = 1, AT_REQUEST, AT_FUNCTION, AT_NAME, AT_METHOD, AT_STATUS, AT_LABELS, AT_NUMBERS };
enum { AT_SELF = 24 };

/* --- writing ------------------------------------------------------------------------------------ */

static int64_t id_of(const struct snapshot *snapshot, int32_t function)
{
    return function == SNAPSHOT_NONE ? 0 : snapshot->functions[function].id;
}

static int put_request(struct recording_writer *writer, sqlite3_stmt *statement,
                       const struct snapshot *snapshot, size_t index)
{
    const struct snapshot_request *row = &snapshot->requests[index];
    const struct redact *redact = &writer->redact;
    struct arena *arena = writer->masked->arena;
    int64_t numbers[] = {(int64_t)row->count, (int64_t)row->errors, row->wall_ns,
                         row->p50_ns,         row->p99_ns,          row->max_ns,
                         row->cpu_ns,         row->wait_ns,         row->suspended_ns,
                         row->socket_ns,      row->file_ns,         row->slowest_at_ns,
                         row->slowest_cpu_ns, row->slowest_wait_ns, row->slowest_suspended_ns,
                         row->queued_ns};
    sqlite3_bind_int64(statement, 1 + AT_KIND, row->sort);
    sqlite3_bind_int64(statement, 1 + AT_REQUEST, (int64_t)index);
    sqlite3_bind_int64(statement, 1 + AT_FUNCTION, id_of(snapshot, row->slowest_function));
    database_bind_text(statement, 1 + AT_NAME, redact_path(redact, arena, row->name));
    database_bind_text(statement, 1 + AT_METHOD, row->method);
    database_bind_text(statement, 1 + AT_STATUS, row->status);
    database_bind_text(statement, 1 + AT_LABELS, redact_text(redact, arena, row->slowest_labels));
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
        sqlite3_bind_int64(statement, 1 + AT_NUMBERS + i, numbers[i]);
    return database_step(statement);
}

static int put_function(sqlite3_stmt *statement, const struct snapshot *snapshot,
                        const struct snapshot_request_function *row)
{
    sqlite3_bind_int64(statement, 1 + AT_KIND, ROW_FUNCTION);
    sqlite3_bind_int64(statement, 1 + AT_REQUEST, row->request);
    sqlite3_bind_int64(statement, 1 + AT_FUNCTION, id_of(snapshot, row->function));
    sqlite3_bind_int64(statement, 1 + AT_SELF, row->self_ns);
    return database_step(statement);
}

static int put_all(struct recording_writer *writer, sqlite3_stmt *statement,
                   const struct snapshot *snapshot)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < snapshot->request_count; i++)
        result = put_request(writer, statement, snapshot, i);
    sqlite3_clear_bindings(statement);
    for (size_t i = 0; result == 0 && i < snapshot->request_function_count; i++)
        result = put_function(statement, snapshot, &snapshot->request_functions[i]);
    return result;
}

int writer_put_requests(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t count = 0;
    for (size_t i = 0; i < snapshot->request_count; i++)
        count += snapshot->requests[i].count;
    if (!snapshot_has_source(&snapshot->meta, "spans") ||
        (writer->requests_made && writer->requests_ended == count))
        return 0;
    int result = database_run(writer->database, writer->requests_made ? "DELETE FROM " NAME : made);
    sqlite3_stmt *statement = NULL;
    if (result)
        return result;
    writer->requests_made = true;
    writer->requests_ended = count;
    if (sqlite3_prepare_v2(writer->database,
                           "INSERT INTO " NAME
                           " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                           -1, &statement, NULL) != SQLITE_OK)
        return -EIO;
    result = put_all(writer, statement, snapshot);
    sqlite3_finalize(statement);
    return result;
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool is_there(struct slice *slice)
{
    return slice_has_table(slice, NAME, made);
}

int slice_mark_requests(struct slice *slice)
{
    return is_there(slice)
               ? slice_take_rows(slice, "SELECT function FROM " NAME, slice_mark_function)
               : 0;
}

static int32_t function_at(const struct slice *slice, sqlite3_stmt *statement)
{
    uint32_t function = slice_recorded_function(slice, statement, AT_FUNCTION);
    return function ? slice->function_of[slice_row(slice, function - 1)] : SNAPSHOT_NONE;
}

static void take_function(struct slice *slice, sqlite3_stmt *statement)
{
    struct snapshot *snapshot = slice->snapshot;
    int64_t request = slice_number(statement, AT_REQUEST);
    int32_t function = function_at(slice, statement);
    if (function != SNAPSHOT_NONE && request < (int64_t)snapshot->request_count)
        snapshot->request_functions[snapshot->request_function_count++] =
            (struct snapshot_request_function){(uint32_t)request, function,
                                               slice_number(statement, AT_SELF)};
}

static int take_row(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    struct arena *arena = snapshot->arena;
    int64_t kind = slice_number(statement, AT_KIND), numbers[AT_SELF - AT_NUMBERS];
    int result = 0;
    if (index >= slice->request_rows)
        return 0;
    if (kind == ROW_FUNCTION)
        take_function(slice, statement);
    if (kind >= REQUEST_SORTS)
        return 0;
    for (int i = 0; i < AT_SELF - AT_NUMBERS; i++)
        numbers[i] = slice_number(statement, AT_NUMBERS + i);
    struct snapshot_request row = {
        .sort = (enum snapshot_request_sort)kind,
        .slowest_function = function_at(slice, statement),
        .name = recording_text(slice->recording, statement, AT_NAME, arena, &result),
        .method = recording_text(slice->recording, statement, AT_METHOD, arena, &result),
        .status = recording_text(slice->recording, statement, AT_STATUS, arena, &result),
        .slowest_labels = recording_text(slice->recording, statement, AT_LABELS, arena, &result),
        .count = (uint64_t)(numbers[0] ? numbers[0] : 1),
        .errors = (uint64_t)numbers[1],
        .wall_ns = numbers[2],
        .p50_ns = numbers[3],
        .p99_ns = numbers[4],
        .max_ns = numbers[5],
        .cpu_ns = numbers[6],
        .wait_ns = numbers[7],
        .suspended_ns = numbers[8],
        .socket_ns = numbers[9],
        .file_ns = numbers[10],
        .slowest_at_ns = numbers[11],
        .slowest_cpu_ns = numbers[12],
        .slowest_wait_ns = numbers[13],
        .slowest_suspended_ns = numbers[14],
        .queued_ns = numbers[15],
    };
    if (!row.name)
        row.name = "";
    snapshot->requests[snapshot->request_count++] = row;
    return result;
}

int slice_fill_requests(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!is_there(slice))
        return 0;
    slice->request_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM " NAME);
    snapshot->requests =
        arena_array(snapshot->arena, slice->request_rows + 1, sizeof(*snapshot->requests));
    snapshot->request_functions =
        arena_array(snapshot->arena, slice->request_rows + 1, sizeof(*snapshot->request_functions));
    if (!snapshot->requests || !snapshot->request_functions)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM " NAME " ORDER BY position", take_row);
}

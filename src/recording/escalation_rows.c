/* SPDX-License-Identifier: MIT */
/* Writing the table `escalated`, and reading it.
 * Why whole: rows change all the time, and are as many as there are functions under a rule.
 * Rules: as escalation_rows.h. A number that a file may have made up is used as a number only. */
#include "recording/escalation_rows.h"

#include "recording/slice.h"
#include "recording/writer_parts.h"

#include <errno.h>

#define NAME "escalated"
#define WITNESS(which)                                                                 \
    which "_at_ns INTEGER, " which "_took_ns INTEGER, " which "_value INTEGER, " which \
          "_thread INTEGER, " which "_pid INTEGER, " which "_arguments TEXT, " which   \
          "_stack TEXT, " which "_cut INTEGER"
#define COLUMNS                                                                                    \
    "position INTEGER PRIMARY KEY, function TEXT, file TEXT, line INTEGER, rule TEXT, "            \
    "counted INTEGER, timed INTEGER, calls INTEGER, held INTEGER, " WITNESS("first") ", " WITNESS( \
        "worst")

static const char made[] = "CREATE TABLE " NAME "(" COLUMNS ")";

/* Places of columns; those of a witness begin where it does, its time is NULL where there is none. */
enum { AT_FUNCTION = 1, AT_FILE, AT_LINE, AT_RULE, AT_COUNTED, AT_TIMED, AT_CALLS, AT_HELD };
enum { AT_FIRST = 9, AT_WORST = 17 };
enum { OF_AT, OF_TOOK, OF_VALUE, OF_THREAD, OF_PID, OF_ARGUMENTS, OF_STACK, OF_CUT };

/* --- writing ------------------------------------------------------------------------------------ */

static void bind_witness(const struct recording_writer *writer, sqlite3_stmt *statement, int at,
                         const struct snapshot_witness *witness)
{
    const struct redact *redact = &writer->redact;
    struct arena *arena = writer->masked->arena;
    if (!witness->known)
        return;
    sqlite3_bind_int64(statement, 1 + at + OF_AT, witness->at_ns);
    sqlite3_bind_int64(statement, 1 + at + OF_TOOK, witness->took_ns);
    sqlite3_bind_int64(statement, 1 + at + OF_VALUE, (int64_t)witness->value);
    sqlite3_bind_int64(statement, 1 + at + OF_THREAD, witness->thread);
    sqlite3_bind_int64(statement, 1 + at + OF_PID, witness->pid);
    database_bind_text(statement, 1 + at + OF_ARGUMENTS,
                       redact_text(redact, arena, witness->arguments));
    /* Names within a text of many are left out, not hashed. */
    database_bind_text(statement, 1 + at + OF_STACK, redact->names ? NULL : witness->stack);
    sqlite3_bind_int64(statement, 1 + at + OF_CUT, witness->has_more);
}

static int put_row(const struct recording_writer *writer, sqlite3_stmt *statement,
                   const struct snapshot_escalation *row)
{
    struct arena *arena = writer->masked->arena;
    sqlite3_clear_bindings(statement);
    database_bind_text(statement, 1 + AT_FUNCTION,
                       redact_name(&writer->redact, arena, row->function));
    database_bind_text(statement, 1 + AT_FILE, redact_path(&writer->redact, arena, row->file));
    sqlite3_bind_int64(statement, 1 + AT_LINE, row->line);
    database_bind_text(statement, 1 + AT_RULE, row->rule);
    sqlite3_bind_int64(statement, 1 + AT_COUNTED, row->is_count);
    sqlite3_bind_int64(statement, 1 + AT_TIMED, row->is_time);
    sqlite3_bind_int64(statement, 1 + AT_CALLS, (int64_t)row->calls);
    sqlite3_bind_int64(statement, 1 + AT_HELD, (int64_t)row->held);
    bind_witness(writer, statement, AT_FIRST, &row->first);
    bind_witness(writer, statement, AT_WORST, &row->worst);
    return database_step(statement);
}

int writer_put_escalations(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t calls = 0;
    for (size_t i = 0; i < snapshot->escalation_count; i++)
        calls += snapshot->escalations[i].calls;
    if (!snapshot->escalation_count ||
        (writer->escalations_made && writer->escalations_ended == calls))
        return 0;
    int result =
        database_run(writer->database, writer->escalations_made ? "DELETE FROM " NAME : made);
    sqlite3_stmt *statement = NULL;
    if (result)
        return result;
    writer->escalations_made = true;
    writer->escalations_ended = calls;
    if (sqlite3_prepare_v2(writer->database,
                           "INSERT INTO " NAME
                           " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                           -1, &statement, NULL) != SQLITE_OK)
        return -EIO;
    for (size_t i = 0; result == 0 && i < snapshot->escalation_count; i++)
        result = put_row(writer, statement, &snapshot->escalations[i]);
    sqlite3_finalize(statement);
    return result;
}

/* --- reading ------------------------------------------------------------------------------------ */

static struct snapshot_witness witness_at(const struct slice *slice, sqlite3_stmt *statement,
                                          int at, int *result)
{
    struct arena *arena = slice->snapshot->arena;
    if (sqlite3_column_type(statement, at + OF_AT) == SQLITE_NULL)
        return (struct snapshot_witness){0};
    return (struct snapshot_witness){
        .known = true,
        .at_ns = slice_number(statement, at + OF_AT),
        .took_ns = slice_number(statement, at + OF_TOOK),
        .value = (uint64_t)slice_number(statement, at + OF_VALUE),
        .thread = (uint32_t)slice_number(statement, at + OF_THREAD),
        .pid = (uint32_t)slice_number(statement, at + OF_PID),
        .arguments = recording_text(slice->recording, statement, at + OF_ARGUMENTS, arena, result),
        .stack = recording_text(slice->recording, statement, at + OF_STACK, arena, result),
        .has_more = slice_number(statement, at + OF_CUT) != 0,
    };
}

static int take_row(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    struct arena *arena = snapshot->arena;
    int result = 0;
    if (index >= slice->escalation_rows)
        return 0;
    struct snapshot_escalation row = {
        .function = recording_text(slice->recording, statement, AT_FUNCTION, arena, &result),
        .file = recording_text(slice->recording, statement, AT_FILE, arena, &result),
        .line = (uint32_t)slice_number(statement, AT_LINE),
        .rule = recording_text(slice->recording, statement, AT_RULE, arena, &result),
        .is_count = slice_number(statement, AT_COUNTED) != 0,
        .is_time = slice_number(statement, AT_TIMED) != 0,
        .calls = (uint64_t)slice_number(statement, AT_CALLS),
        .held = (uint64_t)slice_number(statement, AT_HELD),
        .first = witness_at(slice, statement, AT_FIRST, &result),
        .worst = witness_at(slice, statement, AT_WORST, &result),
    };
    row.function = row.function ? row.function : "";
    row.rule = row.rule ? row.rule : "";
    snapshot->escalations[snapshot->escalation_count++] = row;
    return result;
}

int slice_fill_escalations(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!slice_has_table(slice, NAME, made))
        return 0;
    slice->escalation_rows =
        (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM " NAME);
    snapshot->escalations =
        arena_array(snapshot->arena, slice->escalation_rows + 1, sizeof(*snapshot->escalations));
    if (!snapshot->escalations)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM " NAME " ORDER BY position", take_row);
}

/* SPDX-License-Identifier: MIT */
/* Writing the table `memory`, and reading it.
 * Why whole: rows change all the time, and are as many as there are lines that ask for memory.
 * Rules: as memory_rows.h. A number that a file may have made up is used as a number only. */
#include "recording/memory_rows.h"

#include "recording/slice.h"
#include "recording/writer_parts.h"

#include <errno.h>

#define NAME "memory"
#define COLUMNS                                                                                 \
    "position INTEGER PRIMARY KEY, kind INTEGER, function INTEGER, line INTEGER, "              \
    "left_out INTEGER, most_bytes INTEGER, allocations INTEGER, bytes INTEGER, frees INTEGER, " \
    "freed_bytes INTEGER, live_blocks INTEGER, live_bytes INTEGER, peak_bytes INTEGER, "        \
    "at_peak_bytes INTEGER, large INTEGER, grown INTEGER, grown_bytes INTEGER"

static const char made[] = "CREATE TABLE " NAME "(" COLUMNS ")";

/* `kind`: what a row is of. Of an allocator its number stands in `line`. */
enum row_kind { ROW_TOTAL, ROW_DOMAIN, ROW_CLASS, ROW_SITE };

struct row {
    enum row_kind kind;
    uint32_t function, line;
    bool left_out;
    uint64_t most_bytes, at_peak_bytes, large, grown, grown_bytes;
    const struct snapshot_memory_sums *sums;
};

/* --- writing ------------------------------------------------------------------------------------ */

static int put_row(sqlite3_stmt *statement, int64_t position, const struct row *row)
{
    const struct snapshot_memory_sums *sums = row->sums;
    int64_t values[] = {position,
                        row->kind,
                        row->function,
                        row->line,
                        row->left_out,
                        (int64_t)row->most_bytes,
                        (int64_t)sums->allocations,
                        (int64_t)sums->bytes,
                        (int64_t)sums->frees,
                        (int64_t)sums->freed_bytes,
                        (int64_t)sums->live_blocks,
                        (int64_t)sums->live_bytes,
                        (int64_t)sums->peak_bytes,
                        (int64_t)row->at_peak_bytes,
                        (int64_t)row->large,
                        (int64_t)row->grown,
                        (int64_t)row->grown_bytes};
    for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
        sqlite3_bind_int64(statement, 1 + i, values[i]);
    return database_step(statement);
}

static int put_all(sqlite3_stmt *statement, const struct snapshot *snapshot)
{
    const struct snapshot_memory *memory = &snapshot->meta.memory;
    int64_t position = 0;
    int result = put_row(statement, position++, &(struct row){ROW_TOTAL, .sums = &memory->total});
    for (uint32_t i = 0; result == 0 && i < SNAPSHOT_MEMORY_DOMAINS; i++) {
        struct row row = {ROW_DOMAIN, .line = i, .sums = &memory->domains[i]};
        result = put_row(statement, position++, &row);
    }
    for (uint32_t i = 0; result == 0 && i < SNAPSHOT_MEMORY_CLASSES; i++) {
        const struct snapshot_memory_class *class = &memory->classes[i];
        struct row row = {ROW_CLASS, .line = i, .most_bytes = class->most_bytes,
                          .sums = &class->sums};
        if (class->sums.allocations || class->sums.live_blocks)
            result = put_row(statement, position++, &row);
    }
    for (size_t i = 0; result == 0 && i < snapshot->memory_site_count; i++) {
        const struct snapshot_memory_site *site = &snapshot->memory_sites[i];
        struct row row = {ROW_SITE,
                          .line = site->line,
                          .left_out = site->is_left_out,
                          .at_peak_bytes = site->at_peak_bytes,
                          .large = site->large,
                          .grown = site->grown,
                          .grown_bytes = site->grown_bytes,
                          .sums = &site->sums};
        if (site->function != SNAPSHOT_NONE)
            row.function = snapshot->functions[site->function].id;
        result = put_row(statement, position++, &row);
    }
    return result;
}

int writer_put_memory(struct recording_writer *writer, const struct snapshot *snapshot)
{
    const struct snapshot_memory_sums *total = &snapshot->meta.memory.total;
    if (!snapshot_has_source(&snapshot->meta, "memory") ||
        (writer->memory_made && writer->memory_steps == total->allocations + total->frees))
        return 0;
    int result = database_run(writer->database, writer->memory_made ? "DELETE FROM " NAME : made);
    sqlite3_stmt *statement = NULL;
    if (result)
        return result;
    writer->memory_made = true;
    writer->memory_steps = total->allocations + total->frees;
    if (sqlite3_prepare_v2(writer->database,
                           "INSERT INTO " NAME " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                           &statement, NULL) != SQLITE_OK)
        return -EIO;
    result = put_all(statement, snapshot);
    sqlite3_finalize(statement);
    return result;
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool is_there(struct slice *slice)
{
    return slice_has_table(slice, NAME, made);
}

int slice_mark_memory(struct slice *slice)
{
    return is_there(slice)
               ? slice_take_rows(slice, "SELECT function FROM " NAME, slice_mark_function)
               : 0;
}

static struct snapshot_memory_sums sums_at(sqlite3_stmt *statement)
{
    return (struct snapshot_memory_sums){
        .allocations = (uint64_t)slice_number(statement, 6),
        .bytes = (uint64_t)slice_number(statement, 7),
        .frees = (uint64_t)slice_number(statement, 8),
        .freed_bytes = (uint64_t)slice_number(statement, 9),
        .live_blocks = (uint64_t)slice_number(statement, 10),
        .live_bytes = (uint64_t)slice_number(statement, 11),
        .peak_bytes = (uint64_t)slice_number(statement, 12),
    };
}

static void take_site(struct slice *slice, sqlite3_stmt *statement)
{
    struct snapshot *snapshot = slice->snapshot;
    uint32_t function = slice_recorded_function(slice, statement, 2);
    struct snapshot_memory_site *site = &snapshot->memory_sites[snapshot->memory_site_count];
    if (snapshot->memory_site_count == slice->memory_rows)
        return;
    snapshot->memory_site_count++;
    *site = (struct snapshot_memory_site){
        .sums = sums_at(statement),
        .function = function ? slice->function_of[slice_row(slice, function - 1)] : SNAPSHOT_NONE,
        .line = (uint32_t)slice_number(statement, 3),
        .is_left_out = sqlite3_column_int(statement, 4),
        .at_peak_bytes = (uint64_t)slice_number(statement, 13),
        .large = (uint64_t)slice_number(statement, 14),
        .grown = (uint64_t)slice_number(statement, 15),
        .grown_bytes = (uint64_t)slice_number(statement, 16),
    };
    site->growth_bytes = (int64_t)site->sums.live_bytes; /* since the start, as the window is */
}

static int take_row(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot_memory *memory = &slice->snapshot->meta.memory;
    uint64_t number = (uint64_t)slice_number(statement, 3);
    (void)index;
    switch (sqlite3_column_int(statement, 1)) {
    case ROW_TOTAL:
        memory->total = sums_at(statement);
        break;
    case ROW_DOMAIN:
        if (number < SNAPSHOT_MEMORY_DOMAINS)
            memory->domains[number] = sums_at(statement);
        break;
    case ROW_CLASS:
        if (number < SNAPSHOT_MEMORY_CLASSES)
            memory->classes[number] = (struct snapshot_memory_class){
                sums_at(statement), (uint64_t)slice_number(statement, 5)};
        break;
    default:
        take_site(slice, statement);
    }
    return 0;
}

int slice_fill_memory(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!is_there(slice))
        return 0;
    slice->memory_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM " NAME);
    snapshot->memory_sites =
        arena_array(snapshot->arena, slice->memory_rows + 1, sizeof(*snapshot->memory_sites));
    if (!snapshot->memory_sites)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM " NAME " ORDER BY position", take_row);
}

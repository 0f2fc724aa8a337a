/* SPDX-License-Identifier: MIT */
/* The small tables and the header of a slice.
 * Why: what is of the whole recording alone (tasks, the exit status) must not look as if it were of a slice.
 * Rules: as recording.h. */
#include "recording/escalation_rows.h"
#include "recording/memory_rows.h"
#include "recording/request_rows.h"
#include "recording/slice.h"
#include "recording/wait_tables.h"

#include <errno.h>
#include <string.h>

/* --- tasks, sites, sources --------------------------------------------------------------------------- */

int slice_take_rows(struct slice *slice, const char *sql, slice_taker *take)
{
    struct recording *recording = slice->recording;
    sqlite3_stmt *statement;
    int result = 0, code = SQLITE_ROW;
    if (sqlite3_prepare_v2(recording->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return recording_fail(recording, -EBADMSG,
                              "the recording is damaged (a table cannot be read)");
    for (size_t i = 0; result == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW; i++)
        result = take(slice, statement, i);
    sqlite3_finalize(statement);
    if (result == 0 && code != SQLITE_DONE)
        return recording_fail(recording, -EBADMSG,
                              "the recording is damaged (a page cannot be read)");
    return result;
}

int64_t slice_row_count(const struct recording *recording, const char *sql)
{
    enum { ROWS_MAX = 1 << 20 };
    int64_t count = database_number(recording->database, sql, 0);
    return count < 0 ? 0 : count > ROWS_MAX ? ROWS_MAX : count;
}

uint32_t slice_recorded_function(const struct slice *slice, sqlite3_stmt *statement, int column)
{
    return id_table_find(&slice->recording->function_ids, sqlite3_column_int64(statement, column));
}

/* A recording of an ulma that did not know of objects has no such table. */
static size_t count_objects(const struct slice *slice)
{
    if (recording_lacks(slice->recording, "objects"))
        return 0;
    return (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM objects");
}

static int mark_task(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    (void)index;
    for (int i = 0; i < 3; i++)
        slice_mark(slice, slice_recorded_function(slice, statement, i));
    return 0;
}

int slice_mark_function(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    (void)index;
    slice_mark(slice, slice_recorded_function(slice, statement, 0));
    return 0;
}

int64_t slice_number(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column), most = INT64_C(1) << 60;
    return value < 0 ? 0 : value > most ? most : value;
}

bool slice_has_table(struct slice *slice, const char *name, const char *made)
{
    return slice->whole && slice->all && recording_has_table(slice->recording, name, made);
}

static bool has_lines(const struct slice *slice)
{
    return !recording_lacks(slice->recording, "lines");
}

static bool has_io(const struct slice *slice)
{
    return !recording_lacks(slice->recording, "io");
}

int slice_mark_tasks(struct slice *slice)
{
    int result = slice_take_rows(slice, "SELECT coroutine, maker, awaiting FROM tasks", mark_task);
    if (result == 0)
        result = slice_take_rows(slice, "SELECT function FROM gc WHERE by_function",
                                 slice_mark_function);
    if (result == 0 && has_lines(slice))
        result = slice_take_rows(slice, "SELECT DISTINCT function FROM lines", slice_mark_function);
    if (result == 0 && count_objects(slice))
        result = slice_take_rows(slice, "SELECT function FROM objects", slice_mark_function);
    if (result == 0 && has_io(slice))
        result = slice_take_rows(slice, "SELECT function FROM io", slice_mark_function);
    if (result == 0)
        result = slice_mark_waits(slice);
    if (result == 0)
        result = slice_mark_requests(slice);
    return result == 0 ? slice_mark_memory(slice) : result;
}

static int32_t shown_function(const struct slice *slice, sqlite3_stmt *statement, int column)
{
    uint32_t function = slice_recorded_function(slice, statement, column);
    return function ? slice->function_of[function - 1] : SNAPSHOT_NONE;
}

static int64_t time_of(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column), most = INT64_C(1) << 60;
    return value < -most ? -most : value > most ? most : value;
}

static int take_task(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    const char *state = (const char *)sqlite3_column_text(statement, 6);
    int result = 0;
    if (snapshot->task_count <= index)
        return 0;
    struct snapshot_task *task = &snapshot->tasks[index];
    task->count = (uint64_t)sqlite3_column_int64(statement, 1);
    task->id = (uint64_t)sqlite3_column_int64(statement, 2);
    task->pid = (uint32_t)sqlite3_column_int64(statement, 3);
    task->tid = (uint32_t)sqlite3_column_int64(statement, 4);
    task->name = recording_text(slice->recording, statement, 5, snapshot->arena, &result);
    for (int i = 0; i < SCHEMA_STATES; i++)
        if (state && strcmp(schema_states[i], state) == 0)
            task->state = (enum snapshot_task_state)i;
    task->coroutine = shown_function(slice, statement, 7);
    task->maker = shown_function(slice, statement, 8);
    task->awaiting = shown_function(slice, statement, 9);
    task->steps = (uint64_t)sqlite3_column_int64(statement, 10);
    task->raised = (uint64_t)sqlite3_column_int64(statement, 11);
    task->wall_ns = time_of(statement, 12);
    task->wait_ns = time_of(statement, 13);
    task->suspended_ns = time_of(statement, 14);
    task->longest_ns = time_of(statement, 15);
    task->steps_exact = sqlite3_column_int(statement, 16);
    return result;
}

static uint64_t count_of(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

/* Room for all of them is in both lists. */
static int take_gc(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    bool by_function = sqlite3_column_int(statement, 2);
    if (index >= slice->gc_rows)
        return 0;
    struct snapshot_gc *row = by_function ? &snapshot->gc_triggers[snapshot->gc_trigger_count++]
                                          : &snapshot->gc[snapshot->gc_count++];
    *row = (struct snapshot_gc){
        .generation = (uint32_t)count_of(statement, 1),
        .function = by_function ? shown_function(slice, statement, 3) : SNAPSHOT_NONE,
        .runs = count_of(statement, 4),
        .collected = count_of(statement, 5),
        .uncollectable = count_of(statement, 6),
        .total_ns = time_of(statement, 7),
        .max_ns = time_of(statement, 8),
    };
    return 0;
}

static int fill_gc(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    slice->gc_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM gc");
    snapshot->gc = arena_array(snapshot->arena, slice->gc_rows + 1, sizeof(*snapshot->gc));
    snapshot->gc_triggers =
        arena_array(snapshot->arena, slice->gc_rows + 1, sizeof(*snapshot->gc_triggers));
    if (!snapshot->gc || !snapshot->gc_triggers)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM gc ORDER BY position", take_gc);
}

static int take_io(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    struct arena *arena = snapshot->arena;
    int result = 0;
    if (index >= slice->io_rows)
        return 0;
    struct snapshot_io row = {
        .operation = recording_text(slice->recording, statement, 1, arena, &result),
        .resource = recording_text(slice->recording, statement, 2, arena, &result),
        .function = shown_function(slice, statement, 3),
        .line = sqlite3_column_count(statement) > 10 ? (uint32_t)count_of(statement, 10) : 0,
        .calls = count_of(statement, 4),
        .bytes = count_of(statement, 5),
        .errors = count_of(statement, 6),
        .blocked_ns = time_of(statement, 7),
        .p99_ns = time_of(statement, 8),
        .max_ns = time_of(statement, 9),
    };
    if (row.operation && row.calls)
        snapshot->io[snapshot->io_count++] = row;
    return result;
}

static int fill_io(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!has_io(slice))
        return 0;
    slice->io_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM io");
    snapshot->io = arena_array(snapshot->arena, slice->io_rows + 1, sizeof(*snapshot->io));
    if (!snapshot->io)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM io ORDER BY position", take_io);
}

static int take_line(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    int32_t function = shown_function(slice, statement, 1);
    if (index >= slice->line_rows || function == SNAPSHOT_NONE)
        return 0;
    struct snapshot_line *row = &snapshot->lines[snapshot->line_count++];
    *row = (struct snapshot_line){
        .function = function,
        .line = (uint32_t)count_of(statement, 2),
        .hits = count_of(statement, 3),
        .self_ns = time_of(statement, 4),
        .self_wait_ns = time_of(statement, 5),
        .is_partial = sqlite3_column_int(statement, 6),
    };
    return 0;
}

static int fill_lines(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    if (!has_lines(slice))
        return 0;
    slice->line_rows = (size_t)slice_row_count(slice->recording, "SELECT count(*) FROM lines");
    snapshot->lines = arena_array(snapshot->arena, slice->line_rows + 1, sizeof(*snapshot->lines));
    if (!snapshot->lines)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice_take_rows(slice, "SELECT * FROM lines ORDER BY position", take_line);
}

static int take_object(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot *snapshot = slice->snapshot;
    struct snapshot_object *row = &snapshot->objects[index];
    int result = 0;
    if (index >= slice->object_rows)
        return 0;
    *row = (struct snapshot_object){
        .type = recording_text(slice->recording, statement, 1, snapshot->arena, &result),
        .function = shown_function(slice, statement, 2),
        .line = (uint32_t)count_of(statement, 3),
        .before = sqlite3_column_int(statement, 4),
        .births = count_of(statement, 5),
        .deaths = count_of(statement, 6),
        .live = count_of(statement, 7),
        .bytes = count_of(statement, 8),
        .live_bytes = count_of(statement, 9),
        .median_life_ns = time_of(statement, 10),
    };
    if (!row->type && result == 0)
        row->type = "";
    snapshot->object_count = index + 1;
    return result;
}

static int fill_objects(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    slice->object_rows = count_objects(slice);
    snapshot->objects =
        arena_array(snapshot->arena, slice->object_rows + 1, sizeof(*snapshot->objects));
    if (!snapshot->objects)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    return slice->object_rows
               ? slice_take_rows(slice, "SELECT * FROM objects ORDER BY position", take_object)
               : 0;
}

static int take_site(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot_meta *meta = &slice->snapshot->meta;
    int result = 0;
    if (meta->site_count <= index)
        return 0;
    meta->sites[index].text =
        recording_text(slice->recording, statement, 1, slice->snapshot->arena, &result);
    meta->sites[index].skip = sqlite3_column_int(statement, 2);
    meta->sites[index].matched = sqlite3_column_int(statement, 3);
    if (!meta->sites[index].text && result == 0)
        meta->sites[index].text = "";
    return result;
}

static int take_source(struct slice *slice, sqlite3_stmt *statement, size_t index)
{
    struct snapshot_meta *meta = &slice->snapshot->meta;
    int result = 0;
    if (index >= sizeof(meta->sources) / sizeof(meta->sources[0]))
        return 0;
    struct snapshot_source *source = &meta->sources[index];
    int64_t on_ns = time_of(statement, 2), most = slice->to_ns - slice->from_ns;
    source->name = recording_text(slice->recording, statement, 1, slice->snapshot->arena, &result);
    source->on_ns = slice->whole || on_ns < most ? on_ns : most;
    source->wanted = sqlite3_column_int(statement, 3);
    source->complete = sqlite3_column_int(statement, 4);
    source->reason =
        recording_text(slice->recording, statement, 5, slice->snapshot->arena, &result);
    if (!source->name)
        source->name = "";
    meta->source_count = index + 1;
    return result;
}

int slice_fill_tables(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    struct recording *recording = slice->recording;
    struct snapshot_meta *meta = &snapshot->meta;
    int64_t tasks =
        slice->whole && slice->all ? slice_row_count(recording, "SELECT count(*) FROM tasks") : 0;
    int64_t sites = slice_row_count(recording, "SELECT count(*) FROM sites");
    snapshot->tasks = arena_array(snapshot->arena, (size_t)tasks + 1, sizeof(*snapshot->tasks));
    meta->sites = arena_array(snapshot->arena, (size_t)sites + 1, sizeof(*meta->sites));
    if (!snapshot->tasks || !meta->sites)
        return recording_fail(recording, -ENOMEM, "out of memory");
    snapshot->task_count = (size_t)tasks;
    meta->site_count = (size_t)sites;
    int result = slice_take_rows(slice, "SELECT * FROM sites ORDER BY position", take_site);
    if (result == 0)
        result = slice_take_rows(slice, "SELECT * FROM sources ORDER BY position", take_source);
    if (result == 0 && tasks)
        result = slice_take_rows(slice, "SELECT * FROM tasks ORDER BY position", take_task);
    if (result == 0 && slice->whole && slice->all)
        result = fill_gc(slice);
    if (result == 0 && slice->whole && slice->all)
        result = fill_io(slice);
    if (result == 0 && slice->whole && slice->all)
        result = fill_lines(slice);
    if (result == 0 && slice->whole && slice->all)
        result = fill_objects(slice);
    if (result == 0)
        result = slice_fill_waits(slice);
    if (result == 0)
        result = slice_fill_requests(slice);
    if (result == 0)
        result = slice_fill_escalations(slice);
    return result == 0 ? slice_fill_memory(slice) : result;
}

/* --- the header -------------------------------------------------------------------------------------- */

int slice_copy_texts(struct slice *slice)
{
    for (size_t i = 0; i < schema_field_count; i++) {
        const char **text =
            (const char **)(void *)((char *)&slice->snapshot->meta + schema_fields[i].offset);
        if (schema_fields[i].kind != META_TEXT || !*text)
            continue;
        *text = arena_string(slice->snapshot->arena, *text);
        if (!*text)
            return recording_fail(slice->recording, -ENOMEM, "out of memory");
    }
    return 0;
}

/* What of the header is not the whole recording's. */
static void fill_part(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    struct snapshot_meta *meta = &snapshot->meta;
    double profiled_ns = 0, cost_ns = 0;
    meta->is_slice = true;
    meta->slice_from_ns = slice->from_ns;
    meta->duration_ns = slice->to_ns - slice->from_ns;
    meta->events_read = slice->upto.events - slice->before.events;
    meta->lost = slice->upto.lost - slice->before.lost;
    meta->gaps = slice->upto.gaps - slice->before.gaps;
    meta->nested = slice->upto.nested - slice->before.nested;
    meta->off_ns = slice->upto.off_ns - slice->before.off_ns;
    meta->events_per_s = (double)meta->events_read * 1e9 / (double)meta->duration_ns;
    meta->thread_count = (uint32_t)snapshot->thread_count;
    meta->calls = 0;
    meta->corrected_ns = meta->waited_ns = meta->stolen_ns = 0;
    meta->tasks_live = 0;
    meta->longest_step_ns = 0;
    meta->longest_step_task = NULL;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        uint64_t calls = function->calls + function->resumes;
        meta->calls += calls;
        cost_ns += (double)(calls > function->estimated ? calls - function->estimated : 0) *
                   (function->kind == KIND_C ? meta->ns_per_c_call : meta->ns_per_call);
    }
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        profiled_ns += (double)snapshot->threads[i].profiled_ns;
        meta->corrected_ns += snapshot->threads[i].corrected_ns;
        meta->waited_ns += snapshot->threads[i].stalled_ns;
    }
    meta->cost_pct = profiled_ns > 0 ? 100 * cost_ns / profiled_ns : 0;
    if (!slice_is_at_end(slice)) {
        meta->ended = false;
        meta->exit_status = -1;
        meta->signal = 0;
    }
}

void slice_fill_meta(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    struct snapshot_meta *meta = &snapshot->meta;
    const struct recording *recording = slice->recording;
    bool wanted = slice->whole && slice->all && recording->longest_step_of;
    meta->recording = false;
    meta->clock = slice->query->clock;
    meta->by_process = slice->query->by_process;
    meta->window_s = slice->query->window_s;
    meta->longest_step_of = wanted ? slice->function_of[recording->longest_step_of - 1]
                                   : SNAPSHOT_NONE;
    meta->muted = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        meta->muted += snapshot->functions[i].is_muted;
    meta->window_from_ns = slice->query->window_s > 0 ? slice->middle_ns : slice->from_ns;
    meta->window_to_ns = slice->whole ? meta->duration_ns : slice->to_ns;
    if (!slice->whole || !slice->all)
        fill_part(slice);
    if (slice->query->window_s > 0 && slice->to_ns > slice->middle_ns)
        meta->events_per_s = (double)(slice->upto.events - slice->middle.events) * 1e9 /
                             (double)(slice->to_ns - slice->middle_ns);
}

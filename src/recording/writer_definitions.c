/* SPDX-License-Identifier: MIT */
/* Who is who: functions, paths, threads, processes, tasks, and what the header says.
 * Why apart from the windows: these rows are written once, or when they change.
 * Rules: whatever a person could have chosen goes through redact.h. */
#include "recording/escalation_rows.h"
#include "recording/memory_rows.h"
#include "recording/request_rows.h"
#include "recording/wait_tables.h"
#include "recording/writer_parts.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids lie below what a reader accepts. */
static int check_id(uint32_t id, uint32_t most)
{
    return id < most ? 0 : -EOVERFLOW;
}

/* --- functions ---------------------------------------------------------------------------------- */

static bool is_same(const struct known_function *known, const struct snapshot_function *function)
{
    return known->known && known->calls_exact == function->calls_exact &&
           known->times_exact == function->times_exact && known->muted == function->is_muted &&
           known->holds_left_out == function->holds_left_out &&
           known->is_method == function->is_method;
}

static int put_function(struct recording_writer *writer, const struct snapshot_function *function)
{
    const struct redact *redact = function->kind == KIND_PSEUDO ? NULL : &writer->redact;
    struct arena *arena = writer->masked->arena;
    sqlite3_stmt *statement = writer->statements[PUT_FUNCTION];
    sqlite3_bind_int64(statement, 1, function->id);
    sqlite3_bind_int64(statement, 2, function->pid);
    sqlite3_bind_text(statement, 3, schema_kinds[function->kind], -1, SQLITE_STATIC);
    database_bind_text(statement, 4, redact_name(redact, arena, function->name));
    database_bind_text(statement, 5, redact_name(redact, arena, function->qualname));
    database_bind_text(statement, 6, redact_name(redact, arena, function->module));
    database_bind_text(statement, 7, redact_path(redact, arena, function->file));
    sqlite3_bind_int64(statement, 8, function->line);
    sqlite3_bind_int(statement, 9, function->calls_exact);
    sqlite3_bind_int(statement, 10, function->times_exact);
    sqlite3_bind_int(statement, 11, function->is_muted);
    sqlite3_bind_int(statement, 12, function->holds_left_out);
    sqlite3_bind_int(statement, 13, function->is_method);
    return database_step(statement);
}

static int put_functions(struct recording_writer *writer, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        int result = check_id(function->id, SCHEMA_FUNCTIONS_MAX);
        if (result == 0)
            result = writer_room(&writer->functions, &writer->function_limit, function->id,
                                 sizeof(*writer->functions));
        if (result)
            return result;
        struct known_function *known = &writer->functions[function->id];
        if (is_same(known, function))
            continue;
        *known = (struct known_function){.known = true,
                                         .calls_exact = function->calls_exact,
                                         .times_exact = function->times_exact,
                                         .muted = function->is_muted,
                                         .holds_left_out = function->holds_left_out,
                                         .is_method = function->is_method};
        result = put_function(writer, function);
        if (result)
            return result;
    }
    return 0;
}

/* 0 is none. */
static int64_t id_of(const struct snapshot *snapshot, int32_t function)
{
    return function == SNAPSHOT_NONE ? 0 : (int64_t)snapshot->functions[function].id;
}

/* --- nodes -------------------------------------------------------------------------------------- */

static int put_nodes(struct recording_writer *writer, const struct snapshot *snapshot)
{
    sqlite3_stmt *statement = writer->statements[PUT_NODE];
    for (size_t i = 0; i < snapshot->detail->path_count; i++) {
        const struct snapshot_path *path = &snapshot->detail->paths[i];
        int result = check_id(path->id, SCHEMA_NODES_MAX);
        if (result == 0)
            result =
                writer_room(&writer->nodes, &writer->node_limit, path->id, sizeof(*writer->nodes));
        if (result)
            return result;
        if (writer->nodes[path->id])
            continue;
        writer->nodes[path->id] = true;
        sqlite3_bind_int64(statement, 1, path->id);
        sqlite3_bind_int64(statement, 2, path->parent);
        sqlite3_bind_int64(statement, 3, id_of(snapshot, path->function));
        sqlite3_bind_int64(statement, 4, path->thread);
        sqlite3_bind_int64(statement, 5, path->flags);
        result = database_step(statement);
        if (result)
            return result;
    }
    return 0;
}

/* --- threads ------------------------------------------------------------------------------------ */

static bool is_same_thread(const struct known_thread *known, const struct snapshot_thread *thread,
                           int32_t position)
{
    const struct snapshot_thread *row = &known->row;
    return known->known && known->position == position && row->pid == thread->pid &&
           row->tid == thread->tid && row->ended == thread->ended &&
           row->running == thread->running && row->depth == thread->depth &&
           strcmp(row->name, thread->name) == 0;
}

static int put_thread(struct recording_writer *writer, const struct snapshot *snapshot,
                      const struct snapshot_thread *thread, int32_t position)
{
    sqlite3_stmt *statement = writer->statements[PUT_THREAD];
    bool is_known = strcmp(thread->name, "MainThread") == 0 || strcmp(thread->name, "(ended)") == 0;
    const char *name = thread->name;
    if (!is_known)
        name = redact_text(&writer->redact, writer->masked->arena, thread->name);
    sqlite3_bind_int64(statement, 1, thread->number);
    sqlite3_bind_int64(statement, 2, position);
    sqlite3_bind_int64(statement, 3, thread->pid);
    sqlite3_bind_int64(statement, 4, thread->tid);
    database_bind_text(statement, 5, name);
    sqlite3_bind_int(statement, 6, thread->ended);
    sqlite3_bind_int64(statement, 7, id_of(snapshot, thread->running));
    sqlite3_bind_int64(statement, 8, thread->depth);
    return database_step(statement);
}

/* Threads that are not in the snapshot any more are in the one with number 0. */
static void fold_gone(struct recording_writer *writer)
{
    for (size_t i = 1; i < writer->thread_limit; i++) {
        struct known_thread *known = &writer->threads[i];
        if (!known->known || known->present || known->gone)
            continue;
        known->gone = true;
        writer->folded.calls += known->last.calls;
        writer->folded.lost += known->last.lost;
        writer->folded.ticks.profiled += known->last.ticks.profiled;
        writer->folded.ticks.wait += known->last.ticks.wait;
        writer->folded.ticks.stalled += known->last.ticks.stalled;
        writer->folded.ticks.corrected += known->last.ticks.corrected;
        writer->folded.ticks.outside += known->last.ticks.outside;
    }
}

static int put_threads(struct recording_writer *writer, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < writer->thread_limit; i++)
        writer->threads[i].present = false;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads[i];
        int result = check_id(thread->number, SCHEMA_THREADS_MAX);
        if (result == 0)
            result = writer_room(&writer->threads, &writer->thread_limit, thread->number,
                                 sizeof(*writer->threads));
        if (result)
            return result;
        struct known_thread *known = &writer->threads[thread->number];
        known->present = true;
        known->last = (struct writer_thread){
            .calls = thread->calls, .lost = thread->lost, .ticks = snapshot->detail->threads[i]};
        if (is_same_thread(known, thread, (int32_t)i))
            continue;
        known->known = true;
        known->row = *thread;
        known->position = (int32_t)i;
        result = put_thread(writer, snapshot, thread, (int32_t)i);
        if (result)
            return result;
    }
    fold_gone(writer);
    return 0;
}

/* --- processes ---------------------------------------------------------------------------------- */

static struct known_process *find_process(struct recording_writer *writer, uint32_t pid)
{
    for (size_t i = 0; i < writer->process_count; i++)
        if (writer->processes[i].pid == pid)
            return &writer->processes[i];
    if (writer_room(&writer->processes, &writer->process_limit, writer->process_count,
                    sizeof(*writer->processes)))
        return NULL;
    struct known_process *process = &writer->processes[writer->process_count++];
    *process = (struct known_process){.pid = pid};
    return process;
}

static int put_process(struct recording_writer *writer, const struct snapshot_process *process)
{
    sqlite3_stmt *statement = writer->statements[PUT_PROCESS];
    const char *command = process->command;
    if (process->pid)
        command = redact_command(&writer->redact, writer->masked->arena, command);
    sqlite3_bind_int64(statement, 1, process->pid);
    sqlite3_bind_int64(statement, 2, process->pid);
    sqlite3_bind_int64(statement, 3, process->ppid);
    database_bind_text(statement, 4, command);
    return database_step(statement);
}

static int put_processes(struct recording_writer *writer, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < writer->process_count; i++)
        writer->processes[i].now = (struct writer_process){0};
    for (size_t i = 0; i < snapshot->process_count; i++) {
        const struct snapshot_process *row = &snapshot->processes[i];
        size_t before = writer->process_count;
        struct known_process *process = find_process(writer, row->pid);
        if (!process)
            return -ENOMEM;
        process->now.calls += row->calls;
        process->now.lost += row->lost;
        if (writer->process_count == before && process->has_command >= (row->command != NULL))
            continue;
        process->has_command = row->command;
        int result = put_process(writer, row);
        if (result)
            return result;
    }
    return 0;
}

/* --- tasks, sites, sources: small tables, written anew when they changed -------------------------- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_numbers(uint64_t hash, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int shift = 0; shift < 64; shift += 8)
            hash = (hash ^ (numbers[i] >> shift & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return text ? mix(hash, text, strlen(text) + 1) : mix(hash, "\xff", 1);
}

/* True, and the table is empty, when it is to be written. */
static bool is_new(struct recording_writer *writer, uint64_t *known, uint64_t hash,
                   const char *clear, int *ret_result)
{
    *ret_result = 0;
    if (*known == hash)
        return false;
    *known = hash;
    *ret_result = database_run(writer->database, clear);
    return *ret_result == 0;
}

static int put_task(struct recording_writer *writer, const struct snapshot *snapshot, size_t index)
{
    const struct snapshot_task *task = &snapshot->tasks[index];
    sqlite3_stmt *statement = writer->statements[PUT_TASK];
    int64_t before[] = {(int64_t)index, (int64_t)task->count, (int64_t)task->id, task->pid,
                        task->tid};
    int64_t after[] = {id_of(snapshot, task->coroutine),
                       id_of(snapshot, task->maker),
                       id_of(snapshot, task->awaiting),
                       (int64_t)task->steps,
                       (int64_t)task->raised,
                       task->wall_ns,
                       task->wait_ns,
                       task->suspended_ns,
                       task->longest_ns,
                       task->steps_exact};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(statement, 1 + i, before[i]);
    database_bind_text(statement, 6,
                       redact_text(&writer->redact, writer->masked->arena, task->name));
    sqlite3_bind_text(statement, 7, schema_states[task->state], -1, SQLITE_STATIC);
    for (int i = 0; i < 10; i++)
        sqlite3_bind_int64(statement, 8 + i, after[i]);
    return database_step(statement);
}

static int put_tasks(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t hash = snapshot->task_count;
    int result;
    for (size_t i = 0; i < snapshot->task_count; i++) {
        const struct snapshot_task *task = &snapshot->tasks[i];
        uint64_t numbers[] = {task->count,
                              task->id,
                              task->state,
                              (uint64_t)task->awaiting,
                              task->steps,
                              task->raised,
                              (uint64_t)task->wall_ns,
                              (uint64_t)task->wait_ns,
                              (uint64_t)task->suspended_ns,
                              task->steps_exact};
        hash =
            mix_text(mix_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0])), task->name);
    }
    if (!is_new(writer, &writer->task_hash, hash, "DELETE FROM tasks", &result))
        return result;
    for (size_t i = 0; result == 0 && i < snapshot->task_count; i++)
        result = put_task(writer, snapshot, i);
    return result;
}

static int put_gc_row(struct recording_writer *writer, const struct snapshot *snapshot,
                      const struct snapshot_gc *row, int64_t position, bool by_function)
{
    int64_t values[] = {position,
                        row->generation,
                        by_function,
                        id_of(snapshot, row->function),
                        (int64_t)row->runs,
                        (int64_t)row->collected,
                        (int64_t)row->uncollectable,
                        row->total_ns,
                        row->max_ns};
    for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
        sqlite3_bind_int64(writer->statements[PUT_GC], 1 + i, values[i]);
    return database_step(writer->statements[PUT_GC]);
}

/* The generations, then the functions that made each run. */
static int put_gc(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t hash = snapshot->gc_count;
    int64_t position = 0;
    int result;
    for (size_t i = 0; i < snapshot->gc_trigger_count; i++) {
        const struct snapshot_gc *row = &snapshot->gc_triggers[i];
        uint64_t numbers[] = {row->generation, (uint64_t)row->function, row->runs,
                              (uint64_t)row->total_ns};
        hash = mix_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0]));
    }
    if (!is_new(writer, &writer->gc_hash, hash, "DELETE FROM gc", &result))
        return result;
    for (size_t i = 0; result == 0 && i < snapshot->gc_count; i++)
        result = put_gc_row(writer, snapshot, &snapshot->gc[i], position++, false);
    for (size_t i = 0; result == 0 && i < snapshot->gc_trigger_count; i++)
        result = put_gc_row(writer, snapshot, &snapshot->gc_triggers[i], position++, true);
    return result;
}

static int put_io_row(struct recording_writer *writer, const struct snapshot *snapshot,
                      size_t index)
{
    const struct snapshot_io *row = &snapshot->io[index];
    sqlite3_stmt *statement = writer->statements[PUT_IO];
    int64_t values[] = {id_of(snapshot, row->function),
                        (int64_t)row->calls,
                        (int64_t)row->bytes,
                        (int64_t)row->errors,
                        row->blocked_ns,
                        row->p99_ns,
                        row->max_ns,
                        row->line};
    sqlite3_bind_int64(statement, 1, (int64_t)index);
    database_bind_text(statement, 2, row->operation);
    database_bind_text(statement, 3,
                       redact_path(&writer->redact, writer->masked->arena, row->resource));
    for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
        sqlite3_bind_int64(statement, 4 + i, values[i]);
    return database_step(statement);
}

static int put_io(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t hash = snapshot->io_count;
    int result;
    for (size_t i = 0; i < snapshot->io_count; i++) {
        const struct snapshot_io *row = &snapshot->io[i];
        uint64_t numbers[] = {(uint64_t)row->function, row->calls, row->bytes, row->errors,
                              (uint64_t)row->blocked_ns};
        hash = mix_text(mix_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0])),
                        row->resource);
    }
    if (!is_new(writer, &writer->io_hash, hash, "DELETE FROM io", &result))
        return result;
    for (size_t i = 0; result == 0 && i < snapshot->io_count; i++)
        result = put_io_row(writer, snapshot, i);
    return result;
}

static int put_lines(struct recording_writer *writer, const struct snapshot *snapshot)
{
    uint64_t hash = snapshot->line_count;
    int result;
    for (size_t i = 0; i < snapshot->line_count; i++) {
        const struct snapshot_line *line = &snapshot->lines[i];
        uint64_t numbers[] = {(uint64_t)line->function, line->line, line->hits,
                              (uint64_t)line->self_ns};
        hash = mix_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0]));
    }
    if (!is_new(writer, &writer->line_hash, hash, "DELETE FROM lines", &result))
        return result;
    for (size_t i = 0; result == 0 && i < snapshot->line_count; i++) {
        const struct snapshot_line *line = &snapshot->lines[i];
        sqlite3_stmt *statement = writer->statements[PUT_LINE];
        int64_t values[] = {(int64_t)i,      id_of(snapshot, line->function),
                            line->line,      (int64_t)line->hits,
                            line->self_ns,   line->self_wait_ns,
                            line->is_partial};
        for (int at = 0; at < (int)(sizeof(values) / sizeof(values[0])); at++)
            sqlite3_bind_int64(statement, 1 + at, values[at]);
        result = database_step(statement);
    }
    return result;
}

static int put_object(struct recording_writer *writer, const struct snapshot *snapshot,
                      size_t index)
{
    const struct snapshot_object *object = &snapshot->objects[index];
    sqlite3_stmt *statement = writer->statements[PUT_OBJECT];
    int64_t numbers[] = {id_of(snapshot, object->function),
                         object->line,
                         object->before,
                         (int64_t)object->births,
                         (int64_t)object->deaths,
                         (int64_t)object->live,
                         (int64_t)object->bytes,
                         (int64_t)object->live_bytes,
                         object->median_life_ns};
    uint64_t hash = mix_text(1, object->type);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        hash = mix_numbers(hash, (uint64_t[]){(uint64_t)numbers[i]}, 1);
    if (writer->objects[index] == hash)
        return 0;
    writer->objects[index] = hash;
    sqlite3_bind_int64(statement, 1, (int64_t)index);
    database_bind_text(statement, 2, object->type);
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
        sqlite3_bind_int64(statement, 3 + i, numbers[i]);
    return database_step(statement);
}

/* Only rows that have changed: there may be many. */
static int put_objects(struct recording_writer *writer, const struct snapshot *snapshot)
{
    int result = 0;
    if (snapshot->object_count < writer->object_count) { /* begun anew */
        memset(writer->objects, 0, writer->object_count * sizeof(*writer->objects));
        result = database_run(writer->database, "DELETE FROM objects");
    }
    if (result == 0 && snapshot->object_count)
        result = writer_room(&writer->objects, &writer->object_limit, snapshot->object_count - 1,
                             sizeof(*writer->objects));
    for (size_t i = 0; result == 0 && i < snapshot->object_count; i++)
        result = put_object(writer, snapshot, i);
    writer->object_count = snapshot->object_count;
    return result;
}

static int put_sites(struct recording_writer *writer, const struct snapshot_meta *meta)
{
    uint64_t hash = meta->site_count;
    int result;
    for (size_t i = 0; i < meta->site_count; i++) {
        hash = mix_text(hash, meta->sites[i].text) * 4 + meta->sites[i].skip * 2u +
               meta->sites[i].matched;
    }
    if (!is_new(writer, &writer->site_hash, hash, "DELETE FROM sites", &result))
        return result;
    for (size_t i = 0; result == 0 && i < meta->site_count; i++) {
        const struct snapshot_site *site = &meta->sites[i];
        sqlite3_stmt *statement = writer->statements[PUT_SITE];
        sqlite3_bind_int64(statement, 1, (int64_t)i);
        database_bind_text(statement, 2,
                           redact_text(&writer->redact, writer->masked->arena, site->text));
        sqlite3_bind_int(statement, 3, site->skip);
        sqlite3_bind_int(statement, 4, site->matched);
        result = database_step(statement);
    }
    return result;
}

static int put_sources(struct recording_writer *writer, const struct snapshot_meta *meta)
{
    uint64_t hash = meta->source_count;
    int result;
    for (size_t i = 0; i < meta->source_count; i++) {
        hash =
            mix_text(mix(hash, &meta->sources[i].on_ns, sizeof(int64_t)), meta->sources[i].reason);
        hash = hash * 4 + meta->sources[i].wanted * 2u + meta->sources[i].complete;
    }
    if (!is_new(writer, &writer->source_hash, hash, "DELETE FROM sources", &result))
        return result;
    for (size_t i = 0; result == 0 && i < meta->source_count; i++) {
        const struct snapshot_source *source = &meta->sources[i];
        sqlite3_stmt *statement = writer->statements[PUT_SOURCE];
        sqlite3_bind_int64(statement, 1, (int64_t)i);
        database_bind_text(statement, 2, source->name);
        sqlite3_bind_int64(statement, 3, source->on_ns);
        sqlite3_bind_int(statement, 4, source->wanted);
        sqlite3_bind_int(statement, 5, source->complete);
        database_bind_text(statement, 6, source->reason);
        result = database_step(statement);
    }
    return result;
}

int writer_put_definitions(struct recording_writer *writer, const struct snapshot *snapshot)
{
    int result = put_functions(writer, snapshot);
    if (result == 0)
        result = put_nodes(writer, snapshot);
    if (result == 0)
        result = put_threads(writer, snapshot);
    if (result == 0)
        result = put_processes(writer, snapshot);
    if (result == 0)
        result = put_tasks(writer, snapshot);
    if (result == 0)
        result = put_gc(writer, snapshot);
    if (result == 0)
        result = put_io(writer, snapshot);
    if (result == 0)
        result = put_lines(writer, snapshot);
    if (result == 0)
        result = put_objects(writer, snapshot);
    if (result == 0)
        result = writer_put_waits(writer, snapshot);
    if (result == 0)
        result = writer_put_memory(writer, snapshot);
    if (result == 0)
        result = writer_put_requests(writer, snapshot);
    if (result == 0)
        result = writer_put_escalations(writer, snapshot);
    if (result == 0)
        result = put_sites(writer, &snapshot->meta);
    return result == 0 ? put_sources(writer, &snapshot->meta) : result;
}

/* --- meta --------------------------------------------------------------------------------------- */

static int put_number(struct recording_writer *writer, const char *name, double value, bool whole,
                      int64_t integer)
{
    sqlite3_stmt *statement = writer->statements[PUT_META];
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (whole)
        sqlite3_bind_int64(statement, 2, integer);
    else
        sqlite3_bind_double(statement, 2, value);
    return database_step(statement);
}

static int put_word(struct recording_writer *writer, const char *name, const char *text)
{
    sqlite3_stmt *statement = writer->statements[PUT_META];
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    database_bind_text(statement, 2, text);
    return database_step(statement);
}

static const char *hidden(struct recording_writer *writer, const char *name, const char *text)
{
    struct arena *arena = writer->masked->arena;
    if (strcmp(name, "command") == 0)
        return redact_command(&writer->redact, arena, text);
    if (strcmp(name, "executable") == 0)
        return redact_path(&writer->redact, arena, text);
    if (strcmp(name, "host") == 0 || strcmp(name, "longest_step_task") == 0)
        return redact_text(&writer->redact, arena, text);
    return text;
}

static int64_t integer_of(const void *at, enum schema_kind kind)
{
    switch (kind) {
    case META_INT:
    case META_UINT:
        return *(const int64_t *)at;
    case META_U32:
        return *(const uint32_t *)at;
    case META_S32:
        return *(const int32_t *)at;
    default:
        return *(const bool *)at;
    }
}

/* Written when it is not what it was: as a text, which compares. */
static int put_field(struct recording_writer *writer, size_t index,
                     const struct snapshot_meta *meta)
{
    const struct schema_field *field = &schema_fields[index];
    const void *at = (const char *)meta + field->offset;
    char number[64];
    const char *text = number;
    int64_t integer = 0;
    double real = 0;
    if (field->kind == META_TEXT) {
        text = *(const char *const *)at;
    } else if (field->kind == META_REAL) {
        real = *(const double *)at;
        snprintf(number, sizeof(number), "%a", real);
    } else {
        integer = integer_of(at, field->kind);
        snprintf(number, sizeof(number), "%lld", (long long)integer);
    }
    char **known = &writer->meta[index];
    if (!text ? !*known : *known && strcmp(*known, text) == 0)
        return 0;
    free(*known);
    *known = text ? strdup(text) : NULL;
    if (text && !*known)
        return -ENOMEM;
    if (field->kind == META_TEXT)
        return put_word(writer, field->name, hidden(writer, field->name, text));
    return put_number(writer, field->name, real, field->kind != META_REAL, integer);
}

int writer_put_meta(struct recording_writer *writer, const struct snapshot *snapshot)
{
    const struct snapshot_detail *detail = snapshot->detail;
    int result = put_number(writer, "ns_per_tick", detail->ns_per_tick, false, 0);
    if (result == 0)
        result = put_number(writer, "stolen_share", detail->stolen_share, false, 0);
    if (result == 0)
        result = put_word(writer, "ulma_version", ULMA_VERSION);
    if (result == 0)
        result = put_number(writer, "longest_step_of", 0, true,
                            id_of(snapshot, snapshot->meta.longest_step_of));
    if (result == 0)
        result = put_number(writer, "redacted", 0, true, writer->options.redact);
    for (size_t i = 0; result == 0 && i < schema_field_count; i++)
        result = put_field(writer, i, &snapshot->meta);
    return result;
}

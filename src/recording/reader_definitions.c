/* SPDX-License-Identifier: MIT */
/* Functions, paths, threads, processes, windows and the header of a recording.
 * Why: see reader_parts.h.
 * Rules: each row is checked: ids below their limits and in order, parents before their children, names of
 * kinds that are known. */
#include "recording/reader_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seventy years: sums of such times are still times. */
#define MOST_NS     (INT64_C(1) << 61)
#define MOST_OFF_NS (INT64_C(1) << 36)

static int damaged(struct recording *recording, const char *what)
{
    return recording_fail(recording, -EBADMSG, what);
}

static int no_memory(struct recording *recording)
{
    return recording_fail(recording, -ENOMEM, "out of memory");
}

/* One more place at the end, zeroed; NULL: no memory. */
static void *one_more(void *array_pointer, size_t *count, size_t size)
{
    void **array = array_pointer;
    if ((*count & (*count - 1)) == 0 && (*count == 0 || *count >= 64)) {
        void *grown = realloc(*array, (*count ? *count * 2 : 64) * size);
        if (!grown)
            return NULL;
        *array = grown;
    }
    void *place = (char *)*array + (*count)++ * size;
    memset(place, 0, size);
    return place;
}

static int note_id(struct recording *recording, struct id_table *table, int64_t id, size_t most,
                   size_t count)
{
    if (id < 0 || (size_t)id >= most)
        return damaged(recording, "the recording is damaged (an id is out of range)");
    if ((size_t)id >= table->limit) {
        size_t limit = (size_t)id + (size_t)id / 2 + 256;
        uint32_t *grown = realloc(table->at, limit * sizeof(*grown));
        if (!grown)
            return no_memory(recording);
        memset(grown + table->limit, 0, (limit - table->limit) * sizeof(*grown));
        table->at = grown;
        table->limit = limit;
    }
    table->at[id] = (uint32_t)count;
    return 0;
}

typedef int row_reader(struct recording *recording, sqlite3_stmt *statement);

static int read_rows(struct recording *recording, const char *sql, row_reader *read)
{
    sqlite3_stmt *statement;
    int result = 0, code = SQLITE_ROW;
    if (sqlite3_prepare_v2(recording->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return damaged(recording, "the recording is damaged (a table cannot be read)");
    while (result == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
        result = read(recording, statement);
    sqlite3_finalize(statement);
    if (result == 0 && database_error(code) == -ENOMEM)
        return no_memory(recording);
    return result == 0 && code != SQLITE_DONE
               ? damaged(recording, "the recording is damaged (a page cannot be read)")
               : result;
}

/* A whole number within 32 bits, else 0. */
static uint32_t small(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);
    return value >= 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* --- functions ------------------------------------------------------------------------------------ */

static int find_word(const char *const *words, int count, const char *word)
{
    for (int i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static int read_function(struct recording *recording, sqlite3_stmt *statement)
{
    struct arena *arena = recording->arena;
    int result = 0;
    struct recorded_function *function =
        one_more(&recording->functions, &recording->function_count, sizeof(*function));
    if (!function)
        return no_memory(recording);
    struct snapshot_function *row = &function->row;
    int64_t id = sqlite3_column_int64(statement, 0);
    int kind =
        find_word(schema_kinds, SCHEMA_KINDS, (const char *)sqlite3_column_text(statement, 2));
    row->id = (uint32_t)id;
    row->pid = small(statement, 1);
    row->kind = (enum snapshot_kind)kind;
    row->name = recording_text(recording, statement, 3, arena, &result);
    row->qualname = recording_text(recording, statement, 4, arena, &result);
    row->module = recording_text(recording, statement, 5, arena, &result);
    row->file = recording_text(recording, statement, 6, arena, &result);
    row->line = small(statement, 7);
    row->calls_exact = sqlite3_column_int(statement, 8);
    row->times_exact = sqlite3_column_int(statement, 9);
    row->is_muted = sqlite3_column_int(statement, 10);
    row->holds_left_out = sqlite3_column_int(statement, 11);
    row->is_method = sqlite3_column_int(statement, 12);
    if (result == 0 && (kind < 0 || !row->name || !row->qualname || id <= 0))
        return damaged(recording, "the recording is damaged (a function without a name or kind)");
    return result ? result
                  : note_id(recording, &recording->function_ids, id, SCHEMA_FUNCTIONS_MAX,
                            recording->function_count);
}

static uint64_t mix(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_row(const struct snapshot_function *a, const struct snapshot_function *b)
{
    return a->kind == b->kind && a->line == b->line && same_text(a->qualname, b->qualname) &&
           same_text(a->name, b->name) && same_text(a->file, b->file) &&
           same_text(a->module, b->module);
}

/* Which functions are one row when processes are summed. */
static int merge_functions(struct recording *recording)
{
    size_t mask = 63;
    while (mask < recording->function_count * 2)
        mask = mask * 2 + 1;
    uint32_t *slots = calloc(mask + 1, sizeof(*slots));
    if (!slots)
        return no_memory(recording);
    for (size_t i = 0; i < recording->function_count; i++) {
        const struct snapshot_function *row = &recording->functions[i].row;
        uint64_t hash = mix(mix(mix(row->line, row->qualname), row->file), row->module);
        size_t at = (size_t)(hash ^ hash >> 29) & mask;
        while (slots[at] && !same_row(&recording->functions[slots[at] - 1].row, row))
            at = (at + 1) & mask;
        if (!slots[at])
            slots[at] = (uint32_t)i + 1;
        recording->functions[i].merged = slots[at] - 1;
    }
    free(slots);
    return 0;
}

/* --- paths, threads, processes -------------------------------------------------------------------- */

static int read_node(struct recording *recording, sqlite3_stmt *statement)
{
    int64_t id = sqlite3_column_int64(statement, 0);
    int64_t parent = sqlite3_column_int64(statement, 1);
    int64_t function = sqlite3_column_int64(statement, 2);
    uint32_t parent_at = id_table_find(&recording->node_ids, parent);
    uint32_t function_at = id_table_find(&recording->function_ids, function);
    if (id <= 0 || parent < 0 || parent >= id || (parent && !parent_at) ||
        (function && !function_at) || (!function && parent))
        return damaged(recording, "the recording is damaged (a path without its parent)");
    struct recorded_node *node = one_more(&recording->nodes, &recording->node_count, sizeof(*node));
    if (!node)
        return no_memory(recording);
    *node = (struct recorded_node){.parent = parent ? parent_at - 1 : 0,
                                   .function = function_at,
                                   .thread = small(statement, 3),
                                   .flags = small(statement, 4) & PATH_FLAGS};
    return note_id(recording, &recording->node_ids, id, SCHEMA_NODES_MAX, recording->node_count);
}

static int read_thread(struct recording *recording, sqlite3_stmt *statement)
{
    int result = 0;
    struct recorded_thread *thread =
        one_more(&recording->threads, &recording->thread_count, sizeof(*thread));
    if (!thread)
        return no_memory(recording);
    int64_t id = sqlite3_column_int64(statement, 0);
    const char *name = recording_text(recording, statement, 4, recording->arena, &result);
    if (result)
        return result;
    thread->position = sqlite3_column_int64(statement, 1);
    struct snapshot_thread *row = &thread->row;
    row->number = small(statement, 0);
    row->pid = small(statement, 2);
    row->tid = small(statement, 3);
    row->ended = sqlite3_column_int(statement, 5);
    row->running =
        (int32_t)id_table_find(&recording->function_ids, sqlite3_column_int64(statement, 6));
    row->depth = small(statement, 7);
    if (name)
        strncpy(row->name, name, sizeof(row->name) - 1);
    return note_id(recording, &recording->thread_ids, id, SCHEMA_THREADS_MAX,
                   recording->thread_count);
}

static int read_process(struct recording *recording, sqlite3_stmt *statement)
{
    int result = 0;
    struct snapshot_process *process =
        one_more(&recording->processes, &recording->process_count, sizeof(*process));
    if (!process)
        return no_memory(recording);
    process->pid = small(statement, 1);
    process->ppid = small(statement, 2);
    process->command = recording_text(recording, statement, 3, recording->arena, &result);
    return result;
}

/* --- windows -------------------------------------------------------------------------------------- */

static int read_window(struct recording *recording, sqlite3_stmt *statement)
{
    if (recording->window_count >= SCHEMA_WINDOWS_MAX)
        return damaged(recording, "the recording is damaged (too many windows)");
    struct recorded_window *window =
        one_more(&recording->windows, &recording->window_count, sizeof(*window));
    if (!window)
        return no_memory(recording);
    *window = (struct recorded_window){
        .id = sqlite3_column_int64(statement, 0),
        .level = sqlite3_column_int(statement, 1),
        .from_ns = sqlite3_column_int64(statement, 2),
        .to_ns = sqlite3_column_int64(statement, 3),
        .events = (uint64_t)sqlite3_column_int64(statement, 4),
        .lost = (uint64_t)sqlite3_column_int64(statement, 5),
        .gaps = (uint64_t)sqlite3_column_int64(statement, 6),
        .nested = (uint64_t)sqlite3_column_int64(statement, 7),
        .off_ns = sqlite3_column_int64(statement, 8),
    };
    int level = window->level;
    const struct recorded_window *before = window - 1;
    bool first = recording->window_count == 1 || before->level != level;
    bool ordered = window->from_ns >= 0 && window->to_ns > window->from_ns &&
                   window->to_ns < MOST_NS && (first || window->from_ns == before->to_ns);
    /* Recording is off within a window, and read from another clock's moment. */
    int64_t most_off_ns = ordered ? window->to_ns - window->from_ns + MOST_OFF_NS : 0;
    bool off = window->off_ns <= most_off_ns && window->off_ns >= -most_off_ns;
    if (level < 0 || level >= SCHEMA_LEVELS || !ordered || !off)
        return damaged(recording, "the recording is damaged (its windows are in disorder)");
    for (int i = level + 1; i <= SCHEMA_LEVELS; i++)
        recording->level_first[i] = recording->window_count;
    return 0;
}

/* --- the header ------------------------------------------------------------------------------------- */

static int read_field(struct recording *recording, const struct schema_field *field,
                      sqlite3_stmt *statement)
{
    char *at = (char *)&recording->meta + field->offset;
    int64_t integer = sqlite3_column_int64(statement, 1);
    double real;
    int result = 0;
    switch (field->kind) {
    case META_TEXT:
        *(const char **)at = recording_text(recording, statement, 1, recording->arena, &result);
        break;
    case META_REAL:
        real = sqlite3_column_double(statement, 1);
        real = fabs(real) < 1e15 ? real : 0; /* no number either */
        memcpy(at, &real, sizeof(real));
        break;
    case META_BOOL:
        *(bool *)at = integer != 0;
        break;
    case META_U32:
        *(uint32_t *)at = small(statement, 1);
        break;
    case META_S32:
        *(int32_t *)at = integer >= INT32_MIN && integer <= INT32_MAX ? (int32_t)integer : 0;
        break;
    case META_INT:
        *(int64_t *)at = integer > -MOST_NS && integer < MOST_NS ? integer : 0;
        break;
    default:
        *(int64_t *)at = integer;
        break;
    }
    return result;
}

static int read_meta(struct recording *recording, sqlite3_stmt *statement)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    if (!name)
        return 0;
    for (size_t i = 0; i < schema_field_count; i++)
        if (strcmp(schema_fields[i].name, name) == 0)
            return read_field(recording, &schema_fields[i], statement);
    if (strcmp(name, "ns_per_tick") == 0)
        recording->ns_per_tick = sqlite3_column_double(statement, 1);
    else if (strcmp(name, "stolen_share") == 0)
        recording->stolen_share = sqlite3_column_double(statement, 1);
    else if (strcmp(name, "longest_step_of") == 0)
        recording->longest_step_of =
            id_table_find(&recording->function_ids, sqlite3_column_int64(statement, 1));
    return 0;
}

static int check_meta(struct recording *recording)
{
    struct snapshot_meta *meta = &recording->meta;
    double scale = recording->ns_per_tick, stolen = recording->stolen_share;
    if (recording->window_count == 0)
        return damaged(recording, "it holds nothing: the recording ended within its first second");
    if (!(scale > 0 && scale < 1e6 && stolen >= 0 && stolen <= 1))
        return damaged(recording, "the recording is damaged (its clock makes no sense)");
    if ((unsigned)meta->wait_source > WAIT_PERF)
        meta->wait_source = WAIT_NONE;
    if (meta->duration_ns < 0)
        meta->duration_ns = 0;
    return 0;
}

void recording_forget_definitions(struct recording *recording)
{
    struct recording kept = {.database = recording->database,
                             .path = recording->path,
                             .own = recording->own,
                             .maps = recording->maps,
                             .version = recording->version};
    free(recording->functions);
    free(recording->nodes);
    free(recording->threads);
    free(recording->processes);
    free(recording->windows);
    free(recording->function_ids.at);
    free(recording->node_ids.at);
    free(recording->thread_ids.at);
    arena_free(recording->arena);
    memcpy(recording, &kept, sizeof(kept));
}

int recording_read_definitions(struct recording *recording)
{
    static const struct {
        const char *sql;
        row_reader *read;
    } tables[] = {
        {"SELECT * FROM functions ORDER BY id", read_function},
        {"SELECT * FROM nodes ORDER BY id", read_node},
        {"SELECT * FROM threads ORDER BY id", read_thread},
        {"SELECT * FROM processes ORDER BY rowid", read_process},
        {"SELECT * FROM windows ORDER BY level, from_ns, id", read_window},
        {"SELECT * FROM meta", read_meta},
    };
    recording_forget_definitions(recording);
    recording->arena = arena_new();
    if (!recording->arena)
        return no_memory(recording);
    recording->meta.exit_status = -1;
    recording->meta.longest_step_of = SNAPSHOT_NONE;
    if (!one_more(&recording->nodes, &recording->node_count, sizeof(*recording->nodes)))
        return no_memory(recording); /* the root */
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof(tables) / sizeof(tables[0]); i++)
        result = read_rows(recording, tables[i].sql, tables[i].read);
    if (result == 0)
        result = merge_functions(recording);
    return result == 0 ? check_meta(recording) : result;
}

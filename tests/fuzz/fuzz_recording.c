/* SPDX-License-Identifier: MIT */
/* A hostile recording: whatever the file holds, it is read or refused, and nothing else happens.
 * The input is a list of changes to a sound recording that holds a few calls: each is
 *   how (1 byte, enum how), position (2 bytes), size (1 byte), that many bytes
 * Bytes of pages are overwritten, the file is cut, or a number or text of some row is set. Then all of it, a
 * slice of time and one of a thread are read, and every view and format is made of what was read.
 * Why so: random bytes would fail SQLite's first check and try nothing behind it.
 * Rules: the sound recording is made once, in memory. */
#include "export/exporter.h"
#include "recording/recording.h"
#include "recording/recording_writer.h"
#include "views/view.h"

#include "base/arena.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum how { PAGE, CUT, NUMBER, TEXT, HOW_COUNT };
enum { FUNCTIONS = 5, PATHS = 7, WINDOWS = 3, HEAD = 4, LARGEST = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void need(bool held)
{
    if (!held)
        abort();
}

/* Columns that a change of NUMBER or TEXT may meet: every one that is read. */
static const struct {
    const char *table, *column;
} columns[] = {
    {"meta", "value"},
    {"windows", "level"},
    {"windows", "from_ns"},
    {"windows", "to_ns"},
    {"windows", "events"},
    {"windows", "off_ns"},
    {"functions", "pid"},
    {"functions", "kind"},
    {"functions", "name"},
    {"functions", "qualname"},
    {"functions", "module"},
    {"functions", "file"},
    {"functions", "line"},
    {"nodes", "parent"},
    {"nodes", "function"},
    {"nodes", "thread"},
    {"nodes", "flags"},
    {"threads", "position"},
    {"threads", "name"},
    {"threads", "running"},
    {"threads", "depth"},
    {"processes", "pid"},
    {"processes", "command"},
    {"node_times", "calls"},
    {"node_times", "self_ticks"},
    {"node_times", "total_ticks"},
    {"node_times", "total_wait_ticks"},
    {"function_times", "yields"},
    {"function_times", "min_ticks"},
    {"function_times", "max_ticks"},
    {"function_times", "max_cpu_ticks"},
    {"function_times", "durations"},
    {"function_times", "cpu_durations"},
    {"thread_times", "calls"},
    {"thread_times", "profiled_ticks"},
    {"thread_times", "outside_ticks"},
    {"process_times", "calls"},
    {"tasks", "state"},
    {"tasks", "coroutine"},
    {"tasks", "wall_ns"},
    {"sites", "text"},
    {"sources", "name"},
    {"sources", "on_ns"},
};

/* --- the sound one -------------------------------------------------------------------------------------- */

static void fill_functions(struct snapshot *snapshot, int64_t second)
{
    struct snapshot_detail *detail = snapshot->detail;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        snapshot->functions[i] = (struct snapshot_function){
            .pid = 1 + i % 2,
            .id = i + 1,
            .kind = i == 0  ? KIND_PSEUDO
                    : i % 3 ? KIND_PYTHON
                            : KIND_C,
            .name = i == 0 ? "(other)" : "name",
            .qualname = i == 0 ? "(other)" : "Class.name",
            .module = "module",
            .file = i % 3 ? "path/file.py" : NULL,
            .line = i / 2,
            .yields = (uint64_t)second,
        };
        struct snapshot_extremes extremes = {10, 1000 * second, 5, 900 * second};
        detail->durations[i] = (struct snapshot_durations){
            .whole = extremes, .recent = extremes, .slot_first = 2 * (size_t)i, .slot_count = 2};
        detail->slots[2 * i] = (struct snapshot_slot){.slot = 100, .count = second};
        detail->slots[2 * i + 1] =
            (struct snapshot_slot){.slot = 120, .cpu = true, .count = second};
    }
}

static void fill_paths(struct snapshot *snapshot, int64_t second)
{
    static const struct {
        uint32_t parent;
        int32_t function;
        uint32_t thread;
    } shape[PATHS] = {{0, SNAPSHOT_NONE, 1},
                      {0, SNAPSHOT_NONE, 2},
                      {1, 1, 1},
                      {3, 2, 1},
                      {4, 1, 1},
                      {2, 3, 2},
                      {0, 4, 0}};
    for (uint32_t i = 0; i < PATHS; i++)
        snapshot->detail->paths[i] = (struct snapshot_path){
            .id = i + 1,
            .parent = shape[i].parent,
            .function = shape[i].function,
            .thread = shape[i].thread,
            .flags = PATH_FLAGS,
            .calls = shape[i].function < 0 ? 0 : (uint64_t)second,
            .self_ticks = shape[i].function < 0 ? 0 : 1000 * second,
            .total_ticks = shape[i].function < 0 ? 0 : 5000 * second,
            .self_wait_ticks = 10 * second,
        };
}

static void fill_rest(struct snapshot *snapshot, int64_t second)
{
    struct snapshot_meta *meta = &snapshot->meta;
    for (uint32_t i = 0; i < 2; i++) {
        snapshot->threads[i] = (struct snapshot_thread){
            .pid = 1, .tid = 7 + i, .number = i + 1, .name = "worker", .running = 1};
        snapshot->detail->threads[i] =
            (struct snapshot_thread_ticks){.profiled = 9000 * second, .wait = 5 * second};
    }
    snapshot->processes[0] = (struct snapshot_process){.pid = 1, .command = "program"};
    snapshot->tasks[0] = (struct snapshot_task){.count = 1,
                                                .id = 1,
                                                .name = "task",
                                                .state = TASK_SUSPENDED,
                                                .coroutine = 1,
                                                .maker = 2,
                                                .awaiting = SNAPSHOT_NONE,
                                                .wall_ns = second};
    meta->command = "program";
    meta->python = "3.12.4";
    meta->duration_ns = second * 1000000000;
    meta->events_read = (uint64_t)second * 100;
    meta->sources[0] = (struct snapshot_source){.name = "calls", .on_ns = second};
    meta->source_count = 1;
    meta->sites[0] = (struct snapshot_site){.text = "module", .matched = true};
    meta->site_count = 1;
}

static struct snapshot *make(int64_t second)
{
    struct snapshot *snapshot = snapshot_new();
    need(snapshot);
    struct arena *arena = snapshot->arena;
    struct snapshot_detail *detail = arena_alloc(arena, sizeof(*detail));
    snapshot->functions = arena_array(arena, FUNCTIONS, sizeof(*snapshot->functions));
    snapshot->threads = arena_array(arena, 2, sizeof(*snapshot->threads));
    snapshot->processes = arena_array(arena, 1, sizeof(*snapshot->processes));
    snapshot->tasks = arena_array(arena, 1, sizeof(*snapshot->tasks));
    snapshot->meta.sites = arena_array(arena, 1, sizeof(*snapshot->meta.sites));
    need(detail && snapshot->functions && snapshot->threads && snapshot->processes &&
         snapshot->tasks && snapshot->meta.sites);
    snapshot->function_count = FUNCTIONS;
    snapshot->thread_count = 2;
    snapshot->process_count = snapshot->task_count = 1;
    snapshot->detail = detail;
    detail->ns_per_tick = 0.5;
    detail->paths = arena_array(arena, PATHS, sizeof(*detail->paths));
    detail->durations = arena_array(arena, FUNCTIONS, sizeof(*detail->durations));
    detail->slots = arena_array(arena, 2 * FUNCTIONS, sizeof(*detail->slots));
    detail->threads = arena_array(arena, 2, sizeof(*detail->threads));
    need(detail->paths && detail->durations && detail->slots && detail->threads);
    detail->path_count = PATHS;
    detail->slot_count = 2 * (size_t)FUNCTIONS;
    fill_functions(snapshot, second);
    fill_paths(snapshot, second);
    fill_rest(snapshot, second);
    return snapshot;
}

static size_t make_sound(uint8_t *bytes)
{
    struct recording_options options = {.overwrite = true};
    struct recording_writer *writer;
    char reason[RECORDING_REASON_SIZE];
    need(recording_writer_open(path, &options, &writer, reason, sizeof(reason)) == 0);
    for (int64_t second = 1; second <= WINDOWS; second++) {
        struct snapshot *snapshot = make(second);
        need((second < WINDOWS ? recording_writer_add(writer, snapshot, (second - 1) * 1000000000,
                                                      second * 1000000000)
                               : recording_writer_finish(writer, snapshot)) == 0);
        snapshot_free(snapshot);
    }
    recording_writer_close(writer);
    FILE *file = fopen(path, "rb");
    need(file);
    size_t size = fread(bytes, 1, LARGEST, file);
    fclose(file);
    return size;
}

/* --- changing it ------------------------------------------------------------------------------------------ */

static void write_file(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    need(file && fwrite(bytes, 1, size, file) == size);
    fclose(file);
}

static void set_value(bool text, size_t position, const uint8_t *bytes, size_t size)
{
    size_t column = position % (sizeof(columns) / sizeof(columns[0]));
    char sql[160];
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    snprintf(sql, sizeof(sql), "UPDATE %s SET %s=?", columns[column].table, columns[column].column);
    if (sqlite3_open(path, &database) == SQLITE_OK &&
        sqlite3_exec(database, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF", NULL, NULL,
                     NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK) {
        memcpy(&number, bytes, size < sizeof(number) ? size : sizeof(number));
        if (text)
            sqlite3_bind_text(statement, 1, (const char *)bytes, (int)size, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, 1, number);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
}

/* --- reading it ------------------------------------------------------------------------------------------- */

static void show(const struct snapshot *snapshot)
{
    struct export_options options = {.columns = 100, .limit = 20};
    for (size_t i = 0; exporter_list[i]; i++) {
        char *bytes = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&bytes, &size);
        need(stream);
        exporter_list[i]->write(snapshot, &options, stream);
        fclose(stream);
        free(bytes);
    }
    for (size_t i = 0; view_list[i]; i++) {
        struct view_query query = {.function = snapshot->function_count ? 0 : SNAPSHOT_NONE,
                                   .limit = 50};
        struct view_table table = {0};
        if (view_list[i]->needs_function && query.function == SNAPSHOT_NONE)
            continue;
        if (view_table_make(view_list[i], snapshot, &query, &table) == 0)
            view_table_free(&table);
    }
}

static void read_all(void)
{
    static const struct recording_query queries[] = {
        {0},
        {.by_process = true, .clock = CLOCK_CPU},
        {.from_ns = 1000000000, .to_ns = 2000000000, .window_s = 1},
        {.thread = "worker"},
        {.pid = 1},
    };
    struct recording *recording;
    char reason[RECORDING_REASON_SIZE] = "";
    if (recording_open(path, &recording, reason, sizeof(reason))) {
        need(reason[0] != '\0');
        return;
    }
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct snapshot *snapshot = recording_snapshot(recording, &queries[i]);
        if (snapshot)
            show(snapshot);
        else
            need(recording_reason(recording)[0] != '\0');
        snapshot_free(snapshot);
    }
    recording_close(recording);
}

static void change(uint8_t *bytes, size_t *size, const uint8_t *data, size_t data_size)
{
    for (size_t at = 0; at + HEAD <= data_size;) {
        enum how how = (enum how)(data[at] % HOW_COUNT);
        size_t position = (size_t)data[at + 1] | (size_t)data[at + 2] << 8;
        size_t length = data[at + 3];
        at += HEAD;
        if (length > data_size - at)
            length = data_size - at;
        if (how == PAGE) {
            size_t place = position * 16 % *size;
            size_t most = *size - place;
            memcpy(bytes + place, data + at, length < most ? length : most);
        } else if (how == CUT) {
            *size = 1 + position * 16 % *size;
        }
        at += length;
    }
}

static void set_values(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + HEAD <= size;) {
        enum how how = (enum how)(data[at] % HOW_COUNT);
        size_t position = (size_t)data[at + 1] | (size_t)data[at + 2] << 8;
        size_t length = data[at + 3];
        at += HEAD;
        if (length > size - at)
            length = size - at;
        if (how == NUMBER || how == TEXT)
            set_value(how == TEXT, position, data + at, length);
        at += length;
    }
}

static void forget_file(void)
{
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t sound[LARGEST], bytes[LARGEST];
    static size_t sound_size;
    if (sound_size == 0) {
        snprintf(path, sizeof(path), "/dev/shm/ulma-fuzz-%d.ulma", (int)getpid());
        atexit(forget_file);
        sound_size = make_sound(sound);
        read_all(); /* it is sound */
    }
    size_t changed = sound_size;
    memcpy(bytes, sound, sound_size);
    change(bytes, &changed, data, size);
    write_file(bytes, changed);
    set_values(data, size);
    read_all();
    return 0;
}

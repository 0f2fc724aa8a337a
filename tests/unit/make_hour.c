/* SPDX-License-Identifier: MIT */
/* Writes the recording of a program that nobody ran: windows of a second, as many as are asked for.
 *     make_hour FILE [SECONDS [FUNCTIONS [PATHS]]]
 * Why: how long a report on an hour takes must be measured without waiting an hour.
 * What it holds: 8 threads; each second a tenth of the paths get time, other ones each minute, as in a
 * server whose load moves; every function that got some has its histogram. */
#include "base/arena.h"
#include "model/snapshot.h"
#include "recording/recording_writer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, SLOTS = 12, SHARE = 10, MOVES_S = 60 };

#define SECOND_NS INT64_C(1000000000)

struct hour {
    struct snapshot *snapshot; /* the same one grows from second to second */
    uint64_t state;
};

static uint32_t random_below(struct hour *hour, uint32_t limit)
{
    hour->state ^= hour->state << 13;
    hour->state ^= hour->state >> 7;
    hour->state ^= hour->state << 17;
    return (uint32_t)(hour->state % limit);
}

static void need(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "make_hour: %s\n", what);
    exit(1);
}

static void make_functions(struct hour *hour, uint32_t count)
{
    struct snapshot *snapshot = hour->snapshot;
    struct snapshot_detail *detail = snapshot->detail;
    for (uint32_t i = 0; i < count; i++) {
        char *name = arena_format(snapshot->arena, "function_%u", i);
        snapshot->functions[i] = (struct snapshot_function){
            .pid = 1000,
            .id = i + 3,
            .kind = i % 7 ? KIND_PYTHON : KIND_C,
            .name = name,
            .qualname = arena_format(snapshot->arena, "Class%u.%s", i / 9, name),
            .module = arena_format(snapshot->arena, "package.module_%u", i / 40),
            .file = arena_format(snapshot->arena, "/srv/app/package/module_%u.py", i / 40),
            .line = i % 40 * 25 + 1,
            .calls_exact = true,
            .times_exact = true,
        };
        detail->durations[i].slot_first = (size_t)i * SLOTS;
        detail->durations[i].slot_count = SLOTS;
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            detail->slots[i * SLOTS + slot].slot = (uint16_t)(160 + i % 50 + slot);
    }
}

static void make_paths(struct hour *hour, uint32_t count)
{
    struct snapshot_detail *detail = hour->snapshot->detail;
    for (uint32_t i = 0; i < count; i++) {
        bool bottom = i < THREADS;
        uint32_t parent = bottom ? 0 : 1 + (i < 4 * THREADS ? i % THREADS : i / 3);
        detail->paths[i] = (struct snapshot_path){
            .id = i + 1,
            .parent = parent,
            .function = bottom
                            ? SNAPSHOT_NONE
                            : (int32_t)random_below(hour, (uint32_t)hour->snapshot->function_count),
            .thread = bottom ? i + 1 : detail->paths[parent - 1].thread,
            .flags = PATH_FLAGS,
        };
    }
}

static struct snapshot *make(struct hour *hour, uint32_t functions, uint32_t paths)
{
    struct snapshot *snapshot = snapshot_new();
    need(snapshot, "out of memory");
    struct arena *arena = snapshot->arena;
    hour->snapshot = snapshot;
    snapshot->detail = arena_alloc(arena, sizeof(*snapshot->detail));
    snapshot->functions = arena_array(arena, functions, sizeof(*snapshot->functions));
    snapshot->threads = arena_array(arena, THREADS, sizeof(*snapshot->threads));
    snapshot->processes = arena_array(arena, 1, sizeof(*snapshot->processes));
    need(snapshot->detail && snapshot->functions && snapshot->threads && snapshot->processes,
         "out of memory");
    struct snapshot_detail *detail = snapshot->detail;
    snapshot->function_count = functions;
    snapshot->thread_count = THREADS;
    snapshot->process_count = 1;
    detail->ns_per_tick = 0.4;
    detail->path_count = paths;
    detail->slot_count = (size_t)functions * SLOTS;
    detail->paths = arena_array(arena, paths, sizeof(*detail->paths));
    detail->durations = arena_array(arena, functions, sizeof(*detail->durations));
    detail->slots = arena_array(arena, detail->slot_count, sizeof(*detail->slots));
    detail->threads = arena_array(arena, THREADS, sizeof(*detail->threads));
    need(detail->paths && detail->durations && detail->slots && detail->threads, "out of memory");
    make_functions(hour, functions);
    make_paths(hour, paths);
    snapshot->processes[0] = (struct snapshot_process){.pid = 1000, .command = "server"};
    for (uint32_t i = 0; i < THREADS; i++) {
        snapshot->threads[i] = (struct snapshot_thread){
            .pid = 1000, .tid = 1000 + i, .number = i + 1, .running = SNAPSHOT_NONE};
        snprintf(snapshot->threads[i].name, sizeof(snapshot->threads[i].name), "worker-%u", i);
    }
    snapshot->meta.command = "server";
    snapshot->meta.python = "3.13.0";
    snapshot->meta.pid = 1000;
    snapshot->meta.by_process = true;
    return snapshot;
}

/* One path has run for some ticks: they are part of each one above. */
static void run_path(struct hour *hour, uint32_t index)
{
    struct snapshot *snapshot = hour->snapshot;
    struct snapshot_detail *detail = snapshot->detail;
    struct snapshot_path *path = &detail->paths[index];
    uint32_t calls = 1 + random_below(hour, 200);
    int64_t ticks = calls * (100 + (int64_t)random_below(hour, 2000));
    struct snapshot_extremes *recent = &detail->durations[path->function].recent;
    path->calls += calls;
    path->self_ticks += ticks;
    for (uint32_t at = index;; at = detail->paths[at].parent - 1) {
        if (detail->paths[at].function != SNAPSHOT_NONE)
            detail->paths[at].total_ticks += ticks;
        if (detail->paths[at].parent == 0)
            break;
    }
    *recent = (struct snapshot_extremes){50, 90000, 50, 80000};
    detail->slots[(size_t)path->function * SLOTS + random_below(hour, SLOTS)].count += calls;
    snapshot->threads[path->thread - 1].calls += calls;
    snapshot->meta.events_read += 2 * (uint64_t)calls;
}

static void run_second(struct hour *hour, uint32_t second)
{
    struct snapshot_detail *detail = hour->snapshot->detail;
    uint32_t paths = (uint32_t)detail->path_count - THREADS;
    uint32_t busy = paths / SHARE, first = second / MOVES_S * (busy / 3);
    for (size_t i = 0; i < hour->snapshot->function_count; i++)
        detail->durations[i].recent = (struct snapshot_extremes){INT64_MAX, -1, INT64_MAX, -1};
    for (uint32_t i = 0; i < busy; i++)
        run_path(hour, THREADS + (first + i) % paths);
    for (uint32_t i = 0; i < THREADS; i++)
        detail->threads[i].profiled += SECOND_NS * 10 / 4;
    hour->snapshot->meta.duration_ns = (second + 1) * SECOND_NS;
}

static uint32_t number(int count, char **words, int at, uint32_t otherwise)
{
    return at < count ? (uint32_t)strtoul(words[at], NULL, 10) : otherwise;
}

int main(int count, char **words)
{
    struct hour hour = {.state = UINT64_C(0x853c49e6748fea9b)};
    struct recording_options options = {.overwrite = true};
    struct recording_writer *writer;
    char reason[512];
    need(count > 1, "usage: make_hour FILE [SECONDS [FUNCTIONS [PATHS]]]");
    uint32_t seconds = number(count, words, 2, 3600), functions = number(count, words, 3, 5000);
    struct snapshot *snapshot = make(&hour, functions, number(count, words, 4, 20000));
    need(recording_writer_open(words[1], &options, &writer, reason, sizeof(reason)) == 0, reason);
    for (uint32_t second = 0; second < seconds; second++) {
        run_second(&hour, second);
        int result = second + 1 < seconds
                         ? recording_writer_add(writer, snapshot, second * SECOND_NS,
                                                (second + 1) * SECOND_NS)
                         : recording_writer_finish(writer, snapshot);
        need(result == 0, recording_writer_reason(writer));
    }
    recording_writer_close(writer);
    snapshot_free(snapshot);
    return 0;
}

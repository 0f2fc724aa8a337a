/* SPDX-License-Identifier: MIT */
/* What other sources than the calls add to the sample; see sample_snapshot.h.
 * Rules: those of sample_snapshot.c. */
#include "sample_snapshot.h"

#include "base/arena.h"

#include <string.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static void add_source(struct snapshot_meta *meta, const char *name)
{
    meta->sources[meta->source_count++] =
        (struct snapshot_source){.name = name, .on_ns = 20 * S, .wanted = true, .complete = true};
}

static int set_gc(struct snapshot *snapshot)
{
    static const struct snapshot_gc triggers[] = {
        {0, SAMPLE_ROWS, 700, 90000, 0, 300 * MS, 2 * MS},
        {0, SAMPLE_HOSTILE, 1, 0, 0, 1 * MS, 1 * MS},
        {2, SNAPSHOT_NONE, 3, 12345678, 2, 900 * MS, 500 * MS},
    };
    static const struct snapshot_gc sums[] = {
        {0, SNAPSHOT_NONE, 701, 90000, 0, 301 * MS, 2 * MS},
        {2, SNAPSHOT_NONE, 3, 12345678, 2, 900 * MS, 500 * MS},
    };
    snapshot->gc = arena_array(snapshot->arena, 2, sizeof(*snapshot->gc));
    snapshot->gc_triggers = arena_array(snapshot->arena, 3, sizeof(*snapshot->gc_triggers));
    if (!snapshot->gc || !snapshot->gc_triggers)
        return -1;
    memcpy(snapshot->gc, sums, sizeof(sums));
    memcpy(snapshot->gc_triggers, triggers, sizeof(triggers));
    snapshot->gc_count = 2;
    snapshot->gc_trigger_count = 3;
    add_source(&snapshot->meta, "gc");
    return 0;
}

static int set_objects(struct snapshot *snapshot)
{
    static const struct snapshot_object rows[] = {
        {"dict", SAMPLE_ROWS, 12, false, 90000, 89000, 1000, 16560000, 184000, 230},
        {HOSTILE, SAMPLE_HOSTILE, 7, false, 5, 0, 5, 280, 280, -1},
        {"shop.Item", SNAPSHOT_NONE, 0, false, 3, 3, 0, 144, 0, 2 * MS},
        {"list", SNAPSHOT_NONE, 0, true, 0, 41, 0, 0, 0, -1},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    snapshot->objects = arena_array(snapshot->arena, ROWS, sizeof(*snapshot->objects));
    if (!snapshot->objects)
        return -1;
    memcpy(snapshot->objects, rows, sizeof(rows));
    snapshot->object_count = ROWS;
    add_source(&snapshot->meta, "objects");
    return 0;
}

static void set_methods(struct snapshot *snapshot)
{
    snapshot->functions[SAMPLE_LEN].is_method = true;
    snapshot->functions[SAMPLE_APPEND].is_method = true;
    add_source(&snapshot->meta, "methods");
}

static int set_io(struct snapshot *snapshot)
{
    static const struct snapshot_io rows[] = {
        {"write",
         "/var/log/shop/a\x1b[31mlong\nname of a file that is cut.log",
         SAMPLE_ROWS,
         77,
         100000,
         1234567,
         0,
         900 * MS,
         20 * US,
         4 * MS,
         {0}},
        {"recv", "127.0.0.1:5432", SAMPLE_HOSTILE, 0, 12, 4096, 3, 300 * MS, 90 * MS, 95 * MS, {0}},
        {"clock_nanosleep", NULL, SNAPSHOT_NONE, 0, 1, 0, 0, 50 * MS, 50 * MS, 50 * MS, {0}},
    };
    snapshot->io = arena_array(snapshot->arena, 3, sizeof(*snapshot->io));
    if (!snapshot->io)
        return -1;
    memcpy(snapshot->io, rows, sizeof(rows));
    snapshot->io_count = 3;
    add_source(&snapshot->meta, "io");
    return 0;
}

static int set_waits(struct snapshot *snapshot)
{
    static const struct snapshot_wait rows[] = {
        {"GIL", false, SAMPLE_ROWS, 14, false, 40, 400 * MS, 90 * MS, 80 * MS, 0, SAMPLE_HOSTILE, 8,
         4711, 390 * MS},
        {"holds GIL", true, SAMPLE_HOSTILE, 8, false, 9, 450 * MS, 90 * MS, 90 * MS, 390 * MS,
         SNAPSHOT_NONE, 0, 0, 0},
        {"sleep", false, SAMPLE_HOSTILE, 0, true, 1, 50 * MS, 50 * MS, 50 * MS, 0, SNAPSHOT_NONE, 0,
         0, 0},
        {"mutex", false, SNAPSHOT_NONE, 0, false, 3, 2 * MS, 1 * MS, 1 * MS, 0, SNAPSHOT_NONE, 0, 0,
         0},
    };
    static const struct snapshot_split splits[] = {
        {4242, 4242, 1, "Main\x1b[31mThread", 2000 * MS, 900 * MS, 300 * MS, 100 * MS, 50 * MS,
         400 * MS, 50 * MS, 200 * MS},
        {4242, 4711, 2, "worker", 1000 * MS, 1000 * MS, 0, 0, 0, 0, 0, 0},
    };
    snapshot->waits = arena_array(snapshot->arena, 4, sizeof(*snapshot->waits));
    snapshot->splits = arena_array(snapshot->arena, 2, sizeof(*snapshot->splits));
    if (!snapshot->waits || !snapshot->splits)
        return -1;
    memcpy(snapshot->waits, rows, sizeof(rows));
    memcpy(snapshot->splits, splits, sizeof(splits));
    snapshot->wait_count = 4;
    snapshot->split_count = 2;
    add_source(&snapshot->meta, "waits");
    return 0;
}

static int set_requests(struct snapshot *snapshot)
{
    static const struct snapshot_request rows[] = {
        {.sort = REQUEST_REQUEST,
         .name = "/orders/<int:number>",
         .method = "GET",
         .status = "200",
         .count = 1200,
         .errors = 0,
         .wall_ns = 900 * MS,
         .p50_ns = 1 * MS,
         .p99_ns = 20 * MS,
         .max_ns = 40 * MS,
         .cpu_ns = 300 * MS,
         .wait_ns = 500 * MS,
         .suspended_ns = 100 * MS,
         .socket_ns = 400 * MS,
         .slowest_at_ns = 5 * MS,
         .slowest_cpu_ns = 10 * MS,
         .slowest_wait_ns = 30 * MS,
         .slowest_function = SAMPLE_ROWS,
         .slowest_labels = "traceparent=00-aa\npath=/orders/7"},
        {.sort = REQUEST_SPAN,
         .name = "load\x1b[31mred\nline",
         .count = 3,
         .errors = 3,
         .wall_ns = 30 * MS,
         .p50_ns = 10 * MS,
         .p99_ns = 12 * MS,
         .max_ns = 12 * MS,
         .cpu_ns = 30 * MS,
         .slowest_function = SNAPSHOT_NONE},
    };
    static const struct snapshot_request_function functions[] = {
        {0, SAMPLE_ROWS, 200 * MS}, {0, SAMPLE_HOSTILE, 90 * MS}, {1, SAMPLE_HOSTILE, 30 * MS}};
    snapshot->requests = arena_array(snapshot->arena, 2, sizeof(*snapshot->requests));
    snapshot->request_functions =
        arena_array(snapshot->arena, 3, sizeof(*snapshot->request_functions));
    if (!snapshot->requests || !snapshot->request_functions)
        return -1;
    memcpy(snapshot->requests, rows, sizeof(rows));
    memcpy(snapshot->request_functions, functions, sizeof(functions));
    snapshot->request_count = 2;
    snapshot->request_function_count = 3;
    add_source(&snapshot->meta, "spans");
    return 0;
}

static int set_lines(struct snapshot *snapshot)
{
    static const struct snapshot_line lines[] = {
        {SAMPLE_ROWS, 12, 1000, 300 * MS, 100 * MS, false, "for row in table:"},
        {SAMPLE_ROWS, 13, 999, 20 * MS, 0, false, NULL},
        {SAMPLE_HOSTILE, 7, 1, 2 * MS, 1 * MS, true, "x = '\x1b[2J' # \xe2\x80\xae"},
    };
    snapshot->lines = arena_array(snapshot->arena, 3, sizeof(*snapshot->lines));
    if (!snapshot->lines)
        return -1;
    memcpy(snapshot->lines, lines, sizeof(lines));
    snapshot->line_count = 3;
    add_source(&snapshot->meta, "lines");
    return 0;
}

static int set_memory(struct snapshot *snapshot)
{
    static const struct snapshot_memory_site sites[] = {
        {{9000, 800000, 8000, 700000, 1000, 100000, 300000},
         SAMPLE_ROWS,
         12,
         false,
         250000,
         5000,
         60,
         40,
         90000},
        {{3, 5000, 0, 0, 3, 5000, 5000}, SAMPLE_HOSTILE, 2, false, 5000, -70, 0, 0, 0},
        {{1, 40, 1, 40, 0, 0, 40}, SNAPSHOT_NONE, 0, true, 0, 0, 0, 0, 0},
    };
    snapshot->memory_sites = arena_array(snapshot->arena, 3, sizeof(*snapshot->memory_sites));
    if (!snapshot->memory_sites)
        return -1;
    memcpy(snapshot->memory_sites, sites, sizeof(sites));
    snapshot->memory_site_count = 3;
    snapshot->meta.memory.total =
        (struct snapshot_memory_sums){9004, 805040, 8001, 700040, 1003, 105000, 305000};
    snapshot->meta.memory.domains[2] = snapshot->meta.memory.total;
    snapshot->meta.memory.classes[3].sums = snapshot->meta.memory.total;
    snapshot->meta.memory.classes[3].most_bytes = 64;
    add_source(&snapshot->meta, "memory");
    return 0;
}

static int set_escalations(struct snapshot *snapshot)
{
    static const struct snapshot_escalation rows[] = {
        {.function = "handle\x1b[2J",
         .file = "/srv/\xff.py",
         .line = 7,
         .rule = "slower 10ms",
         .is_time = true,
         .calls = 5000,
         .held = 2,
         .first = {.known = true,
                   .at_ns = 2 * S,
                   .took_ns = 12 * MS,
                   .arguments = "list[3], \x1bx",
                   .stack = "handle\x1b[2J\t/srv/\xff.py\t9\n<module>\t\t0"},
         .worst = {.known = true, .at_ns = 3 * S, .took_ns = 30 * MS, .has_more = true}},
        {.function = "count_me", .rule = "count", .is_count = true, .calls = 12},
        {.function = "deep",
         .rule = "deeper 5",
         .calls = 9,
         .held = 1,
         .first = {.known = true, .value = 6},
         .worst = {.known = true, .value = 6}},
    };
    snapshot->escalations = arena_array(snapshot->arena, 3, sizeof(*snapshot->escalations));
    if (!snapshot->escalations)
        return -1;
    memcpy(snapshot->escalations, rows, sizeof(rows));
    snapshot->escalation_count = 3;
    return 0;
}

int sample_snapshot_add_sources(struct snapshot *snapshot)
{
    set_methods(snapshot);
    if (set_lines(snapshot) || set_objects(snapshot) || set_memory(snapshot) || set_io(snapshot) ||
        set_waits(snapshot) || set_requests(snapshot) || set_escalations(snapshot))
        return -1;
    return set_gc(snapshot);
}

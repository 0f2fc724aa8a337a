/* SPDX-License-Identifier: MIT */
/* Deterministic snapshots; see sample_snapshot.h.
 * Why computed: a table of calling contexts with their own calls and times is all that is written
 * by hand. Totals, functions, edges and threads follow from it by cProfile's rules (recursion
 * counted once), so a test that compares sums compares against something.
 * Rules: no clock, no randomness but a fixed generator, no locale. */
#include "sample_snapshot.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

struct function_spec {
    enum snapshot_kind kind;
    const char *name, *qualname, *module, *file;
    uint32_t line;
    uint64_t raised;
};

/* One calling context: own calls, resumes, self time and the part of it that was waiting. */
struct node_spec {
    int depth; /* 1: called from outside of any function */
    int32_t function;
    uint64_t calls, resumes;
    int64_t self_ns, wait_ns;
};

#define APP  "/srv/shop/app/"
#define LIB  "/usr/lib/python3.12/"
#define SITE "/srv/shop/.venv/lib/python3.12/site-packages/"

static const struct function_spec sample_functions[SAMPLE_FUNCTIONS] = {
    [SAMPLE_MODULE] = {KIND_PYTHON, "<module>", "<module>", "__main__", APP "main.py", 1, 0},
    [SAMPLE_MAIN] = {KIND_PYTHON, "main", "main", "__main__", APP "main.py", 10, 0},
    [SAMPLE_FIB] = {KIND_PYTHON, "fib", "fib", "__main__", APP "main.py", 24, 0},
    [SAMPLE_EVEN] = {KIND_PYTHON, "even", "parity.even", "shop.maths", APP "shop/maths.py", 3, 0},
    [SAMPLE_ODD] = {KIND_PYTHON, "odd", "parity.odd", "shop.maths", APP "shop/maths.py", 9, 0},
    [SAMPLE_ROWS] = {KIND_GENERATOR, "rows", "Table.rows", "shop.db", APP "shop/db.py", 41, 1},
    [SAMPLE_FETCH] = {KIND_COROUTINE, "fetch", "Client.fetch", "shop.net", APP "shop/net.py", 77,
                      12},
    [SAMPLE_STREAM] = {KIND_ASYNC_GENERATOR, "stream", "Client.stream", "shop.net",
                       APP "shop/net.py", 120, 0},
    [SAMPLE_LEN] = {KIND_C, "<built-in method builtins.len>", "<built-in method builtins.len>",
                    "builtins", NULL, 0, 0},
    [SAMPLE_APPEND] = {KIND_C, "<method 'append' of 'list' objects>",
                       "<method 'append' of 'list' objects>", NULL, NULL, 0, 0},
    [SAMPLE_WIDE] = {KIND_PYTHON, "价格计算", "商店.价格计算", "shop.価格", APP "shop/価格.py", 8,
                     0},
    [SAMPLE_COMBINING] = {KIND_PYTHON, "cafe\xcc\x81", "cafe\xcc\x81", "shop.menu",
                          APP "shop/menu.py", 5, 0},
    [SAMPLE_HOSTILE] = {KIND_PYTHON, HOSTILE, HOSTILE, "shop;\n<b>\x1b]0;",
                        "/srv/a;b\n<&\"'\xff\x1b[2J.py", 66, 3},
    [SAMPLE_LAMBDA] = {KIND_PYTHON, "<lambda>", "main.<locals>.<lambda>", "__main__", APP "main.py",
                       18, 0},
    [SAMPLE_LAMBDA_TWIN] = {KIND_PYTHON, "<lambda>", "main.<locals>.<lambda>", "__main__",
                            APP "main.py", 18, 0},
    [SAMPLE_LONG] = {KIND_PYTHON, "render_line_items_with_discounts",
                     "InvoiceDocumentRenderer.render_line_items_with_discounts.<locals>."
                     "render_line_items_with_discounts",
                     "invoicing.documents.rendering.html",
                     SITE "invoicing/documents/rendering/html.py", 1204, 0},
    [SAMPLE_BOOTSTRAP] = {KIND_PYTHON, "_bootstrap", "Thread._bootstrap", "threading",
                          LIB "threading.py", 1018, 0},
    [SAMPLE_WORKER] = {KIND_PYTHON, "worker", "worker", "shop.jobs", APP "shop/jobs.py", 30, 0},
    [SAMPLE_GET] = {KIND_PYTHON, "get", "Queue.get", "queue", LIB "queue.py", 154, 4},
    [SAMPLE_OTHER] = {KIND_PSEUDO, "(other)", "(other)", NULL, NULL, 0, 0},
    [SAMPLE_ESTIMATED] = {KIND_PYTHON, "__hash__", "Money.__hash__", "shop.money",
                          APP "shop/money.py", 12, 0},
};

static const struct node_spec sample_nodes[] = {
    {1, SAMPLE_MODULE, 1, 0, 31 * MS, 0},
    {2, SAMPLE_MAIN, 1, 0, 402 * MS, 0},
    {3, SAMPLE_FIB, 100, 0, 310 * MS, 0},
    {4, SAMPLE_FIB, 19800, 0, 1900 * MS, 0},
    {5, SAMPLE_FIB, 150000, 0, 2800 * MS, 0},
    {6, SAMPLE_FIB, 96000, 0, 1200 * MS, 0},
    {3, SAMPLE_EVEN, 50, 0, 10 * MS, 0},
    {4, SAMPLE_ODD, 50, 0, 12 * MS, 0},
    {5, SAMPLE_EVEN, 50, 0, 9 * MS, 0},
    {6, SAMPLE_ODD, 50, 0, 7 * MS, 0},
    {3, SAMPLE_ROWS, 3, 3000, 640 * MS, 120 * MS},
    {4, SAMPLE_LEN, 9000, 0, 27 * MS, 0},
    {4, SAMPLE_APPEND, 3000, 0, 15 * MS, 0},
    {3, SAMPLE_FETCH, 400, 1600, 6200 * MS, 6050 * MS},
    {4, SAMPLE_STREAM, 40, 960, 88 * MS, 40 * MS},
    {5, SAMPLE_LEN, 960, 0, 3 * MS, 0},
    {3, SAMPLE_WIDE, 12000, 0, 1500 * MS, 0},
    {4, SAMPLE_COMBINING, 12000, 0, 700 * MS, 0},
    {4, SAMPLE_ESTIMATED, 2000000, 0, 420 * MS, 0},
    {3, SAMPLE_HOSTILE, 7, 0, 250 * MS, 1 * MS},
    {4, SAMPLE_LAMBDA, 70, 0, 40 * MS, 0},
    {3, SAMPLE_LAMBDA, 30, 0, 18 * MS, 0},
    {3, SAMPLE_LAMBDA_TWIN, 25, 0, 11 * MS, 0},
    {3, SAMPLE_LONG, 600, 0, 990 * MS, 0},
    {4, SAMPLE_LEN, 1200, 0, 600 * US, 0},
    {1, SAMPLE_BOOTSTRAP, 2, 0, 2 * MS, 0},
    {2, SAMPLE_WORKER, 2, 0, 700 * MS, 100 * MS},
    {3, SAMPLE_GET, 5000, 0, 18400 * MS, 18400 * MS},
    {3, SAMPLE_WIDE, 300, 0, 60 * MS, 0},
    {1, SAMPLE_OTHER, 11, 0, 5 * MS, 0},
};

static int copy_functions(struct snapshot *snapshot, const struct function_spec *specs,
                          size_t count)
{
    snapshot->functions = arena_array(snapshot->arena, count, sizeof(*snapshot->functions));
    if (!snapshot->functions)
        return -1;
    snapshot->function_count = count;
    for (size_t i = 0; i < count; i++) {
        struct snapshot_function *function = &snapshot->functions[i];
        function->id = (uint32_t)i + 1;
        function->kind = specs[i].kind;
        function->name = specs[i].name;
        function->qualname = specs[i].qualname;
        function->module = specs[i].module;
        function->file = specs[i].file;
        function->line = specs[i].line;
        function->raised = specs[i].raised;
        function->calls_exact = function->times_exact = true;
    }
    return 0;
}

/* nodes[0] is the root; specs are in the order of a walk, children after their parent. */
static int copy_nodes(struct snapshot *snapshot, const struct node_spec *specs, size_t count)
{
    snapshot->nodes = arena_array(snapshot->arena, count + 1, sizeof(*snapshot->nodes));
    if (!snapshot->nodes)
        return -1;
    snapshot->node_count = count + 1;
    snapshot->nodes[0].parent = snapshot->nodes[0].function = SNAPSHOT_NONE;
    int32_t open = 0;
    int depth = 0;
    for (size_t i = 0; i < count; i++) {
        for (; depth >= specs[i].depth; depth--)
            open = snapshot->nodes[open].parent;
        struct snapshot_node *node = &snapshot->nodes[i + 1];
        node->parent = open;
        node->function = specs[i].function;
        node->calls = specs[i].calls;
        node->resumes = specs[i].resumes;
        node->self_ns = node->total_ns = specs[i].self_ns;
        node->self_wait_ns = node->total_wait_ns = specs[i].wait_ns;
        open = (int32_t)i + 1;
        depth = specs[i].depth;
    }
    return 0;
}

static void sum_totals(struct snapshot *snapshot)
{
    for (size_t i = snapshot->node_count; i-- > 1;) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        struct snapshot_node *parent = &snapshot->nodes[node->parent];
        parent->total_ns += node->total_ns;
        parent->total_wait_ns += node->total_wait_ns;
    }
    for (size_t i = 0; i < snapshot->node_count; i++) {
        struct snapshot_node *node = &snapshot->nodes[i];
        node->window_self_ns = node->self_ns / 2;
        node->window_total_ns = node->total_ns / 2;
    }
}

/* Whether a node above this one is of the same function; with `edge`, of the same caller too. */
static bool is_nested(const struct snapshot *snapshot, size_t index, bool edge)
{
    const struct snapshot_node *nodes = snapshot->nodes;
    const struct snapshot_node *node = &nodes[index];
    for (int32_t above = node->parent; above > 0; above = nodes[above].parent)
        if (nodes[above].function == node->function &&
            (!edge || nodes[nodes[above].parent].function == nodes[node->parent].function))
            return true;
    return false;
}

static struct snapshot_edge *find_edge(struct snapshot *snapshot, int32_t caller, int32_t callee)
{
    for (size_t i = 0; i < snapshot->edge_count; i++)
        if (snapshot->edges[i].caller == caller && snapshot->edges[i].callee == callee)
            return &snapshot->edges[i];
    struct snapshot_edge *edge = &snapshot->edges[snapshot->edge_count++];
    edge->caller = caller;
    edge->callee = callee;
    return edge;
}

static int sum_edges(struct snapshot *snapshot)
{
    snapshot->edges = arena_array(snapshot->arena, snapshot->node_count, sizeof(*snapshot->edges));
    if (!snapshot->edges)
        return -1;
    for (size_t i = 1; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        struct snapshot_edge *edge =
            find_edge(snapshot, snapshot->nodes[node->parent].function, node->function);
        edge->calls += node->calls + node->resumes;
        edge->self_ns += node->self_ns;
        edge->self_wait_ns += node->self_wait_ns;
        if (is_nested(snapshot, i, true))
            continue;
        edge->primitive_calls += node->calls + node->resumes;
        edge->total_ns += node->total_ns;
        edge->total_wait_ns += node->total_wait_ns;
    }
    return 0;
}

static void sum_functions(struct snapshot *snapshot)
{
    for (size_t i = 1; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        struct snapshot_function *function = &snapshot->functions[node->function];
        function->calls += node->calls;
        function->resumes += node->resumes;
        function->self_ns += node->self_ns;
        function->self_wait_ns += node->self_wait_ns;
        if (is_nested(snapshot, i, false))
            continue;
        function->primitive_calls += node->calls + node->resumes;
        function->total_ns += node->total_ns;
        function->total_wait_ns += node->total_wait_ns;
    }
}

static void set_latencies(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        struct snapshot_function *function = &snapshot->functions[i];
        if (function->kind >= KIND_GENERATOR && function->kind <= KIND_ASYNC_GENERATOR)
            function->yields = function->resumes;
        if (function->calls) {
            int64_t mean = function->total_ns / (int64_t)function->calls;
            bool once = function->calls == 1;
            function->min_ns = once ? mean : mean / 4;
            function->p50_ns = once ? mean : mean * 9 / 10;
            function->p99_ns = once ? mean : mean * 3;
            function->max_ns = once ? mean : mean * 7;
        }
        function->window.calls = function->calls / 2;
        function->window.resumes = function->resumes / 2;
        function->window.self_ns = function->self_ns / 2;
        function->window.total_ns = function->total_ns / 2;
        function->window.self_wait_ns = function->self_wait_ns / 2;
        function->window.total_wait_ns = function->total_wait_ns / 2;
        function->window.max_ns = function->max_ns;
        function->window.p50_ns = function->p50_ns;
        function->window.p99_ns = function->p99_ns;
    }
}

static void set_meta(struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    meta->command = "app/main.py --rows '3 000'";
    meta->python = "3.12.4";
    meta->executable = "/srv/shop/.venv/bin/python";
    meta->host = "kiosk";
    meta->pid = 4242;
    meta->start_time_ns = INT64_C(1700000000) * S + 123456789;
    meta->duration_ns = 20 * S;
    meta->exit_status = -1;
    meta->recording = true;
    meta->corrected = true;
    meta->corrected_ns = 57 * MS;
    meta->waited_ns = 3 * MS;
    meta->wait_source = WAIT_PERF;
    meta->window_s = 10;
    meta->window_from_ns = 10 * S;
    meta->window_to_ns = 20 * S;
    for (size_t i = 0; i < snapshot->function_count; i++)
        meta->calls += snapshot->functions[i].calls + snapshot->functions[i].resumes;
    meta->events_read = 2 * meta->calls;
    meta->thread_count = (uint32_t)snapshot->thread_count;
    meta->events_per_s = (double)meta->events_read / 20;
    meta->ns_per_call = 24.5;
    meta->cost_pct = 0.28;
    meta->collector_pct = 3.5;
    meta->sources[0].name = "calls";
    meta->sources[0].on_ns = 20 * S;
    meta->sources[0].complete = true;
    meta->sources[0].wanted = true;
    meta->sources[1].name = "c-calls";
    meta->sources[1].on_ns = 20 * S;
    meta->sources[1].complete = true;
    meta->sources[1].wanted = true;
    meta->source_count = 2;
}

static int finish(struct snapshot *snapshot)
{
    sum_totals(snapshot);
    if (sum_edges(snapshot))
        return -1;
    sum_functions(snapshot);
    set_latencies(snapshot);
    return 0;
}

static void set_thread(struct snapshot_thread *thread, uint32_t tid, const char *name,
                       int64_t self_ns, int64_t wait_ns, uint64_t calls)
{
    thread->pid = 4242;
    thread->tid = tid;
    snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->calls = calls;
    thread->profiled_ns = 20 * S;
    thread->wait_ns = wait_ns;
    thread->stalled_ns = 1 * MS;
    thread->corrected_ns = 19 * MS;
    thread->outside_ns = 20 * S - self_ns - thread->stalled_ns - thread->corrected_ns;
    thread->cpu_ns = self_ns - wait_ns;
    thread->window_cpu_ns = thread->cpu_ns / 2;
    thread->window_wait_ns = thread->wait_ns / 2;
    thread->window_calls = thread->calls / 2;
    thread->running = SNAPSHOT_NONE;
}

/* The main thread made what is below node 1; two workers share what is below _bootstrap; (other)
 * is the main thread's. */
static int set_threads(struct snapshot *snapshot)
{
    enum { MAIN_NODE = 1, WORKERS_NODE = 26, OTHER_NODE = 30, WORKER_CALLS = 2652 };
    const struct snapshot_node *nodes = snapshot->nodes;
    snapshot->threads = arena_array(snapshot->arena, 3, sizeof(*snapshot->threads));
    if (!snapshot->threads)
        return -1;
    snapshot->thread_count = 3;
    uint64_t calls = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        if (snapshot->functions[i].kind != KIND_C)
            calls += snapshot->functions[i].calls + snapshot->functions[i].resumes;
    int64_t half = nodes[WORKERS_NODE].total_ns / 2;
    int64_t half_wait = nodes[WORKERS_NODE].total_wait_ns / 2;
    set_thread(&snapshot->threads[0], 4242, "MainThread",
               nodes[MAIN_NODE].total_ns + nodes[OTHER_NODE].total_ns,
               nodes[MAIN_NODE].total_wait_ns + nodes[OTHER_NODE].total_wait_ns,
               calls - UINT64_C(2) * WORKER_CALLS);
    set_thread(&snapshot->threads[1], 4250, "worker-1 工人", half, half_wait, WORKER_CALLS);
    set_thread(&snapshot->threads[2], 4251, "w;\x1b[1m\n\xff", half, half_wait, WORKER_CALLS);
    snapshot->threads[0].running = SAMPLE_FIB;
    snapshot->threads[0].depth = 6;
    snapshot->threads[1].running = SAMPLE_GET;
    snapshot->threads[1].depth = 3;
    snapshot->threads[2].ended = true;
    return 0;
}

static int set_processes(struct snapshot *snapshot)
{
    snapshot->processes = arena_array(snapshot->arena, 1, sizeof(*snapshot->processes));
    if (!snapshot->processes)
        return -1;
    snapshot->process_count = 1;
    snapshot->processes[0].pid = 4242;
    snapshot->processes[0].ppid = 4241;
    snapshot->processes[0].command = "python app/main.py --rows '3 000'";
    snapshot->processes[0].calls = snapshot->meta.calls;
    return 0;
}

/* A main task, one in each other state, and two sums of those that have ended. */
static int set_tasks(struct snapshot *snapshot)
{
    static const struct snapshot_task tasks[] = {
        {1, 1, 4242, 4242, "Task-1", TASK_SUSPENDED, SAMPLE_FETCH, SAMPLE_MODULE, SAMPLE_FETCH,
         1205, 0, 310 * MS, 12 * MS, 19 * S, 4 * S, 9 * MS, true},
        {1, 7, 4242, 4242, HOSTILE, TASK_RUNNING, SAMPLE_FETCH, SAMPLE_HOSTILE, SNAPSHOT_NONE, 12,
         0, 1400 * US, 0, 3 * S, 0, 600 * US, true},
        {1, 902, 4242, 4242, NULL, TASK_PENDING, SNAPSHOT_NONE, SAMPLE_MAIN, SNAPSHOT_NONE, 0, 0, 0,
         0, 0, 250 * MS, 0, true},
        {3, 0, 0, 0, NULL, TASK_SUSPENDED, SAMPLE_FETCH, SNAPSHOT_NONE, SNAPSHOT_NONE, 9, 0,
         90 * US, 0, 40 * S, 0, 11 * US, true},
        {1, 2, 4242, 4250, "价格-2", TASK_ENDED, SAMPLE_FETCH, SAMPLE_WORKER, SNAPSHOT_NONE, 3, 1,
         2 * MS, 1 * MS, 400 * MS, 0, 1 * MS, false},
        {250000, 0, 0, 0, NULL, TASK_ENDED, SAMPLE_FETCH, SAMPLE_MAIN, SNAPSHOT_NONE, 750000, 12,
         2 * S, 1 * S, 600 * S, 0, 131 * MS, true},
    };
    snapshot->tasks = arena_array(snapshot->arena, sizeof(tasks) / sizeof(*tasks), sizeof(*tasks));
    if (!snapshot->tasks)
        return -1;
    memcpy(snapshot->tasks, tasks, sizeof(tasks));
    snapshot->task_count = sizeof(tasks) / sizeof(*tasks);
    snapshot->meta.tasks_live = 6;
    snapshot->meta.longest_step_ns = 131 * MS;
    snapshot->meta.longest_step_of = SAMPLE_FETCH;
    snapshot->meta.longest_step_task = "Task-5012";
    return 0;
}

/* Builds all but the threads; NULL: no memory. */
static struct snapshot *build(const struct function_spec *functions, size_t function_count,
                              const struct node_spec *nodes, size_t node_count)
{
    struct snapshot *snapshot = snapshot_new();
    if (!snapshot)
        return NULL;
    if (copy_functions(snapshot, functions, function_count) ||
        copy_nodes(snapshot, nodes, node_count) || finish(snapshot)) {
        snapshot_free(snapshot);
        return NULL;
    }
    set_meta(snapshot);
    return snapshot;
}

struct snapshot *sample_snapshot_new(void)
{
    struct snapshot *snapshot = build(sample_functions, SAMPLE_FUNCTIONS, sample_nodes,
                                      sizeof(sample_nodes) / sizeof(sample_nodes[0]));
    if (!snapshot)
        return NULL;
    snapshot->functions[SAMPLE_ESTIMATED].times_exact = false;
    if (set_threads(snapshot) || set_processes(snapshot) || set_tasks(snapshot)) {
        snapshot_free(snapshot);
        return NULL;
    }
    snapshot->meta.thread_count = 3;
    snapshot->meta.inexact = "1 function muted";
    return snapshot;
}

struct snapshot *sample_snapshot_empty_new(void)
{
    struct snapshot *snapshot = build(NULL, 0, NULL, 0);
    if (!snapshot)
        return NULL;
    snapshot->meta.python = NULL;
    snapshot->meta.executable = NULL;
    snapshot->meta.duration_ns = 0;
    snapshot->meta.window_from_ns = snapshot->meta.window_to_ns = 0;
    snapshot->meta.source_count = 0;
    snapshot->meta.corrected_ns = snapshot->meta.waited_ns = 0;
    return snapshot;
}

struct snapshot *sample_snapshot_huge_new(void)
{
    static const struct function_spec functions[] = {
        {KIND_PYTHON, "forever", "forever", "__main__", "forever.py", 1, 0},
        {KIND_C, "<built-in method time.perf_counter>", "<built-in method time.perf_counter>",
         "time", NULL, 0, 0},
    };
    static const struct node_spec nodes[] = {
        {1, 0, 2147483648, 0, INT64_C(9007199254740993), 0},
        {2, 1, UINT64_C(9223372036854775809), 0, INT64_C(36028797018963969), 0},
    };
    return build(functions, 2, nodes, 2);
}

struct snapshot *sample_snapshot_hostile_new(void)
{
    enum { LONG_NAME = 10000 };
    static const struct function_spec functions[] = {
        {KIND_PYTHON, "</script><script>alert(1)</script>", "</script><script>alert(1)</script>",
         "</style>", "/tmp/<!--<script>.py", 1, 0},
        {KIND_PYTHON, "", "", "", "", 2, 0},
        {KIND_PYTHON, "(12) fn=(1) calls=3 4", "(12) fn=(1) calls=3 4", "m", "(3) fl=(1)", 3, 0},
        {KIND_PYTHON, "lone \xed\xa0\x80 \xed\xbf\xbf", "lone \xed\xa0\x80 \xed\xbf\xbf", "m",
         "/tmp/\xed\xb2\x80.py", 4, 0},
        {KIND_PYTHON, "line\nfeed\r\ttab;semi 7", "line\nfeed\r\ttab;semi 7", "m", "a\nb;c.py", 5,
         0},
        {KIND_PYTHON, "\"double\" 'single' `back` \\ ]]> --> &amp; ${x} %s %n",
         "\"double\" 'single' `back` \\ ]]> --> &amp; ${x} %s %n", "m", "quotes\"'.py", 6, 0},
        {KIND_PYTHON, "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\x7f\xc2\x85 \xff",
         "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\x7f\xc2\x85 \xff", "m", "\x01\x1f.py", 7, 0},
        {KIND_PYTHON, "long", NULL, "m", "long.py", 8, 0},
        {KIND_C, "<built-in method </script>.x>", "<built-in method </script>.x>", "</script>",
         NULL, 0, 0},
        {KIND_PYTHON, "<lambda>", "f.<locals>.<lambda>", "m", "long.py", 9, 0},
        {KIND_PYTHON, "<lambda>", "f.<locals>.<lambda>", "m", "long.py", 10, 0},
        {KIND_PYTHON, "__proto__", "__proto__", "constructor", "toString", 11, 0},
    };
    enum { COUNT = sizeof(functions) / sizeof(functions[0]) };
    struct node_spec nodes[COUNT];
    for (int i = 0; i < COUNT; i++)
        nodes[i] = (struct node_spec){1 + i % 4, i, (uint64_t)i + 1, 0, (i + 1) * MS + i, i * US};
    struct snapshot *snapshot = build(functions, COUNT, nodes, COUNT);
    if (!snapshot)
        return NULL;
    char *name = arena_alloc(snapshot->arena, LONG_NAME + 1);
    if (!name) {
        snapshot_free(snapshot);
        return NULL;
    }
    for (int i = 0; i < LONG_NAME; i++)
        name[i] = (char)('a' + i % 26);
    snapshot->functions[7].name = snapshot->functions[7].qualname = name;
    snapshot->meta.command = "x.py '</script><!--' \xed\xa0\x80\n\"";
    return snapshot;
}

static uint32_t next_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const char *large_module(uint32_t which)
{
    static const char *const modules[] = {"shop.views", "shop.models", "json.decoder",
                                          "django.db",  "re",          "asyncio.base_events",
                                          "__main__",   "shop.money"};
    return modules[which % 8];
}

static const char *large_file(uint32_t which)
{
    static const char *const files[] = {APP "shop/views.py",   APP "shop/models.py",
                                        LIB "json/decoder.py", SITE "django/db.py",
                                        LIB "re.py",           LIB "asyncio/base_events.py",
                                        APP "main.py",         APP "shop/money.py"};
    return files[which % 8];
}

static struct function_spec *large_functions(struct arena *arena, size_t count)
{
    struct function_spec *specs = arena_array(arena, count, sizeof(*specs));
    for (size_t i = 0; specs && i < count; i++) {
        bool is_c = i % 9 == 8;
        specs[i].kind = is_c ? KIND_C : i % 13 == 12 ? KIND_GENERATOR : KIND_PYTHON;
        specs[i].name = is_c ? arena_format(arena, "<built-in method _ext.f%zu>", i)
                             : arena_format(arena, "function_%zu", i);
        specs[i].qualname = is_c ? specs[i].name : arena_format(arena, "Class.function_%zu", i);
        specs[i].module = is_c ? NULL : large_module((uint32_t)i);
        specs[i].file = is_c ? NULL : large_file((uint32_t)i);
        specs[i].line = is_c ? 0 : (uint32_t)i * 7 + 1;
        if (!specs[i].name || !specs[i].qualname)
            return NULL;
    }
    return specs;
}

struct snapshot *sample_snapshot_large_new(size_t nodes)
{
    struct arena *scratch = arena_new();
    size_t count = nodes / 4 + 1;
    struct function_spec *functions = scratch ? large_functions(scratch, count) : NULL;
    struct node_spec *specs = functions ? arena_array(scratch, nodes, sizeof(*specs)) : NULL;
    struct snapshot *snapshot = NULL;
    if (!specs)
        goto out;
    uint32_t state = 1;
    int depth = 0;
    for (size_t i = 0; i < nodes; i++) {
        int most = depth < 40 ? depth + 1 : 40;
        depth = next_number(&state) % 3 ? most : 1 + (int)(next_number(&state) % (uint32_t)most);
        specs[i].depth = depth;
        specs[i].function = (int32_t)(next_number(&state) % count);
        specs[i].calls = 1 + next_number(&state) % 1000;
        specs[i].self_ns = (int64_t)(next_number(&state) % 1000000) << next_number(&state) % 8;
    }
    snapshot = build(functions, count, specs, nodes);
    for (size_t i = 0; snapshot && i < count; i++) {
        struct snapshot_function *function = &snapshot->functions[i];
        function->name = arena_string(snapshot->arena, function->name);
        function->qualname = arena_string(snapshot->arena, function->qualname);
    }
out:
    arena_free(scratch);
    return snapshot;
}

struct snapshot *sample_snapshot_deep_new(size_t depth)
{
    static const struct function_spec function = {KIND_PYTHON, "down", "down", "__main__",
                                                  "deep.py",   1,      0};
    struct snapshot *snapshot = snapshot_new();
    if (!snapshot)
        return NULL;
    snapshot->nodes = arena_array(snapshot->arena, depth + 1, sizeof(*snapshot->nodes));
    snapshot->edges = arena_array(snapshot->arena, 2, sizeof(*snapshot->edges));
    if (copy_functions(snapshot, &function, 1) || !snapshot->nodes || !snapshot->edges) {
        snapshot_free(snapshot);
        return NULL;
    }
    snapshot->node_count = depth + 1;
    snapshot->nodes[0].function = snapshot->nodes[0].parent = SNAPSHOT_NONE;
    for (size_t i = 1; i <= depth; i++) {
        snapshot->nodes[i].parent = (int32_t)i - 1;
        snapshot->nodes[i].calls = 1;
        snapshot->nodes[i].self_ns = snapshot->nodes[i].total_ns = 1000;
    }
    sum_totals(snapshot);
    int64_t total = snapshot->nodes[0].total_ns;
    struct snapshot_function *down = &snapshot->functions[0];
    down->calls = depth;
    down->primitive_calls = depth ? 1 : 0;
    down->self_ns = down->total_ns = total;
    snapshot->edges[0] = (struct snapshot_edge){.caller = SNAPSHOT_NONE,
                                                .calls = 1,
                                                .primitive_calls = 1,
                                                .self_ns = 1000,
                                                .total_ns = total};
    snapshot->edges[1] = (struct snapshot_edge){.calls = depth - 1,
                                                .primitive_calls = 1,
                                                .self_ns = total - 1000,
                                                .total_ns = total - 1000};
    snapshot->edge_count = 2;
    set_latencies(snapshot);
    set_meta(snapshot);
    return snapshot;
}

/* SPDX-License-Identifier: MIT */
/* The format `json`: version 1 of docs/cli.md, for scripts.
 * Why: everything that the snapshot knows, in names that do not change.
 * Rules: figures are of the whole run, whatever window the snapshot has, so that they only grow
 * from frame to frame and differences between frames are exact. `window` is in seconds since the
 * profiling began. Lists of sources that were never on are absent. What is not known is null. Edges
 * and tree nodes count as their columns say: an edge's calls include resumes, a node's do not. */
#include "export/export_json.h"

#include "export/export_memory.h"
#include "export/export_names.h"
#include "export/export_operators.h"
#include "export/export_waits.h"
#include "export/exporter.h"
#include "export/json_writer.h"
#include "model/tree_order.h"
#include "model/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *kind_name(enum snapshot_kind kind)
{
    switch (kind) {
    case KIND_C:
        return "c";
    case KIND_GENERATOR:
        return "generator";
    case KIND_COROUTINE:
        return "coroutine";
    case KIND_ASYNC_GENERATOR:
        return "async_generator";
    case KIND_PSEUDO:
    case KIND_PYTHON:
        break;
    }
    return "python";
}

static void write_start_time(struct json_writer *writer, int64_t start_time_ns)
{
    char date[40], text[64];
    time_t seconds = (time_t)(start_time_ns / 1000000000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts)) {
        json_null(writer, "start_time");
        return;
    }
    snprintf(text, sizeof(text), "%s.%09dZ", date, (int)(start_time_ns % 1000000000));
    json_string(writer, "start_time", text);
}

void export_json_target(struct json_writer *writer, const struct snapshot_meta *meta)
{
    json_unsigned(writer, "pid", meta->pid);
    json_string(writer, "command", meta->command);
    json_string(writer, "python", meta->python);
    write_start_time(writer, meta->start_time_ns);
    json_integer(writer, "duration_ns", meta->duration_ns);
    if (meta->exit_status < 0 || meta->signal)
        json_null(writer, "exit_status");
    else
        json_integer(writer, "exit_status", meta->exit_status);
    if (meta->signal)
        json_integer(writer, "signal", meta->signal);
    else
        json_null(writer, "signal");
    json_unsigned(writer, "thread_count", meta->thread_count);
}

void export_json_sources(struct json_writer *writer, const struct snapshot_meta *meta)
{
    json_open(writer, "sources", '[');
    for (size_t i = 0; i < meta->source_count; i++) {
        json_open(writer, NULL, '{');
        json_string(writer, "name", meta->sources[i].name);
        json_integer(writer, "on_ns", meta->sources[i].on_ns);
        json_bool(writer, "complete", meta->sources[i].complete);
        json_string(writer, "reason", meta->sources[i].reason);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_site_list(struct json_writer *writer, const char *key,
                            const struct snapshot_meta *meta, bool skip, bool unmatched)
{
    json_open(writer, key, '[');
    for (size_t i = 0; i < meta->site_count; i++)
        if (meta->sites[i].skip == skip && !(unmatched && meta->sites[i].matched))
            json_string(writer, NULL, meta->sites[i].text);
    json_close(writer, ']');
}

static void write_sites(struct json_writer *writer, const struct snapshot_meta *meta)
{
    json_open(writer, "sites", '{');
    write_site_list(writer, "only", meta, false, false);
    write_site_list(writer, "skip", meta, true, false);
    write_site_list(writer, "only_unmatched", meta, false, true);
    write_site_list(writer, "skip_unmatched", meta, true, true);
    json_unsigned(writer, "left_out", meta->left_out);
    json_close(writer, '}');
}

static void write_head(struct json_writer *writer, const struct snapshot_meta *meta,
                       enum snapshot_clock clock)
{
    json_integer(writer, "ulma", 1);
#ifdef ULMA_VERSION
    json_string(writer, "ulma_version", ULMA_VERSION);
#else
    json_null(writer, "ulma_version");
#endif
    json_string(writer, "host", meta->host);
    json_string(writer, "clock", export_clock_name(clock));
    json_open(writer, "window", '{');
    json_number(writer, "from", (double)meta->slice_from_ns / 1e9);
    json_number(writer, "to", (double)(meta->slice_from_ns + meta->duration_ns) / 1e9);
    json_close(writer, '}');
    json_bool(writer, "corrected", meta->corrected);
    json_integer(writer, "corrected_ns", meta->corrected_ns);
    json_integer(writer, "waited_ns", meta->waited_ns);
    json_integer(writer, "stolen_ns", meta->stolen_ns);
    export_json_sources(writer, meta);
    if (meta->site_count)
        write_sites(writer, meta);
    json_open(writer, "target", '{');
    export_json_target(writer, meta);
    json_close(writer, '}');
    json_open(writer, "events", '{');
    json_unsigned(writer, "read", meta->events_read);
    json_unsigned(writer, "lost", meta->lost);
    json_unsigned(writer, "gaps", meta->gaps);
    json_close(writer, '}');
    json_open(writer, "probe", '{');
    json_number(writer, "ns_per_call", meta->ns_per_call);
    json_number(writer, "cost_pct", meta->cost_pct);
    if (meta->budget_pct > 0)
        json_number(writer, "budget_pct", meta->budget_pct);
    else
        json_null(writer, "budget_pct");
    json_integer(writer, "muted_functions", meta->muted);
    json_close(writer, '}');
}

/* An extreme or percentile; 0 when no activation has ended, which is not the same as none. */
static void write_latency(struct json_writer *writer, const char *key,
                          const struct snapshot_function *function, int64_t time_ns)
{
    if (function->max_ns)
        json_integer(writer, key, time_ns);
    else
        json_null(writer, key);
}

static void write_function(struct json_writer *writer, const struct snapshot *snapshot,
                           const struct snapshot_function *function, enum snapshot_clock clock)
{
    json_open(writer, NULL, '{');
    json_unsigned(writer, "id", function->id);
    json_unsigned(writer, "pid", function->pid ? function->pid : snapshot->meta.pid);
    json_string(writer, "name", function->name);
    json_string(writer, "qualname", function->qualname);
    json_string(writer, "module", function->module);
    json_string(writer, "file", function->file);
    if (function->file)
        json_unsigned(writer, "line", function->line);
    else
        json_null(writer, "line");
    json_string(writer, "kind", kind_name(function->kind));
    json_unsigned(writer, "calls", function->calls);
    json_unsigned(writer, "primitive_calls", function->primitive_calls);
    json_unsigned(writer, "resumes", function->resumes);
    json_unsigned(writer, "yields", function->yields);
    json_unsigned(writer, "raised", function->raised);
    json_integer(writer, "self_ns", export_self(function, clock));
    json_integer(writer, "total_ns", export_total(function, clock));
    if (snapshot->meta.wait_source == WAIT_NONE)
        json_null(writer, "wait_ns");
    else
        json_integer(writer, "wait_ns", function->self_wait_ns);
    write_latency(writer, "min_ns", function, function->min_ns);
    write_latency(writer, "max_ns", function, function->max_ns);
    write_latency(writer, "p50_ns", function, function->p50_ns);
    write_latency(writer, "p99_ns", function, function->p99_ns);
    json_null(writer, "max_at");
    json_null(writer, "max_stack");
    json_bool(writer, "calls_exact", function->calls_exact);
    json_bool(writer, "times_exact", function->times_exact);
    json_bool(writer, "holds_left_out", function->holds_left_out);
    json_close(writer, '}');
}

static void write_id(struct json_writer *writer, const char *key, const struct snapshot *snapshot,
                     int32_t function)
{
    if (function < 0)
        json_null(writer, key);
    else
        json_unsigned(writer, key, snapshot->functions[function].id);
}

static int64_t at_least_zero(int64_t number)
{
    return number > 0 ? number : 0;
}

static void write_callers(struct json_writer *writer, const struct snapshot *snapshot,
                          enum snapshot_clock clock)
{
    json_open(writer, "callers", '[');
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        bool cpu = clock == CLOCK_CPU;
        json_open(writer, NULL, '{');
        write_id(writer, "caller", snapshot, edge->caller);
        write_id(writer, "callee", snapshot, edge->callee);
        json_unsigned(writer, "calls", edge->calls);
        json_unsigned(writer, "primitive_calls", edge->primitive_calls);
        json_integer(writer, "self_ns",
                     at_least_zero(edge->self_ns - (cpu ? edge->self_wait_ns : 0)));
        json_integer(writer, "total_ns",
                     at_least_zero(edge->total_ns - (cpu ? edge->total_wait_ns : 0)));
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static uint32_t pid_of_node(const struct snapshot *snapshot, const struct snapshot_node *node)
{
    uint32_t pid = node->function >= 0 ? snapshot->functions[node->function].pid : 0;
    return pid ? pid : snapshot->meta.pid;
}

static void write_tree(struct json_writer *writer, const struct snapshot *snapshot,
                       enum snapshot_clock clock)
{
    json_open(writer, "tree", '[');
    for (size_t i = 0; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        json_open(writer, NULL, '{');
        json_unsigned(writer, "id", i);
        if (node->parent < 0)
            json_null(writer, "parent");
        else
            json_integer(writer, "parent", node->parent);
        write_id(writer, "function", snapshot, node->function);
        json_unsigned(writer, "pid", pid_of_node(snapshot, node));
        json_unsigned(writer, "calls", node->calls);
        json_integer(writer, "self_ns", tree_order_self(node, clock));
        json_integer(writer, "total_ns", tree_order_total(node, clock));
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_threads(struct json_writer *writer, const struct snapshot *snapshot)
{
    json_open(writer, "threads", '[');
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads[i];
        json_open(writer, NULL, '{');
        json_unsigned(writer, "pid", thread->pid);
        json_unsigned(writer, "tid", thread->tid);
        json_string(writer, "name", thread->name);
        json_unsigned(writer, "calls", thread->calls);
        json_integer(writer, "cpu_ns", thread->cpu_ns);
        json_integer(writer, "wait_ns", thread->wait_ns);
        json_unsigned(writer, "lost", thread->lost);
        export_waits_split(writer, snapshot, thread);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static const char *state_name(enum snapshot_task_state state)
{
    switch (state) {
    case TASK_PENDING:
        return "pending";
    case TASK_RUNNING:
        return "running";
    case TASK_SUSPENDED:
        return "suspended";
    case TASK_ENDED:
        break;
    }
    return "ended";
}

static void write_qualname(struct json_writer *writer, const char *key,
                           const struct snapshot *snapshot, int32_t function)
{
    if (function < 0)
        json_null(writer, key);
    else
        json_string(writer, key, snapshot->functions[function].qualname);
}

/* function, file and line: where something happened. */
static void write_site(struct json_writer *writer, const struct snapshot *snapshot,
                       int32_t function)
{
    const struct snapshot_function *of = function < 0 ? NULL : &snapshot->functions[function];
    write_qualname(writer, "function", snapshot, function);
    json_string(writer, "file", of ? of->file : NULL);
    if (of && of->file)
        json_unsigned(writer, "line", of->line);
    else
        json_null(writer, "line");
}

/* The same with the line itself, of which 0 is not known. */
static void write_line_site(struct json_writer *writer, const struct snapshot *snapshot,
                            int32_t function, uint32_t line)
{
    write_qualname(writer, "function", snapshot, function);
    json_string(writer, "file", function < 0 ? NULL : snapshot->functions[function].file);
    if (line)
        json_unsigned(writer, "line", line);
    else
        json_null(writer, "line");
}

static void write_number(struct json_writer *writer, const char *key, uint64_t number)
{
    if (number)
        json_unsigned(writer, key, number);
    else
        json_null(writer, key);
}

static void write_task(struct json_writer *writer, const struct snapshot *snapshot,
                       const struct snapshot_task *task)
{
    json_open(writer, NULL, '{');
    write_number(writer, "id", task->id);
    json_string(writer, "name", task->name);
    write_number(writer, "pid", task->pid);
    write_number(writer, "loop", task->tid);
    write_qualname(writer, "coroutine", snapshot, task->coroutine);
    json_string(writer, "state", state_name(task->state));
    json_unsigned(writer, "tasks", task->count);
    json_unsigned(writer, "raised", task->raised);
    write_qualname(writer, "created_by", snapshot, task->maker);
    json_unsigned(writer, "steps", task->steps);
    json_bool(writer, "steps_exact", task->steps_exact);
    json_integer(writer, "cpu_ns", at_least_zero(task->wall_ns - task->wait_ns));
    json_integer(writer, "suspended_ns", task->suspended_ns);
    json_integer(writer, "longest_ns", task->longest_ns);
    write_qualname(writer, "awaiting", snapshot, task->awaiting);
    json_close(writer, '}');
}

static void write_tasks(struct json_writer *writer, const struct snapshot *snapshot)
{
    json_open(writer, "tasks", '[');
    for (size_t i = 0; i < snapshot->task_count; i++)
        write_task(writer, snapshot, &snapshot->tasks[i]);
    json_close(writer, ']');
}

static void write_method_callers(struct json_writer *writer, const struct snapshot *snapshot,
                                 int32_t method)
{
    json_open(writer, "callers", '[');
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        if (edge->callee != method)
            continue;
        json_open(writer, NULL, '{');
        write_site(writer, snapshot, edge->caller);
        json_unsigned(writer, "calls", edge->calls);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_methods(struct json_writer *writer, const struct snapshot *snapshot,
                          enum snapshot_clock clock)
{
    char type[SNAPSHOT_METHOD_SIZE], name[SNAPSHOT_METHOD_SIZE];
    if (!snapshot_has_source(&snapshot->meta, "methods"))
        return;
    json_open(writer, "methods", '[');
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        if (!function->is_method || !snapshot_read_method(function, type, name))
            continue;
        json_open(writer, NULL, '{');
        json_string(writer, "type", type);
        json_string(writer, "name", name);
        json_unsigned(writer, "calls", function->calls);
        json_unsigned(writer, "raised", function->raised);
        json_integer(writer, "total_ns", at_least_zero(snapshot_total(function, clock)));
        json_integer(writer, "max_ns", function->max_ns);
        write_method_callers(writer, snapshot, (int32_t)i);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_gc_row(struct json_writer *writer, const struct snapshot_gc *row)
{
    json_unsigned(writer, "runs", row->runs);
    json_integer(writer, "total_ns", row->total_ns);
    json_integer(writer, "max_ns", row->max_ns);
    json_unsigned(writer, "collected", row->collected);
    json_unsigned(writer, "uncollectable", row->uncollectable);
}

static void write_gc_triggers(struct json_writer *writer, const struct snapshot *snapshot,
                              uint32_t generation)
{
    json_open(writer, "triggers", '[');
    for (size_t i = 0; i < snapshot->gc_trigger_count; i++) {
        const struct snapshot_gc *row = &snapshot->gc_triggers[i];
        if (row->generation != generation)
            continue;
        json_open(writer, NULL, '{');
        write_site(writer, snapshot, row->function);
        write_gc_row(writer, row);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_gc(struct json_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "gc"))
        return;
    json_open(writer, "gc", '[');
    for (size_t i = 0; i < snapshot->gc_count; i++) {
        json_open(writer, NULL, '{');
        json_unsigned(writer, "generation", snapshot->gc[i].generation);
        write_gc_row(writer, &snapshot->gc[i]);
        write_gc_triggers(writer, snapshot, snapshot->gc[i].generation);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_io(struct json_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "io"))
        return;
    json_open(writer, "io", '[');
    for (size_t i = 0; i < snapshot->io_count; i++) {
        const struct snapshot_io *row = &snapshot->io[i];
        json_open(writer, NULL, '{');
        json_string(writer, "operation", row->operation);
        json_string(writer, "resource", row->resource);
        if (row->line)
            write_line_site(writer, snapshot, row->function, row->line);
        else
            write_site(writer, snapshot, row->function);
        json_unsigned(writer, "calls", row->calls);
        json_unsigned(writer, "bytes", row->bytes);
        json_integer(writer, "blocked_ns", row->blocked_ns);
        json_integer(writer, "p99_ns", row->p99_ns);
        json_integer(writer, "max_ns", row->max_ns);
        json_unsigned(writer, "errors", row->errors);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_request_functions(struct json_writer *writer, const struct snapshot *snapshot,
                                    size_t request)
{
    json_open(writer, "functions", '[');
    for (size_t i = 0; i < snapshot->request_function_count; i++) {
        const struct snapshot_request_function *row = &snapshot->request_functions[i];
        if (row->request != request)
            continue;
        json_open(writer, NULL, '{');
        write_site(writer, snapshot, row->function);
        json_integer(writer, "self_ns", row->self_ns);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

/* KEY=VALUE, one a line. */
static void write_labels(struct json_writer *writer, const char *labels)
{
    json_open(writer, "labels", '{');
    while (labels && *labels) {
        size_t size = strcspn(labels, "\n"), key = strcspn(labels, "=\n");
        char name[SNAPSHOT_LABELS_MOST], value[SNAPSHOT_LABELS_MOST];
        snprintf(name, sizeof(name), "%.*s", (int)key, labels);
        snprintf(value, sizeof(value), "%.*s", (int)(key < size ? size - key - 1 : 0),
                 labels + key + 1);
        json_string(writer, name, value);
        labels += size + (labels[size] == '\n');
    }
    json_close(writer, '}');
}

static void write_slowest(struct json_writer *writer, const struct snapshot *snapshot,
                          const struct snapshot_request *row)
{
    json_open(writer, "slowest", '{');
    json_integer(writer, "at_ns", row->slowest_at_ns);
    json_integer(writer, "wall_ns", row->max_ns);
    json_integer(writer, "cpu_ns", row->slowest_cpu_ns);
    json_integer(writer, "wait_ns", row->slowest_wait_ns);
    json_integer(writer, "suspended_ns", row->slowest_suspended_ns);
    write_site(writer, snapshot, row->slowest_function);
    write_labels(writer, row->slowest_labels);
    json_close(writer, '}');
}

static void write_requests(struct json_writer *writer, const struct snapshot *snapshot)
{
    static const char *const sorts[REQUEST_SORTS] = {"span", "request", "task"};
    if (!snapshot_has_source(&snapshot->meta, "spans"))
        return;
    json_open(writer, "requests", '[');
    for (size_t i = 0; i < snapshot->request_count; i++) {
        const struct snapshot_request *row = &snapshot->requests[i];
        json_open(writer, NULL, '{');
        json_string(writer, "kind", sorts[row->sort]);
        json_string(writer, "name", row->name);
        json_string(writer, "method", row->method);
        json_string(writer, "status", row->status);
        json_unsigned(writer, "count", row->count);
        json_unsigned(writer, "errors", row->errors);
        json_integer(writer, "wall_ns", row->wall_ns);
        json_integer(writer, "p50_ns", row->p50_ns);
        json_integer(writer, "p99_ns", row->p99_ns);
        json_integer(writer, "max_ns", row->max_ns);
        json_integer(writer, "cpu_ns", row->cpu_ns);
        json_integer(writer, "wait_ns", row->wait_ns);
        json_integer(writer, "suspended_ns", row->suspended_ns);
        json_integer(writer, "socket_ns", row->socket_ns);
        json_integer(writer, "file_ns", row->file_ns);
        if (row->sort == REQUEST_TASK)
            json_integer(writer, "queued_ns", row->queued_ns);
        write_request_functions(writer, snapshot, i);
        write_slowest(writer, snapshot, row);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_lines(struct json_writer *writer, const struct snapshot *snapshot,
                        enum snapshot_clock clock)
{
    if (!snapshot_has_source(&snapshot->meta, "lines"))
        return;
    json_open(writer, "lines", '[');
    for (size_t i = 0; i < snapshot->line_count; i++) {
        const struct snapshot_line *line = &snapshot->lines[i];
        const struct snapshot_function *function = &snapshot->functions[line->function];
        int64_t wait_ns = clock == CLOCK_CPU ? line->self_wait_ns : 0;
        json_open(writer, NULL, '{');
        json_string(writer, "function", function->qualname);
        json_string(writer, "file", function->file);
        json_unsigned(writer, "line", line->line);
        json_unsigned(writer, "hits", line->hits);
        json_integer(writer, "self_ns", at_least_zero(line->self_ns - wait_ns));
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static int write_stack(struct json_writer *writer, const char *stack)
{
    char *copy = strdup(stack ? stack : ""), *next = copy, *line;
    if (!copy)
        return -ENOMEM;
    json_open(writer, "stack", '[');
    while (*copy && (line = strsep(&next, "\n"))) {
        const char *function = strsep(&line, "\t"), *file = strsep(&line, "\t");
        json_open(writer, NULL, '{');
        json_string(writer, "function", function);
        json_string(writer, "file", file && *file ? file : NULL);
        json_unsigned(writer, "line", line ? (uint64_t)strtoul(line, NULL, 10) : 0);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    free(copy);
    return 0;
}

static int write_witness(struct json_writer *writer, const char *key, bool is_time,
                         const struct snapshot_witness *witness)
{
    if (!witness->known)
        return 0;
    json_open(writer, key, '{');
    json_integer(writer, "at_ns", witness->at_ns);
    json_unsigned(writer, is_time ? "took_ns" : "value",
                  is_time ? (uint64_t)witness->took_ns : witness->value);
    json_unsigned(writer, "thread", witness->thread);
    json_unsigned(writer, "pid", witness->pid);
    json_string(writer, "arguments", witness->arguments);
    json_bool(writer, "cut", witness->has_more);
    int result = write_stack(writer, witness->stack);
    json_close(writer, '}');
    return result;
}

/* Only where a rule counts. */
static int write_escalations(struct json_writer *writer, const struct snapshot *snapshot)
{
    int result = 0;
    if (!snapshot->escalation_count)
        return 0;
    json_open(writer, "escalated", '[');
    for (size_t i = 0; i < snapshot->escalation_count; i++) {
        const struct snapshot_escalation *row = &snapshot->escalations[i];
        json_open(writer, NULL, '{');
        json_string(writer, "function", row->function);
        json_string(writer, "file", row->file);
        json_unsigned(writer, "line", row->line);
        json_string(writer, "rule", row->rule);
        json_unsigned(writer, "calls", row->calls);
        if (!row->is_count)
            json_unsigned(writer, "held", row->held);
        if (result == 0)
            result = write_witness(writer, "first", row->is_time, &row->first);
        if (result == 0)
            result = write_witness(writer, "worst", row->is_time, &row->worst);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    return result;
}

/* What was born before the source was on has no place: function and line are null, births 0. */
static void write_objects(struct json_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "objects"))
        return;
    json_open(writer, "objects", '[');
    for (size_t i = 0; i < snapshot->object_count; i++) {
        const struct snapshot_object *object = &snapshot->objects[i];
        json_open(writer, NULL, '{');
        json_string(writer, "type", object->type);
        write_line_site(writer, snapshot, object->function, object->line);
        json_unsigned(writer, "births", object->births);
        json_unsigned(writer, "deaths", object->deaths);
        json_unsigned(writer, "live", object->live);
        json_unsigned(writer, "bytes", object->bytes);
        json_unsigned(writer, "live_bytes", object->live_bytes);
        if (object->median_life_ns < 0)
            json_null(writer, "median_life_ns");
        else
            json_integer(writer, "median_life_ns", object->median_life_ns);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_processes(struct json_writer *writer, const struct snapshot *snapshot)
{
    json_open(writer, "processes", '[');
    for (size_t i = 0; i < snapshot->process_count; i++) {
        const struct snapshot_process *process = &snapshot->processes[i];
        json_open(writer, NULL, '{');
        json_unsigned(writer, "pid", process->pid);
        json_unsigned(writer, "ppid", process->ppid);
        json_string(writer, "command", process->command);
        json_unsigned(writer, "calls", process->calls);
        json_unsigned(writer, "lost", process->lost);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

/* Each with its evidence, or none at all (`--verdicts off`). */
static int write_verdicts(struct json_writer *writer, const struct snapshot *snapshot)
{
    struct usage_verdicts verdicts = {0};
    struct arena *arena = arena_new();
    if (!arena || verdicts_find(snapshot, arena, &verdicts)) {
        arena_free(arena);
        return -ENOMEM;
    }
    if (!verdicts_are_hidden())
        json_open(writer, "verdicts", '[');
    for (size_t i = 0; i < verdicts.count; i++) {
        const struct usage_verdict *verdict = &verdicts.rows[i];
        json_open(writer, NULL, '{');
        json_string(writer, "verdict", verdict->name);
        write_site(writer, snapshot, verdict->function);
        json_unsigned(writer, "count", verdict->count);
        json_integer(writer, "cost_ns", verdict->cost_ns);
        json_string(writer, "evidence", verdict->evidence);
        json_close(writer, '}');
    }
    if (!verdicts_are_hidden())
        json_close(writer, ']');
    arena_free(arena);
    return 0;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct json_writer writer = {.stream = stream, .compact = options->compact};
    json_open(&writer, NULL, '{');
    write_head(&writer, &snapshot->meta, options->clock);
    json_open(&writer, "functions", '[');
    for (size_t i = 0; i < snapshot->function_count; i++)
        write_function(&writer, snapshot, &snapshot->functions[i], options->clock);
    json_close(&writer, ']');
    write_callers(&writer, snapshot, options->clock);
    write_tree(&writer, snapshot, options->clock);
    write_threads(&writer, snapshot);
    write_processes(&writer, snapshot);
    write_tasks(&writer, snapshot);
    write_lines(&writer, snapshot, options->clock);
    write_methods(&writer, snapshot, options->clock);
    int result = export_operators_write(&writer, snapshot, options->clock);
    write_objects(&writer, snapshot);
    write_gc(&writer, snapshot);
    write_io(&writer, snapshot);
    export_waits_write(&writer, snapshot);
    write_requests(&writer, snapshot);
    export_memory_write(&writer, snapshot);
    if (result == 0)
        result = write_escalations(&writer, snapshot);
    if (result == 0)
        result = write_verdicts(&writer, snapshot);
    if (result == 0 && options->write_more)
        result = options->write_more(options->context, &writer);
    json_close(&writer, '}');
    putc('\n', stream);
    int finished = export_finish(stream);
    return result ? result : finished;
}

const struct exporter export_json = {
    .name = "json",
    .extensions = ".json",
    .help = "everything, for scripts (version 1; times are nanoseconds)",
    .write = write,
};

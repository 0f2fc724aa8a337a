/* SPDX-License-Identifier: MIT */
/* What was when: the picture `timeline`, and what the view `function` has of it.
 * Why rows of plain numbers: there are thousands of slices, some times a second.
 * Rules: as view_json.h. A row is of one thread, kind and depth; in it each slice is six numbers: begin (since
 * from_ns), length, function (garbage collection: the generation; I/O and waits: a name), task or 0, how many there are (0: one, which goes on),
 * and of several how long they took together. */
#include "web/view_json.h"

#include <errno.h>
#include <stdlib.h>

static const char *kind_name(enum timeline_kind kind)
{
    static const char *const names[] = {
        [TIMELINE_CALL] = "call", [TIMELINE_GC] = "gc",   [TIMELINE_IO] = "io",
        [TIMELINE_OFF] = "off",   [TIMELINE_GIL] = "gil", [TIMELINE_LOCK] = "lock"};
    return names[kind];
}

/* By id; the snapshot's are in the order of them. */
static int32_t find(const struct snapshot *snapshot, uint32_t id)
{
    size_t low = 0, high = snapshot->function_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (snapshot->functions[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < snapshot->function_count && snapshot->functions[low].id == id;
    return found ? (int32_t)low : SNAPSHOT_NONE;
}

static void name(const struct snapshot *snapshot, bool *named, uint32_t id)
{
    int32_t at = find(snapshot, id);
    if (at >= 0)
        named[at] = true;
}

static void write_slice(struct json_writer *writer, const struct timeline *timeline,
                        const struct timeline_slice *slice)
{
    json_integer(writer, NULL, slice->from_ns - timeline->from_ns);
    json_integer(writer, NULL, slice->length_ns);
    if (slice->name)
        json_string(writer, NULL, slice->name);
    else
        json_unsigned(writer, NULL, slice->function);
    json_unsigned(writer, NULL, slice->task);
    json_unsigned(writer, NULL, slice->open ? 0 : slice->count);
    json_integer(writer, NULL, slice->count > 1 ? slice->busy_ns : 0);
}

static void write_rows(struct json_writer *writer, const struct timeline *timeline)
{
    const struct timeline_slice *before = NULL;
    json_open(writer, "rows", '[');
    for (size_t i = 0; i < timeline->slice_count; i++) {
        const struct timeline_slice *slice = &timeline->slices[i];
        bool same = before && before->thread == slice->thread && before->kind == slice->kind &&
                    before->depth == slice->depth;
        if (before && !same) {
            json_close(writer, ']');
            json_close(writer, '}');
        }
        if (!same) {
            json_open(writer, NULL, '{');
            json_unsigned(writer, "thread", slice->thread);
            json_string(writer, "kind", kind_name(slice->kind));
            json_unsigned(writer, "depth", slice->depth);
            json_open(writer, "slices", '[');
        }
        write_slice(writer, timeline, slice);
        before = slice;
    }
    if (before) {
        json_close(writer, ']');
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
        json_unsigned(writer, "thread", thread->number);
        json_string(writer, "name", thread->name);
        json_unsigned(writer, "pid", thread->pid);
        json_bool(writer, "ended", thread->ended);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

/* Those that are in it and alive: of one that has ended the name is known no more. */
static void write_tasks(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct timeline *timeline)
{
    json_open(writer, "tasks", '[');
    for (size_t i = 0; i < snapshot->task_count; i++) {
        const struct snapshot_task *task = &snapshot->tasks[i];
        bool is_shown = false;
        for (size_t j = 0; task->id && task->name && j < timeline->slice_count && !is_shown; j++)
            is_shown = timeline->slices[j].task == (uint32_t)task->id;
        if (!is_shown)
            continue;
        json_open(writer, NULL, '[');
        json_unsigned(writer, NULL, (uint32_t)task->id);
        json_string(writer, NULL, task->name);
        json_close(writer, ']');
    }
    json_close(writer, ']');
}

static void write_details(struct json_writer *writer, const struct timeline *timeline)
{
    json_open(writer, "details", '[');
    for (size_t i = 0; i < TIMELINE_CLASSES; i++) {
        json_open(writer, NULL, '[');
        json_integer(writer, NULL, timeline->details[i].least_ns);
        json_integer(writer, NULL, timeline->details[i].from_ns);
        json_close(writer, ']');
    }
    json_close(writer, ']');
}

static void write_call(struct json_writer *writer, const struct timeline_call *call)
{
    json_open(writer, NULL, '{');
    json_integer(writer, "from_ns", call->from_ns);
    json_integer(writer, "length_ns", call->length_ns);
    json_unsigned(writer, "thread", call->thread);
    if (call->task)
        json_unsigned(writer, "task", call->task);
    json_unsigned(writer, "depth", call->depth);
    if (call->stack) {
        json_open(writer, "stack", '[');
        for (size_t i = 0; i < call->stack_size; i++)
            json_unsigned(writer, NULL, call->stack[i]);
        json_close(writer, ']');
    }
    json_close(writer, '}');
}

static void write_calls(struct json_writer *writer, const char *key,
                        const struct timeline_call *calls, size_t count)
{
    json_open(writer, key, '[');
    for (size_t i = 0; i < count; i++)
        write_call(writer, &calls[i]);
    json_close(writer, ']');
}

static void write_seconds(struct json_writer *writer, const struct timeline *timeline)
{
    json_open(writer, "seconds", '[');
    for (size_t i = 0; i < timeline->second_count; i++) {
        const struct timeline_second *second = &timeline->seconds[i];
        json_open(writer, NULL, '{');
        json_integer(writer, "from_ns", second->from_ns);
        json_integer(writer, "to_ns", second->to_ns);
        json_integer(writer, "calls", second->calls);
        json_integer(writer, "max_ns", second->max_ns);
        json_open(writer, "buckets", '[');
        for (int j = 0; j < TIMELINE_BUCKETS; j++) {
            if (second->buckets[j] == 0)
                continue;
            json_integer(writer, NULL, j);
            json_integer(writer, NULL, second->buckets[j]);
        }
        json_close(writer, ']');
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void name_all(const struct snapshot *snapshot, const struct timeline *timeline, bool *named)
{
    for (size_t i = 0; i < timeline->slice_count; i++)
        if (timeline->slices[i].kind == TIMELINE_CALL)
            name(snapshot, named, timeline->slices[i].function);
    for (size_t i = 0; i < timeline->slowest_count; i++)
        for (size_t j = 0; j < timeline->slowest[i].stack_size; j++)
            name(snapshot, named, timeline->slowest[i].stack[j]);
}

static int write_names(struct json_writer *writer, const struct snapshot *snapshot,
                       const struct timeline *timeline)
{
    bool *named = calloc(snapshot->function_count + 1, sizeof(*named));
    if (!named)
        return -ENOMEM;
    name_all(snapshot, timeline, named);
    view_json_functions(writer, snapshot, named);
    free(named);
    return 0;
}

int timeline_json_write(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct timeline *timeline)
{
    json_string(writer, "title", "Timeline");
    json_integer(writer, "now_ns", timeline->now_ns);
    json_integer(writer, "from_ns", timeline->from_ns);
    json_integer(writer, "to_ns", timeline->to_ns);
    write_rows(writer, timeline);
    write_details(writer, timeline);
    write_threads(writer, snapshot);
    write_tasks(writer, snapshot, timeline);
    write_calls(writer, "calls", timeline->calls, timeline->call_count);
    json_unsigned(writer, "total", timeline->slice_count + timeline->left_out);
    json_unsigned(writer, "left_out", timeline->left_out);
    return write_names(writer, snapshot, timeline);
}

int timeline_json_write_function(struct json_writer *writer, const struct snapshot *snapshot,
                                 const struct timeline *timeline)
{
    json_integer(writer, "now_ns", timeline->now_ns);
    write_seconds(writer, timeline);
    write_calls(writer, "slowest", timeline->slowest, timeline->slowest_count);
    write_threads(writer, snapshot);
    return write_names(writer, snapshot, timeline);
}

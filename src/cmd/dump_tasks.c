/* SPDX-License-Identifier: MIT */
/* Tasks, loop by loop: first those that no task waits for, below each the tasks that it waits for.
 * Why: see dump_tasks.h.
 * Rules: each task is printed once, and named where it is met again. */
#include "cmd/dump_tasks.h"

#include "cmd/dump_print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { INDENT = 4, DEPTH_MOST = 16 };

struct printing {
    const struct inspect *inspect;
    struct arena *arena;
    FILE *stream;
    bool *printed; /* of each task */
    bool *awaited; /* another task waits for it */
};

static const char *state_word(enum inspect_task_state state)
{
    switch (state) {
    case INSPECT_TASK_WAITING:
        return "waiting";
    case INSPECT_TASK_RUNNABLE:
        return "runnable";
    case INSPECT_TASK_RUNNING:
        return "running";
    case INSPECT_TASK_UNKNOWN:
        break;
    }
    return "unknown";
}

static void print_head(const struct printing *printing, const struct inspect_task *task)
{
    fprintf(printing->stream, "Task \"%s\" (%s", dump_shown(printing->arena, task->name),
            state_word(task->state));
    if (task->state == INSPECT_TASK_WAITING && task->awaiting)
        fprintf(printing->stream, " for %s", dump_shown(printing->arena, task->awaiting));
    fputs(")", printing->stream);
    if (task->coroutine)
        fprintf(printing->stream, ": %s", dump_shown(printing->arena, task->coroutine));
    fputc('\n', printing->stream);
}

static void print_body(const struct printing *printing, const struct inspect_task *task, int indent)
{
    if (task->torn)
        fprintf(printing->stream, "%*s... (it changed while it was read)\n", indent, "");
    if (task->cut)
        fprintf(printing->stream, "%*s... (more frames than are read)\n", indent, "");
    for (size_t i = 0; i < task->frame_count; i++)
        dump_print_frame(printing->arena, &task->frames[i], indent, printing->stream);
    if (!task->frame_count && !task->torn)
        fprintf(printing->stream, "%*s(no Python frame)\n", indent, "");
}

/* What is too deep stands on the outermost level later. */
static void print_task(const struct printing *printing, size_t number, int depth)
{
    const struct inspect_task *task = &printing->inspect->tasks[number];
    int indent = (depth + 1) * INDENT;
    printing->printed[number] = true;
    print_head(printing, task);
    print_body(printing, task, indent);
    for (size_t i = 0; i < task->await_count; i++) {
        size_t other = task->awaits[i];
        fprintf(printing->stream, "%*swaits for ", indent, "");
        if (!printing->printed[other] && depth + 1 < DEPTH_MOST) {
            print_task(printing, other, depth + 1);
            continue;
        }
        const char *name = dump_shown(printing->arena, printing->inspect->tasks[other].name);
        fprintf(printing->stream, "task \"%s\" (%s)\n", name,
                printing->printed[other] ? "above" : "below");
    }
}

static void print_loop_head(const struct printing *printing, const struct inspect_loop *loop,
                            size_t count)
{
    const struct inspect *inspect = printing->inspect;
    fprintf(printing->stream, "\nLoop %s (", dump_shown(printing->arena, loop->type));
    if (loop->tid)
        fprintf(printing->stream, "thread %d", (int)loop->tid);
    else
        fputs("no thread runs it", printing->stream);
    if (loop->interpreter)
        fprintf(printing->stream, ", interpreter %" PRId64, loop->interpreter);
    fprintf(printing->stream, "): %zu task%s\n", count, count == 1 ? "" : "s");
    if (inspect->tasks_torn)
        fputs("    ... (the tasks changed while they were read: there may be more)\n",
              printing->stream);
}

/* `loop` 0: those of which it is not known. */
static void print_tasks_of(const struct printing *printing, uint64_t loop)
{
    const struct inspect *inspect = printing->inspect;
    for (int round = 0; round < 2; round++) /* then what stands in circles, or too deep */
        for (size_t i = 0; i < inspect->task_count; i++) {
            if (inspect->tasks[i].loop != loop || printing->printed[i] ||
                (round == 0 && printing->awaited[i]))
                continue;
            fputc('\n', printing->stream);
            print_task(printing, i, 0);
        }
}

static size_t count_tasks_of(const struct inspect *inspect, uint64_t loop)
{
    size_t count = 0;
    for (size_t i = 0; i < inspect->task_count; i++)
        count += inspect->tasks[i].loop == loop;
    return count;
}

int dump_print_tasks(const struct inspect *inspect, struct arena *arena, FILE *stream)
{
    size_t count = inspect->task_count;
    struct printing printing = {
        .inspect = inspect,
        .arena = arena,
        .stream = stream,
        .printed = arena_array(arena, count + 1, sizeof(*printing.printed)),
        .awaited = arena_array(arena, count + 1, sizeof(*printing.awaited)),
    };
    if (!printing.printed || !printing.awaited)
        return -ENOMEM;
    memset(printing.printed, 0, count * sizeof(*printing.printed));
    memset(printing.awaited, 0, count * sizeof(*printing.awaited));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < inspect->tasks[i].await_count; j++)
            printing.awaited[inspect->tasks[i].awaits[j]] = true;
    for (size_t i = 0; i < inspect->loop_count; i++) {
        const struct inspect_loop *loop = &inspect->loops[i];
        print_loop_head(&printing, loop, count_tasks_of(inspect, loop->id));
        print_tasks_of(&printing, loop->id);
    }
    print_tasks_of(&printing, 0);
    return 0;
}

static void write_loop(struct json_writer *json, const struct inspect_loop *loop)
{
    json_open(json, NULL, '{');
    json_unsigned(json, "id", loop->id);
    json_string(json, "type", loop->type);
    if (loop->tid)
        json_integer(json, "tid", loop->tid);
    else
        json_null(json, "tid");
    json_integer(json, "interpreter", loop->interpreter);
    json_close(json, '}');
}

static void write_place(struct json_writer *json, const struct inspect_task *task)
{
    json_string(json, "file", task->file);
    if (task->line > 0)
        json_integer(json, "line", task->line);
    else
        json_null(json, "line");
}

static void write_task(struct json_writer *json, const struct inspect *inspect,
                       const struct inspect_task *task, bool with_locals)
{
    json_open(json, NULL, '{');
    json_unsigned(json, "id", task->id);
    json_string(json, "name", task->name);
    if (task->loop)
        json_unsigned(json, "loop", task->loop);
    else
        json_null(json, "loop");
    json_string(json, "coroutine", task->coroutine);
    write_place(json, task);
    json_string(json, "state", state_word(task->state));
    json_string(json, "awaiting", task->awaiting);
    json_open(json, "awaits", '[');
    for (size_t i = 0; i < task->await_count; i++)
        json_unsigned(json, NULL, inspect->tasks[task->awaits[i]].id);
    json_close(json, ']');
    json_bool(json, "complete", !task->torn && !task->cut);
    json_open(json, "frames", '[');
    for (size_t i = 0; i < task->frame_count; i++)
        dump_write_frame(json, &task->frames[i], with_locals);
    json_close(json, ']');
    json_close(json, '}');
}

void dump_write_tasks(struct json_writer *json, const struct inspect *inspect, bool with_locals)
{
    if (!inspect->has_asyncio)
        return;
    json_open(json, "loops", '[');
    for (size_t i = 0; i < inspect->loop_count; i++)
        write_loop(json, &inspect->loops[i]);
    json_close(json, ']');
    json_bool(json, "tasks_complete", !inspect->tasks_torn);
    json_open(json, "tasks", '[');
    for (size_t i = 0; i < inspect->task_count; i++)
        write_task(json, inspect, &inspect->tasks[i], with_locals);
    json_close(json, ']');
}

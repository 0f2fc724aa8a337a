/* SPDX-License-Identifier: MIT */
/* Tasks below the report's functions.
 * Why: see export_tasks.h.
 * Rules: by cpu time of the steps, the most first; as many as the report has rows. */
#include "export/export_tasks.h"

#include "base/sort.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_style.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int64_t cpu_ns(const struct snapshot_task *task)
{
    return task->wall_ns > task->wait_ns ? task->wall_ns - task->wait_ns : 0;
}

static int compare(const void *left, const void *right, void *context)
{
    const struct snapshot_task *tasks = context;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    int64_t a_ns = cpu_ns(&tasks[a]), b_ns = cpu_ns(&tasks[b]);
    if (a_ns != b_ns)
        return a_ns > b_ns ? -1 : 1;
    return (a > b) - (a < b);
}

static const char *label(struct arena *arena, const struct snapshot *snapshot, int32_t function)
{
    return function >= 0 ? export_label(arena, &snapshot->functions[function]) : "?";
}

/* `Task-7: worker (app.py:12), by main (app.py:30), suspended in Queue.get (asyncio/queues.py:175)` */
static const char *describe(struct arena *arena, const struct snapshot *snapshot,
                            const struct snapshot_task *task)
{
    const char *text = label(arena, snapshot, task->coroutine);
    const char *name = task->name ? text_clean(arena, task->name) : "";
    if (!text || !name)
        return NULL;
    if (name[0])
        text = arena_format(arena, "%s: %s", name, text);
    if (text && task->maker >= 0) {
        const char *maker = label(arena, snapshot, task->maker);
        text = maker ? arena_format(arena, "%s, by %s", text, maker) : NULL;
    }
    if (text && task->awaiting >= 0) {
        const char *awaiting = label(arena, snapshot, task->awaiting);
        text = awaiting ? arena_format(arena, "%s, suspended in %s", text, awaiting) : NULL;
    } else if (text && task->state != TASK_ENDED) {
        const char *state = task->state == TASK_RUNNING   ? "running"
                            : task->state == TASK_PENDING ? "not run yet"
                                                          : "suspended";
        text = arena_format(arena, "%s, %s", text, state);
    } else if (text && task->raised) {
        text = task->count == 1 ? arena_format(arena, "%s, raised", text)
                                : arena_format(arena, "%s, %" PRIu64 " raised", text, task->raised);
    }
    return text;
}

static int write_row(FILE *stream, const struct snapshot *snapshot,
                     const struct snapshot_task *task, struct arena *arena)
{
    char number[TEXT_NUMBER_BYTES];
    const char *text = describe(arena, snapshot, task);
    if (!text)
        return -ENOMEM;
    snprintf(number, sizeof(number), "%s%" PRIu64, task->steps_exact ? "" : "~", task->steps);
    fprintf(stream, "%9" PRIu64 " %9s", task->count, number);
    const int64_t times[] = {cpu_ns(task), task->suspended_ns, task->longest_ns};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        putc(' ', stream);
        export_right(stream, text_format_time(number, times[i]), 9);
    }
    fprintf(stream, "  %s\n", text);
    return 0;
}

static int write_longest(FILE *stream, const struct snapshot *snapshot, struct arena *arena)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    char number[TEXT_NUMBER_BYTES];
    const char *of = label(arena, snapshot, meta->longest_step_of);
    const char *name = text_clean(arena, meta->longest_step_task ? meta->longest_step_task : "");
    if (!of || !name)
        return -ENOMEM;
    fprintf(stream, "longest step of an event loop: %s, %s%s%s\n",
            text_format_time(number, meta->longest_step_ns), name, name[0] ? ": " : "", of);
    return 0;
}

int export_tasks_write(FILE *stream, const struct snapshot *snapshot,
                       const struct export_options *options, struct arena *arena)
{
    size_t count = snapshot->task_count;
    if (count == 0)
        return 0;
    size_t *order = arena_array(arena, count, sizeof(*order));
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    sort_with(order, count, sizeof(*order), compare, snapshot->tasks);
    putc('\n', stream);
    export_style_open(stream, options, STYLE_BOLD);
    fputs("    tasks     steps       cpu suspended   longest  asyncio's tasks", stream);
    export_style_close(stream, options);
    putc('\n', stream);
    size_t shown = options->limit && options->limit < count ? options->limit : count;
    int result = 0;
    for (size_t i = 0; result == 0 && i < shown; i++)
        result = write_row(stream, snapshot, &snapshot->tasks[order[i]], arena);
    if (result == 0 && shown < count)
        fprintf(stream, "... and %zu more (-n 0 shows all)\n", count - shown);
    return result == 0 ? write_longest(stream, snapshot, arena) : result;
}

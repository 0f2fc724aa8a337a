/* SPDX-License-Identifier: MIT */
/* asyncio's tasks of a moment, as rows: each that lives its own, up to a limit; the others, and all
 * that have ended, summed by coroutine and maker.
 * Why the limit: a program may have a hundred thousand tasks alive; nobody reads that many rows.
 * Rules: the oldest have their own rows, so that a row stays. */
#include "model/snapshot_make.h"

#include "base/arena.h"
#include "base/sort.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

static void mark(const struct snapshot_maker *maker, uint32_t symbol)
{
    if (symbol && symbol < maker->moment->symbol_count)
        maker->function_of[maker->symbols->symbols[symbol].row] = 0;
}

void snapshot_make_mark_tasks(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 1; i < moment->task_count; i++) {
        if (moment->tasks[i].state == ASYNC_FREE)
            continue;
        mark(maker, moment->tasks[i].symbol);
        mark(maker, moment->tasks[i].maker);
        mark(maker, moment->tasks[i].awaiting);
    }
    for (uint32_t i = 1; i < moment->group_count; i++) {
        mark(maker, moment->groups[i].symbol);
        mark(maker, moment->groups[i].maker);
    }
    mark(maker, moment->longest.symbol);
}

static int32_t function_of(const struct snapshot_maker *maker, uint32_t symbol)
{
    if (symbol == 0 || symbol >= maker->moment->symbol_count)
        return SNAPSHOT_NONE;
    return maker->function_of[maker->symbols->symbols[symbol].row];
}

static enum snapshot_task_state state_of(const struct async_task *task)
{
    switch (task->state) {
    case ASYNC_MADE:
        return TASK_PENDING;
    case ASYNC_PASSING:
    case ASYNC_SUSPENDED:
        return TASK_SUSPENDED;
    default:
        return TASK_RUNNING;
    }
}

static int take_name(const struct snapshot_maker *maker, const struct async_task *task,
                     const char **ret_name)
{
    size_t size = task->name_size < ASYNC_NAME_BYTES ? task->name_size : ASYNC_NAME_BYTES;
    if (size == 0)
        return 0;
    *ret_name = arena_format(maker->snapshot->arena, "%.*s", (int)size, task->name);
    return *ret_name ? 0 : -ENOMEM;
}

static bool is_exact(const struct snapshot_maker *maker, int32_t coroutine)
{
    return maker->exact && (coroutine < 0 || maker->snapshot->functions[coroutine].calls_exact);
}

static void add_sums(const struct snapshot_maker *maker, const struct async_sums *sums,
                     struct snapshot_task *row)
{
    int64_t longest_ns = snapshot_make_ns(maker, sums->longest_ticks);
    row->steps += sums->steps;
    row->raised += sums->raised;
    row->wall_ns += snapshot_make_ns(maker, sums->wall_ticks);
    row->wait_ns += snapshot_make_wait_ns(maker, sums->wall_ticks, sums->wait_ticks);
    row->suspended_ns += snapshot_make_ns(maker, sums->suspended_ticks);
    if (longest_ns > row->longest_ns)
        row->longest_ns = longest_ns;
}

/* What of a row is one task's alone. */
static int fill_one(const struct snapshot_maker *maker, const struct async_task *task,
                    struct snapshot_task *row)
{
    row->id = task->id;
    row->pid = task->pid ? task->pid : maker->snapshot->meta.pid;
    row->tid = task->tid;
    return take_name(maker, task, &row->name);
}

static int add_live(const struct snapshot_maker *maker, const struct async_task *task)
{
    struct snapshot *snapshot = maker->snapshot;
    struct snapshot_task *row = &snapshot->tasks[snapshot->task_count++];
    *row = (struct snapshot_task){
        .count = 1,
        .state = state_of(task),
        .coroutine = function_of(maker, task->symbol),
        .maker = function_of(maker, task->maker),
        .awaiting = task->state == ASYNC_SUSPENDED ? function_of(maker, task->awaiting)
                                                   : SNAPSHOT_NONE,
    };
    row->since_ns = snapshot_make_ns(maker, (int64_t)task->since);
    row->steps_exact = is_exact(maker, row->coroutine);
    add_sums(maker, &task->sums, row);
    return fill_one(maker, task, row);
}

static int add_group(const struct snapshot_maker *maker, const struct async_group *group)
{
    struct snapshot *snapshot = maker->snapshot;
    struct snapshot_task *row = &snapshot->tasks[snapshot->task_count++];
    *row = (struct snapshot_task){
        .count = group->count,
        .state = TASK_ENDED,
        .coroutine = function_of(maker, group->symbol),
        .maker = function_of(maker, group->maker),
        .awaiting = SNAPSHOT_NONE,
    };
    row->steps_exact = is_exact(maker, row->coroutine);
    add_sums(maker, &group->sums, row);
    return group->count == 1 ? fill_one(maker, &group->last, row) : 0;
}

static int by_id(const void *left, const void *right, void *context)
{
    const struct async_task *tasks = context;
    const struct async_task *a = &tasks[*(const uint32_t *)left];
    const struct async_task *b = &tasks[*(const uint32_t *)right];
    return (a->id > b->id) - (a->id < b->id);
}

static int by_kind(const void *left, const void *right, void *context)
{
    const struct async_task *tasks = context;
    const struct async_task *a = &tasks[*(const uint32_t *)left];
    const struct async_task *b = &tasks[*(const uint32_t *)right];
    if (a->symbol != b->symbol)
        return a->symbol < b->symbol ? -1 : 1;
    if (a->maker != b->maker)
        return a->maker < b->maker ? -1 : 1;
    return by_id(left, right, context);
}

/* Those beyond the limit: a row for each coroutine and maker. */
static int add_rest(const struct snapshot_maker *maker, uint32_t *rest, size_t count)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct async_task *tasks = maker->moment->tasks;
    sort_with(rest, count, sizeof(*rest), by_kind, maker->moment->tasks);
    for (size_t i = 0; i < count; i++) {
        const struct async_task *task = &tasks[rest[i]];
        bool same = i > 0 && task->symbol == tasks[rest[i - 1]].symbol &&
                    task->maker == tasks[rest[i - 1]].maker;
        if (!same) {
            int result = add_live(maker, task);
            if (result)
                return result;
            continue;
        }
        struct snapshot_task *row = &snapshot->tasks[snapshot->task_count - 1];
        if (row->count++ == 1) {
            row->name = NULL;
            row->id = 0;
            row->pid = row->tid = 0;
            row->awaiting = SNAPSHOT_NONE;
        }
        add_sums(maker, &task->sums, row);
    }
    return 0;
}

static int add_all(const struct snapshot_maker *maker, uint32_t *live, size_t count)
{
    const struct moment *moment = maker->moment;
    size_t own = count < SNAPSHOT_TASKS_SHOWN ? count : SNAPSHOT_TASKS_SHOWN;
    int result = 0;
    sort_with(live, count, sizeof(*live), by_id, moment->tasks);
    for (size_t i = 0; result == 0 && i < own; i++)
        result = add_live(maker, &moment->tasks[live[i]]);
    if (result == 0)
        result = add_rest(maker, live + own, count - own);
    for (uint32_t i = 0; result == 0 && i < moment->group_count; i++)
        if (moment->groups[i].count)
            result = add_group(maker, &moment->groups[i]);
    return result;
}

int snapshot_make_tasks(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    size_t count = 0, most = (size_t)moment->task_count + moment->group_count + 1;
    uint32_t *live = calloc(most, sizeof(*live));
    int result = -ENOMEM;
    snapshot->tasks = arena_array(snapshot->arena, most, sizeof(*snapshot->tasks));
    if (!live || !snapshot->tasks)
        goto out;
    for (uint32_t i = 1; i < moment->task_count; i++)
        if (moment->tasks[i].state != ASYNC_FREE)
            live[count++] = i;
    result = add_all(maker, live, count);
    snapshot->meta.tasks_live = count;
    snapshot->meta.longest_step_ns = snapshot_make_ns(maker, moment->longest.sums.longest_ticks);
    snapshot->meta.longest_step_of = function_of(maker, moment->longest.symbol);
    if (result == 0)
        result = take_name(maker, &moment->longest, &snapshot->meta.longest_step_task);
out:
    free(live);
    return result;
}

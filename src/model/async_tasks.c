/* SPDX-License-Identifier: MIT */
/* Tasks by number, found by frame; groups of those that have ended.
 * Why: see async_tasks.h.
 * Rules: slots are used again; an array that grows moves, so no pointer outlives a call. */
#include "model/async_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* BUCKET_MOST: of a hash that fits, no bucket has so many; events that lie may fill one. */
enum { FIRST_TASKS = 64, FIRST_GROUPS = 16, BUCKET_MOST = 64 };

int async_tasks_init(struct async_tasks *tasks)
{
    *tasks = (struct async_tasks){.limit = FIRST_TASKS, .count = 1, .group_limit = FIRST_GROUPS};
    tasks->tasks = calloc(FIRST_TASKS, sizeof(*tasks->tasks));
    tasks->buckets = calloc(FIRST_TASKS, sizeof(*tasks->buckets));
    tasks->groups = calloc(FIRST_GROUPS, sizeof(*tasks->groups));
    tasks->group_buckets = calloc(ASYNC_GROUPS_LIMIT, sizeof(*tasks->group_buckets));
    tasks->group_count = 1;
    if (tasks->tasks && tasks->buckets && tasks->groups && tasks->group_buckets)
        return 0;
    async_tasks_done(tasks);
    return -ENOMEM;
}

void async_tasks_done(struct async_tasks *tasks)
{
    free(tasks->tasks);
    free(tasks->buckets);
    free(tasks->groups);
    free(tasks->group_buckets);
    *tasks = (struct async_tasks){0};
}

/* --- by frame ------------------------------------------------------------------------------- */

static uint32_t bucket_of(const struct process *process, uint32_t frame, uint32_t limit)
{
    uint64_t key = frame ^ ((uint64_t)(uintptr_t)process << 28);
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (limit - 1);
}

static bool is_at(const struct model *model, uint32_t number, uint32_t frame)
{
    const struct async_task *task = &model->tasks.tasks[number];
    return task->frame == frame && task->process == model->process;
}

uint32_t async_find(const struct model *model, uint32_t frame, uint64_t counter)
{
    const struct async_tasks *tasks = &model->tasks;
    uint32_t found = 0, number = tasks->buckets[bucket_of(model->process, frame, tasks->limit)];
    for (; number; number = tasks->tasks[number].next) {
        uint64_t since = tasks->tasks[number].since;
        if (is_at(model, number, frame) && (int64_t)(counter - since) >= 0 &&
            (!found || (int64_t)(since - tasks->tasks[found].since) > 0))
            found = number;
    }
    return found;
}

uint32_t async_find_made_late(const struct model *model, uint32_t frame, uint64_t counter,
                              uint32_t symbol)
{
    const struct async_tasks *tasks = &model->tasks;
    uint32_t found = 0, number = tasks->buckets[bucket_of(model->process, frame, tasks->limit)];
    for (; number; number = tasks->tasks[number].next) {
        const struct async_task *task = &tasks->tasks[number];
        bool made = task->maker && (int64_t)(counter - task->made) < 0;
        if (is_at(model, number, frame) && (int64_t)(counter - task->begun) < 0 && !made &&
            task->symbol == symbol &&
            (!found || (int64_t)(task->begun - tasks->tasks[found].begun) < 0))
            found = number;
    }
    return found;
}

static bool is_bucket_full(const struct model *model, uint32_t frame)
{
    const struct async_tasks *tasks = &model->tasks;
    uint32_t number = tasks->buckets[bucket_of(model->process, frame, tasks->limit)];
    int count = 0;
    for (; number && count < BUCKET_MOST; number = tasks->tasks[number].next)
        count++;
    return count == BUCKET_MOST;
}

static void put_in_bucket(struct async_tasks *tasks, uint32_t number)
{
    struct async_task *task = &tasks->tasks[number];
    uint32_t *bucket = &tasks->buckets[bucket_of(task->process, task->frame, tasks->limit)];
    task->next = *bucket;
    *bucket = number;
}

static void take_from_bucket(struct async_tasks *tasks, uint32_t number)
{
    const struct async_task *task = &tasks->tasks[number];
    uint32_t *link = &tasks->buckets[bucket_of(task->process, task->frame, tasks->limit)];
    while (*link && *link != number)
        link = &tasks->tasks[*link].next;
    if (*link)
        *link = task->next;
}

static bool grow(struct async_tasks *tasks)
{
    uint32_t limit = tasks->limit * 2;
    if (tasks->limit >= ASYNC_TASKS_LIMIT)
        return false;
    uint32_t *buckets = calloc(limit, sizeof(*buckets));
    struct async_task *grown = buckets ? realloc(tasks->tasks, limit * sizeof(*grown)) : NULL;
    if (!grown) {
        free(buckets);
        return false;
    }
    free(tasks->buckets);
    tasks->tasks = grown;
    tasks->buckets = buckets;
    tasks->limit = limit;
    for (uint32_t i = 1; i < tasks->count; i++)
        if (tasks->tasks[i].state != ASYNC_FREE)
            put_in_bucket(tasks, i);
    return true;
}

/* 0: no room. */
uint32_t async_add(struct model *model, const struct track *track, uint32_t frame, uint64_t counter)
{
    struct async_tasks *tasks = &model->tasks;
    uint32_t number = tasks->free;
    if (is_bucket_full(model, frame)) {
        tasks->refused++;
        return 0;
    }
    if (number) {
        tasks->free = tasks->tasks[number].next;
    } else if (tasks->count < tasks->limit || grow(tasks)) {
        number = tasks->count++;
    } else {
        tasks->refused++;
        return 0;
    }
    tasks->tasks[number] = (struct async_task){
        .id = ++tasks->last_id,
        .since = counter,
        .begun = counter,
        .process = model->process,
        .pid = model->process->pid,
        .tid = track->tid,
        .frame = frame,
        .state = ASYNC_MADE,
    };
    tasks->live++;
    put_in_bucket(tasks, number);
    return number;
}

void async_drop(struct async_tasks *tasks, uint32_t number)
{
    take_from_bucket(tasks, number);
    tasks->tasks[number].state = ASYNC_FREE;
    tasks->tasks[number].next = tasks->free;
    tasks->free = number;
    tasks->live--;
}

/* --- groups --------------------------------------------------------------------------------- */

static bool grow_groups(struct async_tasks *tasks)
{
    uint32_t limit = tasks->group_limit * 2;
    if (limit > ASYNC_GROUPS_LIMIT)
        return false;
    struct async_group *grown = realloc(tasks->groups, limit * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + tasks->group_limit, 0, (limit - tasks->group_limit) * sizeof(*grown));
    tasks->groups = grown;
    tasks->group_limit = limit;
    return true;
}

/* groups[0], of no coroutine, when there is no room. */
static struct async_group *group_of(struct async_tasks *tasks, uint32_t symbol, uint32_t maker)
{
    uint64_t key = (uint64_t)symbol << 32 | maker;
    uint32_t *bucket =
        &tasks
             ->group_buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (ASYNC_GROUPS_LIMIT - 1)];
    for (uint32_t i = *bucket; i; i = tasks->groups[i].next)
        if (tasks->groups[i].symbol == symbol && tasks->groups[i].maker == maker)
            return &tasks->groups[i];
    if (tasks->group_count == tasks->group_limit && !grow_groups(tasks))
        return &tasks->groups[0];
    uint32_t number = tasks->group_count++;
    tasks->groups[number] = (struct async_group){.symbol = symbol, .maker = maker, .next = *bucket};
    *bucket = number;
    return &tasks->groups[number];
}

static void add_sums(struct async_sums *sums, const struct async_sums *more)
{
    sums->steps += more->steps;
    sums->raised += more->raised;
    sums->wall_ticks += more->wall_ticks;
    sums->wait_ticks += more->wait_ticks;
    sums->suspended_ticks += more->suspended_ticks;
    if (more->longest_ticks > sums->longest_ticks)
        sums->longest_ticks = more->longest_ticks;
}

void async_tasks_end(struct model *model, uint32_t number)
{
    struct async_tasks *tasks = &model->tasks;
    if (number == 0 || number >= tasks->count || tasks->tasks[number].state == ASYNC_FREE)
        return;
    const struct async_task *task = &tasks->tasks[number];
    if (task->symbol && task->state != ASYNC_MADE) { /* else it never ran */
        const struct symbol *symbols = model->symbols.symbols;
        uint32_t maker = task->maker ? symbols[task->maker].row : 0;
        struct async_group *group = group_of(tasks, symbols[task->symbol].row, maker);
        add_sums(&group->sums, &task->sums);
        group->count++;
        group->last = *task;
    }
    async_drop(tasks, number);
}

void async_tasks_end_process(struct model *model, const struct process *process)
{
    for (uint32_t i = 1; model->tasks.live && i < model->tasks.count; i++)
        if (model->tasks.tasks[i].process == process)
            async_tasks_end(model, i);
}

void async_tasks_reset(struct async_tasks *tasks, uint64_t counter)
{
    for (uint32_t i = 1; i < tasks->count; i++) {
        struct async_task *task = &tasks->tasks[i];
        task->sums = (struct async_sums){0};
        if (task->state == ASYNC_SUSPENDED || task->state == ASYNC_MADE)
            task->since = counter;
    }
    memset(tasks->groups, 0, tasks->group_limit * sizeof(*tasks->groups));
    memset(tasks->group_buckets, 0, ASYNC_GROUPS_LIMIT * sizeof(*tasks->group_buckets));
    tasks->group_count = 1;
    tasks->longest = (struct async_task){0};
}

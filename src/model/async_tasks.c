/* SPDX-License-Identifier: MIT */
/* Tasks by number, found by frame; groups of those that have ended.
 * Why: see async_tasks.h.
 * Rules: slots are used again; an array that grows moves, so no pointer outlives a call. */
#include "model/async_tasks.h"

#include "model/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_TASKS = 64, FIRST_GROUPS = 16 };

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

/* Who had the frame at `counter`: of those that were heard of by then, the one last heard of. Rings are
 * read one after the other, so a later tenant may be known already. */
static uint32_t find(const struct model *model, uint32_t frame, uint64_t counter)
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

/* Whose first step, in another thread's ring, was read before this telling of its making at `counter`. */
static uint32_t find_made_late(const struct model *model, uint32_t frame, uint64_t counter,
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
static uint32_t add(struct model *model, const struct track *track, uint32_t frame,
                    uint64_t counter)
{
    struct async_tasks *tasks = &model->tasks;
    uint32_t number = tasks->free;
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

static void drop(struct async_tasks *tasks, uint32_t number)
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
    drop(tasks, number);
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

/* --- what the probe tells ------------------------------------------------------------------- */

static bool is_of_asyncio(const struct symbol *symbol)
{
    static const char name[] = "asyncio";
    const size_t length = sizeof(name) - 1;
    return symbol->module && strncmp(symbol->module, name, length) == 0 &&
           (symbol->module[length] == '\0' || symbol->module[length] == '.');
}

/* Before 3.12 a comprehension is a function of its own; whose line it is called on made the task. */
static bool is_comprehension(const struct symbol *symbol)
{
    static const char *const names[] = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"};
    for (size_t i = 0; symbol->name && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(symbol->name, names[i]) == 0)
            return true;
    return false;
}

/* The nearest open function that is not asyncio's; where asyncio made it of itself, the outermost of
 * what the loop called. */
static uint32_t maker_on(const struct model *model, const struct track *track)
{
    uint32_t maker = 0;
    for (uint32_t i = track->depth; i > 0; i--) {
        const struct symbol *symbol = &model->symbols.symbols[track->entries[i].symbol];
        if (symbol->kind == KIND_C || symbol->kind == KIND_PSEUDO || is_comprehension(symbol))
            continue;
        if (!is_of_asyncio(symbol))
            return track->entries[i].symbol;
        if (maker && symbol->qualname && strcmp(symbol->qualname, "Handle._run") == 0)
            return maker;
        maker = track->entries[i].symbol;
    }
    return maker;
}

/* One task may be told twice, as asyncio.create_task calls the loop's. */
static void made(struct model *model, struct track *track, const struct event *event)
{
    uint32_t symbol = symbols_handle(&model->symbols, event_id(event)) >> 1;
    if (symbols_is_silent(&model->symbols, symbol))
        return;
    uint32_t number = find_made_late(model, event->frame, event->counter, symbol);
    bool late = number != 0;
    if (!late)
        number = find(model, event->frame, event->counter);
    if (number && !late && model->tasks.tasks[number].state != ASYNC_MADE) {
        async_tasks_end(model, number); /* its frame has a new tenant */
        number = 0;
    }
    if (!number)
        number = add(model, track, event->frame, event->counter);
    if (!number)
        return;
    struct async_task *task = &model->tasks.tasks[number];
    task->maker = maker_on(model, track);
    task->made = event->counter;
    if (late)
        return;
    task->since = task->begun = event->counter;
    task->symbol = symbol;
}

static void told(struct model *model, struct track *track, const struct event *event)
{
    uint32_t number = find(model, event->frame, event->counter);
    if (!number)
        number = add(model, track, event->frame, event->counter);
    track->task_told = number;
    track->task_name_left = event_id(event) < ASYNC_NAME_BYTES ? event_id(event) : ASYNC_NAME_BYTES;
    model->tasks.tasks[number].name_size = 0;
}

static void named(struct model *model, struct track *track, const struct event *event)
{
    uint32_t number = track->task_told;
    if (!number || number >= model->tasks.count || track->task_name_left == 0) {
        model->bad_events += number == 0 && model->tasks.refused == 0;
        return;
    }
    struct async_task *task = &model->tasks.tasks[number];
    uint64_t part = (uint64_t)event->frame << 24 | event_id(event);
    for (int i = 0;
         i < EVENT_NAME_BYTES && track->task_name_left > 0 && task->name_size < ASYNC_NAME_BYTES;
         i++, part >>= 8) {
        task->name[task->name_size++] = (char)(part & 0xff);
        track->task_name_left--;
    }
}

void async_tasks_event(struct model *model, struct track *track, const struct event *event)
{
    uint32_t kind = event_kind(event);
    if (kind == EVENT_TASK)
        told(model, track, event);
    else if (kind == EVENT_TASK_NAME)
        named(model, track, event);
    else
        made(model, track, event);
}

void async_tasks_leave_out(struct model *model, struct track *track)
{
    uint32_t number = track->task_told;
    track->task_told = 0;
    if (number && number < model->tasks.count && model->tasks.tasks[number].state == ASYNC_MADE)
        drop(&model->tasks, number);
}

/* --- steps ---------------------------------------------------------------------------------- */

static bool is_alive(const struct model *model, uint32_t number)
{
    return number && number < model->tasks.count &&
           model->tasks.tasks[number].state != ASYNC_FREE &&
           model->tasks.tasks[number].process == model->process;
}

/* The task that was told just before, if this push is a step of it: of its own coroutine, or a throw()
 * into one that it awaits. */
static uint32_t take_told(struct model *model, struct track *track, const struct async_push *push)
{
    uint32_t number = track->task_told;
    track->task_told = 0;
    if (!is_alive(model, number))
        return 0;
    const struct async_task *task = &model->tasks.tasks[number];
    bool into = push->kind == EVENT_THROW && task->state != ASYNC_RUNNING;
    return task->frame == push->frame || into ? number : 0;
}

/* The task whose step goes on outside of the coroutine that has just ended. */
static uint32_t take_passing(struct model *model, struct track *track,
                             const struct async_push *push)
{
    uint32_t number = track->task_passing;
    track->task_passing = 0;
    bool goes_on = push->kind != EVENT_START && push->before == track->passing_counter &&
                   is_alive(model, number) && model->tasks.tasks[number].state == ASYNC_PASSING;
    return goes_on ? number : 0;
}

/* The task that had the frame was dropped unseen, and the one that was told now begins. */
static uint32_t begin_anew(struct model *model, const struct track *track, uint32_t old,
                           const struct async_push *push)
{
    struct async_task named = model->tasks.tasks[old];
    async_tasks_end(model, old);
    uint32_t number = add(model, track, push->frame, push->counter);
    struct async_task *task = &model->tasks.tasks[number];
    task->name_size = named.name_size;
    memcpy(task->name, named.name, sizeof(task->name));
    return number;
}

static void begin_step(struct async_task *task, const struct async_push *push, bool step)
{
    if (task->state == ASYNC_SUSPENDED && (int64_t)(push->counter - task->since) > 0)
        task->sums.suspended_ticks += (int64_t)(push->counter - task->since);
    task->awaiting = 0;
    task->passed_ticks = 0;
    task->state = step ? ASYNC_RUNNING : ASYNC_CLOSING;
    task->sums.steps += step;
}

uint32_t async_tasks_push(struct model *model, struct track *track, const struct async_push *push)
{
    uint32_t passing = track->task_passing ? take_passing(model, track, push) : 0;
    uint32_t number = track->task_told ? take_told(model, track, push) : 0;
    bool told = number != 0;
    if (told && push->kind == EVENT_START && model->tasks.tasks[number].state != ASYNC_MADE)
        number = begin_anew(model, track, number, push);
    uint32_t before =
        is_alive(model, push->suspended) && model->tasks.tasks[push->suspended].frame == push->frame
            ? push->suspended
            : 0; /* it may have ended before its activation did, and be another one now */
    if (push->fresh && before != number)
        async_tasks_end(model, before);
    if (passing)
        number = passing;
    if (!number && !push->fresh)
        number = before;
    if (!number && push->kind == EVENT_RESUME && model->tasks.live)
        number =
            find(model, push->frame, push->counter); /* what it was when suspended is not known */
    if (!is_alive(model, number))
        return 0;
    struct async_task *task = &model->tasks.tasks[number];
    if (task->frame == push->frame) {
        if (task->symbol && task->state != ASYNC_MADE && task->symbol != push->symbol) {
            async_tasks_end(model, number);
            return 0;
        }
        task->symbol = push->symbol;
    }
    if (passing)
        task->state = ASYNC_RUNNING;
    else
        begin_step(task, push, told || push->kind == EVENT_RESUME);
    task->tid = track->tid;
    task->since = push->counter;
    task->step_ticks = push->clock_ticks;
    task->step_wait_ticks = track->wait_ticks;
    return number;
}

void async_tasks_stay(struct track *track, uint64_t before, uint64_t counter)
{
    if (track->task_passing && track->passing_counter == before)
        track->passing_counter = counter;
}

static void end_part(struct async_tasks *tasks, struct async_task *task, int64_t wall_ticks,
                     int64_t wait_ticks)
{
    task->sums.wall_ticks += wall_ticks;
    task->sums.wait_ticks += wait_ticks;
    task->passed_ticks += wall_ticks;
    if (task->passed_ticks > task->sums.longest_ticks)
        task->sums.longest_ticks = task->passed_ticks;
    if (task->passed_ticks > tasks->longest.sums.longest_ticks)
        tasks->longest = *task;
}

void async_tasks_leave(struct model *model, struct track *track, uint32_t number,
                       const struct async_leave *leave)
{
    struct async_tasks *tasks = &model->tasks;
    if (number >= tasks->count)
        return;
    struct async_task *task = &tasks->tasks[number];
    if (task->state == ASYNC_RUNNING)
        end_part(tasks, task, leave->clock_ticks - task->step_ticks,
                 track->wait_ticks - task->step_wait_ticks);
    else if (task->state != ASYNC_CLOSING)
        return;
    bool own = task->frame == leave->frame;
    bool passing = !own && leave->how == ASYNC_RETURNED && task->state == ASYNC_RUNNING;
    task->state = passing ? ASYNC_PASSING : ASYNC_SUSPENDED;
    task->since = leave->counter;
    if (passing) {
        track->task_passing = number;
        track->passing_counter = leave->counter;
    } else if (leave->how == ASYNC_YIELDED) {
        task->awaiting = track->yield_symbol ? track->yield_symbol : task->symbol;
    } else if (leave->how == ASYNC_RETURNED) {
        async_tasks_end(model, number);
    }
}

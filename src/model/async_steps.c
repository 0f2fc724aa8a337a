/* SPDX-License-Identifier: MIT */
/* Steps of tasks: what the probe tells of them, and what pushes and pops of coroutines come to.
 * Why: see async_tasks.h.
 * Rules: those of async_tasks.h. */
#include "model/async_parts.h"

#include <string.h>

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
    uint32_t number = async_find_made_late(model, event->frame, event->counter, symbol);
    bool late = number != 0;
    if (!late)
        number = async_find(model, event->frame, event->counter);
    if (number && !late && model->tasks.tasks[number].state != ASYNC_MADE) {
        async_tasks_end(model, number); /* its frame has a new tenant */
        number = 0;
    }
    if (!number)
        number = async_add(model, track, event->frame, event->counter);
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
    uint32_t number = async_find(model, event->frame, event->counter);
    if (!number)
        number = async_add(model, track, event->frame, event->counter);
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
        async_drop(&model->tasks, number);
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
    uint32_t number = async_add(model, track, push->frame, push->counter);
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
        number = async_find(model, push->frame,
                            push->counter); /* what it was when suspended is not known */
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

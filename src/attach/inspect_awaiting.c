/* SPDX-License-Identifier: MIT */
/* What a task waits for.
 * Why: in the end it is always a future, which says nothing of itself. What the program waits for is
 * told by the function of asyncio that it called (sleep, Lock.acquire, Queue.get), and by the tasks that
 * will make the future done: one that is awaited itself, those of a gather, a wait, a group.
 * Rules: as inspect_asyncio.h. Which tasks asyncio's own functions wait for is in their variables and in
 * attributes; 3.14 and later note with each task who waits for it, too. */
#include "attach/inspect_asyncio.h"

#include "attach/inspect_locals.h"
#include "attach/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS_MOST = 1 << 16 };

static bool is_of_asyncio(const struct inspect_asyncio *asyncio, const struct inspect_frame *frame)
{
    return asyncio->folder && frame->file &&
           strncmp(frame->file, asyncio->folder, strlen(asyncio->folder)) == 0;
}

static const char *last_part(const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot ? dot + 1 : name;
}

/* Adds those of the objects that are tasks and not done. 0 or -ENOMEM. */
static int add_tasks(struct inspect_asyncio *asyncio, struct inspect_task *task,
                     const uint64_t *objects, size_t count)
{
    size_t *more =
        arena_array(asyncio->frames.objects->arena, task->await_count + count + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    if (task->await_count)
        memcpy(more, task->awaits, task->await_count * sizeof(*more));
    task->awaits = more;
    for (size_t i = 0; i < count; i++)
        if (objects[i] != task->id && inspect_asyncio_is_task(asyncio, objects[i]) &&
            !inspect_task_is_done(asyncio, objects[i]))
            task->awaits[task->await_count++] = objects[i];
    return 0;
}

/* Those in a list, a tuple or a set; else the object itself. */
static int add_tasks_of(struct inspect_asyncio *asyncio, struct inspect_task *task, uint64_t object)
{
    const struct objects *objects = asyncio->frames.objects;
    size_t count = 0;
    const uint64_t *items = objects_list(objects, object, TASKS_MOST, &count);
    if (!items)
        items = objects_tuple(objects, object, TASKS_MOST, &count);
    if (!items) {
        const char *type = objects_type_name(objects, objects_type(objects, object));
        if (type && (strcmp(type, "set") == 0 || strcmp(type, "frozenset") == 0))
            items = objects_set(objects, object, &count);
    }
    return items ? add_tasks(asyncio, task, items, count) : add_tasks(asyncio, task, &object, 1);
}

/* The tasks that a function of asyncio waits for. */
static int add_tasks_of_frame(struct inspect_asyncio *asyncio, struct inspect_task *task, size_t at)
{
    static const struct {
        const char *function, *variable, *attribute;
    } known[] = {
        {"_wait", "fs", NULL},
        {"wait_for", "fut", NULL},
        {"__aexit__", "self", "_tasks"}, /* TaskGroup's */
        {"_aexit", "self", "_tasks"},
    };
    const struct objects *objects = asyncio->frames.objects;
    const char *name = last_part(task->frames[at].name);
    for (size_t i = 0; name && i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(name, known[i].function) != 0)
            continue;
        uint64_t value = inspect_locals_find(objects, asyncio->frames.codes,
                                             &asyncio->awaits.frames[at], known[i].variable);
        if (value && known[i].attribute)
            value = objects_attribute(objects, value, known[i].attribute);
        return value ? add_tasks_of(asyncio, task, value) : 0;
    }
    return 0;
}

/* The function of asyncio that the program called: the outermost of those at the inner end, but none
 * that is asyncio's own affair when it goes on to one that is not. */
static size_t find_called(const struct inspect_asyncio *asyncio, const struct inspect_task *task)
{
    size_t at = 0;
    while (at + 1 < task->frame_count && is_of_asyncio(asyncio, &task->frames[at + 1]))
        at++;
    for (size_t i = at + 1; i-- > 0;) {
        const char *name = last_part(task->frames[i].name);
        if (name && name[0] != '_')
            return i;
    }
    return at;
}

/* asyncio.sleep(10), asyncio.Queue.get: a method by the class of its `self`. */
static const char *describe_call(const struct inspect_asyncio *asyncio,
                                 const struct inspect_task *task, size_t at)
{
    const struct objects *objects = asyncio->frames.objects;
    const struct stack_frame *frame = &asyncio->awaits.frames[at];
    const char *name = task->frames[at].name;
    const char *function = last_part(name);
    if (!name)
        return NULL;
    if (strcmp(name, "sleep") == 0) {
        uint64_t delay = inspect_locals_find(objects, asyncio->frames.codes, frame, "delay");
        const char *text = delay ? inspect_locals_describe(objects, delay) : NULL;
        return arena_format(objects->arena, "asyncio.sleep(%s)", text ? text : "");
    }
    uint64_t self = inspect_locals_find(objects, asyncio->frames.codes, frame, "self");
    const char *type = self ? objects_type_name(objects, objects_type(objects, self)) : NULL;
    if (!type)
        return arena_format(objects->arena, "asyncio.%s", name);
    const char *class_name = last_part(type);
    return arena_format(objects->arena, "asyncio.%s.%s", class_name, function);
}

/* The future of asyncio.gather has its tasks in an attribute. */
static uint64_t find_gathered(const struct objects *objects, const char *type, uint64_t future)
{
    return type && strcmp(last_part(type), "_GatheringFuture") == 0
               ? objects_attribute(objects, future, "_children")
               : 0;
}

int inspect_awaiting_read(struct inspect_asyncio *asyncio, uint64_t waiter,
                          struct inspect_task *task)
{
    const struct objects *objects = asyncio->frames.objects;
    const char *type = objects_type_name(objects, objects_type(objects, waiter));
    uint64_t gathered = find_gathered(objects, type, waiter);
    /* A future of Python has a frame of its own: its __await__. */
    bool called =
        task->frame_count && is_of_asyncio(asyncio, &task->frames[0]) &&
        (task->frame_count < 2 || is_of_asyncio(asyncio, &task->frames[1]) ||
         strcmp(last_part(task->frames[0].name ? task->frames[0].name : ""), "__await__") != 0);
    int result = 0;
    if (called) {
        size_t at = find_called(asyncio, task);
        task->awaiting = describe_call(asyncio, task, at);
        for (size_t i = 0; result == 0 && i <= at; i++)
            result = add_tasks_of_frame(asyncio, task, i);
    }
    if (result == 0 && gathered) {
        task->awaiting = task->awaiting ? task->awaiting : "asyncio.gather";
        result = add_tasks_of(asyncio, task, gathered);
    } else if (result == 0) {
        result = add_tasks(asyncio, task, &waiter, 1);
    }
    if (!task->awaiting)
        task->awaiting = task->await_count ? "task"
                         : type            ? arena_format(objects->arena, "<%s>", last_part(type))
                                           : NULL;
    return result;
}

static int note_edge(struct inspect_asyncio *asyncio, uint64_t waiter, uint64_t awaited)
{
    if (!inspect_asyncio_is_task(asyncio, waiter) || waiter == awaited)
        return 0;
    if (asyncio->edge_count == asyncio->edge_room) {
        size_t room = asyncio->edge_room ? asyncio->edge_room * 2 : 64;
        struct inspect_asyncio_edge *more = realloc(asyncio->edges, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        asyncio->edges = more;
        asyncio->edge_room = room;
    }
    asyncio->edges[asyncio->edge_count++] = (struct inspect_asyncio_edge){waiter, awaited};
    return 0;
}

int inspect_awaiting_note(struct inspect_asyncio *asyncio, uint64_t task)
{
    const struct objects *objects = asyncio->frames.objects;
    const struct layout *layout = &objects->layout;
    uint64_t waiter;
    unsigned char is_set;
    size_t count = 0;
    int result = 0;
    if (!layout->task_awaited_by ||
        inspect_asyncio_kind_of(asyncio, task) != INSPECT_ASYNCIO_TASK ||
        memory_read_u64(objects->pid, task + layout->task_awaited_by, &waiter) || !waiter ||
        memory_read(objects->pid, task + layout->task_awaited_by_is_set, &is_set, 1))
        return 0;
    if (!is_set)
        return note_edge(asyncio, waiter, task);
    const uint64_t *waiters = objects_set(objects, waiter, &count);
    for (size_t i = 0; waiters && result == 0 && i < count; i++)
        result = note_edge(asyncio, waiters[i], task);
    return result;
}

static int compare_edges(const void *a, const void *b)
{
    const struct inspect_asyncio_edge *left = a;
    const struct inspect_asyncio_edge *right = b;
    if (left->waiter != right->waiter)
        return left->waiter < right->waiter ? -1 : 1;
    return left->awaited < right->awaited ? -1 : left->awaited > right->awaited;
}

/* The tasks are in the order of their addresses, as they were read. */
int inspect_awaiting_join(const struct inspect_asyncio *asyncio, struct inspect_task *tasks,
                          size_t count)
{
    struct arena *arena = asyncio->frames.objects->arena;
    size_t edge = 0;
    if (asyncio->edge_count)
        qsort(asyncio->edges, asyncio->edge_count, sizeof(*asyncio->edges), compare_edges);
    for (size_t i = 0; i < count && edge < asyncio->edge_count; i++) {
        struct inspect_task *task = &tasks[i];
        while (edge < asyncio->edge_count && asyncio->edges[edge].waiter < task->id)
            edge++;
        size_t first = edge;
        while (edge < asyncio->edge_count && asyncio->edges[edge].waiter == task->id)
            edge++;
        if (edge == first || task->state != INSPECT_TASK_WAITING)
            continue;
        size_t *more = arena_array(arena, task->await_count + edge - first, sizeof(*more));
        if (!more)
            return -ENOMEM;
        if (task->await_count)
            memcpy(more, task->awaits, task->await_count * sizeof(*more));
        for (size_t j = first; j < edge; j++)
            more[task->await_count++] = asyncio->edges[j].awaited;
        task->awaits = more;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* One task: its fields, what its coroutine awaits, its frames.
 * Why: see inspect_asyncio.h. A task of C has its fields at fixed places; one of Python (a loop's own
 * class, or asyncio without its C half) has them as attributes.
 * Rules: as inspect_asyncio.h. A task whose coroutine runs is on its thread's stack, and its frames
 * are read from there. */
#include "attach/inspect_asyncio.h"

#include "attach/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { ATTEMPTS = 20, OB_TYPE = 8 };

/* What a task holds itself. */
struct fields {
    bool of_c; /* the name is never missing */
    bool done;
    uint64_t coroutine, waiter, loop, name; /* waiter 0: none */
};

static bool is_none(const struct objects *objects, uint64_t object)
{
    return !object || (objects->none && object == objects->none);
}

/* False: it is no task, or changed under us. */
static bool read_c_fields(struct inspect_asyncio *asyncio, uint64_t address, struct fields *fields)
{
    const struct objects *objects = asyncio->frames.objects;
    const struct layout *layout = &objects->layout;
    struct awaits *awaits = &asyncio->awaits;
    uint64_t state;
    uint64_t type;
    awaits_read_ahead(awaits, objects, address);
    if (!awaits_look(awaits, objects, address + OB_TYPE, &type) ||
        inspect_asyncio_kind_of_type(asyncio, type) != INSPECT_ASYNCIO_TASK ||
        !awaits_look(awaits, objects, address + layout->task_coroutine, &fields->coroutine) ||
        !awaits_look(awaits, objects, address + layout->task_waiter, &fields->waiter) ||
        !awaits_look(awaits, objects, address + layout->future_state, &state) ||
        !awaits_look(awaits, objects, address + layout->future_loop, &fields->loop) ||
        !awaits_look(awaits, objects, address + layout->task_name, &fields->name))
        return false;
    fields->of_c = true;
    fields->done = (uint32_t)state != 0;
    return true;
}

static bool is_pending(const struct objects *objects, uint64_t state)
{
    const char *text = state ? objects_text(objects, state, 16, NULL) : "PENDING";
    return text && strcmp(text, "PENDING") == 0;
}

static bool read_attributes(const struct objects *objects, uint64_t address, struct fields *fields)
{
    fields->coroutine = objects_attribute(objects, address, "_coro");
    fields->waiter = objects_attribute(objects, address, "_fut_waiter");
    fields->loop = objects_attribute(objects, address, "_loop");
    fields->name = objects_attribute(objects, address, "_name");
    fields->done = !is_pending(objects, objects_attribute(objects, address, "_state"));
    return fields->coroutine != 0;
}

static bool read_fields(struct inspect_asyncio *asyncio, uint64_t address, struct fields *fields)
{
    const struct objects *objects = asyncio->frames.objects;
    bool is_c = objects->layout.task_coroutine &&
                inspect_asyncio_kind_of(asyncio, address) == INSPECT_ASYNCIO_TASK;
    bool fine = is_c ? read_c_fields(asyncio, address, fields)
                     : read_attributes(objects, address, fields);
    if (is_none(objects, fields->waiter))
        fields->waiter = 0;
    return fine;
}

bool inspect_task_is_done(struct inspect_asyncio *asyncio, uint64_t future)
{
    const struct objects *objects = asyncio->frames.objects;
    uint32_t state;
    if (objects->layout.future_state &&
        inspect_asyncio_kind_of(asyncio, future) != INSPECT_ASYNCIO_OTHER)
        return memory_read_u32(objects->pid, future + objects->layout.future_state, &state) == 0 &&
               state != 0;
    return !is_pending(objects, objects_attribute(objects, future, "_state"));
}

/* From 3.12 on a name that nobody gave is a number until someone asks for it. */
static const char *read_name(const struct objects *objects, uint64_t name)
{
    int64_t number;
    if (objects_integer(objects, name, &number))
        return arena_format(objects->arena, "Task-%" PRId64, number);
    return name ? objects_text(objects, name, OBJECTS_TEXT_MOST, NULL) : NULL;
}

/* The frames of a coroutine that runs: those of its thread from the innermost one out to its own.
 * 1; 0: it is on no thread's stack (any more); -ENOMEM. */
static int read_running(struct inspect_asyncio *asyncio, uint64_t frame, struct inspect_task *task)
{
    for (size_t i = 0; i < asyncio->thread_count; i++) {
        struct stack stack;
        int result = stack_read(asyncio->frames.objects, asyncio->threads[i].address, &stack);
        if (result == -ENOMEM)
            return result;
        for (size_t j = 0; result == 0 && j < stack.count; j++) {
            if (stack.frames[j].address != frame)
                continue;
            task->frame_count = j + 1;
            task->torn = stack.torn;
            task->frames = inspect_frames_read(&asyncio->frames, stack.frames, NULL, j + 1);
            const struct code *code =
                codes_get(asyncio->frames.codes, asyncio->frames.objects, stack.frames[j].code);
            if (!task->frames || !code)
                return -ENOMEM;
            task->line = code->first_line;
            return 1;
        }
    }
    return 0;
}

/* The chain of awaits, the innermost first. */
static int read_suspended(struct inspect_asyncio *asyncio, struct inspect_task *task)
{
    struct awaits *awaits = &asyncio->awaits;
    const struct objects *objects = asyncio->frames.objects;
    for (size_t i = 0; i < awaits->count / 2; i++) {
        size_t other = awaits->count - 1 - i;
        struct stack_frame frame = awaits->frames[i];
        uint64_t name = awaits->names[i];
        awaits->frames[i] = awaits->frames[other];
        awaits->names[i] = awaits->names[other];
        awaits->frames[other] = frame;
        awaits->names[other] = name;
    }
    task->frames =
        inspect_frames_read(&asyncio->frames, awaits->frames, awaits->names, awaits->count);
    if (!task->frames)
        return -ENOMEM;
    task->frame_count = awaits->count;
    task->cut = awaits->cut;
    if (!awaits->count)
        return 1;
    const struct code *code =
        codes_get(asyncio->frames.codes, objects, awaits->frames[awaits->count - 1].code);
    if (!code)
        return -ENOMEM;
    task->line = code->first_line;
    return 1;
}

static void name_coroutine(const struct inspect_asyncio *asyncio, uint64_t coroutine,
                           struct inspect_task *task)
{
    const struct objects *objects = asyncio->frames.objects;
    const struct inspect_frame *own = task->frame_count ? &task->frames[task->frame_count - 1]
                                                        : NULL;
    if (own) {
        const char *name = asyncio->awaits.name ? objects_text(objects, asyncio->awaits.name,
                                                               OBJECTS_TEXT_MOST, NULL)
                                                : NULL;
        task->file = own->file;
        task->coroutine = name ? name : own->name;
        return;
    }
    const char *type = objects_type_name(objects, objects_type(objects, coroutine));
    task->coroutine = type ? arena_format(objects->arena, "<%s>", type) : NULL;
}

/* What its coroutine's state leads to. 1; 0: it is not where it should be; -ENOMEM. */
static int read_chain(struct inspect_asyncio *asyncio, const struct fields *fields,
                      struct inspect_task *task)
{
    struct awaits *awaits = &asyncio->awaits;
    if (awaits->runs) {
        task->state = INSPECT_TASK_RUNNING;
        return awaits->count ? 0 : read_running(asyncio, awaits->running, task);
    }
    /* A coroutine that has ended is that of a task that is done in a moment. */
    if (!awaits->count && !awaits->end)
        return 0;
    int result = read_suspended(asyncio, task);
    task->state = INSPECT_TASK_RUNNABLE;
    /* When what it waits for is done the loop wakes it. */
    if (result > 0 && fields->waiter && !inspect_task_is_done(asyncio, fields->waiter)) {
        task->state = INSPECT_TASK_WAITING;
        result = inspect_awaiting_read(asyncio, fields->waiter, task);
        result = result < 0 ? result : 1;
    }
    return result;
}

/* One reading. 1; 0: it is done, or none; -EAGAIN: it changed under us; -ENOMEM. The words must hold
 * before code objects are read, which are kept, and after all that was read by their leave. */
static int attempt_read(struct inspect_asyncio *asyncio, uint64_t address,
                        struct inspect_task *task, struct fields *fields)
{
    const struct objects *objects = asyncio->frames.objects;
    *fields = (struct fields){0};
    awaits_clear(&asyncio->awaits);
    if (!read_fields(asyncio, address, fields) || fields->done || !fields->coroutine)
        return 0;
    *task = (struct inspect_task){.id = address, .loop = fields->loop};
    int result = awaits_follow(&asyncio->awaits, objects, fields->coroutine);
    if (result)
        return result;
    if (!awaits_hold(&asyncio->awaits, objects))
        return -EAGAIN;
    result = read_chain(asyncio, fields, task);
    if (result < 0)
        return result;
    task->name = read_name(objects, fields->name);
    name_coroutine(asyncio, fields->coroutine, task);
    bool whole = result > 0 && (task->name || !fields->of_c) && task->coroutine;
    return whole && awaits_hold(&asyncio->awaits, objects) ? 1 : -EAGAIN;
}

int inspect_task_read(struct inspect_asyncio *asyncio, uint64_t address, struct inspect_task *ret)
{
    const struct objects *objects = asyncio->frames.objects;
    struct fields fields = {0};
    int result = -EAGAIN;
    for (int attempt = 0; attempt < ATTEMPTS && result == -EAGAIN; attempt++)
        result = attempt_read(asyncio, address, ret, &fields);
    if (result == -EAGAIN) {
        *ret = (struct inspect_task){
            .id = address,
            .loop = fields.loop,
            .name = read_name(objects, fields.name),
            .torn = true,
        };
        result = 1;
    }
    if (result > 0 && is_none(objects, ret->loop))
        ret->loop = 0;
    return result;
}

/* SPDX-License-Identifier: MIT */
/* From _PyRuntime through interpreters and thread states to frames.
 * Why: see inspect.h.
 * Rules: lists of the process are followed with a bound; the process runs meanwhile, so a list that
 * breaks is read again a few times. */
#include "attach/inspect.h"

#include "attach/asyncio_image.h"
#include "attach/codes.h"
#include "attach/inspect_asyncio.h"
#include "attach/inspect_frames.h"
#include "attach/memory.h"
#include "attach/objects.h"
#include "attach/stack.h"
#include "attach/tasks.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { ATTEMPTS = 20, LIMIT_S = 10, INTERPRETERS_MOST = 1024, THREADS_MOST = 1 << 16 };

struct reading {
    struct inspect inspect; /* first: what the caller has */
    const struct inspect_options *options;
    struct objects objects;
    struct tasks tasks;
    struct codes codes;
    struct active { /* of threading._active: ident -> Thread */
        uint64_t ident, thread;
    } * active;
    size_t active_count;
    uint64_t main_ident;
    uint64_t deadline_ns; /* a list without end is no Python's */
    size_t room;
};

/* The thread state that has the interpreter's GIL, or 0. */
static uint64_t gil_holder(const struct reading *reading, uint64_t interpreter)
{
    const struct layout *layout = &reading->objects.layout;
    pid_t pid = reading->objects.pid;
    uint64_t gil = reading->inspect.image.runtime + layout->runtime_gil;
    uint64_t holder;
    uint32_t locked;
    if (layout->interpreter_gil &&
        memory_read_u64(pid, interpreter + layout->interpreter_gil, &gil))
        return 0;
    if (memory_read_u32(pid, gil + layout->gil_locked, &locked) || locked != 1 ||
        memory_read_u64(pid, gil + layout->gil_holder, &holder))
        return 0;
    return holder;
}

/* threading keeps every thread that it knows in a dictionary of its module. */
static void read_active(struct reading *reading, uint64_t interpreter)
{
    const struct objects *objects = &reading->objects;
    uint64_t modules;
    reading->active = NULL;
    reading->active_count = 0;
    if (memory_read_u64(objects->pid, interpreter + objects->layout.interpreter_modules, &modules))
        return;
    uint64_t threading = objects_dict_find(objects, modules, "threading");
    uint64_t names = threading ? objects_module_dict(objects, threading) : 0;
    uint64_t active = names ? objects_dict_find(objects, names, "_active") : 0;
    size_t count = 0;
    const struct objects_entry *entries = active ? objects_dict(objects, active, &count) : NULL;
    reading->active = arena_array(objects->arena, count + 1, sizeof(*reading->active));
    /* Each key is read once: a program may have thousands of threads, and each of them asks for its own. */
    for (size_t i = 0; entries && reading->active && i < count; i++) {
        int64_t key;
        if (objects_integer(objects, entries[i].key, &key))
            reading->active[reading->active_count++] =
                (struct active){(uint64_t)key, entries[i].value};
    }
}

static const char *name_of(const struct reading *reading, uint64_t ident)
{
    const struct objects *objects = &reading->objects;
    for (size_t i = 0; i < reading->active_count; i++) {
        if (reading->active[i].ident != ident)
            continue;
        uint64_t name = objects_attribute(objects, reading->active[i].thread, "_name");
        return name ? objects_text(objects, name, OBJECTS_TEXT_MOST, NULL) : NULL;
    }
    return NULL;
}

static int read_thread(struct reading *reading, uint64_t address, int64_t interpreter,
                       uint64_t holder)
{
    const struct objects *objects = &reading->objects;
    const struct layout *layout = &objects->layout;
    struct inspect *inspect = &reading->inspect;
    uint64_t ident;
    uint64_t native = 0;
    struct stack stack;
    int result = memory_read_u64(objects->pid, address + layout->thread_ident, &ident);
    if (result == 0 && layout->thread_native_id)
        result = memory_read_u64(objects->pid, address + layout->thread_native_id, &native);
    if (result == 0)
        result = stack_read(objects, address, &stack);
    if (result)
        return result;
    const struct task *task = native ? tasks_find(&reading->tasks, native) : NULL;
    if (!task)
        task = tasks_find_pthread(&reading->tasks, objects->pid, ident);
    struct inspect_thread *thread = &inspect->threads[inspect->thread_count];
    *thread = (struct inspect_thread){
        .address = address,
        .tid = task ? task->tid : 0,
        .name = name_of(reading, ident),
        .interpreter = interpreter,
        .main = interpreter == 0 && ident == reading->main_ident,
        .holds_gil = holder == address,
        .state = task ? task->state : '?',
        .torn = stack.torn,
        .cut = stack.cut,
    };
    const struct inspect_frames_source source = {objects, &reading->codes,
                                                 reading->options->locals};
    thread->frames = inspect_frames_read(&source, stack.frames, NULL, stack.count);
    if (!thread->frames)
        return -ENOMEM;
    thread->frame_count = stack.count;
    inspect->thread_count++;
    return 0;
}

static int make_room(struct reading *reading)
{
    struct inspect *inspect = &reading->inspect;
    if (inspect->thread_count < reading->room)
        return 0;
    size_t room = reading->room ? reading->room * 2 : 64;
    struct inspect_thread *more = realloc(inspect->threads, room * sizeof(*more));
    if (!more || room > THREADS_MOST) {
        inspect->threads = more ? more : inspect->threads;
        return more ? -ELOOP : -ENOMEM;
    }
    inspect->threads = more;
    reading->room = room;
    return 0;
}

/* 0; -EAGAIN when a thread state was not one of this interpreter: the list changed under us. */
static int read_threads(struct reading *reading, uint64_t interpreter)
{
    const struct layout *layout = &reading->objects.layout;
    pid_t pid = reading->objects.pid;
    uint64_t id;
    uint64_t address;
    uint64_t holder = gil_holder(reading, interpreter);
    read_active(reading, interpreter);
    int result = memory_read_u64(pid, interpreter + layout->interpreter_id, &id);
    if (result == 0)
        result = memory_read_u64(pid, interpreter + layout->interpreter_threads, &address);
    uint64_t mark =
        0; /* a thread state seen, farther and farther back: met again, it is a circle */
    for (size_t seen = 0; result == 0 && address; seen++) {
        uint64_t owner;
        if (address == mark)
            return -EAGAIN;
        if ((seen & (seen - 1)) == 0)
            mark = address;
        if (memory_read_u64(pid, address + layout->thread_interpreter, &owner) ||
            owner != interpreter)
            return -EAGAIN;
        result = make_room(reading);
        if (result == 0)
            result = read_thread(reading, address, (int64_t)id, holder);
        if (result == 0)
            result = memory_read_u64(pid, address + layout->thread_next, &address);
        if (result == 0 && clock_monotonic_ns() > reading->deadline_ns)
            result = -ETIME;
    }
    return result;
}

/* The tasks of the interpreter whose threads are those from `first` on. */
static int read_tasks(struct reading *reading, uint64_t interpreter, size_t first)
{
    const struct objects *objects = &reading->objects;
    struct inspect *inspect = &reading->inspect;
    struct inspect_asyncio asyncio = {
        .frames = {objects, &reading->codes, reading->options->locals},
        .interpreter = interpreter,
        .threads = inspect->threads + first,
        .thread_count = inspect->thread_count - first,
        .deadline_ns = reading->deadline_ns,
    };
    if (memory_read_u64(objects->pid, interpreter + objects->layout.interpreter_modules,
                        &asyncio.modules))
        return 0;
    return inspect_asyncio_read(&asyncio, inspect);
}

static int read_interpreters(struct reading *reading)
{
    const struct layout *layout = &reading->objects.layout;
    struct inspect *inspect = &reading->inspect;
    pid_t pid = reading->objects.pid;
    uint64_t runtime = inspect->image.runtime;
    uint64_t interpreter;
    inspect->thread_count = 0;
    inspect->interpreter_count = 0;
    inspect_asyncio_clear(inspect);
    int result = memory_read_u64(pid, runtime + layout->runtime_main_thread, &reading->main_ident);
    if (result == 0)
        result = memory_read_u64(pid, runtime + layout->runtime_interpreters, &interpreter);
    while (result == 0 && interpreter && inspect->interpreter_count < INTERPRETERS_MOST) {
        size_t first = inspect->thread_count;
        inspect->interpreter_count++;
        result = read_threads(reading, interpreter);
        if (result == 0 && reading->options->tasks)
            result = read_tasks(reading, interpreter, first);
        if (result == 0)
            result = memory_read_u64(pid, interpreter + layout->interpreter_next, &interpreter);
    }
    return result;
}

/* A failed read may be of a list that changed just then. */
static enum python_refusal read_all(struct reading *reading)
{
    pid_t pid = reading->objects.pid;
    uint64_t start_time = tasks_start_time(pid);
    int result = -EAGAIN;
    reading->deadline_ns = clock_monotonic_ns() + LIMIT_S * UINT64_C(1000000000);
    for (int attempt = 0; attempt < ATTEMPTS && (result == -EAGAIN || result == -EFAULT);
         attempt++) {
        if (attempt > 0 && clock_monotonic_ns() > reading->deadline_ns)
            break;
        tasks_done(&reading->tasks);
        result = tasks_read(pid, &reading->tasks);
        if (result == 0)
            result = read_interpreters(reading);
    }
    if (result)
        return python_image_refusal(pid, result);
    if (!start_time || tasks_start_time(pid) != start_time)
        return PYTHON_GONE; /* or the PID is another process's by now */
    return reading->inspect.thread_count ? PYTHON_FINE : PYTHON_NOT_RUNNING;
}

/* CPython's own lists have the newest first. Where nothing said which thread is the main one (a field
 * that has moved), the one whose id is the process's is. */
static void put_in_order(struct inspect *inspect)
{
    struct inspect_thread *threads = inspect->threads;
    size_t count = inspect->thread_count;
    bool has_main = false;
    for (size_t i = 0; i < count / 2; i++) {
        struct inspect_thread other = threads[i];
        threads[i] = threads[count - 1 - i];
        threads[count - 1 - i] = other;
    }
    for (size_t i = 0; i < count; i++)
        has_main = has_main || threads[i].main;
    for (size_t i = 0; i < count; i++) {
        threads[i].main = has_main ? threads[i].main : threads[i].tid == inspect->pid;
        if (threads[i].main && i > 0) {
            struct inspect_thread main_thread = threads[i];
            for (size_t j = i; j > 0; j--)
                threads[j] = threads[j - 1];
            threads[0] = main_thread;
        }
    }
}

enum python_refusal inspect_process(pid_t pid, const struct inspect_options *options,
                                    struct inspect **ret_inspect)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    *ret_inspect = reading ? &reading->inspect : NULL;
    if (!reading)
        return PYTHON_NO_MEMORY;
    struct python_image *image = &reading->inspect.image;
    reading->inspect.pid = pid;
    reading->options = options;
    enum python_refusal refusal = python_image_read(pid, image);
    if (refusal != PYTHON_FINE)
        return refusal;
    reading->objects = (struct objects){
        .pid = pid,
        .layout = image->layout,
        .arena = arena_new(),
        .code_type = image->code_type,
        .float_type = image->float_type,
        .bool_type = image->bool_type,
        .none = image->none,
    };
    if (!reading->objects.arena)
        return PYTHON_NO_MEMORY;
    asyncio_image_read(pid, &reading->objects.layout);
    refusal = read_all(reading);
    if (refusal == PYTHON_FINE) {
        put_in_order(&reading->inspect);
        if (inspect_asyncio_put_in_order(&reading->inspect, reading->objects.arena))
            return PYTHON_NO_MEMORY;
    }
    return refusal;
}

void inspect_free(struct inspect *inspect)
{
    struct reading *reading = (struct reading *)inspect;
    if (!reading)
        return;
    arena_free(reading->objects.arena);
    tasks_done(&reading->tasks);
    codes_done(&reading->codes);
    inspect_asyncio_done(inspect);
    free(inspect->threads);
    free(reading);
}

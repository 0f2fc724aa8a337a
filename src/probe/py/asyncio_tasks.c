/* SPDX-License-Identifier: MIT */
/* Asking asyncio, and telling.
 * Why: see asyncio_tasks.h. The task that runs is asked of _asyncio, whose answer the Python half of
 * asyncio shares: by its function from 3.12 on, before in the dictionary of each loop's task.
 * Rules: `_coro` tells whether the coroutine is the task's own: whoever drives another one inside of a
 * task, by hand, has made no task. What was told is remembered by frame, so that a step costs one look;
 * a memory that was overwritten costs one question more. */
#include "probe/py/asyncio_tasks.h"

#include "probe/define.h"
#include "probe/writer.h"

#include <string.h>

enum { TOLD_SLOTS = 1 << 16, NAME_MOST = 8 * EVENT_NAME_BYTES };

static struct {
    uint32_t frames[TOLD_SLOTS];
    uint64_t since; /* the switch-on that they were told after */
} told;

static struct {
    PyObject *module; /* all owned; NULL: not looked for yet */
    PyObject *running_loop;
    PyObject *current;   /* 3.12+: a function of a loop; else the dictionary */
    PyObject *in_python; /* 3.14+: the dictionary of tasks that are written in Python; or NULL */
    PyObject *task_type; /* the one in C */
    PyObject *get_name;
    PyObject *coroutine_key, *name_key;
    uint32_t generation; /* of the link in which that was found */
} asyncio;

static uint32_t *told_slot(uint32_t frame)
{
    uint64_t since = atomic_load_explicit(&link_to.header->on_counter, memory_order_relaxed) +
                     link_to.generation;
    if (told.since != since) {
        memset(told.frames, 0, sizeof(told.frames));
        told.since = since;
    }
    return &told.frames[(frame * UINT32_C(0x9e3779b1)) >> 16];
}

void asyncio_tasks_end(void)
{
    Py_CLEAR(asyncio.running_loop);
    Py_CLEAR(asyncio.current);
    Py_CLEAR(asyncio.in_python);
    Py_CLEAR(asyncio.task_type);
    Py_CLEAR(asyncio.get_name);
    Py_CLEAR(asyncio.coroutine_key);
    Py_CLEAR(asyncio.name_key);
    Py_CLEAR(asyncio.module);
}

/* False: the program has not imported it, or it is another one than we know. */
static bool find_asyncio(void)
{
    if (asyncio.name_key && asyncio.generation == link_to.generation)
        return true;
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *module = modules ? PyDict_GetItemString(modules, "_asyncio") : NULL;
    if (!module)
        return false;
    if (asyncio.module == module && !asyncio.name_key)
        return false;
    asyncio_tasks_end();
    asyncio.generation = link_to.generation;
    Py_INCREF(module);
    asyncio.module = module;
    asyncio.running_loop = PyObject_GetAttrString(module, "_get_running_loop");
    asyncio.current =
        PyObject_GetAttrString(module, pyapi.minor < 12 ? "_current_tasks" : "current_task");
    asyncio.task_type = PyObject_GetAttrString(module, "Task");
    if (!asyncio.running_loop || !asyncio.current || !asyncio.task_type ||
        !PyType_Check(asyncio.task_type) || (pyapi.minor < 12 && !PyDict_Check(asyncio.current)))
        return false;
    PyObject *tasks = PyDict_GetItemString(modules, "asyncio.tasks"); /* borrowed */
    if (pyapi.minor >= 14 && tasks)
        asyncio.in_python = PyObject_GetAttrString(tasks, "_current_tasks");
    PyErr_Clear();
    if (asyncio.in_python && !PyDict_Check(asyncio.in_python))
        Py_CLEAR(asyncio.in_python);
    asyncio.get_name = PyObject_GetAttrString(asyncio.task_type, "get_name");
    asyncio.coroutine_key = PyUnicode_InternFromString("_coro");
    if (asyncio.get_name && asyncio.coroutine_key)
        asyncio.name_key = PyUnicode_InternFromString("_name");
    return asyncio.name_key != NULL;
}

/* A new reference, or NULL. */
static PyObject *task_in(PyObject *dictionary, PyObject *loop)
{
    PyObject *task = PyDict_GetItemWithError(dictionary, loop); /* borrowed */
    Py_XINCREF(task);
    return task;
}

/* The task that runs on this thread: a new reference, or NULL. */
static PyObject *running_task(void)
{
    PyObject *loop = PyObject_CallFunctionObjArgs(asyncio.running_loop, NULL);
    PyObject *task = NULL;
    if (loop && loop != Py_None && pyapi.minor < 12)
        task = task_in(asyncio.current, loop);
    else if (loop && loop != Py_None)
        task = PyObject_CallFunctionObjArgs(asyncio.current, loop, NULL);
    if (task == Py_None && asyncio.in_python) {
        Py_DECREF(task);
        task = task_in(asyncio.in_python, loop);
    }
    Py_XDECREF(loop);
    return task;
}

static bool is_coroutine(const PyObject *object)
{
    return Py_TYPE(object) == pyapi.coroutine_type || Py_TYPE(object) == pyapi.generator_type;
}

/* Of the coroutine that the task itself runs; NULL: it is no coroutine in Python. */
static void *frame_of(PyObject *task)
{
    PyObject *coroutine = PyObject_GenericGetAttr(task, asyncio.coroutine_key);
    void *frame = coroutine && is_coroutine(coroutine) ? pyapi_generator_frame(coroutine) : NULL;
    Py_XDECREF(coroutine);
    return frame;
}

/* A new str, or NULL. The task in Python keeps its name as an attribute. */
static PyObject *name_of(PyObject *task)
{
    bool in_c = PyType_IsSubtype(Py_TYPE(task), (PyTypeObject *)asyncio.task_type);
    PyObject *name = in_c ? PyObject_CallFunctionObjArgs(asyncio.get_name, task, NULL)
                          : PyObject_GenericGetAttr(task, asyncio.name_key);
    if (name && !PyUnicode_Check(name))
        Py_CLEAR(name);
    return name;
}

static void put_name(const char *name, size_t size)
{
    for (size_t at = 0; at < size; at += EVENT_NAME_BYTES) {
        uint64_t part = 0;
        for (size_t i = 0; i < EVENT_NAME_BYTES && at + i < size; i++)
            part |= (uint64_t)(unsigned char)name[at + i] << (8 * i);
        writer_put(link_counter(), EVENT_TASK_NAME, (uint32_t)part & 0xffffff,
                   (uint32_t)(part >> 24));
    }
}

static void tell_task(PyObject *task, uint32_t frame)
{
    PyObject *name = name_of(task), *bytes = NULL;
    Py_ssize_t size = 0;
    const char *text = name ? pyapi.utf8(name, &size) : NULL;
    if (name && !text) { /* surrogates */
        bytes = PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace");
        if (bytes) {
            text = PyBytes_AsString(bytes);
            size = PyBytes_Size(bytes);
        }
    }
    if (!text || size < 0)
        size = 0;
    if (size > NAME_MOST)
        size = NAME_MOST;
    writer_put(link_counter(), EVENT_TASK, (uint32_t)size, frame);
    put_name(text, (size_t)size);
    Py_XDECREF(bytes);
    Py_XDECREF(name);
}

/* Tells the task that runs. `frame`: only if it is its own coroutine's; NULL: whatever runs in it. */
static void ask(const void *frame)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *task = find_asyncio() ? running_task() : NULL;
    void *own = task ? frame_of(task) : NULL;
    if (own && (!frame || frame == own))
        tell_task(task, pyapi_frame_key(own));
    Py_XDECREF(task);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

static bool makes_tasks(uint32_t marked)
{
    return (marked & (uint32_t)DEFINE_MAKES_TASKS) == (uint32_t)DEFINE_MAKES_TASKS;
}

/* The code of whom the frame will return to. An evaluator of frames is called before its frame is the
 * present one (and before 3.11 tells its frame so), the other hooks after. NULL: none in Python. */
static PyObject *caller_of(const void *frame)
{
    void *caller = pyapi.minor < 12 ? pyapi_current_frame(pyapi.thread_state()) : NULL;
    if (!caller || caller == frame)
        caller = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    for (int shims = 0; caller && shims < 4; shims++) {
        PyObject *code = pyapi_frame_code(caller);
        if (code)
            return code;
        caller = PYAPI_FIELD(void *, caller, pyapi.frame_previous);
    }
    return NULL;
}

/* create_task(coro), or a loop's create_task(self, coro). The first calls the second: one is enough. */
static void tell_made(void *frame)
{
    PyObject *caller = caller_of(frame);
    if (caller && makes_tasks(define_marked(caller)))
        return;
    for (size_t i = 0; i < 2; i++) {
        PyObject *argument = pyapi_frame_local(frame, i);
        void *made = argument && is_coroutine(argument) ? pyapi_generator_frame(argument) : NULL;
        if (!made)
            continue;
        PyObject *code = pyapi_frame_code(made);
        uint32_t id = code ? define_id(code, made) : 0;
        writer_put(link_counter(), EVENT_TASK_MADE, id, pyapi_frame_key(made));
        return;
    }
}

static void push(enum event_kind kind, uint32_t marked, void *frame);

void asyncio_tasks_push(enum event_kind kind, uint32_t marked, void *frame)
{
    writer_is_at_work++;
    push(kind, marked, frame);
    writer_is_at_work--;
}

static void push(enum event_kind kind, uint32_t marked, void *frame)
{
    if (!link_to.header || define_is_import(marked))
        return;
    if (makes_tasks(marked)) {
        if (kind == EVENT_START)
            tell_made(frame);
        return;
    }
    if (kind == EVENT_THROW) {
        ask(NULL); /* a throw() goes into the innermost coroutine, past the task's own */
        return;
    }
    PyObject *caller = caller_of(frame);
    if (caller && pyapi_is_generator(caller))
        return; /* awaited by another coroutine, or driven by a generator */
    uint32_t key = pyapi_frame_key(frame);
    uint32_t *slot = told_slot(key);
    if (kind == EVENT_RESUME && *slot == key)
        return;
    *slot = key;
    ask(frame);
}

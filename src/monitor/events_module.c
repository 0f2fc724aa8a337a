/* SPDX-License-Identifier: MIT */
/* ulma_events: events for handlers in Python.
 * Why in C: a million events a second leave a microsecond for each, and unpacking one into a tuple of numbers takes half of
 * that. Here an event is made by copying 48 bytes, what a handler asks of it is made then, and an event that no
 * handler has kept is used again for the next one.
 * Why beside libulma and not in it: that is for programs that have no Python in them. As the probe it keeps to the limited
 * API of 3.9, so that one file serves every CPython.
 * Rules: nothing here knows of streams: `deliver` gets events by address. What is wrong with a handler is its exception. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "monitor/ulma.h"

#include <stdbool.h>
#include <string.h>

/* What numbers stand for: dicts that ask for what they do not have (python/ulma/_monitors.py). */
enum table { TABLE_FUNCTIONS, TABLE_STACKS, TABLE_THREADS, TABLE_WORDS, TABLE_KINDS, TABLE_COUNT };

struct event_object {
    PyObject ob_base;
    PyObject *tables; /* a tuple, by enum table */
    struct ulma_event event;
};

static PyTypeObject *event_type;

static const struct ulma_event *event_of(PyObject *self)
{
    return &((const struct event_object *)self)->event;
}

/* --- what a handler asks for -------------------------------------------------------------------- */

static PyObject *table_of(PyObject *self, enum table table)
{
    return PyTuple_GetItem(((struct event_object *)self)->tables, table);
}

static PyObject *look_up(PyObject *self, enum table table, uint32_t number)
{
    PyObject *items = table_of(self, table), *key = items ? PyLong_FromUnsignedLong(number) : NULL;
    if (!key)
        return NULL;
    PyObject *found = PyDict_GetItemWithError(items, key);
    if (found)
        Py_INCREF(found);
    else if (!PyErr_Occurred())
        found = PyObject_GetItem(items, key); /* as a dict's subclass finds what is missing */
    Py_DECREF(key);
    return found;
}

static bool is_late(const struct ulma_event *event)
{
    return event->kind >= ULMA_BIRTH && event->kind < ULMA_KIND_COUNT;
}

static PyObject *get_kind(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *kinds = table_of(self, TABLE_KINDS);
    PyObject *kind = kinds ? PyTuple_GetItem(kinds, event_of(self)->kind) : NULL;
    Py_XINCREF(kind);
    return kind;
}

static PyObject *get_function(PyObject *self, void *unused)
{
    (void)unused;
    return look_up(self, TABLE_FUNCTIONS, event_of(self)->function);
}

static PyObject *get_stack(PyObject *self, void *unused)
{
    (void)unused;
    return look_up(self, TABLE_STACKS, event_of(self)->context);
}

static PyObject *get_caller(PyObject *self, void *unused)
{
    PyObject *stack = get_stack(self, unused);
    if (!stack)
        return NULL;
    Py_ssize_t size = PyTuple_Size(stack);
    PyObject *caller = size > 1 ? PyTuple_GetItem(stack, size - 2) : size < 0 ? NULL : Py_None;
    Py_XINCREF(caller);
    Py_DECREF(stack);
    return caller;
}

static PyObject *get_thread(PyObject *self, void *unused)
{
    (void)unused;
    return look_up(self, TABLE_THREADS, event_of(self)->thread);
}

static PyObject *get_word(PyObject *self, void *unused)
{
    (void)unused;
    return look_up(self, TABLE_WORDS, event_of(self)->detail);
}

static PyObject *get_time(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(event_of(self)->time_ns);
}

static PyObject *get_duration(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(event_of(self)->duration_ns);
}

static PyObject *get_amount(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(event_of(self)->amount);
}

static PyObject *get_context(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(event_of(self)->context);
}

static PyObject *get_depth(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(event_of(self)->depth);
}

static PyObject *get_detail(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(event_of(self)->detail);
}

static PyObject *get_error(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(event_of(self)->extra);
}

static PyObject *get_line(PyObject *self, void *unused)
{
    (void)unused;
    const struct ulma_event *event = event_of(self);
    return PyLong_FromUnsignedLong(is_late(event) ? event->extra : event->detail);
}

static PyObject *get_failed(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(event_of(self)->extra != 0);
}

static PyObject *get_domain(PyObject *self, void *unused)
{
    (void)unused;
    static const char *const names[] = {"raw", "mem", "object"};
    uint32_t domain = event_of(self)->detail;
    return PyUnicode_FromString(domain <= ULMA_DOMAIN_OBJ ? names[domain] : "");
}

static PyGetSetDef getters[] = {
    {"kind", get_kind, NULL, "what happened: the handler's name without on_", NULL},
    {"function", get_function, NULL, "whose event it is; None: no function was open", NULL},
    {"stack", get_stack, NULL, "the functions that were open, the outermost first", NULL},
    {"caller", get_caller, NULL, "the function that called it, or None", NULL},
    {"thread", get_thread, NULL, "pid, tid and name, or None", NULL},
    {"context", get_context, NULL, "the number of the path of calls", NULL},
    {"depth", get_depth, NULL, "calls that are open, this one too", NULL},
    {"time_ns", get_time, NULL, "nanoseconds since the first event", NULL},
    {"duration_ns", get_duration, NULL, "for how long; 0, too, where the beginning was not seen",
     NULL},
    {"amount", get_amount, NULL, "of lost: how many", NULL},
    {"bytes", get_amount, NULL, "of io, objects and memory", NULL},
    {"collected", get_amount, NULL, "of gc: objects", NULL},
    {"cpu_ns", get_amount, NULL, "of a span", NULL},
    {"generation", get_detail, NULL, "of gc", NULL},
    {"line", get_line, NULL, "of a line, an object, memory, a wait; 0: not known", NULL},
    {"error", get_error, NULL, "of io: errno; 0: none", NULL},
    {"failed", get_failed, NULL, "of a span: an exception left it", NULL},
    {"domain", get_domain, NULL, "of memory: raw, mem or object", NULL},
    {"operation", get_word, NULL, "of io: the C library's function", NULL},
    {"type", get_word, NULL, "of an object", NULL},
    {"reason", get_word, NULL, "of a wait: lock, sleep, queue, ...", NULL},
    {"name", get_word, NULL, "of a span", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *event_repr(PyObject *self)
{
    PyObject *kind = get_kind(self, NULL), *function = kind ? get_function(self, NULL) : NULL;
    PyObject *text = NULL;
    uint64_t time_us = event_of(self)->time_ns / 1000;
    if (function)
        text = PyUnicode_FromFormat("<%S of %S at %llu.%06llu s>", kind, function,
                                    (unsigned long long)(time_us / 1000000),
                                    (unsigned long long)(time_us % 1000000));
    Py_XDECREF(kind);
    Py_XDECREF(function);
    return text;
}

/* --- the type ----------------------------------------------------------------------------------- */

static void event_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((struct event_object *)self)->tables);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *event_refuse(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    (void)type;
    (void)arguments;
    (void)names;
    PyErr_SetString(PyExc_TypeError, "events are made by ulma, and given to a monitor's handlers");
    return NULL;
}

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)"One event; what it has beside these depends on its kind (docs/monitors.md)."},
    {Py_tp_dealloc, (void *)event_dealloc},
    {Py_tp_new, (void *)event_refuse},
    {Py_tp_repr, (void *)event_repr},
    {Py_tp_getset, getters},
    {0, NULL},
};

static PyType_Spec spec = {.name = "ulma.Event",
                           .basicsize = sizeof(struct event_object),
                           .flags = Py_TPFLAGS_DEFAULT,
                           .slots = slots};

/* --- delivering --------------------------------------------------------------------------------- */

struct delivery {
    PyObject *handlers; /* a list by kind, of None or a function */
    PyObject *tables, *changed, *rebuild, *choose;
    struct event_object *event; /* may be used again; NULL: there is none */
};

static bool call(PyObject *function, PyObject *argument)
{
    PyObject *result = PyObject_CallFunctionObjArgs(function, argument, NULL);
    Py_XDECREF(result);
    return result != NULL;
}

/* One that nobody else has, or a new one. */
static struct event_object *event_for(struct delivery *delivery)
{
    struct event_object *event = delivery->event;
    if (event && Py_REFCNT((PyObject *)event) == 1)
        return event;
    Py_XDECREF((PyObject *)event);
    delivery->event = event = PyObject_New(struct event_object, event_type);
    if (event) {
        Py_INCREF(delivery->tables);
        event->tables = delivery->tables;
    }
    return event;
}

/* The handler's list may change while it runs. */
static bool deliver_one(struct delivery *delivery, PyObject *handler, const struct ulma_event *from)
{
    struct event_object *event = event_for(delivery);
    if (!event)
        return false;
    event->event = *from;
    Py_INCREF(handler);
    PyObject *answer = PyObject_CallFunctionObjArgs(handler, (PyObject *)event, NULL);
    Py_DECREF(handler);
    bool fine = answer && (answer == Py_None || call(delivery->choose, answer));
    Py_XDECREF(answer);
    const char *changed = PyByteArray_AsString(delivery->changed);
    return fine && (!changed[0] || call(delivery->rebuild, NULL));
}

static bool deliver_all(struct delivery *delivery, const struct ulma_event *events,
                        Py_ssize_t count)
{
    Py_ssize_t known = PyList_Size(delivery->handlers);
    for (const struct ulma_event *event = events; event < events + count; event++) {
        PyObject *handler = event->kind < known ? PyList_GetItem(delivery->handlers, event->kind)
                                                : Py_None;
        if (!handler || (handler != Py_None && !deliver_one(delivery, handler, event)))
            return false;
    }
    return true;
}

/* deliver(address, count, handlers, tables, changed, rebuild, choose): each event to its kind's handler. What that
 * answers goes to choose; where it has set changed[0], rebuild() makes the handlers anew. */
static PyObject *deliver(PyObject *self, PyObject *arguments)
{
    struct delivery delivery = {0};
    unsigned long long address;
    Py_ssize_t count;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "KnOOOOO", &address, &count, &delivery.handlers,
                          &delivery.tables, &delivery.changed, &delivery.rebuild, &delivery.choose))
        return NULL;
    if (!PyList_Check(delivery.handlers) || !PyTuple_Check(delivery.tables) ||
        PyTuple_Size(delivery.tables) != TABLE_COUNT || !PyByteArray_Check(delivery.changed) ||
        PyByteArray_Size(delivery.changed) < 1) {
        PyErr_SetString(PyExc_TypeError, "deliver takes a list, a tuple of tables and a bytearray");
        return NULL;
    }
    bool fine = deliver_all(&delivery, (const struct ulma_event *)(uintptr_t)address, count);
    Py_XDECREF((PyObject *)delivery.event);
    if (!fine)
        return NULL;
    Py_INCREF(Py_None);
    return Py_None;
}

/* --- what monitors inherit ---------------------------------------------------------------------- */

/* Handlers come and go by assignment; and as counters in monitors are attributes, too, others are to cost nothing. */
static bool concerns_handlers(PyObject *name)
{
    Py_UCS4 first = PyUnicode_GetLength(name) > 3 ? PyUnicode_ReadChar(name, 0) : 0;
    if (first == 'o')
        return PyUnicode_ReadChar(name, 1) == 'n' && PyUnicode_ReadChar(name, 2) == '_';
    return first == 's' && PyUnicode_CompareWithASCIIString(name, "slower_than") == 0;
}

static int set_attribute(PyObject *self, PyObject *name, PyObject *value)
{
    int result = PyObject_GenericSetAttr(self, name, value);
    if (result || !concerns_handlers(name))
        return result;
    PyObject *done = PyObject_CallMethod(self, "_say_changed", NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyType_Slot base_slots[] = {{Py_tp_setattro, (void *)set_attribute}, {0, NULL}};

static PyType_Spec base_spec = {.name = "ulma.MonitorBase",
                                .basicsize = sizeof(PyObject),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                .slots = base_slots};

/* --- the module --------------------------------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"deliver", deliver, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* One for the process: a module that is made again shares it. */
static int fill(PyObject *module)
{
    if (!event_type)
        event_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!event_type)
        return -1;
    Py_INCREF((PyObject *)event_type);
    if (PyModule_AddObject(module, "Event", (PyObject *)event_type))
        return -1;
    PyObject *base = PyType_FromSpec(&base_spec);
    return base ? PyModule_AddObject(module, "MonitorBase", base) : -1;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "ulma_events", .m_size = 0,
                                        .m_methods = methods, .m_slots = module_slots};

PyMODINIT_FUNC PyInit_ulma_events(void); /* found by name */

PyMODINIT_FUNC PyInit_ulma_events(void)
{
    return PyModuleDef_Init(&definition);
}

/* SPDX-License-Identifier: MIT */
/* The bare floor: hooks that read the counter and store 16 bytes, and do nothing else.
 * Why: no exact recorder on these interfaces can cost less, so it is what a profiler is held against.
 * Two events a call: two reads, two stores, into a private ring of 1 MiB that wraps unread. 3.12+:
 * sys.monitoring with a type of its own whose vectorcall is the hook; before, a frame evaluation
 * function (PEP 523), and the profile function where C calls are heard too.
 * Rules: one object for every CPython (limited API of 3.9); what newer or older ones add is a weak
 * symbol. Never while anything else profiles. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/clock.h"
#include "wire/event.h"

#include <stdbool.h>
#include <structmember.h>

enum { RING_EVENTS = 1 << 16, FLAG_HAVE_VECTORCALL = 1 << 11, TOOL_ID = 4 };

typedef PyObject *vectorcall_function(PyObject *, PyObject *const *, size_t, PyObject *);
typedef PyObject *eval_function(PyThreadState *, void *, int);
typedef int profile_function(PyObject *, void *, int, PyObject *);

extern PyObject *PyVectorcall_Call(PyObject *, PyObject *, PyObject *) __attribute__((weak));
extern PyObject *_PyEval_EvalFrameDefault(PyThreadState *, void *, int) __attribute__((weak));
extern void _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState *, eval_function *)
    __attribute__((weak));
extern void PyEval_SetProfile(profile_function *, PyObject *) __attribute__((weak));

static struct event ring[RING_EVENTS];
static uint64_t head;

static inline void note(enum event_kind kind)
{
    uint64_t counter = clock_counter(CLOCK_TSC);
    struct event *event = &ring[head++ & (RING_EVENTS - 1)];
    event->counter = counter;
    event->kind_id = event_pack(kind, 0);
    event->frame = 0;
    /* Nobody reads the ring: without this the compiler leaves the stores out. */
    __asm__ volatile("" : : "r"(event) : "memory");
}

/* --- 3.12 and newer ------------------------------------------------------------------------- */

struct callback {
    PyObject base;
    vectorcall_function *call;
};

#define CALLBACK(name, kind)                                                                     \
    static PyObject *name(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names) \
    {                                                                                            \
        (void)self, (void)args, (void)nargsf, (void)names;                                       \
        note(kind);                                                                              \
        return Py_None; /* immortal since 3.12 */                                                \
    }

CALLBACK(on_push, EVENT_START)
CALLBACK(on_pop, EVENT_RETURN)
CALLBACK(on_c_push, EVENT_C_CALL)
CALLBACK(on_c_pop, EVENT_C_RETURN)

static const struct hook {
    const char *event;
    vectorcall_function *call;
    bool c_call;
} hooks[] = {
    {"PY_START", on_push, false}, {"PY_RESUME", on_push, false}, {"PY_THROW", on_push, false},
    {"PY_RETURN", on_pop, false}, {"PY_YIELD", on_pop, false},   {"PY_UNWIND", on_pop, false},
    {"CALL", on_c_push, true},    {"C_RETURN", on_c_pop, true},  {"C_RAISE", on_c_pop, true},
};
enum { HOOK_COUNT = sizeof(hooks) / sizeof(hooks[0]) };

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct callback, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *make_type(void)
{
    PyType_Slot slots[] = {
        {Py_tp_members, members},
        {Py_tp_call, (void *)PyVectorcall_Call},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "floor.callback",
                        .basicsize = (int)sizeof(struct callback),
                        .flags = Py_TPFLAGS_DEFAULT | FLAG_HAVE_VECTORCALL,
                        .slots = slots};
    return PyType_FromSpec(&spec);
}

/* The event's bit, its hook registered; 0: an exception is set. */
static long register_hook(PyObject *monitoring, PyObject *events, PyObject *type,
                          const struct hook *hook)
{
    PyObject *bit = PyObject_GetAttrString(events, hook->event);
    long event = bit ? PyLong_AsLong(bit) : 0;
    struct callback *callback = PyObject_New(struct callback, (PyTypeObject *)type);
    if (callback)
        callback->call = hook->call;
    PyObject *old = bit && callback ? PyObject_CallMethod(monitoring, "register_callback", "iOO",
                                                          TOOL_ID, bit, callback)
                                    : NULL;
    Py_XDECREF(callback);
    Py_XDECREF(bit);
    Py_XDECREF(old);
    return old ? event : 0;
}

static long register_hooks(PyObject *monitoring, bool c_calls)
{
    PyObject *events = PyObject_GetAttrString(monitoring, "events");
    PyObject *type = events ? make_type() : NULL;
    long mask = 0;
    for (int i = 0; type && i < HOOK_COUNT; i++) {
        if (hooks[i].c_call && !c_calls)
            continue;
        long bit = register_hook(monitoring, events, type, &hooks[i]);
        if (!bit) {
            mask = 0;
            break;
        }
        mask |= bit;
    }
    Py_XDECREF(type);
    Py_XDECREF(events);
    return mask;
}

static PyObject *monitoring_on(PyObject *monitoring, bool c_calls)
{
    PyObject *taken = PyObject_CallMethod(monitoring, "use_tool_id", "is", TOOL_ID, "floor");
    if (!taken)
        return NULL;
    Py_DECREF(taken);
    long mask = register_hooks(monitoring, c_calls);
    if (!mask)
        return NULL;
    return PyObject_CallMethod(monitoring, "set_events", "il", TOOL_ID, mask);
}

/* --- 3.9 to 3.11 ---------------------------------------------------------------------------- */

static PyObject *evaluate(PyThreadState *tstate, void *frame, int throwflag)
{
    note(EVENT_START);
    PyObject *result = _PyEval_EvalFrameDefault(tstate, frame, throwflag);
    note(EVENT_RETURN);
    return result;
}

/* No hook at all: what a frame evaluation function costs by being there. */
static PyObject *pass_on(PyThreadState *tstate, void *frame, int throwflag)
{
    return _PyEval_EvalFrameDefault(tstate, frame, throwflag);
}

static int on_profile(PyObject *self, void *frame, int what, PyObject *argument)
{
    (void)self, (void)frame, (void)argument;
    note((enum event_kind)(what + 1));
    return 0;
}

static PyObject *older_on(bool c_calls)
{
    if (c_calls)
        PyEval_SetProfile(on_profile, NULL);
    else
        _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), evaluate);
    Py_RETURN_NONE;
}

static void older_off(void)
{
    PyEval_SetProfile(NULL, NULL);
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), _PyEval_EvalFrameDefault);
}

/* --- the module ----------------------------------------------------------------------------- */

static PyObject *floor_start(PyObject *self, PyObject *args)
{
    (void)self;
    int c_calls = 0;
    if (!PyArg_ParseTuple(args, "p", &c_calls))
        return NULL;
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    head = 0;
    return monitoring ? monitoring_on(monitoring, c_calls) : older_on(c_calls);
}

/* wrap(): a frame evaluation function that does nothing. 3.9 to 3.11. */
static PyObject *floor_wrap(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), pass_on);
    Py_RETURN_NONE;
}

/* stop() -> the number of events. */
static PyObject *floor_stop(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    uint64_t events = head;
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (monitoring) {
        PyObject *off = PyObject_CallMethod(monitoring, "set_events", "ii", TOOL_ID, 0);
        PyObject *gone = off ? PyObject_CallMethod(monitoring, "free_tool_id", "i", TOOL_ID) : NULL;
        Py_XDECREF(off);
        Py_XDECREF(gone);
        if (!gone)
            return NULL;
    } else {
        older_off();
    }
    return PyLong_FromUnsignedLongLong(events);
}

/* counter_ns() -> what one read of the counter costs, the least of several rounds. */
static PyObject *floor_counter_ns(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    enum { ROUNDS = 20, READS = 100000 };
    double least = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin_ns = clock_monotonic_ns();
        for (int i = 0; i < READS; i++) {
            uint64_t counter = clock_counter(CLOCK_TSC);
            __asm__ volatile("" : : "r"(counter));
        }
        double each = (double)(clock_monotonic_ns() - begin_ns) / READS;
        least = each < least ? each : least;
    }
    return PyFloat_FromDouble(least);
}

static PyMethodDef methods[] = {
    {"start", floor_start, METH_VARARGS, NULL},
    {"stop", floor_stop, METH_NOARGS, NULL},
    {"wrap", floor_wrap, METH_NOARGS, NULL},
    {"counter_ns", floor_counter_ns, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = 0,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_floor(void); /* found by name */

PyMODINIT_FUNC PyInit_floor(void)
{
    return PyModuleDef_Init(&definition);
}

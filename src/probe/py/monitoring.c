/* SPDX-License-Identifier: MIT */
/* Calls on 3.12 and newer: sys.monitoring (PEP 669).
 * Why: it instruments the functions that run and nothing else, and restores them to the bit when off.
 * There is no C API to register, so the Python functions are called; what they get is a type of ours
 * whose vectorcall is our C function, the cheapest callable there is (CPython's own legacy_tracing.c
 * does the same). Event numbers differ between versions and are read at run time.
 * Rules: callbacks never raise. The interpreter suppresses events inside them. DISABLE is answered for a
 * site whose mode is OFF, at its starts, resumes, returns and yields, so that it costs nothing from then
 * on, and for the ends of one that is counted alone; never at an unwind or a throw, where it would raise in the user's code below 3.15. What was
 * disabled is heard again after monitoring_rearm. */
#include "probe/py/monitoring.h"

#include "probe/escalate.h"
#include "probe/own_time.h"
#include "probe/py/line.h"
#include "probe/source_hooks.h"
#include "probe/speed_tell.h"
#include "probe/switch.h"

#include "sources/c_calls/c_calls_probe.h"
#include "sources/calls/calls_probe.h"
#include "sources/lines/lines_probe.h"
#include "sources/operators/operators_probe.h"

#include <stdio.h>
#include <string.h>
#include <structmember.h>

enum { FLAG_HAVE_VECTORCALL = 1 << 11 };

struct callback {
    PyObject base;
    pyapi_vectorcall *call;
};

static bool hears_c_calls; /* then each call instruction is told, too */
static PyObject *register_callback, *set_events, *get_events, *set_local_events, *missing, *disable;
static int tool_id; /* 0: none taken */
static long calls_mask, c_calls_mask, gate_mask;

/* Where a callback finds the frame and the counter: read from tables, or, for the two that nearly every
 * machine is, compiled in. */
enum path { ANY, TSC_CFRAME, TSC_DIRECT };

#define INLINE static inline __attribute__((always_inline))
#define SLOW   static __attribute__((noinline, cold))

/* Inside a callback there is always a frame. */
INLINE void *frame_of(enum path path, PyThreadState *tstate)
{
    if (path == ANY)
        return pyapi_current_frame(tstate);
    void *holder = PYAPI_FIELD(void *, tstate, pyapi.tstate_frame);
    return path == TSC_DIRECT ? holder : *(void **)holder;
}

INLINE void *current_frame(enum path path)
{
    return frame_of(path, pyapi.thread_state());
}

INLINE uint64_t counter_now(enum path path)
{
    return path == ANY ? link_counter() : clock_counter(CLOCK_TSC);
}

/* Whether the event is of the innermost frame, whose first word is its code (3.12 to 3.15). Compiled
 * extensions may fire events too (the PyMonitoring_* functions of 3.13), with a code-like object and no
 * frame of their own: theirs would be taken for their caller's. */
INLINE bool is_of_frame(const void *frame, const PyObject *code)
{
    return frame && (*(const uintptr_t *)frame & ~(uintptr_t)7) == (uintptr_t)code;
}

/* The thread's frames lie elsewhere than at its last event. True: on another stack, since a greenlet has
 * switched, which makes no event; else its stack has grown into a piece of memory, whose first word leads
 * to the one before, or out of one. */
static bool has_switched(struct writer *writer, const PyThreadState *tstate)
{
    void *chunk = PYAPI_FIELD(void *, tstate, pyapi.tstate_chunk);
    void *below = chunk ? *(void **)chunk : NULL;
    bool known = writer->chunk != NULL;
    bool same = (below && below == writer->chunk) || (chunk && chunk == writer->chunk_below);
    writer->chunk = chunk;
    writer->chunk_below = below;
    return known && !same;
}

/* The caller tells which stack this is; where some functions are left out it may be one that the collector
 * does not have, and the stack is told. */
SLOW void tell_caller(PyThreadState *tstate, void *frame)
{
    struct writer *writer = writer_of_thread;
    if (!writer->ring || !has_switched(writer, tstate))
        return;
    do
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    while (frame && !pyapi_frame_code(frame));
    if (link_to.header && link_to.header->modes_vary && !writer->dropping &&
        writer_seed_whole(writer, tstate))
        return;
    writer_put(link_counter(), EVENT_RETOP, 0, frame ? pyapi_frame_key(frame) : 0);
}

/* A pop tells its frame, and with it the stack: only the next push may have to tell another one. Where
 * some functions are left out the collector may not have that frame: the next push tells the stack. */
SLOW void note_chunk(const PyThreadState *tstate, bool known)
{
    struct writer *writer = writer_of_thread;
    if (writer->ring && has_switched(writer, tstate) && !known)
        writer->chunk = writer->chunk_below = writer; /* no chunk is there */
}

/* Before a pop that is written. */
INLINE void follow_pop(PyThreadState *tstate, bool known)
{
    if (__builtin_expect(PYAPI_FIELD(void *, tstate, pyapi.tstate_chunk) != writer_of_thread->chunk,
                         0))
        note_chunk(tstate, known);
}

/* Before a push that is written. */
INLINE void follow_stack(PyThreadState *tstate, void *frame)
{
    if (__builtin_expect(PYAPI_FIELD(void *, tstate, pyapi.tstate_chunk) != writer_of_thread->chunk,
                         0))
        tell_caller(tstate, frame);
}

/* A first sight of the code object, a switch that is due: all that is seldom in a push. */
SLOW PyObject *push_slow(enum event_kind kind, PyObject *code)
{
    if (switch_is_due()) {
        switch_apply();
        if (!switch_is_on())
            return Py_None; /* an event after OFF would be a call by nobody */
    }
    PyThreadState *tstate = pyapi.thread_state();
    void *frame = pyapi_current_frame(tstate);
    follow_stack(tstate, frame);
    calls_push(kind, code, frame);
    return Py_None;
}

/* The ids that some place fell silent of, so that they can be heard again. */
static bool silent[SESSION_ID_LIMIT];
static uint32_t silent_most; /* the highest */

/* The answer that has the interpreter not tell this place again. A call: what a reference costs has changed with versions. */
SLOW PyObject *fall_silent(uint32_t id)
{
    silent[id] = true;
    silent_most = id > silent_most ? id : silent_most;
    speed_tell_silence();
    Py_IncRef(disable);
    return disable;
}

/* A pop of a function that is counted or judged in place. Where nobody looks at ends, the interpreter need tell none. */
SLOW PyObject *pop_in_place(uint32_t id, PyObject *code, void *frame, uint64_t counter, bool raised)
{
    bool is_looked_at = escalate_pop(id, code, frame, raised, counter);
    return is_looked_at || raised ? Py_None : fall_silent(id);
}

/* A push of a function that is left out, muted, or counted or judged in place. */
SLOW PyObject *push_left_out(enum event_kind kind, uint32_t id, PyObject *code, void *frame)
{
    unsigned char mode = link_to.modes[id];
    bool is_unheard = silent[id] &&
                      escalate_looks_at_ends(id); /* a new rule: its ends are not told yet */
    if (mode == MODE_COUNT || (mode == MODE_ESCALATE && is_unheard))
        escalate_count(id);
    else if (mode == MODE_ESCALATE)
        escalate_push(id, code, frame);
    else if (mode != MODE_OFF && mode != MODE_CLOSING)
        writer_put(link_counter(), kind, id, pyapi_frame_key(frame));
    else if (kind != EVENT_THROW)
        return fall_silent(id);
    return Py_None;
}

/* A coroutine's, or of what makes tasks. */
static __attribute__((noinline)) PyObject *push_marked(enum event_kind kind, uint32_t marked,
                                                       PyObject *code, void *frame)
{
    uint32_t id = marked & DEFINE_ID_BITS;
    if (__builtin_expect(link_to.modes[id] != MODE_RECORD, 0))
        return push_left_out(kind, id, code, frame);
    asyncio_tasks_push(kind, marked, frame);
    writer_put(link_counter(), kind, id, pyapi_frame_key(frame));
    return Py_None;
}

/* `from`: EVENT_FROM_C or 0. */
INLINE PyObject *push(enum path path, enum event_kind kind, PyObject *code, uint32_t from)
{
    PyThreadState *tstate = pyapi.thread_state();
    void *frame = frame_of(path, tstate);
    if (__builtin_expect(!is_of_frame(frame, code), 0))
        return Py_None;
    uint32_t id = define_marked(code);
    if (__builtin_expect((int32_t)id <= 0 || switch_is_due(), 0))
        return define_is_marked(id) && !switch_is_due() ? push_marked(kind, id, code, frame)
                                                        : push_slow(kind, code);
    if (__builtin_expect(link_to.modes[id] != MODE_RECORD, 0))
        return push_left_out(kind, id, code, frame);
    follow_stack(tstate, frame);
    writer_put(counter_now(path), kind, id | from, pyapi_frame_key(frame));
    return Py_None; /* immortal since 3.12: no reference to count */
}

/* A start while C calls are heard: it costs more where the interpreter has asked at a call instruction, too. */
INLINE PyObject *start_asked(enum path path, PyObject *code)
{
    bool asked = writer_of_thread->asked;
    writer_of_thread->asked = false;
    return push(path, EVENT_START, code, asked ? 0 : EVENT_FROM_C);
}

/* The same while the source `spans` is on. */
INLINE PyObject *push_in_span(enum path path, enum event_kind kind, PyObject *code)
{
    spans_look();
    if (kind == EVENT_START && hears_c_calls)
        return start_asked(path, code);
    return push(path, kind, code, 0);
}

/* A pop is written. */
INLINE PyObject *popped(enum path path, uint64_t counter)
{
    if (own_time_is_due(counter))
        own_time_note(counter, counter_now(path));
    return Py_None;
}

INLINE PyObject *pop(enum path path, enum event_kind kind, PyObject *code)
{
    uint64_t counter = counter_now(path);
    PyThreadState *tstate = pyapi.thread_state();
    void *frame = frame_of(path, tstate);
    if (__builtin_expect(!is_of_frame(frame, code), 0))
        return Py_None;
    follow_pop(tstate, true);
    calls_pop(kind, counter, 0, frame);
    return popped(path, counter);
}

/* The same where modes vary. Only then a pop is worth looking its function up. */
INLINE PyObject *pop_varied(enum path path, enum event_kind kind, PyObject *code)
{
    uint64_t counter = counter_now(path);
    PyThreadState *tstate = pyapi.thread_state();
    void *frame = frame_of(path, tstate);
    if (__builtin_expect(!is_of_frame(frame, code), 0))
        return Py_None;
    uint32_t marked = define_marked(code), id = marked & DEFINE_ID_BITS;
    if (__builtin_expect(link_to.modes[id] != MODE_RECORD, 0)) {
        if (link_to.modes[id] == MODE_OFF)
            return fall_silent(id);
        if (escalate_is_mode(link_to.modes[id]))
            return pop_in_place(id, code, frame, counter, false);
    }
    follow_pop(tstate, false);
    calls_pop(kind, counter, id, frame);
    if (__builtin_expect(define_is_import(marked), 0))
        source_hooks_imported();
    return popped(path, counter);
}

INLINE PyObject *unwind(enum path path, PyObject *code)
{
    uint64_t counter = counter_now(path);
    PyThreadState *tstate = pyapi.thread_state();
    void *frame = frame_of(path, tstate);
    uint32_t id = define_known(code);
    if (!is_of_frame(frame, code))
        return Py_None;
    if (escalate_is_mode(link_to.modes[id]))
        return pop_in_place(id, code, frame, counter, true);
    if (link_to.modes[id] != MODE_OFF) {
        follow_pop(tstate, false);
        calls_unwind(counter, id, frame);
    }
    return Py_None;
}

/* args: code, offset, callable, first argument or MISSING. */
INLINE PyObject *c_call(enum path path, PyObject *const *args)
{
    uint32_t id = 0;
    if ((c_calls_identify(args[2], args[3] == missing ? NULL : args[3], &id) ||
         c_calls_convert(args[0], args[1], args[2], args[3], &id)) &&
        link_to.modes[id] == MODE_RECORD) {
        void *frame = current_frame(path);
        writer_put(counter_now(path), EVENT_C_CALL, id, pyapi_frame_key(frame));
    } else {
        writer_of_thread->asked = true; /* what it calls may be Python, or come to that */
    }
    return Py_None;
}

INLINE PyObject *c_pop(enum path path, enum event_kind kind, PyObject *const *args)
{
    uint64_t counter = counter_now(path);
    uint32_t id = 0;
    bool nothing_began = writer_of_thread->asked;
    writer_of_thread->asked = false;
    if (c_calls_is_told(args[2])) {
        if (!c_calls_is_method(args[2], args[3] == missing ? NULL : args[3]))
            c_calls_pop(kind, counter, current_frame(path));
    } else if (c_calls_convert(args[0], args[1], args[2], args[3], &id)) {
        c_calls_pop(kind, counter, current_frame(path));
    } else {
        writer_put(counter, EVENT_ASKED, nothing_began, pyapi_frame_key(current_frame(path)));
    }
    return Py_None;
}

#define CALLBACK(name, expression)                                                       \
    static PyObject *name(PyObject *self __attribute__((unused)), PyObject *const *args, \
                          size_t nargsf __attribute__((unused)),                         \
                          PyObject *names __attribute__((unused)))                       \
    {                                                                                    \
        return expression;                                                               \
    }

#define CALLBACKS(path)                                                        \
    CALLBACK(on_start_##path, push(path, EVENT_START, args[0], 0))             \
    CALLBACK(on_start_asked_##path, start_asked(path, args[0]))                \
    CALLBACK(on_resume_##path, push(path, EVENT_RESUME, args[0], 0))           \
    CALLBACK(on_throw_##path, push(path, EVENT_THROW, args[0], 0))             \
    CALLBACK(on_start_span_##path, push_in_span(path, EVENT_START, args[0]))   \
    CALLBACK(on_resume_span_##path, push_in_span(path, EVENT_RESUME, args[0])) \
    CALLBACK(on_throw_span_##path, push_in_span(path, EVENT_THROW, args[0]))   \
    CALLBACK(on_return_##path, pop(path, EVENT_RETURN, args[0]))               \
    CALLBACK(on_yield_##path, pop(path, EVENT_YIELD, args[0]))                 \
    CALLBACK(on_return_varied_##path, pop_varied(path, EVENT_RETURN, args[0])) \
    CALLBACK(on_yield_varied_##path, pop_varied(path, EVENT_YIELD, args[0]))   \
    CALLBACK(on_unwind_##path, unwind(path, args[0]))                          \
    CALLBACK(on_call_##path, c_call(path, args))                               \
    CALLBACK(on_c_return_##path, c_pop(path, EVENT_C_RETURN, args))            \
    CALLBACK(on_c_raise_##path, c_pop(path, EVENT_C_RAISE, args))

CALLBACKS(ANY)
CALLBACKS(TSC_CFRAME)
CALLBACKS(TSC_DIRECT)

/* The first __main__ code: a module's code whose globals are __main__'s. */
SLOW PyObject *gate(PyObject *code)
{
    PyObject *globals = PyEval_GetGlobals(); /* borrowed */
    PyObject *name = globals ? PyDict_GetItemString(globals, "__name__") : NULL;
    if (!name || !PyUnicode_Check(name) || PyUnicode_CompareWithASCIIString(name, "__main__") != 0)
        return Py_None;
    if (switch_first_main())
        calls_push(EVENT_START, code, current_frame(ANY));
    return Py_None;
}

CALLBACK(on_gate, gate(args[0]))

/* One call for each enum path. */
#define ON(name)                                         \
    {                                                    \
        name##_ANY, name##_TSC_CFRAME, name##_TSC_DIRECT \
    }

static const struct hook {
    const char *event;
    pyapi_vectorcall *call[3];
    pyapi_vectorcall *varied[3]; /* where modes vary */
    pyapi_vectorcall *span[3];   /* with the source `spans`, whose pops are as where modes vary */
    bool c_call;
} hooks[] = {
    {"PY_START", ON(on_start), ON(on_start), ON(on_start_span), false},
    {"PY_RESUME", ON(on_resume), ON(on_resume), ON(on_resume_span), false},
    {"PY_THROW", ON(on_throw), ON(on_throw), ON(on_throw_span), false},
    {"PY_RETURN", ON(on_return), ON(on_return_varied), ON(on_return_varied), false},
    {"PY_YIELD", ON(on_yield), ON(on_yield_varied), ON(on_yield_varied), false},
    {"PY_UNWIND", ON(on_unwind), ON(on_unwind), ON(on_unwind), false},
    {"CALL", ON(on_call), ON(on_call), ON(on_call), true},
    {"C_RETURN", ON(on_c_return), ON(on_c_return), ON(on_c_return), true},
    {"C_RAISE", ON(on_c_raise), ON(on_c_raise), ON(on_c_raise), true},
};
static pyapi_vectorcall *const starts_asked[] = ON(on_start_asked);
enum { HOOK_RETURN = 3, HOOK_COUNT = sizeof(hooks) / sizeof(hooks[0]) };

static enum path choose_path(void)
{
    if (link_to.clock != CLOCK_TSC || pyapi.cframe_frame != 0)
        return ANY;
    return pyapi.has_cframe ? TSC_CFRAME : TSC_DIRECT;
}

static long event_bits[HOOK_COUNT];
static PyObject *callbacks[HOOK_COUNT], *gate_callback;
static long events_put;
static uint32_t references_put[HOOK_COUNT];

/* --- registering ---------------------------------------------------------------------------- */

static PyMemberDef callback_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct callback, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static void callback_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *make_type(void)
{
    PyType_Slot slots[] = {
        {Py_tp_members, callback_members},
        {Py_tp_call, (void *)pyapi.vectorcall_call},
        {Py_tp_dealloc, (void *)callback_dealloc},
        {0, NULL},
    };
    PyType_Spec spec = {.name = "ulma.callback",
                        .basicsize = (int)sizeof(struct callback),
                        .flags = Py_TPFLAGS_DEFAULT | FLAG_HAVE_VECTORCALL,
                        .slots = slots};
    return PyType_FromSpec(&spec);
}

static PyObject *make_callback(PyObject *type, pyapi_vectorcall *call)
{
    struct callback *callback = PyObject_New(struct callback, (PyTypeObject *)type);
    if (callback)
        callback->call = call;
    return (PyObject *)callback;
}

static int attach_callback(long event, PyObject *callback)
{
    PyObject *old = PyObject_CallFunction(register_callback, "ilO", tool_id, event, callback);
    Py_XDECREF(old);
    return old ? 0 : -1;
}

static int change_events(long mask)
{
    PyObject *result = PyObject_CallFunction(set_events, "il", tool_id, mask);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Id 4, else 3: the two that PEP 669 leaves to anybody. */
static int take_tool_id(PyObject *monitoring, char *reason, size_t size)
{
    char holders[2][64] = {"", ""};
    for (int i = 0; i < 2; i++) {
        tool_id = 4 - i;
        PyObject *result = PyObject_CallMethod(monitoring, "use_tool_id", "is", tool_id, "ulma");
        if (result) {
            Py_DECREF(result);
            link_to.header->tool_id = (uint32_t)tool_id;
            return 0;
        }
        PyErr_Clear();
        PyObject *holder = PyObject_CallMethod(monitoring, "get_tool", "i", tool_id);
        PyObject *text = holder ? PyObject_Str(holder) : NULL;
        PyObject *bytes = text ? PyUnicode_AsUTF8String(text) : NULL;
        if (bytes)
            snprintf(holders[i], sizeof(holders[i]), "%s", PyBytes_AsString(bytes));
        PyErr_Clear();
        Py_XDECREF(bytes);
        Py_XDECREF(text);
        Py_XDECREF(holder);
    }
    snprintf(reason, size,
             "sys.monitoring's tool ids 4 and 3 are taken by %s and %s; end one of these tools",
             holders[0], holders[1]);
    return -1;
}

static int read_events(PyObject *monitoring)
{
    PyObject *events = PyObject_GetAttrString(monitoring, "events");
    int result = events ? 0 : -1;
    for (int i = 0; i < HOOK_COUNT && result == 0; i++) {
        PyObject *bit = PyObject_GetAttrString(events, hooks[i].event);
        event_bits[i] = bit ? PyLong_AsLong(bit) : 0;
        Py_XDECREF(bit);
        if (event_bits[i] <= 0)
            result = -1;
        else if (hooks[i].c_call)
            c_calls_mask |= event_bits[i];
        else
            calls_mask |= event_bits[i];
    }
    gate_mask = event_bits[0];
    Py_XDECREF(events);
    return result;
}

static int register_hooks(void)
{
    for (int i = 0; i < HOOK_COUNT; i++)
        if (attach_callback(event_bits[i], callbacks[i]))
            return -1;
    return 0;
}

static int make_callbacks(void)
{
    static int made_for = -1;
    PyObject *type = make_type();
    if (!type)
        return -1;
    for (int i = 0; i < HOOK_COUNT; i++) {
        if (callbacks[i] && made_for == (int)choose_path())
            continue;
        /* One of another path is kept for ever: it may stand on a C stack now. */
        callbacks[i] = make_callback(type, hooks[i].call[choose_path()]);
        if (!callbacks[i])
            return -1;
    }
    made_for = (int)choose_path();
    if (!gate_callback)
        gate_callback = make_callback(type, on_gate);
    Py_DECREF(type);
    return gate_callback ? register_hooks() : -1;
}

static int monitoring_prepare(char *reason, size_t size)
{
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (!monitoring || read_events(monitoring)) {
        PyErr_Clear();
        snprintf(reason, size, "this Python has no sys.monitoring, which ulma needs from 3.12 on");
        return -1;
    }
    register_callback = PyObject_GetAttrString(monitoring, "register_callback");
    set_events = PyObject_GetAttrString(monitoring, "set_events");
    get_events = PyObject_GetAttrString(monitoring, "get_events");
    set_local_events = PyObject_GetAttrString(monitoring, "set_local_events");
    missing = PyObject_GetAttrString(monitoring, "MISSING");
    disable = PyObject_GetAttrString(monitoring, "DISABLE");
    return register_callback && set_events && get_events && set_local_events && missing && disable
               ? 0
               : -1;
}

static void monitoring_end(void)
{
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (!tool_id || !monitoring)
        return;
    for (int i = 0; i < HOOK_COUNT; i++)
        if (attach_callback(event_bits[i], Py_None))
            PyErr_Clear();
    PyObject *result = PyObject_CallMethod(monitoring, "free_tool_id", "i", tool_id);
    Py_XDECREF(result);
    PyErr_Clear();
    tool_id = 0;
}

static int monitoring_begin(char *reason, size_t size)
{
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (!monitoring || take_tool_id(monitoring, reason, size)) {
        tool_id = 0;
        return -1;
    }
    if (make_callbacks() == 0)
        return 0;
    PyErr_Clear();
    monitoring_end();
    snprintf(reason, size, "registering with sys.monitoring failed");
    return -1;
}

/* --- the switch ----------------------------------------------------------------------------- */

static int monitoring_watch_main(void)
{
    if (attach_callback(event_bits[0], gate_callback) || change_events(gate_mask)) {
        PyErr_Clear();
        return -1;
    }
    return 0;
}

static void choose_calls(void)
{
    enum path path = choose_path();
    /* Whose return is an import's end shows there, too. */
    uint32_t wanted = atomic_load_explicit(&link_to.header->sources_wanted, memory_order_relaxed);
    bool vary = atomic_load_explicit(&link_to.header->modes_vary, memory_order_relaxed) ||
                (wanted & SOURCE_METHODS);
    if (own_time_learns())
        vary = own_time_learns() == OWN_TIME_OF_VARIED;
    for (int i = 0; i < HOOK_COUNT; i++)
        ((struct callback *)callbacks[i])->call = wanted & SOURCE_SPANS ? hooks[i].span[path]
                                                  : vary                ? hooks[i].varied[path]
                                                                        : hooks[i].call[path];
    if (hears_c_calls && !(wanted & SOURCE_SPANS))
        ((struct callback *)callbacks[0])->call = starts_asked[path];
}

static int say_taken(char *reason, size_t size)
{
    PyErr_Clear();
    snprintf(reason, size, "another tool took sys.monitoring's tool id %d away", tool_id);
    return -1;
}

/* Registering tells audit hooks. */
static int monitoring_make_ready(uint32_t sources, char *reason, size_t size)
{
    char unused[SESSION_REASON_SIZE];
    if (sources & SOURCE_C_CALLS)
        line_prepare(unused, sizeof(unused)); /* where it cannot be had, conversions are not told */
    hears_c_calls = sources & SOURCE_C_CALLS;
    choose_calls();
    return attach_callback(event_bits[0], callbacks[0]) == 0 ? 0 : say_taken(reason, size);
}

/* What the interpreter says that our tool's events are; -1: it has none, with or without an exception. */
static long present_events(void)
{
    PyObject *events = PyObject_CallFunction(get_events, "i", tool_id);
    long mask = events ? PyLong_AsLong(events) : -1;
    Py_XDECREF(events);
    PyErr_Clear();
    return mask;
}

static uint32_t references_to(PyObject *callback)
{
    return (uint32_t)callback->ob_refcnt; /* the other half is flags since 3.14 */
}

/* A callback that was replaced has lost the interpreter's reference. */
static void remember_hooks(void)
{
    events_put = present_events();
    for (int i = 0; i < HOOK_COUNT; i++)
        references_put[i] = references_to(callbacks[i]);
}

/* The interpreter's own end empties `sys` first, then takes all tools' hooks away. */
static bool monitoring_is_in_place(void)
{
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (!monitoring || monitoring == Py_None)
        return true;
    for (int i = 0; i < HOOK_COUNT; i++)
        if (references_to(callbacks[i]) < references_put[i])
            return false;
    return present_events() == events_put;
}

static long mask_of(uint32_t sources)
{
    return (sources & SOURCE_CALLS ? calls_mask : 0) |
           (sources & SOURCE_C_CALLS ? c_calls_mask : 0);
}

static int monitoring_on(uint32_t sources, char *reason, size_t size)
{
    if (change_events(mask_of(sources)))
        return say_taken(reason, size);
    remember_hooks();
    return 0;
}

/* --- for sources with events of their own ---------------------------------------------------- */

bool monitoring_is_of_frame(const void *frame, const PyObject *code)
{
    return is_of_frame(frame, code);
}

void monitoring_set_local(PyObject *code, long mask)
{
    PyObject *result = PyObject_CallFunction(set_local_events, "iOl", tool_id, code, mask);
    Py_XDECREF(result);
    if (!result)
        PyErr_Clear();
}

void monitoring_fit_local(PyObject *code, uint32_t id)
{
    monitoring_set_local(code, lines_local_events(id) | operators_local_events(id));
}

long monitoring_event(const char *name)
{
    PyObject *monitoring = PySys_GetObject("monitoring"); /* borrowed */
    PyObject *events = monitoring ? PyObject_GetAttrString(monitoring, "events") : NULL;
    PyObject *bit = events ? PyObject_GetAttrString(events, name) : NULL;
    long event = bit ? PyLong_AsLong(bit) : -1;
    PyErr_Clear();
    Py_XDECREF(bit);
    Py_XDECREF(events);
    return event;
}

bool monitoring_take_event(const char *name, pyapi_vectorcall *call, long *ret_event)
{
    *ret_event = monitoring_event(name);
    PyObject *type = *ret_event > 0 ? make_type() : NULL;
    PyObject *callback = type ? make_callback(type, call) : NULL;
    bool taken = callback && *ret_event > 0 && attach_callback(*ret_event, callback) == 0;
    PyErr_Clear();
    Py_XDECREF(callback);
    Py_XDECREF(type);
    return taken;
}

void monitoring_give_event(long event)
{
    if (attach_callback(event, Py_None))
        PyErr_Clear();
}

/* --- silence --------------------------------------------------------------------------------- */

static bool is_to_be_heard(uint32_t id)
{
    unsigned char mode = link_to.modes[id];
    return silent[id] && mode != MODE_OFF && mode != MODE_CLOSING;
}

/* An event that was answered with DISABLE comes back when its code is instrumented anew, and that is only
 * done when what it is to be instrumented for differs. So while all events are off: something, and nothing.
 * Neither other tools' events nor those of other codes come back by that, as by restart_events(). */
static void forget_silence(uint32_t id)
{
    PyObject *code = define_code_of(id);
    silent[id] = false;
    if (!code)
        return;
    long kept = lines_local_events(id) | operators_local_events(id);
    monitoring_set_local(code, event_bits[HOOK_RETURN] | kept);
    monitoring_set_local(code, kept);
}

/* Nobody who comes later finds functions that tell nothing. */
static void monitoring_off(void)
{
    if (!tool_id)
        return;
    if (change_events(0))
        PyErr_Clear();
    for (uint32_t id = 1; id <= silent_most; id++)
        if (silent[id])
            forget_silence(id);
    silent_most = 0;
}

static bool monitoring_rearm(bool stacks)
{
    uint32_t first = 1;
    choose_calls();
    while (first <= silent_most && !is_to_be_heard(first))
        first++;
    if (first > silent_most || !tool_id || change_events(0))
        return stacks;
    for (uint32_t id = first; id <= silent_most; id++)
        if (is_to_be_heard(id))
            forget_silence(id);
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_on, memory_order_relaxed);
    return change_events(mask_of(sources)) == 0 || stacks;
}

/* A change of events invalidates all executors (_Py_Executors_InvalidateAll). */
static void monitoring_renew(void)
{
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_on, memory_order_relaxed);
    if (change_events(0) || change_events(mask_of(sources)))
        PyErr_Clear();
}

static void monitoring_seeded(struct writer *writer, void *frame)
{
    (void)writer;
    (void)frame;
}

const struct switch_mechanism monitoring_mechanism = {
    .prepare = monitoring_prepare,
    .begin = monitoring_begin,
    .end = monitoring_end,
    .watch_main = monitoring_watch_main,
    .make_ready = monitoring_make_ready,
    .on = monitoring_on,
    .off = monitoring_off,
    .rearm = monitoring_rearm,
    .renew = monitoring_renew,
    .are_in_place = monitoring_is_in_place,
    .seeded = monitoring_seeded,
};

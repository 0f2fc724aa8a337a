/* SPDX-License-Identifier: MIT */
/* The profile function (PyEval_SetProfile) as a source.
 * Why: see profile.h.
 * Rules: it is set per thread state, which may be a new one on an old thread: the serial that a
 * thread's own copy carries tells whether it has it. */
#include "probe/py/profile.h"

#include "probe/source_hooks.h"

#include "sources/c_calls/c_calls_probe.h"
#include "sources/calls/calls_probe.h"

#include <stdio.h>

enum { WHAT_CALL = 0, WHAT_RETURN = 3, WHAT_C_CALL = 4, WHAT_C_RAISE = 5, WHAT_C_RETURN = 6 };
enum { OPCODE_RESUME_3_11 = 151, OPCODE_RESUME_QUICK_3_11 = 150 };

enum { FUNCTION_WITHIN = 256 }; /* of a thread state, bytes */

static uint32_t wanted;
static size_t function_offset; /* of the profile function in a thread state; 0: not known */
static uint32_t serial;        /* rises with each on; 0: never on */
static __thread uint32_t serial_of_thread __attribute__((tls_model("initial-exec")));
static __thread PyThreadState *tstate_of_thread __attribute__((tls_model("initial-exec")));

/* The frame whose address stands on the wire: the interpreter's, as SEEDs tell it. */
static void *wire_frame(void *frame_object)
{
    return pyapi.minor < 11 ? frame_object : PYAPI_FIELD(void *, frame_object, pyapi.object_frame);
}

static bool has_begun(const void *frame)
{
    if (pyapi.minor < 11)
        return PYAPI_FIELD(int, frame, pyapi.frame_lasti) != -1;
    /* At RESUME: its argument is 0 at a function's start. Elsewhere: a throw() into the middle. */
    const uint16_t *instruction = PYAPI_FIELD(uint16_t *, frame, pyapi.frame_instruction);
    unsigned opcode = *instruction & 0xff;
    bool resume = opcode == OPCODE_RESUME_3_11 || opcode == OPCODE_RESUME_QUICK_3_11;
    return !resume || (*instruction >> 8) != 0;
}

/* 3.11 does not tell that a generator goes on when what it awaits has swallowed a throw(): the first
 * that is heard of it is its return. Who is told nests, so such a frame is then not the innermost of
 * them; what it awaits was told above it while it was not. */
static void enter(struct writer *writer, void *frame)
{
    if (pyapi.minor == 11 &&
        writer->innermost != PYAPI_FIELD(void *, frame, pyapi.frame_previous) &&
        writer->gap_count < WRITER_GAPS) {
        writer->gaps[writer->gap_count].frame = frame;
        writer->gaps[writer->gap_count].below = writer->innermost;
        writer->gap_count++;
    }
    writer->innermost = frame;
}

static void leave(struct writer *writer, void *frame, PyObject *code)
{
    if (pyapi.minor != 11)
        return;
    if (writer->innermost != frame && code && pyapi_is_generator(code))
        calls_push(EVENT_RESUME, code, frame);
    writer->innermost = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    while (writer->gap_count > 0 && writer->gaps[writer->gap_count - 1].frame == frame)
        writer->innermost = writer->gaps[--writer->gap_count].below;
}

static void on_python_call(void *frame)
{
    PyObject *code = pyapi_frame_code(frame);
    if (!code)
        return;
    bool generator = pyapi_is_generator(code);
    calls_push(generator && has_begun(frame) ? EVENT_RESUME : EVENT_START, code, frame);
    enter(writer_of_thread, frame);
}

static void on_python_return(void *frame, const PyObject *result)
{
    uint64_t counter = link_counter();
    PyObject *code = pyapi_frame_code(frame);
    bool generator = code && pyapi_is_generator(code);
    leave(writer_of_thread, frame, code);
    uint32_t id = code ? define_known(code) : 0;
    if (escalate_is_mode(link_to.modes[id]))
        escalate_pop(id, code, frame, !result, counter);
    if (link_to.modes[id] == MODE_OFF || escalate_is_mode(link_to.modes[id]))
        return;
    if (!result)
        calls_unwind(counter, id, frame);
    else
        calls_pop(generator && pyapi_has_yielded(frame) ? EVENT_YIELD : EVENT_RETURN, counter, id,
                  frame);
    if (code && define_is_import(define_marked(code)))
        source_hooks_imported();
}

static void on_c_call(void *frame, PyObject *function)
{
    uint32_t id = 0;
    if (c_calls_identify(function, NULL, &id))
        c_calls_push(id, frame);
}

static int on_event(PyObject *object, void *frame_object, int what, PyObject *arg)
{
    (void)object;
    void *frame = wire_frame(frame_object);
    uint64_t counter = link_counter();
    switch (what) {
    case WHAT_CALL:
        if (wanted & SOURCE_CALLS)
            on_python_call(frame);
        break;
    case WHAT_RETURN:
        if (wanted & SOURCE_CALLS)
            on_python_return(frame, arg);
        break;
    case WHAT_C_CALL:
        on_c_call(frame, arg);
        break;
    case WHAT_C_RETURN:
    case WHAT_C_RAISE:
        if (c_calls_is_told(arg) && !c_calls_is_method(arg, NULL))
            c_calls_pop(what == WHAT_C_RETURN ? EVENT_C_RETURN : EVENT_C_RAISE, counter, frame);
        break;
    default:
        break;
    }
    return 0;
}

static bool someone_profiles(void)
{
    PyObject *sys_getprofile = PySys_GetObject("getprofile"); /* borrowed */
    PyObject *present = sys_getprofile ? PyObject_CallObject(sys_getprofile, NULL) : NULL;
    bool taken = present && present != Py_None;
    Py_XDECREF(present);
    PyErr_Clear();
    return taken;
}

int profile_on(uint32_t sources, char *reason, size_t size)
{
    if (someone_profiles()) {
        snprintf(reason, size,
                 "c-calls need sys.setprofile's place on Python 3.%d, and another tool "
                 "has it; end that tool or record calls alone",
                 pyapi.minor);
        return -1;
    }
    wanted = sources;
    serial++;
    return 0;
}

/* It was just set: it is where our address stands now. */
static void find_function(PyThreadState *tstate)
{
    for (size_t at = sizeof(void *); at < FUNCTION_WITHIN && !function_offset; at += sizeof(void *))
        if (PYAPI_FIELD(pyapi_profile *, tstate, at) == on_event)
            function_offset = at;
}

/* The program has set one of its own, or none: the header says that calls are missing. */
static void look_for_other(PyThreadState *tstate)
{
    if (wanted && function_offset && link_to.header &&
        PYAPI_FIELD(pyapi_profile *, tstate, function_offset) != on_event)
        atomic_store_explicit(&link_to.header->hooks_taken, TAKEN_PROFILE, memory_order_relaxed);
}

bool profile_ensure(PyThreadState *tstate)
{
    if (serial_of_thread == serial && tstate_of_thread == tstate) {
        look_for_other(tstate);
        return false;
    }
    serial_of_thread = serial;
    tstate_of_thread = tstate;
    if (wanted && pyapi.set_profile(tstate, on_event, NULL))
        PyErr_Clear();
    find_function(tstate);
    return wanted;
}

void profile_off(void)
{
    if (!wanted)
        return;
    wanted = 0;
    serial++;
    PyThreadState *tstate = pyapi.thread_head(PyInterpreterState_Get());
    for (; tstate; tstate = pyapi.thread_next(tstate))
        if (pyapi.set_profile(tstate, NULL, NULL))
            PyErr_Clear();
}

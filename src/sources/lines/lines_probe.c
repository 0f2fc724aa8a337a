/* SPDX-License-Identifier: MIT */
/* LINE events, chosen by code object.
 * Why: see lines_probe.h.
 * Rules: as there. What turns out to be unwanted loses the event at its next line, and costs nothing from then on. */
#include "sources/lines/lines_probe.h"

#include "probe/define.h"
#include "probe/py/monitoring.h"
#include "probe/source_hooks.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <stdio.h>
#include <string.h>

static bool is_on;
static long line_event; /* its bit; 0: nobody has registered it */

static bool is_told[SESSION_ID_LIMIT]; /* by id: the code object has the event */
static bool told_anew;
static uint32_t told_most; /* the highest */

/* --- the event ------------------------------------------------------------------------------- */

static bool is_heard(uint32_t id)
{
    unsigned char mode = link_to.modes[id];
    return link_to.lines[id] != LINES_NO && mode != MODE_OFF && mode != MODE_CLOSING;
}

static void tell(PyObject *code, uint32_t id, bool told)
{
    is_told[id] = told;
    if (id > told_most)
        told_most = id;
    monitoring_fit_local(code, id);
}

/* Within its own event: what runs goes on with the instruction that stood there. */
static __attribute__((noinline, cold)) PyObject *fall_silent(PyObject *code, uint32_t id)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    tell(code, id, false);
    PyErr_Restore(type, value, traceback);
    return Py_None;
}

/* A switch that is due, which no call may come to notice; a fork's child that has made no call yet. The id, or 0:
 * nothing is to be written. */
static __attribute__((noinline, cold)) uint32_t look_around(PyObject *code, void *frame)
{
    if (link_to.orphan)
        switch_follow_child(0);
    if (switch_is_due())
        switch_apply();
    return switch_is_on() && is_on ? define_id(code, frame) : 0;
}

/* arguments: code, line. */
static PyObject *on_line(PyObject *self, PyObject *const *arguments, size_t size, PyObject *names)
{
    (void)self;
    (void)size;
    (void)names;
    uint64_t counter = link_counter();
    PyObject *code = arguments[0];
    void *frame = pyapi_current_frame(pyapi.thread_state());
    if (!monitoring_is_of_frame(frame, code))
        return Py_None;
    uint32_t id = define_known(code);
    if (__builtin_expect(!id || switch_is_due(), 0) && !(id = look_around(code, frame)))
        return Py_None;
    if (__builtin_expect(!is_heard(id), 0))
        return fall_silent(code, id);
    long line = PyLong_AsLong(arguments[1]);
    writer_put(counter, EVENT_LINE,
               line > 0 && line < EVENT_ID_LIMIT ? (uint32_t)line : EVENT_ID_LIMIT - 1,
               pyapi_frame_key(frame));
    return Py_None;
}

/* --- which code objects ---------------------------------------------------------------------- */

void lines_defined(PyObject *code, uint32_t id)
{
    is_told[id] = false; /* the id may have been another one's */
    if (is_on && is_heard(id))
        tell(code, id, true);
}

bool lines_told_anew(void)
{
    bool anew = told_anew;
    told_anew = false;
    return anew;
}

long lines_local_events(uint32_t id)
{
    return is_on && is_told[id] ? line_event : 0;
}

static void fit(void)
{
    uint32_t count = atomic_load_explicit(&link_to.header->definition_count, memory_order_relaxed);
    for (uint32_t id = 1; id <= count && id < SESSION_ID_LIMIT; id++) {
        bool heard = is_heard(id);
        PyObject *code = heard != is_told[id] ? define_code_of(id) : NULL;
        if (!code)
            continue;
        tell(code, id, heard);
        told_anew |= heard;
    }
}

/* --- the hooks ------------------------------------------------------------------------------- */

static int lines_can_be_had(char *reason, size_t size)
{
    if (pyapi.minor >= 12)
        return 0;
    snprintf(reason, size,
             "lines are told by sys.monitoring, which Python has from 3.12 on; this one is 3.%d",
             pyapi.minor);
    return -1;
}

static int lines_make_ready(char *reason, size_t size)
{
    if (lines_can_be_had(reason, size))
        return -1;
    if (monitoring_take_event("LINE", on_line, &line_event))
        return 0;
    snprintf(reason, size, "sys.monitoring does not tell lines in this program");
    return -1;
}

static int lines_on(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    is_on = true;
    fit();
    return 0;
}

static void lines_off(void)
{
    if (!is_on)
        return;
    is_on = false;
    for (uint32_t id = 1; id <= told_most; id++) {
        PyObject *code = is_told[id] ? define_code_of(id) : NULL;
        is_told[id] = false;
        if (code)
            monitoring_fit_local(code, id);
    }
    told_most = 0;
    monitoring_give_event(line_event);
}

static void lines_rearm(void)
{
    if (is_on)
        fit();
}

const struct source_hooks lines_hooks = {
    .bit = SOURCE_LINES,
    .can_be_had = lines_can_be_had,
    .make_ready = lines_make_ready,
    .on = lines_on,
    .off = lines_off,
    .rearm = lines_rearm,
};

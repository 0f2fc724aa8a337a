/* SPDX-License-Identifier: MIT */
/* Calibration: a loop of empty calls with and without the hooks, into a private ring.
 * Why: see calibrate.h. Total cost = (time on - time off) / calls. Of it, `inner` is what falls
 * between the two counter reads of one call, seen in the ring itself; the rest falls into the caller.
 * Rules: the least of several rounds: noise only ever adds. */
#include "probe/calibrate.h"

#include "probe/define.h"

#include <string.h>

enum { CALLS = 400, ROUNDS = 7, SCRATCH_EVENTS = 4096 };

static struct event scratch[SCRATCH_EVENTS];

static const char program[] = "def f(): pass\n"
                              "def calls(n):\n"
                              "    for _ in n: f()\n"
                              "def c_calls(n, f=().count):\n"
                              "    for _ in n: f(0)\n";

static uint64_t time_round(PyObject *function, PyObject *range)
{
    uint64_t begin = link_counter();
    PyObject *result = PyObject_CallFunctionObjArgs(function, range, NULL);
    uint64_t end = link_counter();
    Py_XDECREF(result);
    return end - begin;
}

/* Least ticks between a push of `push` and the pop right after it. */
static uint64_t least_inner(uint64_t events, enum event_kind push)
{
    uint64_t least = UINT64_MAX;
    uint64_t first = events > SCRATCH_EVENTS ? events - SCRATCH_EVENTS : 0;
    for (uint64_t i = first; i + 1 < events; i++) {
        const struct event *event = &scratch[i % SCRATCH_EVENTS];
        const struct event *next = &scratch[(i + 1) % SCRATCH_EVENTS];
        if (event_kind(event) == (uint32_t)push && next->counter - event->counter < least)
            least = next->counter - event->counter;
    }
    return least;
}

static uint64_t least_of_rounds(PyObject *function, PyObject *range)
{
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t ticks = time_round(function, range);
        least = ticks < least ? ticks : least;
    }
    return least;
}

static void measure(const struct switch_mechanism *mechanism, PyObject *function, PyObject *range,
                    uint32_t sources, enum event_kind push, uint32_t *ret_inner,
                    uint32_t *ret_outer)
{
    char reason[SESSION_REASON_SIZE];
    uint64_t off = least_of_rounds(function, range);
    writer_begin_scratch(scratch, SCRATCH_EVENTS);
    uint64_t on = off;
    if (mechanism->make_ready(sources, reason, sizeof(reason)) == 0 &&
        mechanism->on(sources, reason, sizeof(reason)) == 0)
        on = least_of_rounds(function, range);
    mechanism->off();
    uint64_t inner = least_inner(writer_end_scratch(), push);
    uint64_t cost256 = on > off ? (on - off) * 256 / CALLS : 0;
    uint64_t inner256 = inner == UINT64_MAX ? 0 : inner * 256;
    if (inner256 > cost256)
        inner256 = cost256;
    *ret_inner = (uint32_t)inner256;
    *ret_outer = (uint32_t)(cost256 - inner256);
}

void calibrate_run(const struct switch_mechanism *mechanism, uint32_t sources,
                   struct calibrate_cost *cost)
{
    PyObject *code = Py_CompileString(program, "<ulma calibration>", Py_file_input);
    PyObject *globals = PyDict_New();
    PyObject *range = PyObject_CallFunction((PyObject *)&PyRange_Type, "i", CALLS);
    if (globals)
        PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
    PyObject *ran = code && globals ? PyEval_EvalCode(code, globals, globals) : NULL;
    PyObject *calls = ran ? PyDict_GetItemString(globals, "calls") : NULL;
    PyObject *c_calls = ran ? PyDict_GetItemString(globals, "c_calls") : NULL;
    if (calls && c_calls && range) {
        if (sources & SOURCE_CALLS)
            measure(mechanism, calls, range, SOURCE_CALLS, EVENT_START, &cost->inner_ticks256,
                    &cost->outer_ticks256);
        if (sources & SOURCE_C_CALLS)
            measure(mechanism, c_calls, range, SOURCE_CALLS | SOURCE_C_CALLS, EVENT_C_CALL,
                    &cost->c_inner_ticks256, &cost->c_outer_ticks256);
    }
    Py_XDECREF(ran);
    Py_XDECREF(range);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    PyErr_Clear();
}

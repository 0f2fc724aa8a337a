/* SPDX-License-Identifier: MIT */
/* Spans: begin and end, as the package's module ulma._spans calls them, and the look at the context.
 * Why the module holds the two functions: whoever opens spans runs whether somebody records or not; while nobody does they
 * are None there, and a span costs the look at that.
 * Rules: numbers are a process's own and never used again while it records; those from before the switch-on, or of the
 * process that forked it, are no span's. A begin and its end may come in different threads and contexts. */
#include "sources/spans/spans_probe.h"

#include "sources/spans/spans_servers_probe.h"

#include "probe/py/pyapi.h"
#include "probe/source_hooks.h"
#include "probe/writer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define MODULE "ulma._spans"

bool spans_are_on;

static struct {
    int (*get)(PyObject *variable, PyObject *otherwise, PyObject **ret_value);
    PyObject *(*set)(PyObject *variable, PyObject *value);
} contextvars;

static PyObject *module;                        /* owned; NULL: the program has not imported it */
static PyObject *variable;                      /* of contexts; owned, and never given back */
static uint32_t last_number;                    /* given out */
static uint32_t first_number;                   /* since the switch-on */
static PyObject *begin_function, *end_function; /* owned */

/* --- whose work it is ------------------------------------------------------------------------- */

static uint32_t present_span(void)
{
    PyObject *value = NULL;
    uint32_t number = 0;
    if (!variable || contextvars.get(variable, NULL, &value) < 0 || !value)
        return 0;
    if (PyLong_CheckExact(value))
        number = (uint32_t)PyLong_AsUnsignedLongMask(value);
    Py_DECREF(value);
    return number >= first_number ? number : 0;
}

static void tell(uint32_t number, uint32_t at_once)
{
    writer_put(link_counter(), EVENT_SPAN_NOW, at_once, number);
    struct writer *writer = writer_of_thread; /* it may have got a ring just now */
    if (writer->ring)
        writer->span_told = writer->dropping ? WRITER_SPAN_UNKNOWN : number;
}

void spans_look_now(void)
{
    if (!link_to.header)
        return;
    uint32_t number = present_span();
    if (number != writer_of_thread->span_told)
        tell(number, 0);
}

/* --- begin and end ---------------------------------------------------------------------------- */

static void go_on_in(uint32_t number)
{
    PyObject *value = PyLong_FromUnsignedLong(number);
    PyObject *token = value ? contextvars.set(variable, value) : NULL;
    if (!token)
        PyErr_Clear();
    Py_XDECREF(token);
    Py_XDECREF(value);
}

static void put_text(uint64_t counter, const char *text, Py_ssize_t size)
{
    size_t most = size < SPAN_TEXT_MOST ? (size_t)size : SPAN_TEXT_MOST;
    for (size_t at = 0; at < most; at += EVENT_NAME_BYTES) {
        unsigned char piece[EVENT_NAME_BYTES] = {0};
        uint32_t frame;
        memcpy(piece, text + at, most - at < sizeof(piece) ? most - at : sizeof(piece));
        memcpy(&frame, piece + 3, sizeof(frame));
        writer_put(counter, EVENT_SPAN_TEXT,
                   piece[0] | (uint32_t)piece[1] << 8 | (uint32_t)piece[2] << 16, frame);
    }
}

/* begin(sort, text=b"") -> a ticket for end; 0: nobody records. The text, as the event SPAN_TEXT has it, is for spans whose
 * end may never be told. */
static PyObject *begin(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned int sort = 0;
    const char *text = NULL;
    Py_ssize_t size = 0;
    if (!PyArg_ParseTuple(arguments, "I|y#", &sort, &text, &size))
        return NULL;
    if (!spans_are_on || !link_to.header || !variable)
        return PyLong_FromLong(0);
    uint32_t parent = present_span();
    if (parent != writer_of_thread->span_told)
        tell(parent, 1);
    uint32_t number = ++last_number;
    uint32_t id = (uint32_t)(sort < SPAN_SORTS ? sort : SPAN_PLAIN);
    if (number == first_number)
        id |= SPAN_FIRST;
    go_on_in(number);
    uint64_t counter = link_counter();
    put_text(counter, text, size);
    writer_put(counter, EVENT_SPAN_BEGIN, id, number);
    if (writer_of_thread->ring)
        writer_of_thread->span_told = writer_of_thread->dropping ? WRITER_SPAN_UNKNOWN : number;
    return PyLong_FromUnsignedLongLong((unsigned long long)parent << 32 | number);
}

/* end(ticket, failed, text) */
static PyObject *end(PyObject *self, PyObject *arguments)
{
    (void)self;
    unsigned long long ticket = 0;
    int failed = 0;
    const char *text = NULL;
    Py_ssize_t size = 0;
    uint64_t entered = link_counter();
    if (!PyArg_ParseTuple(arguments, "Kiy#", &ticket, &failed, &text, &size))
        return NULL;
    uint32_t number = (uint32_t)ticket, parent = (uint32_t)(ticket >> 32);
    if (spans_are_on && link_to.header && variable && number >= first_number) {
        if (present_span() == number)
            go_on_in(parent);
        put_text(entered, text, size);
        writer_put(entered, EVENT_SPAN_END, failed != 0, number);
        tell(present_span(), 1);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

static PyMethodDef methods[] = {
    {"begin", begin, METH_VARARGS, NULL},
    {"end", end, METH_VARARGS, NULL},
};

/* --- the switch ------------------------------------------------------------------------------- */

/* The program may import it later. */
static void find_module(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *found = modules ? PyDict_GetItemString(modules, MODULE) : NULL;
    if (!found || found == module)
        return;
    Py_XDECREF(module);
    Py_INCREF(found);
    module = found;
}

static void hand_out(PyObject *to, PyObject *begin_with, PyObject *end_with)
{
    if (to && (PyObject_SetAttrString(to, "end", end_with) ||
               PyObject_SetAttrString(to, "begin", begin_with)))
        PyErr_Clear();
}

/* What the servers' layers were made of shares the program's begin and end. */
static void hand_out_all(void)
{
    hand_out(module, begin_function, end_function);
    hand_out(spans_servers_module(), begin_function, end_function);
}

static PyObject *make_variable(void)
{
    PyObject *(*make)(const char *name, PyObject *otherwise);
    *(void **)&make = dlsym(RTLD_DEFAULT, "PyContextVar_New");
    PyObject *none = PyLong_FromLong(0);
    PyObject *made = make && none ? make("ulma_span", none) : NULL;
    Py_XDECREF(none);
    return made;
}

static int spans_make_ready(char *reason, size_t size)
{
    if (link_to.flight) {
        snprintf(reason, size, "a flight recorder has no spans: take calls");
        return -1;
    }
    *(void **)&contextvars.get = dlsym(RTLD_DEFAULT, "PyContextVar_Get");
    *(void **)&contextvars.set = dlsym(RTLD_DEFAULT, "PyContextVar_Set");
    if (!variable)
        variable = make_variable();
    if (!begin_function)
        begin_function = PyCFunction_New(&methods[0], NULL);
    if (!end_function)
        end_function = PyCFunction_New(&methods[1], NULL);
    if (contextvars.get && contextvars.set && variable && begin_function && end_function) {
        spans_servers_find();
        return 0;
    }
    PyErr_Clear();
    snprintf(reason, size, "this Python's context variables cannot be had");
    return -1;
}

static int spans_on(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    first_number = last_number + 1;
    spans_are_on = true;
    find_module();
    hand_out_all();
    return 0;
}

static void spans_off(void)
{
    hand_out(spans_servers_module(), Py_None, Py_None);
    spans_servers_leave();
    if (!spans_are_on)
        return;
    spans_are_on = false;
    hand_out(module, Py_None, Py_None);
    Py_CLEAR(module);
}

static void spans_imported(void)
{
    if (!spans_are_on)
        return;
    find_module();
    spans_servers_find();
    if (spans_are_on)
        hand_out_all();
    else
        spans_servers_leave(); /* it went off while the GIL had passed */
}

const struct source_hooks spans_hooks = {
    .bit = SOURCE_SPANS,
    .make_ready = spans_make_ready,
    .on = spans_on,
    .off = spans_off,
    .imported = spans_imported,
};

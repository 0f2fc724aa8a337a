/* SPDX-License-Identifier: MIT */
/* The source `gc` in the target: when the garbage collector begins and ends.
 * Why gc.callbacks: the interpreter calls what stands in that list at both, on every version, with the
 * generation and what was found; nothing else in it is touched.
 * Rules: a program that looks at the list finds one builtin more while the source is on. The module `gc` stands
 * in sys.modules only if the program put it there. */
#include "probe/py/pyapi.h"
#include "probe/source_hooks.h"
#include "probe/writer.h"

#include <stdio.h>

static PyObject *list;     /* gc.callbacks; owned, NULL: not on */
static PyObject *callback; /* ours in it; owned */

/* At most `most`; 0 where it is missing or makes no sense. */
static uint32_t number_in(PyObject *info, const char *key, uint32_t most)
{
    PyObject *value = PyDict_Check(info) ? PyDict_GetItemString(info, key) : NULL; /* borrowed */
    long long number = value && PyLong_Check(value) ? PyLong_AsLongLong(value) : 0;
    if (PyErr_Occurred())
        PyErr_Clear();
    return number < 0 ? 0 : number > (long long)most ? most : (uint32_t)number;
}

static PyObject *on_collection(PyObject *self, PyObject *arguments)
{
    (void)self;
    uint64_t entered = link_counter();
    PyObject *phase = PyTuple_GetItem(arguments, 0), *info = PyTuple_GetItem(arguments, 1);
    if (!phase || !info || !PyUnicode_Check(phase)) {
        PyErr_Clear(); /* not the collector's call */
    } else if (PyUnicode_CompareWithASCIIString(phase, "start") == 0) {
        uint32_t generation = number_in(info, "generation", EVENT_ID_LIMIT - 1);
        writer_put(link_counter(), EVENT_GC_START, generation, 0);
    } else {
        uint32_t collected = number_in(info, "collected", UINT32_MAX);
        uint32_t uncollectable = number_in(info, "uncollectable", EVENT_ID_LIMIT - 1);
        writer_put(entered, EVENT_GC_STOP, uncollectable, collected);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

static PyMethodDef method = {"ulma_gc", on_collection, METH_VARARGS, NULL};

static int say_failed(char *reason, size_t size)
{
    PyErr_Clear();
    snprintf(reason, size, "gc.callbacks cannot be had in this program");
    return -1;
}

/* A builtin module: importing it runs no code of the program's, and the list is the interpreter's own. */
static PyObject *find_list(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *known = modules ? PyDict_GetItemString(modules, "gc") : NULL;
    PyObject *module = PyImport_ImportModule("gc");
    PyObject *found = module ? PyObject_GetAttrString(module, "callbacks") : NULL;
    if (module && !known && PyDict_DelItemString(modules, "gc"))
        PyErr_Clear();
    Py_XDECREF(module);
    if (found && PyList_Check(found))
        return found;
    Py_XDECREF(found);
    return NULL;
}

static int gc_make_ready(char *reason, size_t size)
{
    Py_CLEAR(list);
    Py_CLEAR(callback);
    list = find_list();
    callback = list ? PyCFunction_New(&method, NULL) : NULL;
    return callback ? 0 : say_failed(reason, size);
}

static int gc_on(char *reason, size_t size)
{
    return list && callback && PyList_Append(list, callback) == 0 ? 0 : say_failed(reason, size);
}

static void gc_off(void)
{
    if (!list || !callback)
        return;
    for (Py_ssize_t i = PyList_Size(list) - 1; i >= 0; i--)
        if (PyList_GetItem(list, i) == callback && PySequence_DelItem(list, i))
            PyErr_Clear();
    Py_CLEAR(list);
    Py_CLEAR(callback);
}

const struct source_hooks gc_hooks = {
    .bit = SOURCE_GC,
    .make_ready = gc_make_ready,
    .on = gc_on,
    .off = gc_off,
};

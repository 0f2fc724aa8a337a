/* SPDX-License-Identifier: MIT */
/* SIGURG: how the probe is told to look at its control page and its session's wanted words.
 * Why: Python runs a handler in the main thread, under the GIL, out of nearly every blocking call, and
 * no thread of ours has to wait for it.
 * Rules: a handler of the program's own is never replaced, and ours goes only if it is still there. */
#include "probe/switch.h"

#include "probe/control_page.h"

#include <signal.h>
#include <stdio.h>

/* Python calls this between two bytecodes of the main thread, or out of a blocking call. */
static PyObject *on_signal(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    switch_follow_child(0);
    control_page_obey();
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    switch_apply();
    Py_RETURN_NONE;
}

static PyObject *signal_handler; /* a builtin over signal_method */
static PyMethodDef signal_method = {"_ulma_switch", on_signal, METH_VARARGS, NULL};

/* SIGURG's Python handler; a new reference, NULL when that cannot be known. */
static PyObject *present_handler(PyObject *module)
{
    return module ? PyObject_CallMethod(module, "getsignal", "i", SIGURG) : NULL;
}

static bool is_default(PyObject *module, PyObject *handler)
{
    PyObject *none = module ? PyObject_GetAttrString(module, "SIG_DFL") : NULL;
    bool same = none && handler && PyObject_RichCompareBool(handler, none, Py_EQ) == 1;
    Py_XDECREF(none);
    return same;
}

/* SIGURG is ignored by default, so that one sent after an exec does no harm. It is taken only where
 * nobody else has it; where that fails, off still works inside callbacks, and on does not. False: the
 * thread is not the one that may (the main one). */
bool switch_install_signal(void)
{
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *present = present_handler(module);
    bool done = true;
    if (is_default(module, present)) {
        if (!signal_handler)
            signal_handler = PyCFunction_New(&signal_method, NULL);
        PyObject *old = signal_handler
                            ? PyObject_CallMethod(module, "signal", "iO", SIGURG, signal_handler)
                            : NULL;
        done = old != NULL;
        Py_XDECREF(old);
    }
    Py_XDECREF(present);
    Py_XDECREF(module);
    PyErr_Clear();
    return done;
}

static bool signal_is_ours(void)
{
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *present = present_handler(module);
    bool ours = present && present == signal_handler;
    Py_XDECREF(present);
    Py_XDECREF(module);
    PyErr_Clear();
    return ours;
}

/* In the main thread, soon after an arming in another one. */
static int install_signal_later(void *unused)
{
    (void)unused;
    switch_install_signal();
    if (signal_is_ours())
        control_page_ready();
    return 0;
}

int switch_take_signal(char *reason, size_t size)
{
    if (!switch_install_signal()) {
        Py_AddPendingCall(install_signal_later, NULL);
        return 0;
    }
    if (signal_is_ours()) {
        control_page_ready();
        return 0;
    }
    snprintf(reason, size,
             "the program has a handler of its own for SIGURG, which ulma needs to be heard; arm "
             "before that one is set, or do without it");
    return -1;
}

void switch_give_signal_back(void)
{
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *none = module && signal_is_ours() ? PyObject_GetAttrString(module, "SIG_DFL") : NULL;
    PyObject *old = none ? PyObject_CallMethod(module, "signal", "iO", SIGURG, none) : NULL;
    Py_XDECREF(old);
    Py_XDECREF(none);
    Py_XDECREF(module);
    PyErr_Clear();
}

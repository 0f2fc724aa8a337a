/* SPDX-License-Identifier: MIT */
/* threading._active[ident]._name, read without running Python code.
 * Why: see thread_name.h. `threading` keeps its threads in a dict by ident since 2.3, and the name in
 * `_name` since 2.6; where either is missing, the thread keeps the kernel's name.
 * Rules: see thread_name.h. */
#include "probe/thread_name.h"

#include "probe/py/pyapi.h"

#include <pthread.h>
#include <string.h>

static PyObject *find_thread(void)
{
    PyObject *modules = PyImport_GetModuleDict();                     /* borrowed */
    PyObject *threading = PyDict_GetItemString(modules, "threading"); /* borrowed */
    PyObject *dict = threading && PyModule_Check(threading) ? PyModule_GetDict(threading) : NULL;
    PyObject *active = dict ? PyDict_GetItemString(dict, "_active") : NULL;
    if (!active || !PyDict_CheckExact(active))
        return NULL;
    PyObject *ident = PyLong_FromUnsignedLong((unsigned long)pthread_self());
    PyObject *thread = ident ? PyDict_GetItemWithError(active, ident) : NULL;
    Py_XDECREF(ident);
    return thread;
}

void thread_name_set(struct ring_shared *ring, const char *name, size_t size)
{
    if (size > RING_NAME_SIZE)
        size = RING_NAME_SIZE;
    memcpy(ring->name, name, size);
    atomic_store_explicit(&ring->name_size, (uint32_t)size, memory_order_release);
}

static bool copy_name(struct ring_shared *ring, PyObject *thread)
{
    PyObject *key = PyUnicode_FromString("_name");
    PyObject *name = key ? PyObject_GenericGetAttr(thread, key) : NULL;
    PyObject *bytes = name && PyUnicode_Check(name)
                          ? PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace")
                          : NULL;
    Py_ssize_t size = bytes ? PyBytes_Size(bytes) : 0;
    if (size > 0)
        thread_name_set(ring, PyBytes_AsString(bytes), (size_t)size);
    Py_XDECREF(bytes);
    Py_XDECREF(name);
    Py_XDECREF(key);
    return size > 0;
}

bool thread_name_tell(struct ring_shared *ring)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *thread = find_thread();
    bool told = thread && copy_name(ring, thread);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return told;
}

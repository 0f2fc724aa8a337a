/* SPDX-License-Identifier: MIT */
/* Walking the types.
 * Why: see types.h. */
#include "probe/py/types.h"

enum { TYPES_MOST = 1 << 16 };

/* Appends the direct subclasses of a type that have not been met. */
static void add_below(PyObject *all, PyObject *seen, PyObject *subclasses, PyObject *type)
{
    PyObject *below = PyObject_CallFunctionObjArgs(subclasses, type, NULL);
    for (Py_ssize_t i = 0; below && PyList_Check(below) && i < PyList_Size(below); i++) {
        PyObject *one = PyList_GetItem(below, i), *address = PyLong_FromVoidPtr(one);
        if (address && PySet_Contains(seen, address) == 0 && PySet_Add(seen, address) == 0)
            PyList_Append(all, one);
        Py_XDECREF(address);
    }
    Py_XDECREF(below);
    PyErr_Clear();
}

PyObject *types_below(PyTypeObject *base)
{
    PyObject *all = PyList_New(0), *seen = PySet_New(NULL);
    PyObject *subclasses = PyObject_GetAttrString((PyObject *)&PyType_Type, "__subclasses__");
    bool fine = all && seen && subclasses && PyList_Append(all, (PyObject *)base) == 0;
    for (Py_ssize_t i = 0; fine && i < PyList_Size(all) && i < TYPES_MOST; i++)
        add_below(all, seen, subclasses, PyList_GetItem(all, i));
    Py_XDECREF(subclasses);
    Py_XDECREF(seen);
    PyErr_Clear();
    return all;
}

/* SPDX-License-Identifier: MIT */
/* Marks in a callgrind run: a Python program says where its measured parts begin and end.
 * Why: instructions of one part of one process are compared, start and end of Python left out.
 * Rules: outside valgrind the requests are a few instructions that do nothing. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <valgrind/callgrind.h>

/* zero() -> sets the counts to nothing. */
static PyObject *marks_zero(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    CALLGRIND_ZERO_STATS;
    Py_RETURN_NONE;
}

/* dump(name) -> writes what was counted since, under that name, and begins anew. */
static PyObject *marks_dump(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name = NULL;
    if (!PyArg_ParseTuple(args, "s", &name))
        return NULL;
    CALLGRIND_DUMP_STATS_AT(name);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"zero", marks_zero, METH_NOARGS, NULL},
    {"dump", marks_dump, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "marks", .m_size = 0,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_marks(void); /* found by name */

PyMODINIT_FUNC PyInit_marks(void)
{
    return PyModuleDef_Init(&definition);
}

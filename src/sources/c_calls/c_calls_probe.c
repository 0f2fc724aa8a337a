/* SPDX-License-Identifier: MIT */
/* From callables to PyMethodDefs.
 * Why: see c_calls_probe.h. The field offsets of PyCFunctionObject and PyMethodDescrObject are the
 * same from 3.9 to 3.15 and part of public headers (cpython/methodobject.h, cpython/descrobject.h).
 * Rules: no reference is taken. */
#include "sources/c_calls/c_calls_probe.h"

#include "probe/py/line.h"

struct c_function {
    PyObject base;
    PyMethodDef *method;
    PyObject *self; /* the module, for a module's functions; NULL for a static method */
    PyObject *module;
};

struct method_descriptor {
    PyObject base;
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyMethodDef *method;
};

bool c_calls_identify(PyObject *callable, PyObject *self, uint32_t *ret_id)
{
    if (Py_TYPE(callable) == &PyMethodDescr_Type) {
        const struct method_descriptor *descriptor = (const struct method_descriptor *)callable;
        /* A call without self, or with one of another type, is a TypeError and no call. */
        if (!self || !PyType_IsSubtype(Py_TYPE(self), descriptor->type))
            return false;
        *ret_id = define_c_function(descriptor->method, self, NULL);
        return true;
    }
    if (!c_calls_is_told(callable))
        return false;
    const struct c_function *function = (const struct c_function *)callable;
    *ret_id = define_c_function(function->method, function->self, function->module);
    return true;
}

static struct {
    PyTypeObject *type;
    PyMethodDef method; /* there is no such; its address stands for it */
} conversions[] = {
    {&PyList_Type, {.ml_name = "list(list)"}},
    {&PyDict_Type, {.ml_name = "dict(dict)"}},
    {&PyTuple_Type, {.ml_name = "tuple(tuple)"}},
    {&PySet_Type, {.ml_name = "set(set)"}},
    {&PyFrozenSet_Type, {.ml_name = "frozenset(frozenset)"}},
    {&PyUnicode_Type, {.ml_name = "str(str)"}},
    {&PyBytes_Type, {.ml_name = "bytes(bytes)"}},
    {&PyLong_Type, {.ml_name = "int(int)"}},
    {&PyFloat_Type, {.ml_name = "float(float)"}},
};

/* dict(d, key=1) is no copy of d: the instruction's argument is how many there are. */
bool c_calls_convert(PyObject *code, PyObject *offset, PyObject *callable, PyObject *argument,
                     uint32_t *ret_id)
{
    if (!c_calls_is_conversion(callable, argument) ||
        line_argument(code, PyLong_AsLong(offset)) != 1)
        return false;
    for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++) {
        if ((PyObject *)conversions[i].type == callable) {
            *ret_id = define_c_function(&conversions[i].method, NULL, NULL);
            return true;
        }
    }
    return false;
}

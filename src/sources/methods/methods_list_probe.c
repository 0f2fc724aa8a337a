/* SPDX-License-Identifier: MIT */
/* Which methods there are.
 * How: every type is a subclass of object, so type.__subclasses__ finds them all; what of their dictionaries is a
 * method descriptor has a PyMethodDef, as have the builtin functions of modules.
 * Rules: no code of the program's runs: metaclasses and modules are not asked, only their dictionaries are read.
 * Left alone: PyMethodDefs that lie in no loaded object file (pybind11 makes them on the heap, and may free them
 * while we still want to write), and __new__, which is one for all types. */
#include "sources/methods/methods_probe.h"

#include "probe/define.h"
#include "probe/mapped_files.h"
#include "probe/py/types.h"

#include <stdlib.h>

enum { TYPE_DICT = 264 };

struct c_function { /* cpython/methodobject.h */
    PyObject base;
    PyMethodDef *method;
    PyObject *self, *module;
};

struct descriptor { /* cpython/descrobject.h */
    PyObject base;
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyMethodDef *method;
};

static struct methods_candidates found;
static size_t limit;
static PyTypeObject *class_method_descriptor;

const struct methods_candidates *methods_listed(void)
{
    return &found;
}

/* --- adding --------------------------------------------------------------------------------- */

static void add(PyMethodDef *method, const struct mapped_file *file, uint32_t id)
{
    if (id == 0)
        return;
    if (found.count == limit) {
        size_t more = limit ? 2 * limit : 4096;
        struct methods_candidate *grown = realloc(found.list, more * sizeof(*grown));
        if (!grown)
            return;
        found.list = grown;
        limit = more;
    }
    found.list[found.count++] =
        (struct methods_candidate){.method = method, .id = id, .is_sealed = !file->is_writable};
}

static const struct mapped_file *place_of(const PyMethodDef *method)
{
    const struct mapped_file *file = method ? mapped_files_find(method) : NULL;
    return file && method->ml_name && method->ml_meth ? file : NULL;
}

/* A PyMethodDef that several types share (object's in its subclasses' dictionaries does not come up) is met more
 * than once: the last one stands. */
static void add_value(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyMethodDescr_Type || type == class_method_descriptor) {
        const struct descriptor *descriptor = (const struct descriptor *)value;
        const struct mapped_file *file = place_of(descriptor->method);
        if (file)
            add(descriptor->method, file,
                define_method(descriptor->method, descriptor->type, NULL));
    } else if (type == &PyCFunction_Type) {
        const struct c_function *function = (const struct c_function *)value;
        bool is_of_module = function->self && PyModule_Check(function->self);
        const struct mapped_file *file = is_of_module ? place_of(function->method) : NULL;
        if (file)
            add(function->method, file, define_method(function->method, NULL, function->module));
    }
}

static void add_dictionary(PyObject *dictionary)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dictionary, &at, &key, &value))
        add_value(value);
}

/* Of a builtin static type tp_dict is NULL from 3.12 on, and the mapping proxy leads to it. */
static void add_type(PyObject *type)
{
    PyObject *dictionary = PYAPI_FIELD(PyObject *, type, TYPE_DICT);
    if (dictionary && PyDict_Check(dictionary)) {
        add_dictionary(dictionary);
        return;
    }
    PyObject *name = PyUnicode_InternFromString("__dict__");
    PyObject *proxy = name ? PyObject_GenericGetAttr(type, name) : NULL;
    PyObject *copy = proxy ? PyDict_New() : NULL;
    if (copy && PyDict_Update(copy, proxy) == 0)
        add_dictionary(copy);
    Py_XDECREF(copy);
    Py_XDECREF(proxy);
    Py_XDECREF(name);
    PyErr_Clear();
}

/* --- all of them ----------------------------------------------------------------------------- */

static void add_types(void)
{
    PyObject *all = types_below(&PyBaseObject_Type);
    for (Py_ssize_t i = 0; all && i < PyList_Size(all); i++)
        add_type(PyList_GetItem(all, i));
    Py_XDECREF(all);
}

static void add_modules(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *list = modules ? PyDict_Values(modules) : NULL;
    for (Py_ssize_t i = 0; list && i < PyList_Size(list); i++) {
        PyObject *module = PyList_GetItem(list, i);
        if (PyModule_Check(module))
            add_dictionary(PyModule_GetDict(module));
    }
    Py_XDECREF(list);
}

bool methods_list(void)
{
    if (!class_method_descriptor) {
        PyObject *name = PyUnicode_InternFromString("fromkeys");
        PyObject *one = name ? pyapi.type_lookup(&PyDict_Type, name) : NULL; /* borrowed */
        class_method_descriptor = one ? Py_TYPE(one) : NULL;
        Py_XDECREF(name);
    }
    found.count = 0;
    if (!mapped_files_read())
        return false;
    add_types();
    add_modules();
    PyErr_Clear();
    return true;
}

/* --- what is imported later ----------------------------------------------------------------- */

static size_t count_c_modules(PyObject *modules)
{
    PyObject *key, *module;
    Py_ssize_t at = 0;
    size_t count = 0;
    while (PyDict_Next(modules, &at, &key, &module))
        count += PyModule_Check(module) && PyModule_GetDef(module) != NULL;
    PyErr_Clear();
    return count;
}

bool methods_list_is_old(void)
{
    static Py_ssize_t module_count;
    static size_t c_module_count;
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    if (!modules || PyDict_Size(modules) == module_count)
        return false;
    module_count = PyDict_Size(modules);
    size_t count = count_c_modules(modules);
    bool old = count != c_module_count;
    c_module_count = count;
    return old;
}

/* SPDX-License-Identifier: MIT */
/* Which methods there are.
 * How: every type is a subclass of object, so type.__subclasses__ finds them all; what of their dictionaries is a
 * method descriptor has a PyMethodDef, as have the builtin functions of modules.
 * Rules: no code of the program's runs: metaclasses and modules are not asked, only their dictionaries are read.
 * Left alone: PyMethodDefs that lie in no loaded object file (pybind11 makes them on the heap, and may free them
 * while we still want to write), and __new__, which is one for all types. */
#include "sources/methods/methods_probe.h"

#include "probe/define.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TYPE_DICT = 264, TYPES_MOST = 1 << 16, RANGES_MOST = 4096 };

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
static struct range {
    uintptr_t from, to;
    bool is_writable;
} * ranges; /* mappings of files */
static size_t range_count;
static PyTypeObject *class_method_descriptor;

const struct methods_candidates *methods_listed(void)
{
    return &found;
}

/* --- what may be written -------------------------------------------------------------------- */

/* A file's: its line ends with a path. */
static void add_range(const char *line, const char *end)
{
    char *at;
    uintptr_t from = strtoul(line, &at, 16), to = *at ? strtoul(at + 1, &at, 16) : 0;
    const char *path = to ? memchr(at, '/', (size_t)(end - at)) : NULL;
    if (path && range_count < RANGES_MOST)
        ranges[range_count++] = (struct range){from, to, strncmp(at, " rw", 3) == 0};
}

static void read_ranges(void)
{
    char text[8192];
    size_t kept = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    range_count = 0;
    while (fd >= 0 && (got = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
        text[kept + (size_t)got] = '\0';
        char *line = text, *end;
        for (; (end = strchr(line, '\n')); line = end + 1)
            add_range(line, end);
        kept = strlen(line);
        memmove(text, line, kept);
        if (kept == sizeof(text) - 1)
            kept = 0; /* no line of maps is that long */
    }
    if (fd >= 0)
        close(fd);
}

/* NULL: no file's. They are in order. */
static const struct range *range_of(const void *address)
{
    size_t low = 0, high = range_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)address < ranges[middle].from)
            high = middle;
        else if ((uintptr_t)address >= ranges[middle].to)
            low = middle + 1;
        else
            return &ranges[middle];
    }
    return NULL;
}

/* --- adding --------------------------------------------------------------------------------- */

static void add(PyMethodDef *method, const struct range *range, uint32_t id)
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
        (struct methods_candidate){.method = method, .id = id, .is_sealed = !range->is_writable};
}

static const struct range *place_of(const PyMethodDef *method)
{
    const struct range *range = method ? range_of(method) : NULL;
    return range && method->ml_name && method->ml_meth ? range : NULL;
}

/* A PyMethodDef that several types share (object's in its subclasses' dictionaries does not come up) is met more
 * than once: the last one stands. */
static void add_value(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyMethodDescr_Type || type == class_method_descriptor) {
        const struct descriptor *descriptor = (const struct descriptor *)value;
        const struct range *range = place_of(descriptor->method);
        if (range)
            add(descriptor->method, range,
                define_method(descriptor->method, descriptor->type, NULL));
    } else if (type == &PyCFunction_Type) {
        const struct c_function *function = (const struct c_function *)value;
        bool is_of_module = function->self && PyModule_Check(function->self);
        const struct range *range = is_of_module ? place_of(function->method) : NULL;
        if (range)
            add(function->method, range, define_method(function->method, NULL, function->module));
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

/* --- all types ------------------------------------------------------------------------------ */

/* New references, breadth first; a type with several bases is met again, and stands once. */
static PyObject *all_types(void)
{
    PyObject *all = PyList_New(0), *seen = PySet_New(NULL);
    PyObject *subclasses = PyObject_GetAttrString((PyObject *)&PyType_Type, "__subclasses__");
    bool fine = all && seen && subclasses &&
                PyList_Append(all, (PyObject *)&PyBaseObject_Type) == 0;
    for (Py_ssize_t i = 0; fine && i < PyList_Size(all) && i < TYPES_MOST; i++) {
        PyObject *type = PyList_GetItem(all, i); /* borrowed */
        PyObject *below = PyObject_CallFunctionObjArgs(subclasses, type, NULL);
        for (Py_ssize_t j = 0; below && PyList_Check(below) && j < PyList_Size(below); j++) {
            PyObject *one = PyList_GetItem(below, j), *address = PyLong_FromVoidPtr(one);
            if (address && PySet_Contains(seen, address) == 0 && PySet_Add(seen, address) == 0)
                PyList_Append(all, one);
            Py_XDECREF(address);
        }
        Py_XDECREF(below);
        PyErr_Clear();
    }
    Py_XDECREF(subclasses);
    Py_XDECREF(seen);
    return all;
}

static void add_types(void)
{
    PyObject *all = all_types();
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
    if (!ranges)
        ranges = malloc(RANGES_MOST * sizeof(*ranges));
    if (!class_method_descriptor) {
        PyObject *name = PyUnicode_InternFromString("fromkeys");
        PyObject *one = name ? pyapi.type_lookup(&PyDict_Type, name) : NULL; /* borrowed */
        class_method_descriptor = one ? Py_TYPE(one) : NULL;
        Py_XDECREF(name);
    }
    found.count = 0;
    if (!ranges)
        return false;
    read_ranges();
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

/* SPDX-License-Identifier: MIT */
/* Types by their layout, containers by the collector's own lists.
 * Why offsets: the limited API hides PyTypeObject, and PyType_GetSlot refuses builtin types before 3.10. The places
 * are the same from 3.9 to 3.15 (cpython/object.h) and proved on list and int.
 * Why PyUnstable_GC_VisitObjects where there is one (3.12 and newer): gc.get_objects() makes a list as long as the
 * heap. */
#include "probe/py/heap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum {
    TYPE_NAME = 24,
    TYPE_BASIC_SIZE = 32,
    TYPE_ITEM_SIZE = 40,
    TYPE_FLAGS = 168,
    TYPE_TRAVERSE = 184,
    TYPE_IS_GC = 320 + 8,
    OBJECT_SIZE = 16, /* ob_size of what has one */
    GC_HEADER = 16,
};

/* Flags of 3.11 and newer: a dictionary, weak references before the object. */
static const unsigned long have_gc = 1ul << 14, managed_dict = 1ul << 4, managed_weakref = 1ul << 3;

typedef void gc_visit_objects(int (*visit)(PyObject *, void *), void *context);
static gc_visit_objects *visit_objects; /* NULL: below 3.12 */
static PyCFunction object_sizeof;       /* object.__sizeof__ */

struct method_descriptor { /* cpython/descrobject.h */
    PyObject base;
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyMethodDef *method;
};

/* The builtin function behind type.__sizeof__, or NULL: the program's own. */
static PyCFunction sizeof_of(PyTypeObject *type)
{
    static PyObject *name;
    if (!name)
        name = PyUnicode_InternFromString("__sizeof__");
    PyObject *found = name ? pyapi.type_lookup(type, name) : NULL; /* borrowed */
    if (!found || Py_TYPE(found) != &PyMethodDescr_Type)
        return NULL;
    const PyMethodDef *method = ((const struct method_descriptor *)found)->method;
    return method->ml_flags & METH_NOARGS ? method->ml_meth : NULL;
}

static bool layout_holds(void)
{
    PyTypeObject *list = &PyList_Type, *number = &PyLong_Type;
    return strcmp(PYAPI_FIELD(const char *, list, TYPE_NAME), "list") == 0 &&
           strcmp(PYAPI_FIELD(const char *, number, TYPE_NAME), "int") == 0 &&
           PYAPI_FIELD(unsigned long, list, TYPE_FLAGS) == PyType_GetFlags(list) &&
           PYAPI_FIELD(Py_ssize_t, number, TYPE_ITEM_SIZE) == 4 &&
           PYAPI_FIELD(traverseproc, list, TYPE_TRAVERSE) != NULL &&
           PYAPI_FIELD(traverseproc, number, TYPE_TRAVERSE) == NULL &&
           PYAPI_FIELD(inquiry, &PyType_Type, TYPE_IS_GC) != NULL &&
           PYAPI_FIELD(inquiry, list, TYPE_IS_GC) == NULL;
}

int heap_prepare(char *reason, size_t size)
{
    object_sizeof = sizeof_of(&PyBaseObject_Type);
    visit_objects = (gc_visit_objects *)dlsym(RTLD_DEFAULT, "PyUnstable_GC_VisitObjects");
    if (object_sizeof && layout_holds())
        return 0;
    snprintf(reason, size, "this Python lays out its types in a way that ulma does not know");
    return -1;
}

static int each_of_list(PyObject *list, int (*visit)(PyObject *, void *), void *context)
{
    Py_ssize_t count = PyList_Size(list);
    for (Py_ssize_t i = 0; i < count; i++)
        if (!visit(PyList_GetItem(list, i), context))
            break;
    return 0;
}

int heap_each_container(int (*visit)(PyObject *object, void *context), void *context)
{
    if (visit_objects) {
        visit_objects(visit, context);
        return 0;
    }
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *known = modules ? PyDict_GetItemString(modules, "gc") : NULL;
    PyObject *module = PyImport_ImportModule("gc");
    PyObject *list = module ? PyObject_CallMethod(module, "get_objects", NULL) : NULL;
    if (module && !known && PyDict_DelItemString(modules, "gc"))
        PyErr_Clear();
    int result = list && PyList_Check(list) ? each_of_list(list, visit, context) : -1;
    Py_XDECREF(list);
    Py_XDECREF(module);
    PyErr_Clear();
    return result;
}

void heap_each_referent(PyObject *object, int (*visit)(PyObject *object, void *context),
                        void *context)
{
    PyTypeObject *type = Py_TYPE(object);
    unsigned long flags = PYAPI_FIELD(unsigned long, type, TYPE_FLAGS);
    inquiry is_gc = PYAPI_FIELD(inquiry, type, TYPE_IS_GC);
    traverseproc traverse = PYAPI_FIELD(traverseproc, type, TYPE_TRAVERSE);
    if ((flags & have_gc) && traverse && (!is_gc || is_gc(object)))
        traverse(object, visit, context);
}

void heap_measure_type(PyTypeObject *type, struct heap_measure *ret_measure)
{
    unsigned long flags = PYAPI_FIELD(unsigned long, type, TYPE_FLAGS);
    PyCFunction found = sizeof_of(type);
    *ret_measure = (struct heap_measure){
        .function = found == object_sizeof ? NULL : found,
        .basic_bytes = (size_t)PYAPI_FIELD(Py_ssize_t, type, TYPE_BASIC_SIZE),
        .item_bytes = (size_t)PYAPI_FIELD(Py_ssize_t, type, TYPE_ITEM_SIZE),
        .header_bytes = flags & have_gc ? GC_HEADER : 0,
        .is_unknown = !found,
    };
    bool managed = flags & (pyapi.minor == 11 ? managed_dict : managed_dict | managed_weakref);
    if (pyapi.minor >= 11 && managed)
        ret_measure->header_bytes += 2 * sizeof(void *);
}

size_t heap_measure(const struct heap_measure *measure, PyObject *object)
{
    size_t bytes = measure->basic_bytes;
    if (measure->function) {
        PyObject *answer = measure->function(object, NULL);
        Py_ssize_t number = answer ? PyLong_AsSsize_t(answer) : -1;
        Py_XDECREF(answer);
        if (number >= 0)
            return (size_t)number + measure->header_bytes;
        PyErr_Clear();
    } else if (measure->item_bytes) {
        Py_ssize_t items = PYAPI_FIELD(Py_ssize_t, object, OBJECT_SIZE);
        bytes += (size_t)(items < 0 ? -items : items) * measure->item_bytes;
    }
    return bytes + measure->header_bytes;
}

size_t heap_item_bytes(PyTypeObject *type)
{
    return (size_t)PYAPI_FIELD(Py_ssize_t, type, TYPE_ITEM_SIZE);
}

const char *heap_type_tail(PyTypeObject *type)
{
    const char *name = PYAPI_FIELD(const char *, type, TYPE_NAME);
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot ? dot + 1 : name ? name : "";
}

/* Past a metaclass's own idea of it, where that is code. */
static bool read_name(PyTypeObject *type, const char *attribute, char *text, size_t size)
{
    PyObject *key = PyUnicode_FromString(attribute);
    PyObject *value = key ? PyObject_GenericGetAttr((PyObject *)type, key) : NULL;
    PyObject *bytes = value && PyUnicode_Check(value)
                          ? PyUnicode_AsEncodedString(value, "utf-8", "backslashreplace")
                          : NULL;
    if (bytes)
        snprintf(text, size, "%s", PyBytes_AsString(bytes));
    Py_XDECREF(bytes);
    Py_XDECREF(value);
    Py_XDECREF(key);
    PyErr_Clear();
    return bytes != NULL;
}

void heap_type_name(PyTypeObject *type, char *name, size_t size)
{
    char module[256] = "", qualname[256] = "";
    if (!read_name(type, "__qualname__", qualname, sizeof(qualname)))
        snprintf(qualname, sizeof(qualname), "%s", heap_type_tail(type));
    bool has_module = read_name(type, "__module__", module, sizeof(module)) &&
                      strcmp(module, "builtins") != 0;
    snprintf(name, size, "%s%s%s", has_module ? module : "", has_module ? "." : "", qualname);
}

/* SPDX-License-Identifier: MIT */
/* Keeping __getitem__ functions of 3.11 heard.
 * Why: see getitem.h.
 * Rules: three nets, since a site may be specialised before the first call of a function: classes that
 * exist at switch-on, class bodies as they end, and every first frame. What only a later assignment
 * (`Class.__getitem__ = f`) brings is caught by its first call through the evaluator. */
#include "probe/py/getitem.h"

#include <dlfcn.h>

enum { CODE_OPTIMIZED = 1, MOST_CLASSES = 1 << 16 };

/* 3.11's PyFunctionObject, PyCodeObject and _PyInterpreterFrame (cpython/funcobject.h, code.h,
 * internal/pycore_frame.h). */
enum { FUNCTION_VERSION = 128, CODE_NAME = 120, FRAME_FUNCTION = 0, FRAME_LOCALS = 24 };

#define FIRST_WIDE_VERSION UINT32_MAX
#define LAST_WIDE_VERSION  UINT32_C(0x80000000)

bool getitem_closing;

static bool has_gap;
static PyTypeObject *function_type;
static PyObject *name; /* interned "__getitem__" */
static uint32_t next_version = FIRST_WIDE_VERSION;

/* Versions are unique: call sites trust that equal versions mean one function. */
static void close_function(PyObject *function)
{
    if (!function || Py_TYPE(function) != function_type || next_version < LAST_WIDE_VERSION)
        return;
    uint32_t *version = &PYAPI_FIELD(uint32_t, function, FUNCTION_VERSION);
    if (*version < LAST_WIDE_VERSION)
        *version = next_version--;
}

static void open_function(PyObject *function)
{
    if (!function || Py_TYPE(function) != function_type)
        return;
    uint32_t *version = &PYAPI_FIELD(uint32_t, function, FUNCTION_VERSION);
    if (*version >= LAST_WIDE_VERSION)
        *version = 0;
}

/* --- trying --------------------------------------------------------------------------------- */

static pyapi_eval_frame *chained;
static unsigned heard;

static PyObject *listen(PyThreadState *tstate, void *frame, int throwflag)
{
    PyObject *code = pyapi_frame_code(frame);
    heard += code && PYAPI_FIELD(PyObject *, code, CODE_NAME) == name;
    return chained(tstate, frame, throwflag);
}

static bool find_symbols(void)
{
    function_type = dlsym(RTLD_DEFAULT, "PyFunction_Type");
    name = PyUnicode_InternFromString("__getitem__");
    return function_type && name;
}

void getitem_try(void)
{
    enum { CALLS = 64 };
    static const char program[] = "class C:\n"
                                  "    def __getitem__(self, key): return key\n"
                                  "def loop(c, n):\n"
                                  "    for i in range(n): c[i]\n"
                                  "for _ in range(20): loop(C(), 64)\n";
    if (pyapi.minor != 11 || !find_symbols())
        return;
    PyObject *code = Py_CompileString(program, "<ulma calibration>", Py_file_input);
    PyObject *globals = PyDict_New();
    if (globals) {
        PyObject *module = PyUnicode_FromString("ulma");
        PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
        PyDict_SetItemString(globals, "__name__", module);
        Py_XDECREF(module);
    }
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    chained = pyapi.get_eval_frame(interpreter);
    pyapi.set_eval_frame(interpreter, listen);
    PyObject *ran = code && globals ? PyEval_EvalCode(code, globals, globals) : NULL;
    pyapi.set_eval_frame(interpreter, chained);
    has_gap = ran && heard < 20 * CALLS;
    Py_XDECREF(ran);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    PyErr_Clear();
}

/* --- closing -------------------------------------------------------------------------------- */

/* The class's own __getitem__, borrowed, or NULL. */
static PyObject *own_getitem(PyObject *class)
{
    PyObject *namespace = PyObject_GetAttrString(class, "__dict__");
    PyObject *found = namespace ? PyObject_GetItem(namespace, name) : NULL;
    Py_XDECREF(namespace);
    PyErr_Clear();
    Py_XDECREF(found); /* the class keeps it */
    return found;
}

/* Appends the direct subclasses of a class that are not in the list of all yet. */
static void add_subclasses(PyObject *all, PyObject *seen, PyObject *class)
{
    PyObject *children =
        PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", class);
    Py_ssize_t count = children ? PyList_Size(children) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *child = PyList_GetItem(children, i); /* borrowed */
        PyObject *key = PyLong_FromVoidPtr(child);
        if (key && !PyDict_GetItem(seen, key) && PyList_Size(all) < MOST_CLASSES) {
            PyDict_SetItem(seen, key, Py_None);
            PyList_Append(all, child);
        }
        Py_XDECREF(key);
    }
    Py_XDECREF(children);
    PyErr_Clear();
}

static void each_class(void (*change)(PyObject *function))
{
    PyObject *all = PyList_New(0);
    PyObject *seen = PyDict_New();
    if (all && seen && PyList_Append(all, (PyObject *)&PyBaseObject_Type) == 0) {
        for (Py_ssize_t i = 0; i < PyList_Size(all); i++) {
            PyObject *class = PyList_GetItem(all, i); /* borrowed */
            change(own_getitem(class));
            add_subclasses(all, seen, class);
        }
    }
    Py_XDECREF(seen);
    Py_XDECREF(all);
    PyErr_Clear();
}

void getitem_close(void)
{
    if (!has_gap)
        return;
    getitem_closing = true;
    each_class(close_function);
}

void getitem_open(void)
{
    if (getitem_closing)
        each_class(open_function);
    getitem_closing = false;
}

void getitem_on_frame(void *frame, PyObject *code)
{
    if (PYAPI_FIELD(PyObject *, code, CODE_NAME) == name)
        close_function(PYAPI_FIELD(PyObject *, frame, FRAME_FUNCTION));
}

PyObject *getitem_begin_body(void *frame, PyObject *code)
{
    if (PYAPI_FIELD(int, code, pyapi.code_flags) & CODE_OPTIMIZED)
        return NULL;
    PyObject *namespace = PYAPI_FIELD(PyObject *, frame, FRAME_LOCALS);
    Py_XINCREF(namespace);
    return namespace;
}

void getitem_end_body(PyObject *take_namespace)
{
    if (!take_namespace)
        return;
    if (PyDict_CheckExact(take_namespace)) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        close_function(PyDict_GetItemWithError(take_namespace, name)); /* borrowed */
        PyErr_Clear();
        PyErr_Restore(type, value, traceback);
    }
    Py_DECREF(take_namespace);
}

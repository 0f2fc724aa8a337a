/* SPDX-License-Identifier: MIT */
/* Finding servers, and putting back what was put into them.
 * Why: see spans_servers_probe.h. That undoing is C and no Python: it runs while calls are still heard, and none of it is
 * the program's.
 * Rules: those of the header. */
#include "sources/spans/spans_servers_probe.h"

#include "probe/writer.h"

#define TEXT(name) extern const char text_##name[], text_##name##_end[]
TEXT(private);
TEXT(spans);
TEXT(requests);
TEXT(wsgi);
TEXT(asgi);
TEXT(django);
TEXT(servers);
#undef TEXT

static const struct {
    const char *name, *text, *end;
} texts[] = {
    {"ulma._spans", text_spans, text_spans_end},
    {"ulma._requests", text_requests, text_requests_end},
    {"ulma.wsgi", text_wsgi, text_wsgi_end},
    {"ulma.asgi", text_asgi, text_asgi_end},
    {"ulma.django", text_django, text_django_end},
    {"ulma._servers", text_servers, text_servers_end},
};

/* As in KNOWN of _servers.py, which a test compares. */
static const char *const known[] = {
    "gunicorn.workers.sync",
    "gunicorn.workers.gthread",
    "gunicorn.workers.base_async",
    "gunicorn.asgi.protocol",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.protocols.websockets.wsproto_impl",
    "hypercorn.app_wrappers",
    "daphne.server",
    "werkzeug.serving",
    "waitress.server",
    "cheroot.wsgi",
    "gevent.pywsgi",
    "eventlet.wsgi",
    "wsgiref.handlers",
    "django.core.handlers.base",
    "celery.signals",
    "rq.job",
};

enum { KNOWN_COUNT = sizeof(known) / sizeof(known[0]), CHANGES_MOST = 64 };

/* An attribute of a class, or an element of a list. */
static struct change {
    PyObject *owner, *name;    /* owned; name NULL: a list */
    PyObject *ours, *original; /* owned; original NULL: there was none */
} changes[CHANGES_MOST];
static int change_count;

static PyObject *servers, *spans; /* the modules; owned */
static bool is_done[KNOWN_COUNT];
static bool is_finding, has_missed; /* another thread has imported something meanwhile */

PyObject *spans_servers_module(void)
{
    return spans;
}

/* --- what is changed -------------------------------------------------------------------------- */

static struct change *remember(PyObject *owner, PyObject *name, PyObject *ours, PyObject *original)
{
    Py_INCREF(owner);
    Py_XINCREF(name);
    Py_INCREF(ours);
    changes[change_count] =
        (struct change){.owner = owner, .name = name, .ours = ours, .original = original};
    return &changes[change_count++];
}

/* The class's own, new; NULL: it has none. */
static PyObject *own_attribute(PyObject *owner, PyObject *name)
{
    PyObject *all = PyObject_GetAttrString(owner, "__dict__");
    PyObject *found = all ? PyObject_GetItem(all, name) : NULL;
    Py_XDECREF(all);
    if (!found)
        PyErr_Clear();
    return found;
}

/* replace(owner, name, value) */
static PyObject *replace(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *owner = NULL, *name = NULL, *value = NULL;
    if (!PyArg_ParseTuple(arguments, "OUO", &owner, &name, &value))
        return NULL;
    if (change_count < CHANGES_MOST) {
        PyObject *original = own_attribute(owner, name);
        if (PyObject_SetAttr(owner, name, value)) {
            Py_XDECREF(original);
            return NULL;
        }
        remember(owner, name, value, original);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

/* appended(list, element): it has been. */
static PyObject *appended(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *list = NULL, *element = NULL;
    if (!PyArg_ParseTuple(arguments, "O!O", &PyList_Type, &list, &element))
        return NULL;
    if (change_count < CHANGES_MOST)
        remember(list, NULL, element, NULL);
    Py_INCREF(Py_None);
    return Py_None;
}

static PyMethodDef methods[] = {
    {"replace", replace, METH_VARARGS, NULL},
    {"appended", appended, METH_VARARGS, NULL},
};

static void undo_in_list(PyObject *list, PyObject *element)
{
    for (Py_ssize_t i = PyList_Size(list); i-- > 0;)
        if (PyList_GetItem(list, i) == element)
            PySequence_DelItem(list, i);
}

/* Whoever put something over ours keeps it. */
static void undo_attribute(const struct change *change)
{
    PyObject *now = own_attribute(change->owner, change->name);
    if (now == change->ours)
        PyObject_SetAttr(change->owner, change->name, change->original);
    Py_XDECREF(now);
}

static void undo(struct change *change)
{
    if (change->name)
        undo_attribute(change);
    else
        undo_in_list(change->owner, change->ours);
    PyErr_Clear();
    Py_CLEAR(change->owner);
    Py_CLEAR(change->name);
    Py_CLEAR(change->ours);
    Py_CLEAR(change->original);
}

void spans_servers_leave(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    while (change_count)
        undo(&changes[--change_count]);
    for (int i = 0; i < KNOWN_COUNT; i++)
        is_done[i] = false;
    is_finding = false; /* a fork's child has no thread that goes on with it */
    Py_CLEAR(servers);
    Py_CLEAR(spans);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

/* --- finding ---------------------------------------------------------------------------------- */

static PyObject *dictionary_of_texts(void)
{
    PyObject *made = PyDict_New();
    for (size_t i = 0; made && i < sizeof(texts) / sizeof(texts[0]); i++) {
        PyObject *text = PyBytes_FromStringAndSize(texts[i].text, texts[i].end - texts[i].text);
        if (!text || PyDict_SetItemString(made, texts[i].name, text))
            Py_CLEAR(made);
        Py_XDECREF(text);
    }
    return made;
}

/* The function `load` of the text _private.py, new. */
static PyObject *loader(void)
{
    /* cppcheck-suppress comparePointers ; the assembler puts the one behind the other's text */
    Py_ssize_t size = text_private_end - text_private;
    PyObject *load = NULL, *text = PyBytes_FromStringAndSize(text_private, size);
    PyObject *code =
        text ? Py_CompileString(PyBytes_AsString(text), "<ulma._private>", Py_file_input) : NULL;
    PyObject *globals = PyDict_New();
    if (code && globals &&
        PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins()) == 0) {
        PyObject *ran = PyEval_EvalCode(code, globals, globals);
        load = ran ? PyDict_GetItemString(globals, "load") : NULL; /* borrowed */
        Py_XINCREF(load);
        Py_XDECREF(ran);
    }
    Py_XDECREF(text);
    Py_XDECREF(code);
    Py_XDECREF(globals);
    return load;
}

static bool load_servers(void)
{
    PyObject *load = loader(), *all = dictionary_of_texts();
    servers = load && all ? PyObject_CallFunction(load, "Os", all, "ulma._servers") : NULL;
    spans = servers ? PyObject_GetAttrString(servers, "_spans") : NULL;
    Py_XDECREF(load);
    Py_XDECREF(all);
    if (spans)
        return true;
    Py_CLEAR(servers);
    return false;
}

static void install(int at, PyObject *module)
{
    PyObject *given[2] = {PyCFunction_New(&methods[0], NULL), PyCFunction_New(&methods[1], NULL)};
    PyObject *done =
        given[0] && given[1] && (servers || load_servers())
            ? PyObject_CallMethod(servers, "install", "sOOO", known[at], module, given[0], given[1])
            : NULL;
    is_done[at] = !done ||
                  PyObject_IsTrue(done) == 1; /* one that is another than we know: once is enough */
    Py_XDECREF(done);
    Py_XDECREF(given[0]);
    Py_XDECREF(given[1]);
    PyErr_Clear();
}

static void find_each(PyObject *modules)
{
    for (int i = 0; i < KNOWN_COUNT; i++) {
        PyObject *module = is_done[i] ? NULL
                                      : PyDict_GetItemString(modules, known[i]); /* borrowed */
        if (!module)
            continue;
        Py_INCREF(module);
        install(i, module);
        Py_DECREF(module);
    }
}

void spans_servers_find(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    has_missed = true;
    if (is_finding || !modules)
        return;
    is_finding = true;
    while (has_missed) {
        has_missed = false;
        find_each(modules);
    }
    is_finding = false;
}

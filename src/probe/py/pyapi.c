/* SPDX-License-Identifier: MIT */
/* Symbols and offsets of the CPython that loaded us.
 * Why: see pyapi.h. The offsets were read with offsetof from each version's own headers (3.9.18,
 * 3.10.13, 3.11.7, 3.12.1, 3.13.0, 3.14.8, 3.15.0); patch releases have kept them, and where one does
 * not, the check says so and the probe refuses instead of reading wild.
 * Rules: x86-64 and aarch64 share these layouts (LP64, same alignment). */
#include "probe/py/pyapi.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct pyapi pyapi;

struct layout {
    size_t code_extra, code_flags, code_line;
    size_t tstate_frame, tstate_thread_id;
    bool has_cframe;
    size_t cframe_frame;
    size_t frame_code, frame_previous, frame_globals, frame_owner, frame_instruction, frame_locals;
    size_t generator_frame;
};

enum { TSTATE_INTERP = 16 };

/* clang-format off */
static const struct layout layouts[] = {
    /*      co_extra flags line  tstate: frame thread  cframe: has  frame  frame: code previous globals owner instruction locals  generator: frame */
    [9]  = { 144,   36,   40,            24,    176,         false,     0,          32,      24,     48,     0,     0,           360,     16},
    [10] = { 144,   36,   40,            24,    176,         false,     0,          32,      24,     48,     0,     0,           352,     16},
    [11] = { 176,   48,   72,            56,    152,          true,     8,          32,      48,      8,    69,    56,            72,     80},
    [12] = { 184,   48,   68,            56,    136,          true,     0,           0,       8,     24,    70,    56,            72,     72},
    [13] = { 192,   48,   68,            72,    152,         false,     0,           0,       8,     24,    70,    56,            72,     72},
    [14] = { 200,   48,   68,            72,    152,         false,     0,           0,       8,     24,    74,    56,            80,     72},
    [15] = { 200,   48,   68,            72,    176,         false,     0,           0,       8,     24,    74,    56,            80,     72},
};
/* clang-format on */

static int running_minor(char *reason, size_t size)
{
    const char *version = Py_GetVersion();
    int major = 0;
    int minor = 0;
    if (sscanf(version, "%d.%d", &major, &minor) != 2 || major != 3 || minor < 9 || minor > 15) {
        snprintf(reason, size, "Python %.24s is not supported; ulma profiles CPython 3.9 to 3.15",
                 version);
        return -1;
    }
    if (strstr(version, "free-threading")) {
        snprintf(reason, size,
                 "this Python %d.%d is a free-threaded build, which ulma does not support yet; use "
                 "one with the GIL",
                 major, minor);
        return -1;
    }
    return minor;
}

static void take_layout(int minor)
{
    const struct layout *layout = &layouts[minor];
    pyapi.minor = minor;
    pyapi.code_extra = layout->code_extra;
    pyapi.code_flags = layout->code_flags;
    pyapi.code_line = layout->code_line;
    pyapi.tstate_frame = layout->tstate_frame;
    pyapi.has_cframe = layout->has_cframe;
    pyapi.cframe_frame = layout->cframe_frame;
    pyapi.tstate_thread_id = layout->tstate_thread_id;
    pyapi.tstate_chunk = TSTATE_INTERP; /* until pyapi_check_layout has seen a frame in it */
    pyapi.frame_code = layout->frame_code;
    pyapi.frame_previous = layout->frame_previous;
    pyapi.frame_globals = layout->frame_globals;
    pyapi.frame_owner = layout->frame_owner;
    pyapi.frame_instruction = layout->frame_instruction;
    pyapi.frame_lasti = minor == 9 ? 104 : 96;
    pyapi.frame_stacktop = 72; /* 3.9: non-NULL in a frame that has yielded */
    pyapi.frame_state = 108;   /* 3.10: f_state */
    pyapi.object_frame = 24;
    pyapi.frame_locals = layout->frame_locals;
    pyapi.generator_state = 75; /* 3.11: gi_frame_state */
    pyapi.generator_frame = layout->generator_frame;
}

/* Function pointers do not convert to void * in ISO C; POSIX says that dlsym's do. */
static bool find(void *function, const char *name, const char *old_name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (!symbol && old_name)
        symbol = dlsym(RTLD_DEFAULT, old_name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != NULL;
}

static bool find_all(void)
{
    bool ok =
        find(&pyapi.thread_state, "PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet") &&
        find(&pyapi.request_extra_index, "PyUnstable_Eval_RequestCodeExtraIndex",
             "_PyEval_RequestCodeExtraIndex") &&
        find(&pyapi.set_extra, "PyUnstable_Code_SetExtra", "_PyCode_SetExtra") &&
        find(&pyapi.type_lookup, "_PyType_Lookup", NULL) &&
        find(&pyapi.vectorcall_call, "PyVectorcall_Call", NULL) &&
        find(&pyapi.utf8, "PyUnicode_AsUTF8AndSize", NULL) &&
        find(&pyapi.thread_head, "PyInterpreterState_ThreadHead", NULL) &&
        find(&pyapi.thread_next, "PyThreadState_Next", NULL);
    void *code_type = dlsym(RTLD_DEFAULT, "PyCode_Type");
    pyapi.code_type = code_type;
    pyapi.coroutine_type = dlsym(RTLD_DEFAULT, "PyCoro_Type");
    pyapi.generator_type = dlsym(RTLD_DEFAULT, "PyGen_Type");
    if (ok && pyapi.minor <= 11)
        ok = find(&pyapi.get_eval_frame, "_PyInterpreterState_GetEvalFrameFunc", NULL) &&
             find(&pyapi.set_eval_frame, "_PyInterpreterState_SetEvalFrameFunc", NULL) &&
             find(&pyapi.set_profile, "_PyEval_SetProfile", NULL);
    return ok && code_type && pyapi.coroutine_type && pyapi.generator_type;
}

int pyapi_init(char *reason, size_t size)
{
    int minor = running_minor(reason, size);
    if (minor < 0)
        return -1;
    take_layout(minor);
    if (find_all())
        return 0;
    snprintf(reason, size,
             "this Python 3.%d does not export what a profiler needs; it may be statically linked",
             minor);
    return -1;
}

static int refuse_layout(const char *what, char *reason, size_t size)
{
    snprintf(reason, size,
             "this build of Python 3.%d lays out its %s in a way that ulma does not know; please "
             "report `python -VV`",
             pyapi.minor, what);
    return -1;
}

/* co_firstlineno and co_flags as Python tells them, against the words at our offsets. */
static bool code_layout_holds(PyObject *code)
{
    PyObject *line = PyObject_GetAttrString(code, "co_firstlineno");
    PyObject *flags = PyObject_GetAttrString(code, "co_flags");
    bool holds = line && flags && PyLong_AsLong(line) == PYAPI_FIELD(int, code, pyapi.code_line) &&
                 PyLong_AsLong(flags) == PYAPI_FIELD(int, code, pyapi.code_flags);
    Py_XDECREF(line);
    Py_XDECREF(flags);
    PyErr_Clear();
    return holds;
}

/* Walks the chain of the frames that Python itself shows, and ours beside it. */
static bool frame_layout_holds(PyThreadState *tstate)
{
    void *frame = pyapi_current_frame(tstate);
    PyObject *shown = (PyObject *)PyEval_GetFrame(); /* borrowed */
    Py_XINCREF(shown);
    bool holds = shown != NULL;
    for (int depth = 0; holds && shown && depth < 100; depth++) {
        while (frame && !pyapi_frame_code(frame))
            frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
        PyObject *code = PyObject_GetAttrString(shown, "f_code");
        PyObject *globals = PyObject_GetAttrString(shown, "f_globals");
        PyObject *back = PyObject_GetAttrString(shown, "f_back");
        holds = frame && code && globals && back && pyapi_frame_code(frame) == code &&
                PYAPI_FIELD(PyObject *, frame, pyapi.frame_globals) == globals;
        Py_XDECREF(code);
        Py_XDECREF(globals);
        Py_DECREF(shown);
        shown = back;
        if (shown == Py_None) {
            Py_DECREF(shown);
            shown = NULL;
        }
        if (frame)
            frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    }
    Py_XDECREF(shown);
    PyErr_Clear();
    return holds;
}

/* A generator's frame, and in it what it iterates over. */
static bool generator_layout_holds(void)
{
    PyObject *code = Py_CompileString("(0 for _ in ())", "<ulma>", Py_eval_input);
    PyObject *globals = PyDict_New();
    PyObject *generator = code && globals ? PyEval_EvalCode(code, globals, globals) : NULL;
    PyObject *body = generator ? PyObject_GetAttrString(generator, "gi_code") : NULL;
    void *frame = body && Py_TYPE(generator) == pyapi.generator_type
                      ? pyapi_generator_frame(generator)
                      : NULL;
    bool holds = frame && pyapi_frame_code(frame) == body;
    PyObject *first = holds ? pyapi_frame_local(frame, 0) : NULL;
    PyTypeObject *iterator = dlsym(RTLD_DEFAULT, "PyTupleIter_Type");
    PyTypeObject *iterated = dlsym(RTLD_DEFAULT, "PyTuple_Type");
    holds = first && (Py_TYPE(first) == iterator || Py_TYPE(first) == iterated);
    Py_XDECREF(body);
    Py_XDECREF(generator);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    PyErr_Clear();
    return holds;
}

/* 3.12+: tstate->datastack_chunk. Chunks are pages of their own; the innermost frame that is no
 * generator's lies in the present one. Without it only switches of greenlets go unseen. */
static void find_chunk(const PyThreadState *tstate, void *frame)
{
    enum { OWNED_BY_THREAD = 0, PAGE = 4096, CHUNK_MOST = 1 << 24 };
    if (pyapi.minor < 12)
        return;
    while (frame && PYAPI_FIELD(unsigned char, frame, pyapi.frame_owner) != OWNED_BY_THREAD)
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    size_t offset = pyapi.minor >= 15 ? 256 : 232;
    uintptr_t chunk = PYAPI_FIELD(uintptr_t, tstate, offset);
    uintptr_t place = (uintptr_t)frame - chunk;
    if (frame && chunk && chunk % PAGE == 0 && (uintptr_t)frame > chunk && place < CHUNK_MOST)
        pyapi.tstate_chunk = offset;
}

int pyapi_check_layout(char *reason, size_t size)
{
    PyThreadState *tstate = pyapi.thread_state();
    PyObject *shown = (PyObject *)PyEval_GetFrame();
    if (!tstate || !shown || !frame_layout_holds(tstate))
        return refuse_layout("frames", reason, size);
    PyObject *code = PyObject_GetAttrString(shown, "f_code");
    bool holds = code && code_layout_holds(code);
    Py_XDECREF(code);
    if (!holds)
        return refuse_layout("code objects", reason, size);
    if (!generator_layout_holds())
        return refuse_layout("generators", reason, size);
    if (PYAPI_FIELD(unsigned long, tstate, pyapi.tstate_thread_id) != (unsigned long)pthread_self())
        return refuse_layout("thread states", reason, size);
    find_chunk(tstate, pyapi_current_frame(tstate));
    return 0;
}

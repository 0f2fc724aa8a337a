/* SPDX-License-Identifier: MIT */
/* All that the probe needs of a CPython beyond the limited API of 3.9, resolved at load.
 * Why: one shared object serves 3.9 to 3.15. Newer or renamed functions are looked up by name; the few
 * private fields are read through offsets from a table by minor version, each proved on this very
 * interpreter before use (pyapi_check_layout). Nothing else in the probe knows a version.
 * Rules: pyapi_init once, under the GIL, before anything else here. */
#ifndef ULMA_PROBE_PYAPI_H
#define ULMA_PROBE_PYAPI_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef PyObject *pyapi_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf,
                                   PyObject *kwnames);
typedef PyObject *pyapi_eval_frame(PyThreadState *tstate, void *frame, int throwflag);
typedef int pyapi_profile(PyObject *object, void *frame, int what, PyObject *arg);

struct pyapi {
    /* What every event reads, in one cache line; offsets in bytes. */
    _Alignas(64) PyThreadState *(*thread_state)(void);
    size_t tstate_frame; /* a frame, or (has_cframe) what points to one */
    size_t cframe_frame;
    size_t frame_code;
    size_t code_extra;
    /* 3.12+: the piece of memory that the innermost frames lie in, another one for each greenlet; where
     * that was not proved, a word that never changes. */
    size_t tstate_chunk;
    Py_ssize_t extra_index; /* ours in a code object's co_extra (define.c) */
    bool has_cframe;        /* 3.11, 3.12: through tstate->cframe */
    int minor;              /* 9 .. 15 */

    Py_ssize_t (*request_extra_index)(void (*free_value)(void *));
    int (*set_extra)(PyObject *code, Py_ssize_t index, void *value);
    PyObject *(*type_lookup)(PyTypeObject *type, PyObject *name);
    PyObject *(*vectorcall_call)(PyObject *, PyObject *, PyObject *);
    const char *(*utf8)(PyObject *, Py_ssize_t *);
    PyThreadState *(*thread_head)(PyInterpreterState *);
    PyThreadState *(*thread_next)(PyThreadState *);
    /* 3.9-3.11 */
    pyapi_eval_frame *(*get_eval_frame)(PyInterpreterState *);
    void (*set_eval_frame)(PyInterpreterState *, pyapi_eval_frame *);
    int (*set_profile)(PyThreadState *, pyapi_profile *, PyObject *);
    PyTypeObject *code_type;
    PyTypeObject *coroutine_type, *generator_type;

    /* More offsets in bytes. */
    size_t code_flags, code_line;
    size_t tstate_thread_id;
    size_t frame_previous, frame_globals;
    size_t frame_owner;                              /* 3.11+ */
    size_t frame_instruction;                        /* 3.11+ */
    size_t frame_lasti, frame_stacktop, frame_state; /* 3.9, 3.10 */
    size_t object_frame; /* 3.11: PyFrameObject -> its interpreter frame */
    size_t frame_locals;
    size_t generator_state; /* 3.11 */
    size_t
        generator_frame; /* of a generator or coroutine: its frame; up to 3.10 what points to it */
};

extern struct pyapi pyapi;

/* 0, or -1 with a sentence in `reason` (size bytes): not a CPython that the probe can serve. */
int pyapi_init(char *reason, size_t size);

/* Proves the offsets on a running frame. Call it from a builtin that Python code called. */
int pyapi_check_layout(char *reason, size_t size);

/* A type's tp_name: "dict", "collections.deque", of a class the bare name. The place is the same on all versions. */
#define PYAPI_FIELD_TYPE_NAME             24
#define PYAPI_FIELD(type, object, offset) (*(type *)((char *)(object) + (offset)))

/* The innermost Python frame of a thread, or NULL. */
static inline void *pyapi_current_frame(PyThreadState *tstate)
{
    void *holder = PYAPI_FIELD(void *, tstate, pyapi.tstate_frame);
    if (!pyapi.has_cframe || !holder)
        return holder;
    return PYAPI_FIELD(void *, holder, pyapi.cframe_frame);
}

/* Frame addresses on the wire: bits 3..34. Never 0 for a real frame's practical purposes. */
static inline uint32_t pyapi_frame_key(const void *frame)
{
    return (uint32_t)((uintptr_t)frame >> 3);
}

enum { PYAPI_OWNED_BY_INTERPRETER = 3, PYAPI_CODE_NO_EVENTS = 0x2000000 };

/* The code object that a frame runs, or NULL for the interpreter's own shim frames, which make no
 * events: owned by the C stack (3.12 gives these a code object), or code that is marked so (the shim
 * below an inlined __init__). */
static inline PyObject *pyapi_frame_code(void *frame)
{
    if (pyapi.minor >= 12 &&
        PYAPI_FIELD(unsigned char, frame, pyapi.frame_owner) >= PYAPI_OWNED_BY_INTERPRETER)
        return NULL;
    /* 3.14+ keeps a tagged reference here. */
    uintptr_t bits = PYAPI_FIELD(uintptr_t, frame, pyapi.frame_code) & ~(uintptr_t)7;
    PyObject *code = (PyObject *)bits; /* NOLINT(performance-no-int-to-ptr) */
    if (!code || Py_TYPE(code) != pyapi.code_type)
        return NULL;
    return PYAPI_FIELD(int, code, pyapi.code_flags) & PYAPI_CODE_NO_EVENTS ? NULL : code;
}

/* Flags of a generator, a coroutine, an iterable coroutine, an async generator. */
enum { PYAPI_CODE_SUSPENDS = 0x20 | 0x80 | 0x100 | 0x200 };

/* A generator's, coroutine's or async generator's code. */
static inline bool pyapi_is_generator(PyObject *code)
{
    return (PYAPI_FIELD(int, code, pyapi.code_flags) & PYAPI_CODE_SUSPENDS) != 0;
}

/* The frame of a generator or coroutine; up to 3.10 NULL when it has ended. */
static inline void *pyapi_generator_frame(PyObject *generator)
{
    char *at = (char *)generator + pyapi.generator_frame;
    return pyapi.minor < 11 ? *(void **)at : at;
}

/* A frame's local variable or argument by number, borrowed; NULL: none yet. 3.14+ tags it. */
static inline PyObject *pyapi_frame_local(void *frame, size_t number)
{
    size_t at = pyapi.frame_locals + number * sizeof(PyObject *);
    return (PyObject *)(PYAPI_FIELD(uintptr_t, frame, at) &
                        ~(uintptr_t)7); /* NOLINT(performance-no-int-to-ptr) */
}

/* 3.9-3.11: whether a generator's frame, which its generator keeps alive, has left by a yield. */
static inline bool pyapi_has_yielded(const void *frame)
{
    enum { OWNED_BY_GENERATOR = 1, SUSPENDED = -1 };
    if (pyapi.minor == 9)
        return PYAPI_FIELD(void *, frame, pyapi.frame_stacktop) != NULL;
    if (pyapi.minor == 10)
        return PYAPI_FIELD(signed char, frame, pyapi.frame_state) == SUSPENDED;
    if (PYAPI_FIELD(char, frame, pyapi.frame_owner) != OWNED_BY_GENERATOR)
        return false;
    const char *generator = (const char *)frame - pyapi.generator_frame;
    return PYAPI_FIELD(signed char, generator, pyapi.generator_state) == SUSPENDED;
}

static inline const char *pyapi_type_name(PyTypeObject *type)
{
    return PYAPI_FIELD(const char *, type, PYAPI_FIELD_TYPE_NAME);
}

#endif

/* SPDX-License-Identifier: MIT */
/* From code objects and C functions to ids.
 * Why: an event carries 24 bits; the name goes over once. A code object carries its id itself (in its
 * co_extra slot), so that the hot path is two loads, and tells its own end.
 * Rules: the GIL is held. define_code never raises and leaves a pending exception as it was. */
#ifndef ULMA_PROBE_DEFINE_H
#define ULMA_PROBE_DEFINE_H

#include "probe/link.h"
#include "probe/py/pyapi.h"

/* Once: the co_extra index, and a proof of its layout. 0, or -1 with a sentence. */
int define_init(char *reason, size_t size);

/* The slow path of define_id: a new id, or 0 where there is no room. `frame`: of the code, to find
 * its module; NULL: unknown. */
uint32_t define_code(PyObject *code, void *frame);

/* The id of a C function by its PyMethodDef; `self` and `module` name it as cProfile does. */
uint32_t define_c_function(PyMethodDef *method, PyObject *self, PyObject *module);

/* The same, not of a call: of a type's method by its descriptor's type, or, with none, of a module's function. */
uint32_t define_method(PyMethodDef *method, PyTypeObject *type, PyObject *module);

/* The id of an operator of a builtin type: a new one each time, until define_end. */
struct define_operator {
    const char *type, *name; /* `dict`, `__getitem__` */
    PyObject *code; /* that uses it at `line`; NULL: none, or the operator wherever it is used */
    void *frame;
    uint32_t line;
    bool is_partial; /* not every use of it is told */
};
uint32_t define_operator(const struct define_operator *what);

/* The id of a type by its name: a new one each time, until define_end. */
uint32_t define_type(PyTypeObject *type);

/* The id of a function of the C library, by its name in a definition: a new one each time. */
uint32_t define_operation(const char *name);

/* What the id stands for has ended. */
void define_end(uint32_t id);

/* The code object that has this id now, borrowed; NULL: none, or a C function's. */
PyObject *define_code_of(uint32_t id);

/* New link: ids begin anew. */
void define_reset(void);

/* Marks of a code object, in the bits above its id; a marked one is negative as an int32_t. */
enum {
    DEFINE_ID_BITS = SESSION_ID_LIMIT - 1,
    DEFINE_AWAITED = INT32_MIN, /* a coroutine's */
    DEFINE_MAKES_TASKS = INT32_MIN | 1 << 30,
    DEFINE_IMPORTS = INT32_MIN | 1 << 29, /* importlib's function whose return is an import's end */
};

struct define_extra {
    Py_ssize_t size;
    void *values[];
};

/* The id that a code object has under this link, with its mark, or 0. */
static inline uint32_t define_marked_at(PyObject *code, size_t code_extra)
{
    struct define_extra *extra = PYAPI_FIELD(struct define_extra *, code, code_extra);
    if (__builtin_expect(!extra || extra->size <= pyapi.extra_index, 0))
        return 0;
    uintptr_t value = (uintptr_t)extra->values[pyapi.extra_index];
    if (__builtin_expect((uint32_t)(value >> 32) != link_to.generation, 0))
        return 0;
    return (uint32_t)value;
}

static inline uint32_t define_marked(PyObject *code)
{
    return define_marked_at(code, pyapi.code_extra);
}

/* The id alone. */
static inline uint32_t define_known(PyObject *code)
{
    return define_marked(code) & DEFINE_ID_BITS;
}

static inline bool define_is_marked(uint32_t marked)
{
    return (int32_t)marked < 0;
}

static inline bool define_is_import(uint32_t marked)
{
    return (marked & (uint32_t)DEFINE_IMPORTS) == (uint32_t)DEFINE_IMPORTS;
}

static inline uint32_t define_id(PyObject *code, void *frame)
{
    uint32_t id = define_known(code);
    return __builtin_expect(id != 0, 1) ? id : define_code(code, frame);
}

#endif

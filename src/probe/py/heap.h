/* SPDX-License-Identifier: MIT */
/* The interpreter's heap: every object that the garbage collector knows, what an object refers to, how large it is.
 * Why by hand: the gc module lists containers alone and sys.getsizeof runs the program's code; tp_traverse and the
 * builtin types' own __sizeof__ run none.
 * Rules: the GIL is held throughout, and nothing here lets it go. No container is made or freed while
 * heap_each_container runs. */
#ifndef ULMA_PROBE_PY_HEAP_H
#define ULMA_PROBE_PY_HEAP_H

#include "probe/py/pyapi.h"

/* Once: the places of what it needs in a type object, each proved. 0, or -1 with a sentence. */
int heap_prepare(char *reason, size_t size);

/* Calls `visit` for each object that the collector tracks, in every generation. 0, or -1: no memory. */
int heap_each_container(int (*visit)(PyObject *object, void *context), void *context);

/* Calls `visit` for each object that `object` refers to; nothing where its type does not say. */
void heap_each_referent(PyObject *object, int (*visit)(PyObject *object, void *context),
                        void *context);

/* heap_each_container comes to it. */
static inline bool heap_is_container(PyObject *object)
{
    return PyObject_GC_IsTracked(object);
}

/* How the instances of a type are measured: found once a type. */
struct heap_measure {
    PyCFunction function; /* a builtin __sizeof__; NULL: by the two below */
    size_t basic_bytes, item_bytes, header_bytes;
    bool is_unknown; /* __sizeof__ is the program's own code: its base's sizes are taken */
};
void heap_measure_type(PyTypeObject *type, struct heap_measure *ret_measure);
size_t heap_measure(const struct heap_measure *measure, PyObject *object);

/* What each of an instance's ob_size items takes; 0: it has none. */
size_t heap_item_bytes(PyTypeObject *type);

/* The last part of a type's name, as C has it: borrowed, never NULL. */
const char *heap_type_tail(PyTypeObject *type);

/* module.qualname, without the module for builtins; cut to `size`. */
void heap_type_name(PyTypeObject *type, char *name, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/* The source `c-calls` in the target: calls of C functions and of methods of built-in types.
 * Why: what counts as a C call is what cProfile counts, so that the figures can be held together:
 * builtin functions and method descriptors; not types, not slots, not callables of other kinds. But for one: a builtin
 * type that is called to make a thing of what is that already, list(list), is told by that name where arguments can be
 * seen (3.12 and newer): no other event tells it.
 * Rules: the GIL is held; nothing of the callable is kept but its PyMethodDef (wire id). */
#ifndef ULMA_SOURCES_C_CALLS_PROBE_H
#define ULMA_SOURCES_C_CALLS_PROBE_H

#include "probe/define.h"
#include "probe/escalate.h"
#include "probe/py/pyapi.h"
#include "probe/writer.h"

/* Whether a callable is one whose calls are told. */
static inline bool c_calls_is_told(PyObject *callable)
{
    PyTypeObject *type = Py_TYPE(callable);
    return type == &PyCFunction_Type || type == &PyMethodDescr_Type ||
           PyType_IsSubtype(type, &PyCFunction_Type);
}

/* The id of the C function behind `callable`, called with first argument `self` (NULL: none); false:
 * not one that is told. */
bool c_calls_identify(PyObject *callable, PyObject *self, uint32_t *ret_id);

/* The same of a conversion that is none; its id is 0 where there is no room. */
bool c_calls_convert(PyObject *code, PyObject *offset, PyObject *callable, PyObject *argument,
                     uint32_t *ret_id);

static inline bool c_calls_is_conversion(const PyObject *callable, const PyObject *argument)
{
    return Py_TYPE(callable) == &PyType_Type && (const PyObject *)Py_TYPE(argument) == callable;
}

static inline void c_calls_push(uint32_t id, const void *frame)
{
    if (__builtin_expect(link_to.modes[id] != MODE_RECORD, 0))
        return;
    writer_put(link_counter(), EVENT_C_CALL, id, pyapi_frame_key(frame));
}

/* A monitored method is told by itself. Looked up only where some are. A fork's child has no header
 * until its first event, which may be the return from fork(). */
static inline bool c_calls_is_method(PyObject *callable, PyObject *self)
{
    const struct session_header *header = link_to.header;
    uint32_t id = 0;
    return header &&
           (atomic_load_explicit(&header->sources_on, memory_order_relaxed) & SOURCE_METHODS) &&
           c_calls_identify(callable, self, &id) &&
           (link_to.modes[id] == MODE_METHOD || escalate_is_mode(link_to.modes[id]));
}

static inline void c_calls_pop(enum event_kind kind, uint64_t counter, const void *frame)
{
    writer_put(counter, kind, 0, pyapi_frame_key(frame));
}

#endif

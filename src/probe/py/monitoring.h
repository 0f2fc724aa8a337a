/* SPDX-License-Identifier: MIT */
/* What of sys.monitoring sources with events of their own need (3.12+).
 * Why: there is one tool id and one kind of callback, and they are monitoring.c's.
 * Rules: the GIL is held. Nothing here raises. */
#ifndef ULMA_PROBE_PY_MONITORING_H
#define ULMA_PROBE_PY_MONITORING_H

#include "probe/py/pyapi.h"

#include <stdbool.h>

/* One more event of sys.monitoring.events, told to `call`; `ret_event` is its bit. Registering tells audit hooks.
 * False: this Python has none of that name, or the tool id is no longer ours. */
bool monitoring_take_event(const char *name, pyapi_vectorcall *call, long *ret_event);

/* It is told to nobody. */
void monitoring_give_event(long event);

/* The bit of an event, or -1. */
long monitoring_event(const char *name);

/* The local events of a code object, beside those of all. */
void monitoring_set_local(PyObject *code, long mask);

/* Those that the sources want of the code object of this id. */
void monitoring_fit_local(PyObject *code, uint32_t id);

/* Whether an event of `code` is of the innermost frame: see monitoring.c. */
bool monitoring_is_of_frame(const void *frame, const PyObject *code);

#endif

/* SPDX-License-Identifier: MIT */
/* The types that there are.
 * Why __subclasses__: every type is a subclass of object, and each knows its own; metaclasses are not asked.
 * Rules: the GIL is held; no code of the program's runs. */
#ifndef ULMA_PROBE_PY_TYPES_H
#define ULMA_PROBE_PY_TYPES_H

#include "probe/py/pyapi.h"

/* A list of a type and all below it, breadth first, each once; a new reference, or NULL: no memory. */
PyObject *types_below(PyTypeObject *base);

#endif

/* SPDX-License-Identifier: MIT */
/* Early 3.11 (Debian 12's 3.11.2 is one) enters a Python __getitem__ straight from a warm subscript
 * (BINARY_SUBSCR_GETITEM), past the frame evaluation function: those calls would not be heard.
 * Why this way: the instruction has 16 bits for the version of the function that it is specialised for,
 * and is not specialised for one whose version needs more. So each __getitem__ function has, while
 * calls are recorded, a version of its own near 2^32, where the interpreter's own counter never comes;
 * off, it has none again, and gets a new one from the interpreter when it is next wanted.
 * Rules: the GIL is held. Whether the interpreter has the gap is tried, not read from its version. */
#ifndef ULMA_PROBE_PY_GETITEM_H
#define ULMA_PROBE_PY_GETITEM_H

#include "probe/py/pyapi.h"

/* Whether this interpreter has the gap and it is being closed now. */
extern bool getitem_closing;

/* Tries whether the interpreter has the gap. 3.11 only. */
void getitem_try(void);

/* Switch-on: closes the gap for all classes that there are. */
void getitem_close(void);

/* Switch-off: the functions of all classes that there are get back what they had. */
void getitem_open(void);

/* A frame begins: if it runs a __getitem__, its function gets such a version. */
void getitem_on_frame(void *frame, PyObject *code);

/* The namespace of a class body that is about to run (a new reference), or NULL; and its end. */
PyObject *getitem_begin_body(void *frame, PyObject *code);
void getitem_end_body(PyObject *take_namespace);

#endif

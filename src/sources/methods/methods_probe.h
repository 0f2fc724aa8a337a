/* SPDX-License-Identifier: MIT */
/* The source `methods` in the target: methods of built-in and extension types, and builtin functions, through
 * thunks in their PyMethodDefs.
 * Why there: every way of calling a method reads ml_meth when it calls, the interpreter's specialised call sites too;
 * so one store monitors it everywhere, and one that is not monitored costs nothing.
 * Rules: the GIL is held. A thunk that was given to a method stays that method's for ever: a pointer to it may
 * have been kept (a compiled trace, a subclass), and it then calls the original. */
#ifndef ULMA_SOURCES_METHODS_PROBE_H
#define ULMA_SOURCES_METHODS_PROBE_H

#include "probe/escalate.h"
#include "probe/py/pyapi.h"
#include "probe/source_hooks.h"

/* --- methods_thunks_probe.c ----------------------------------------------------------------- */

enum { METHODS_THUNKS = 1024 };

/* Every calling convention's arguments fit in five registers (METH_METHOD has five). */
typedef PyObject *methods_function(void *self, void *a, void *b, void *c, void *d);

struct methods_thunk {
    methods_function *original;
    PyMethodDef *method; /* NULL: nobody's */
    uint32_t id;         /* under the present link */
    bool is_on;
    bool is_judged; /* by a rule, in place: no event tells it */
};

/* The mode of a method that has a thunk. */
static inline bool methods_is_mode(unsigned char mode)
{
    return mode == MODE_METHOD || escalate_is_mode(mode);
}

extern struct methods_thunk methods_thunks[METHODS_THUNKS];

/* The code of a thunk. */
methods_function *methods_thunk_code(int number);

/* Pops of calls that began before are written no more. */
void methods_thunks_begin_anew(void);

/* --- methods_list_probe.c ------------------------------------------------------------------- */

struct methods_candidate {
    PyMethodDef *method;
    uint32_t id;
    bool is_sealed; /* its memory may not be written */
};

/* Finds and defines every method there is: of all types, and of all modules in sys.modules. The list is kept until
 * the next one. False: no memory. */
bool methods_list(void);

/* A module of C has been imported since the last list. */
bool methods_list_is_old(void);

struct methods_candidates {
    struct methods_candidate *list;
    size_t count;
};
const struct methods_candidates *methods_listed(void);

/* --- methods_probe.c ------------------------------------------------------------------------ */

/* Has the collector look at what is defined, and waits until the mode bytes say what of it is wanted. */
void methods_ask(void);

/* What the thunk that was ever given to the method calls; NULL: it has none. Another source of ours that has a
 * hook in a method puts it there while the thunk stands in the method, and takes it out of both. */
methods_function **methods_called(const PyMethodDef *method);

bool methods_has_thunk(const PyMethodDef *method);

#endif

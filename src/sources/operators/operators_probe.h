/* SPDX-License-Identifier: MIT */
/* The source `operators` in the target: subscripts, assignments, deletions, `in` and iteration of dict, list, set,
 * tuple and str, through thunks in the slots of their types.
 * Why slots: the interpreter and C code find an operator of an object through its type's slots, so that one store
 * hears it everywhere; where an instruction has been specialised for the type it goes past them (operators_test_probe.c
 * finds out which do, on the running interpreter).
 * Rules: the GIL is held. A thunk stays callable for ever: a pointer to it may have been kept (a compiled trace, a
 * type that was derived meanwhile), and it then calls the original. */
#ifndef ULMA_SOURCES_OPERATORS_PROBE_H
#define ULMA_SOURCES_OPERATORS_PROBE_H

#include "probe/py/pyapi.h"
#include "wire/operators.h"

/* --- operators_thunks_probe.c ----------------------------------------------------------------- */

/* Whose: types, and the types of their iterators. */
enum operators_whose {
    OPERATORS_DICT,
    OPERATORS_LIST,
    OPERATORS_TUPLE,
    OPERATORS_STR,
    OPERATORS_SET,
    OPERATORS_FROZENSET,
    OPERATORS_TYPES, /* those above have subclasses */
    OPERATORS_DICT_KEYS = OPERATORS_TYPES,
    OPERATORS_DICT_VALUES,
    OPERATORS_DICT_ITEMS,
    OPERATORS_LIST_ITERATOR,
    OPERATORS_TUPLE_ITERATOR,
    OPERATORS_STR_ITERATOR,
    OPERATORS_WIDE_STR_ITERATOR,
    OPERATORS_SET_ITERATOR,
    OPERATORS_ALL_TYPES
};

typedef void operators_function(void); /* a slot's, of whatever form */

struct operators_slot {
    operators_function *original, *thunk;
    enum operators_whose whose;
    uint16_t
        pointer; /* offset in the type of what points to the slot's table; 0: the slot is in the type */
    uint16_t offset;
    uint8_t operator, other;
};

enum { OPERATORS_SLOTS = 0x1d };
extern struct operators_slot operators_slots[OPERATORS_SLOTS];

/* Which operators are told, as bits; and whose thread is being tested, which counts instead. */
extern struct operators_state {
    uint32_t told;
    uint32_t judged; /* those of them that a rule counts or judges in place: no event tells them */
    const uint32_t *ids;
    uint32_t epoch; /* ends of calls that began before are written no more */
    PyThreadState *tested;
    void *interpreter;
    PyTypeObject *frozenset;
    uint32_t heard[OPERATOR_COUNT];
} operators_state;

/* --- operators_sites_probe.c ------------------------------------------------------------------- */

/* The id of an operator at the line that runs; 0: there is none to be had. */
uint32_t operators_site(PyThreadState *tstate, uint32_t operator);

/* Ids begin anew; operators that are told in part only: everywhere, and where every one is asked for. */
void operators_sites_begin(uint32_t unseen, uint32_t unseen_of_every);

/* Those of a code object. */
void operators_sites_forget(uint32_t code_id);

/* --- operators_slots_probe.c ------------------------------------------------------------------- */

/* Once: finds the types and their slots. 0, or -1 with a sentence. */
int operators_find_slots(char *reason, size_t size);

/* Puts thunks into the slots of these operators (bits), of the types alone or of all below them, and takes those out
 * that were there beside. The operators whose slots may not be written are returned. */
uint32_t operators_put(uint32_t operators, bool below);
void operators_take(void);

/* New classes have theirs as they are made. */
void operators_watch_classes(void);
void operators_unwatch_classes(void);

/* --- operators_test_probe.c -------------------------------------------------------------------- */

/* Runs each operator where the interpreter has specialised it; with the bit of the INSTRUCTION event, where it is kept
 * from that. The bits of those that were not heard in full; the same ones every time. */
uint32_t operators_test(long instruction_event);

/* --- operators_every_probe.c ------------------------------------------------------------------- */

/* A code object has just got this id. A pending exception has been put aside. */
void operators_defined(PyObject *code, uint32_t id);

/* The local events that the code object of this id is to keep. */
long operators_local_events(uint32_t id);

/* In this function every operator is told. */
bool operators_every_is_told(uint32_t id);

/* Lets go what the collector has decided against. */
void operators_every_decide(void);

/* The same, now and then: a loop that meets nothing new would run one by one for ever. */
void operators_every_ask(void);

#endif

/* SPDX-License-Identifier: MIT */
/* The source `objects` in the target: births and deaths, by the interpreter's reference tracer.
 * Why places: what makes objects is few instructions of the program, each making one type. A birth says the number
 * of its place, told once, so that it is one event of 16 bytes; who died where and when is the collector's to find.
 * Rules: the GIL is held, of the main interpreter. An object that is born has no fields yet: only its type may be
 * read. Nothing here runs Python code, keeps a reference, raises or ends anything; what is looked up at the first
 * sight of a type or place may allocate, and is not told. */
#ifndef ULMA_SOURCES_OBJECTS_PROBE_H
#define ULMA_SOURCES_OBJECTS_PROBE_H

#include "probe/py/line.h"
#include "probe/source_hooks.h"
#include "probe/writer.h"

/* --- objects_sizes_probe.c ------------------------------------------------------------------ */

/* How instances of a type are measured. */
enum objects_sizing {
    SIZING_FIXED = 0, /* all are alike */
    SIZING_ITEMS,     /* by ob_size */
    SIZING_INT,
    SIZING_LIST,
    SIZING_DICT,
    SIZING_SET,
    SIZING_STR,
    SIZING_COUNT
};

/* Once: finds out which of the above hold on this interpreter. */
void objects_sizes_prepare(void);

enum objects_sizing objects_sizing_of(PyTypeObject *type, size_t *ret_fixed_bytes);

/* Of a whole object. `fixed_bytes`: what its type says. */
size_t objects_size(enum objects_sizing sizing, size_t fixed_bytes, PyObject *object);

/* --- objects_places_probe.c ----------------------------------------------------------------- */

struct objects_type {
    PyTypeObject *type; /* borrowed; NULL: a free slot */
    size_t fixed_bytes;
    uint32_t id, first_place;
    uint8_t sizing;
    bool is_type, is_code; /* its instances are types, code objects */
};

struct objects_place {
    uintptr_t word;     /* line.h; 0: no Python frame was open */
    PyTypeObject *type; /* NULL: a free slot, or (with the word OBJECTS_GONE) one that was used */
    uint32_t id;        /* 0: not told yet */
    uint32_t bytes;     /* of what was born there last, as OBJECT_SIZE has it; 0: not told */
    uint32_t next_of_type, next_of_code; /* slots, 0: none */
    uint32_t type_slot;
    uint32_t code_id;
};
#define OBJECTS_GONE UINTPTR_MAX

/* The tables begin anew: other ids are told. */
void objects_places_begin(void);

/* The type's slot; NULL: there are too many types. */
struct objects_type *objects_type_of(PyTypeObject *type);

/* Where an object of this type is born now; told. NULL: places have run out, or the session has no room. */
struct objects_place *objects_place_of(PyThreadState *tstate, PyTypeObject *type, uint64_t counter);

/* What is about to end: its address may be another's soon. */
void objects_type_ends(PyTypeObject *type);
void objects_code_ends(PyObject *code);

struct objects_type *objects_type_at(uint32_t slot);

/* --- objects_probe.c ------------------------------------------------------------------------ */

/* Writes an event, and whether it was written, not dropped. */
bool objects_put(uint64_t counter, enum event_kind kind, uint32_t id, uint32_t frame);

#endif

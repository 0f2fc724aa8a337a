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

/* Where an instance has the one word that its size follows from; 0: there is none. */
uint8_t objects_size_word(enum objects_sizing sizing);

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

struct objects_place {  /* one cache line: all that a birth and its death read of it */
    uintptr_t word;     /* line.h; 0: no Python frame was open */
    PyTypeObject *type; /* NULL: a free slot, or (with the word OBJECTS_GONE) one that was used */
    uint32_t id;        /* 0: not told yet */
    uint32_t bytes;     /* of what was born there last, as OBJECT_SIZE has it; 0: not told */
    uint32_t next_of_type, next_of_code; /* slots, 0: none */
    uint32_t code_id;
    uint16_t type_slot;
    uint8_t sizing;
    uint8_t size_word; /* objects_size_word */
    bool ends_names;   /* its instances are types, or code objects */
    uintptr_t sized;   /* that word of what was measured last */
} __attribute__((aligned(64)));
#define OBJECTS_GONE UINTPTR_MAX

/* The tables begin anew: other ids are told. */
void objects_places_begin(void);

enum { OBJECTS_TYPE_SLOTS = 1 << 14, OBJECTS_PLACE_SLOTS = 1 << 17 };
extern struct objects_type objects_types[OBJECTS_TYPE_SLOTS];    /* [0] is never used */
extern struct objects_place objects_places[OBJECTS_PLACE_SLOTS]; /* [0] is never used */

static inline uint32_t objects_hash(uintptr_t word, uint32_t slots)
{
    uint64_t mixed = (uint64_t)word * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 40) & (slots - 1);
}

static inline uint32_t objects_place_hash(uintptr_t word, const PyTypeObject *type)
{
    return objects_hash(word ^ ((uintptr_t)type << 7), OBJECTS_PLACE_SLOTS);
}

/* The type's slot; NULL: there are too many types. */
struct objects_type *objects_type_search(PyTypeObject *type);

static inline struct objects_type *objects_type_of(PyTypeObject *type)
{
    struct objects_type *slot = &objects_types[objects_hash((uintptr_t)type, OBJECTS_TYPE_SLOTS)];
    return __builtin_expect(slot->type == type, 1) ? slot : objects_type_search(type);
}

/* Where an object of this type is born now; told. NULL: places have run out, or the session has no room. */
struct objects_place *objects_place_search(PyThreadState *tstate, PyTypeObject *type,
                                           uint64_t counter);

/* From 3.13 on. A frame of a generator's own function is its caller's for a while: that, and all that is seldom, is
 * searched for. */
static inline struct objects_place *objects_place_of(PyThreadState *tstate, PyTypeObject *type,
                                                     uint64_t counter)
{
    enum { SELDOM = PYAPI_CODE_NO_EVENTS | PYAPI_CODE_SUSPENDS };
    void *frame = PYAPI_FIELD(void *, tstate, pyapi.tstate_frame);
    if (__builtin_expect(!frame || PYAPI_FIELD(unsigned char, frame, pyapi.frame_owner) >=
                                       PYAPI_OWNED_BY_INTERPRETER,
                         0))
        return objects_place_search(tstate, type, counter);
    uintptr_t code = PYAPI_FIELD(uintptr_t, frame, pyapi.frame_code) & ~(uintptr_t)7;
    uintptr_t word = PYAPI_FIELD(uintptr_t, frame, pyapi.frame_instruction);
    struct objects_place *place = &objects_places[objects_place_hash(word, type)];
    bool found = place->word == word && place->type == type && place->id &&
                 !(PYAPI_FIELD(int, code, pyapi.code_flags) & SELDOM);
    return __builtin_expect(found, 1) ? place : objects_place_search(tstate, type, counter);
}

/* What is about to end: its address may be another's soon. */
void objects_type_ends(PyTypeObject *type);
void objects_code_ends(PyObject *code);

/* --- objects_probe.c ------------------------------------------------------------------------ */

/* Writes an event, and whether it was written, not dropped. */
bool objects_put(uint64_t counter, enum event_kind kind, uint32_t id, uint32_t frame);

#endif

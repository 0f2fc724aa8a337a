/* SPDX-License-Identifier: MIT */
/* The types that have instances, and the places that make them.
 * Why tables of ours: a type and an instruction are two addresses, and both may become others' when what they are of
 * has ended; so each knows its places, and takes them out.
 * Rules: see objects_probe.h. Fixed tables, open addressing; a slot that was used stays a step of its chain until the
 * tables begin anew. */
#include "sources/objects/objects_probe.h"

#include "probe/define.h"
#include "probe/link.h"

#include <string.h>

enum {
    TYPE_SLOTS = OBJECTS_TYPE_SLOTS,
    PLACE_SLOTS = OBJECTS_PLACE_SLOTS,
    TYPES_MOST = TYPE_SLOTS * 3 / 4,
    PLACES_MOST = PLACE_SLOTS * 3 / 4,
    IDS_MOST = OBJECT_MORE - 1,
};

struct objects_type objects_types[TYPE_SLOTS];
struct objects_place objects_places[PLACE_SLOTS];
#define types  objects_types
#define places objects_places
static uint32_t place_of_code[SESSION_ID_LIMIT];  /* the first slot of a function's */
static uint32_t types_used, places_used, next_id; /* used: also by what has ended */

static const char ended_type; /* stands for any: an address that no type has */
#define ENDED ((PyTypeObject *)(uintptr_t)&ended_type)

void objects_places_begin(void)
{
    if (types_used)
        memset(types, 0, sizeof(types));
    if (places_used) {
        memset(places, 0, sizeof(places));
        memset(place_of_code, 0, sizeof(place_of_code));
    }
    types_used = places_used = 0;
    next_id = 1;
}

static void note_full(void)
{
    atomic_fetch_or_explicit(&link_to.header->objects_unseen, UNSEEN_PLACES, memory_order_relaxed);
}

/* --- types ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) struct objects_type *meet_type(struct objects_type *slot,
                                                                PyTypeObject *type)
{
    if (link_to.orphan || !link_to.header)
        return NULL;
    if (types_used >= TYPES_MOST) {
        note_full();
        return NULL;
    }
    writer_is_at_work++;
    uint32_t id = define_type(type);
    writer_is_at_work--;
    if (!id)
        return NULL;
    *slot = (struct objects_type){
        .type = type,
        .id = id,
        .is_type = PyType_IsSubtype(type, &PyType_Type),
        .is_code = type == pyapi.code_type,
    };
    slot->sizing = (uint8_t)objects_sizing_of(type, &slot->fixed_bytes);
    types_used++;
    return slot;
}

struct objects_type *objects_type_search(PyTypeObject *type)
{
    uint32_t at = objects_hash((uintptr_t)type, TYPE_SLOTS);
    for (;; at = (at + 1) & (TYPE_SLOTS - 1)) {
        struct objects_type *slot = &types[at];
        if (__builtin_expect(slot->type == type, 1))
            return slot;
        if (!slot->type && at)
            return meet_type(slot, type);
    }
}

/* --- places --------------------------------------------------------------------------------- */

static bool tell_place(const struct objects_place *place, const struct objects_type *type,
                       uint32_t line, uint64_t counter)
{
    return objects_put(counter, EVENT_OBJECT_PLACE, place->id, type->id) &&
           objects_put(counter, EVENT_OBJECT_PLACE, OBJECT_MORE | place->code_id, line);
}

/* What a frame runs before it is a generator's is its caller's doing. */
static struct line_place who_makes(PyThreadState *tstate)
{
    struct line_place place = line_of_thread(tstate);
    while (place.code && pyapi_is_generator(place.code) &&
           PYAPI_FIELD(unsigned char, place.frame, pyapi.frame_owner) == 0) {
        void *frame = place.frame;
        do
            frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
        while (frame && !pyapi_frame_code(frame));
        place = frame ? (struct line_place){pyapi_frame_code(frame),
                                            line_word(frame, pyapi_frame_code(frame)), frame}
                      : (struct line_place){0};
    }
    return place;
}

static __attribute__((noinline)) struct objects_place *meet_place(struct objects_place *place,
                                                                  const struct line_place *where,
                                                                  PyTypeObject *type,
                                                                  uint64_t counter)
{
    struct objects_type *made = link_to.orphan || !link_to.header ? NULL : objects_type_of(type);
    if (!made)
        return NULL;
    if (places_used >= PLACES_MOST || next_id >= IDS_MOST) {
        note_full();
        return NULL;
    }
    if (!place->type) {
        *place = (struct objects_place){
            .word = where->word,
            .type = type,
            .type_slot = (uint16_t)(made - types),
            .sizing = made->sizing,
            .size_word = objects_size_word(made->sizing),
            .ends_names = made->is_type || made->is_code,
            .next_of_type = made->first_place,
            .code_id = where->code ? define_id(where->code, where->frame) : 0,
        };
        made->first_place = (uint32_t)(place - places);
        if (place->code_id) {
            place->next_of_code = place_of_code[place->code_id];
            place_of_code[place->code_id] = (uint32_t)(place - places);
        }
        places_used++;
    }
    place->id = next_id;
    if (!tell_place(place, made, line_number(where->code, where->word), counter)) {
        place->id = 0; /* lost: told again at the next */
        return NULL;
    }
    next_id++;
    return place;
}

struct objects_place *objects_place_search(PyThreadState *tstate, PyTypeObject *type,
                                           uint64_t counter)
{
    struct line_place where = who_makes(tstate);
    uint32_t at = objects_place_hash(where.word, type);
    for (;; at = (at + 1) & (PLACE_SLOTS - 1)) {
        struct objects_place *place = &places[at];
        if (__builtin_expect(place->word == where.word && place->type == type, 1))
            return __builtin_expect(place->id != 0, 1) ? place
                                                       : meet_place(place, &where, type, counter);
        if (!place->type && at)
            return meet_place(place, &where, type, counter);
    }
}

/* --- ends ----------------------------------------------------------------------------------- */

static void end_place(struct objects_place *place)
{
    place->type = ENDED;
    place->word = OBJECTS_GONE;
}

void objects_type_ends(PyTypeObject *type)
{
    uint32_t at = objects_hash((uintptr_t)type, TYPE_SLOTS);
    while (types[at].type && types[at].type != type)
        at = (at + 1) & (TYPE_SLOTS - 1);
    struct objects_type *slot = &types[at];
    if (!slot->type)
        return;
    for (uint32_t i = slot->first_place; i; i = places[i].next_of_type)
        if (places[i].type == type)
            end_place(&places[i]);
    slot->type = ENDED;
    define_end(slot->id);
}

void objects_code_ends(PyObject *code)
{
    uint32_t id = define_known(code);
    for (uint32_t i = place_of_code[id]; id && i; i = places[i].next_of_code)
        if (places[i].code_id == id)
            end_place(&places[i]);
    place_of_code[id] = 0;
}

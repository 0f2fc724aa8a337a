/* SPDX-License-Identifier: MIT */
/* Looking at the frames, telling them.
 * Why: see places.h. */
#include "probe/places.h"

#include "probe/py/pyapi.h"

uint32_t places_wanted;

bool places_prepare(void)
{
    char reason[SESSION_REASON_SIZE];
    return line_prepare(reason, sizeof(reason)) == 0;
}

/* The next frame outward that runs Python code, `frame` itself or below it; NULL: none. */
static void *python_frame(void *frame, PyObject **ret_code)
{
    while (frame && !(*ret_code = pyapi_frame_code(frame)))
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    return frame;
}

uint64_t places_mark(uint32_t epoch)
{
    PyObject *code;
    uint32_t generation = atomic_load_explicit(&line_generation, memory_order_relaxed);
    uint64_t mark = epoch ^ (uint64_t)generation << 32;
    void *frame = python_frame(places_own_frame(), &code);
    if (!frame)
        return 0;
    for (uint32_t i = 0; frame && i < places_wanted; i++) {
        mark = (mark ^ (uintptr_t)frame ^ (uint64_t)line_word(frame, code) << 7) *
               UINT64_C(0x9e3779b97f4a7c15);
        mark ^= mark >> 29;
        frame = python_frame(PYAPI_FIELD(void *, frame, pyapi.frame_previous), &code);
    }
    return mark | 1;
}

static uint32_t collect(struct event events[PLACES_MOST], uint32_t most)
{
    uint64_t counter = link_counter();
    uint32_t count = 0;
    PyObject *code;
    void *frame = python_frame(places_own_frame(), &code);
    while (frame && count < most && count < PLACES_MOST) {
        uint32_t line = line_remembered(code, line_word(frame, code));
        uint32_t id = (line < PLACE_OUTER ? line : 0) | (count ? PLACE_OUTER : 0);
        events[count++] = (struct event){
            .counter = counter,
            .kind_id = event_pack(EVENT_PLACE, id),
            .frame = pyapi_frame_key(frame),
        };
        frame = python_frame(PYAPI_FIELD(void *, frame, pyapi.frame_previous), &code);
    }
    return count;
}

/* Where it is one alone, and the innermost of all, the next look needs no more than that one. */
static void remember(struct writer *writer, uint32_t epoch, uint64_t mark)
{
    PyObject *code = NULL;
    void *frame = places_own_frame();
    bool alone = places_wanted == 1 && frame && (code = pyapi_frame_code(frame));
    writer->place_told = mark;
    writer->place_frame = alone ? frame : NULL;
    writer->place_word = alone ? line_word(frame, code) : 0;
    writer->place_under = places_under(epoch);
}

void places_tell(uint32_t epoch)
{
    struct event events[PLACES_MOST];
    struct writer *writer = unlocked_enter();
    if (!writer)
        return;
    uint64_t mark = places_mark(epoch);
    uint32_t count = collect(events, places_wanted);
    unlocked_leave(writer);
    if (count && unlocked_put_slow(events, count))
        remember(writer, epoch, mark);
}

uint32_t places_collect_all(struct event events[PLACES_MOST])
{
    struct writer *writer = unlocked_enter();
    uint32_t count = writer ? collect(events, PLACES_MOST) : 0;
    if (!writer)
        return 0;
    writer->place_told = 0;
    writer->place_frame = NULL;
    unlocked_leave(writer);
    return count;
}

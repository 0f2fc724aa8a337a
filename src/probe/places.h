/* SPDX-License-Identifier: MIT */
/* Where a thread's Python code is, told beside what it waits for.
 * Why events of their own: a loop that reads and writes does so in the same lines, and what has been told holds until
 * it changes. So it costs a look at the frames, and an event now and then.
 * Rules: frames are looked at inside of the gate (unlocked.h), with the GIL or without: a thread's own change by itself alone,
 * and keep their code alive. Nothing here allocates, raises or runs code. */
#ifndef ULMA_PROBE_PLACES_H
#define ULMA_PROBE_PLACES_H

#include "probe/py/line.h"
#include "probe/unlocked.h"

enum { PLACES_MOST = 16 };

/* How many frames are told, the innermost first; 0: none. The GIL is held, the gate is closed. */
extern uint32_t places_wanted;

/* Once, before they are wanted; runs a few lines of Python. False: this build does not tell lines. */
bool places_prepare(void);

/* What place_told of this thread's writer is for the present frames; 0: there are none. The thread is inside of the gate. */
uint64_t places_mark(uint32_t epoch);

/* Tells them. Outside of the gate: it may have to wait for room. */
void places_tell(uint32_t epoch);

/* All that there is room for, into `events`, whatever is wanted: what is told with them tells them. Their number. They
 * have to be told anew after that. */
uint32_t places_collect_all(struct event events[PLACES_MOST]);

/* The innermost frame, whatever it runs; NULL: this thread runs no Python. */
static inline void *places_own_frame(void)
{
    PyThreadState *tstate = PyGILState_GetThisThreadState();
    return tstate ? pyapi_current_frame(tstate) : NULL;
}

static inline uint64_t places_under(uint32_t epoch)
{
    return epoch | (uint64_t)atomic_load_explicit(&line_generation, memory_order_relaxed) << 32;
}

/* The frame that was told alone is the innermost still, and stands where it stood. */
static inline bool places_stand(const struct writer *writer, uint32_t epoch)
{
    const void *frame = writer->place_frame;
    return frame && frame == places_own_frame() && writer->place_under == places_under(epoch) &&
           writer->place_word ==
               line_word(writer->place_frame,
                         PYAPI_FIELD(PyObject *, writer->place_frame, pyapi.frame_code));
}

/* Inside of the gate. */
static inline bool places_are_told(const struct writer *writer, uint32_t epoch)
{
    if (__builtin_expect(places_stand(writer, epoch), 1))
        return true;
    uint64_t mark = places_wanted ? places_mark(epoch) : 0;
    return __builtin_expect(mark == writer->place_told || !mark, 1);
}

/* An event of now, with the place where it happens. */
static inline bool places_put(uint32_t epoch, enum event_kind kind, uint32_t id, uint32_t frame)
{
    struct event event = {.kind_id = event_pack(kind, id), .frame = frame};
    struct writer *writer = unlocked_enter();
    if (__builtin_expect(writer != NULL, 1)) {
        bool are_told = places_are_told(writer, epoch);
        event.counter = link_counter();
        bool done = are_told && unlocked_store(writer, event);
        unlocked_leave(writer);
        if (__builtin_expect(done, 1))
            return true;
        if (!are_told)
            places_tell(epoch);
    }
    event.counter = link_counter();
    return unlocked_put_slow(&event, 1);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The source `calls` in the target: pushes and pops of Python frames, whoever hears them.
 * Why: sys.monitoring (3.12+), the frame evaluation function and the profile function (3.9-3.11) all
 * end in these two; what an event is, is decided once.
 * Rules: the GIL is held. The counter is read last in a push and first in a pop, so that as little of
 * the probe as can be falls between the two. */
#ifndef ULMA_SOURCES_CALLS_PROBE_H
#define ULMA_SOURCES_CALLS_PROBE_H

#include "probe/define.h"
#include "probe/escalate.h"
#include "probe/py/asyncio_tasks.h"
#include "probe/switch.h"
#include "probe/writer.h"
#include "sources/spans/spans_probe.h"

/* Before the push of a frame whose code has been defined. */
static inline void calls_look_for_task(enum event_kind kind, PyObject *code, void *frame)
{
    uint32_t marked = define_marked(code);
    if (__builtin_expect(define_is_marked(marked), 0))
        asyncio_tasks_push(kind, marked, frame);
}

static inline uint32_t calls_push(enum event_kind kind, PyObject *code, void *frame)
{
    uint32_t id = define_id(code, frame);
    unsigned char mode = link_to.modes[id];
    if (__builtin_expect(escalate_is_mode(mode), 0)) {
        escalate_push(id, code, frame);
    } else if (__builtin_expect(mode != MODE_OFF && mode != MODE_CLOSING, 1)) {
        spans_look();
        calls_look_for_task(kind, code, frame);
        writer_put(link_counter(), kind, id, pyapi_frame_key(frame));
    }
    return id;
}

/* `id`: as in the push, or 0 where no mode varies. */
static inline void calls_pop(enum event_kind kind, uint64_t counter, uint32_t id, const void *frame)
{
    writer_put(counter, kind, id, pyapi_frame_key(frame));
}

/* Who raised is asked for by name; exceptions are rare enough to say it. */
static inline void calls_unwind(uint64_t counter, uint32_t id, const void *frame)
{
    writer_put(counter, EVENT_UNWIND, id, pyapi_frame_key(frame));
}

#endif

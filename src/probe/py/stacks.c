/* SPDX-License-Identifier: MIT */
/* Frame chains to SEED_FRAMEs.
 * Why: see stacks.h.
 * Rules: shim frames (no code object) are passed over, as they make no events; so are the frames that
 * a generator's creation is evaluated in on 3.11. */
#include "probe/py/stacks.h"

#include "probe/define.h"
#include "probe/py/pyapi.h"

enum { MOST_CHAIN = 1 << 24 }; /* a chain that is longer is no chain */

static void *next_told(void *frame, const struct stacks_walk *walk, PyObject **ret_code)
{
    for (int step = 0; frame && step < MOST_CHAIN; step++) {
        PyObject *code = pyapi_frame_code(frame);
        if (code && !(walk->heard && link_to.modes[define_known(code)] == MODE_OFF)) {
            *ret_code = code;
            return frame;
        }
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    }
    return NULL;
}

static void *first_told(void *tstate, const struct stacks_walk *walk, PyObject **ret_code)
{
    void *frame = tstate ? next_told(pyapi_current_frame(tstate), walk, ret_code) : NULL;
    if (frame && walk->excluded && pyapi_frame_key(frame) == walk->excluded)
        frame = next_told(PYAPI_FIELD(void *, frame, pyapi.frame_previous), walk, ret_code);
    return frame;
}

void stacks_count(void *tstate, struct stacks_walk *walk)
{
    PyObject *code = NULL;
    walk->depth = 0;
    walk->bottom = walk->excluded;
    void *frame = first_told(tstate, walk, &code);
    while (frame && walk->depth < walk->most) {
        walk->depth++;
        walk->bottom = pyapi_frame_key(frame);
        frame = next_told(PYAPI_FIELD(void *, frame, pyapi.frame_previous), walk, &code);
    }
    if (frame)
        walk->bottom = 0;
}

void stacks_write(void *tstate, const struct stacks_walk *walk, struct event *events, uint64_t mask,
                  uint64_t first, uint64_t counter)
{
    PyObject *code = NULL;
    void *frame = first_told(tstate, walk, &code);
    for (uint32_t i = walk->depth; i > 0; i--) {
        uint32_t id = 0;
        if (frame)
            id = walk->define ? define_id(code, frame) : define_known(code);
        events[(first + i - 1) & mask] = (struct event){
            .counter = counter,
            .kind_id = event_pack(EVENT_SEED_FRAME, id),
            .frame = frame ? pyapi_frame_key(frame) : 0,
        };
        if (frame)
            frame = next_told(PYAPI_FIELD(void *, frame, pyapi.frame_previous), walk, &code);
    }
}

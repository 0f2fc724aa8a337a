/* SPDX-License-Identifier: MIT */
/* Calls of Python functions, in the collector: the two events that are folded in the loop itself.
 * Why: START and RETURN are nearly all that comes (fold_cursor.h).
 * Rules: those of fold_cursor.h. */
#ifndef ULMA_SOURCES_CALLS_FOLD_H
#define ULMA_SOURCES_CALLS_FOLD_H

#include "model/fold_cursor.h"

/* A START that is no plain one: of generators, coroutines, what is left out, and what nobody knows. */
void calls_fold_marked_start(struct model *model, struct track *track, struct fold_cursor *cursor,
                             const struct event *event, uint32_t handle);

FOLD_INLINE void calls_fold_start(struct model *model, struct track *track,
                                  struct fold_cursor *cursor, const struct event *event)
{
    uint32_t handle = symbols_handle(&model->symbols, event_function(event));
    cursor->python_pushes++;
    if (FOLD_LIKELY(!(handle & 1))) {
        bool from_c = (event_id(event) & EVENT_FROM_C) || (cursor->top->key & TRACK_C_CALL);
        fold_cursor_pass(model, track, cursor, event->counter,
                         from_c ? TRACK_START_FROM_C : EVENT_START);
        struct fold_push what = {.key = event->frame, .symbol = handle >> 1, .calls = 1};
        fold_cursor_push(model, track, cursor, what);
        return;
    }
    struct fold_cursor copy = *cursor;
    calls_fold_marked_start(model, track, &copy, event, handle);
    *cursor = copy;
}

FOLD_INLINE void calls_fold_return(struct model *model, struct track *track,
                                   struct fold_cursor *cursor, const struct event *event)
{
    fold_cursor_pass(model, track, cursor, event->counter, EVENT_RETURN);
    if (fold_cursor_reach(model, track, cursor, event->frame, event_id(event)))
        fold_cursor_pop(model, track, cursor, true);
}

#endif

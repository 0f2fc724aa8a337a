/* SPDX-License-Identifier: MIT */
/* Pauses of the garbage collector, in the collector.
 * Why by function: a collection is run by whoever allocates when a threshold is passed, so the function on top
 * says which code makes the garbage collector work.
 * Rules: those of fold_source.h. */
#include "model/fold_source.h"

static void fold_gc(struct model *model, struct track *track, struct fold_cursor *cursor,
                    const struct event *event)
{
    uint32_t kind = event_kind(event);
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_GC_START) {
        gc_pauses_begin(&track->gc, event->counter, event_id(event), cursor->top->symbol);
    } else {
        kept_note(model, track, TIMELINE_GC, track->gc.since, event->counter, track->gc.generation);
        gc_pauses_end(&model->gc, &track->gc, &model->symbols,
                      &(struct gc_end){event->counter, event->frame, event_id(event)});
    }
}

const struct fold_source gc_fold = {
    .name = "gc",
    .bit = SOURCE_GC,
    .first_kind = EVENT_GC_START,
    .last_kind = EVENT_GC_STOP,
    .fold = fold_gc,
};

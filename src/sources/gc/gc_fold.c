/* SPDX-License-Identifier: MIT */
/* Pauses of the garbage collector, in the collector.
 * Why by function: a collection is run by whoever allocates when a threshold is passed, so the function on top
 * says which code makes the garbage collector work.
 * Rules: those of fold_source.h. */
#include "model/fold_source.h"

/* What its finalizers waited for is told by itself. */
static void share(struct model *model, const struct track *track, uint64_t counter)
{
    int64_t apart_ticks = track->apart_ticks - track->gc_apart_ticks;
    if (track->gc.since && counter > track->gc.since)
        wait_sums_share(&model->waits, track->number, SHARE_GC,
                        (int64_t)(counter - track->gc.since) - apart_ticks);
}

static void fold_gc(struct model *model, struct track *track, struct fold_cursor *cursor,
                    const struct event *event)
{
    uint32_t kind = event_kind(event);
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_GC_START) {
        gc_pauses_begin(&track->gc, event->counter, event_id(event), cursor->top->symbol);
        track->gc_apart_ticks = track->apart_ticks;
    } else {
        kept_note(model, track, TIMELINE_GC, track->gc.since, event->counter, track->gc.generation);
        share(model, track, event->counter);
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

/* SPDX-License-Identifier: MIT */
/* The loop over events.
 * Why it looks as it does: see fold_cursor.h. START and RETURN are folded in the loop itself; all else
 * leaves it: to its source's fold, or, where an event is about the stream, to the functions below.
 * Rules: those of fold_cursor.h. */
#include "model/fold.h"

#include "model/fold_source.h"
#include "model/schedstat.h"
#include "sources/calls/calls_fold.h"

#define SOURCE(name, folder, bit, help) &folder##_fold,
const struct fold_source *const fold_source_list[] = {
#include "sources/sources.def"
    NULL,
};
#undef SOURCE

/* --- events about the stream ---------------------------------------------------------------- */

static void retop(struct model *model, struct track *track, const struct event *event)
{
    uint64_t before = track->last;
    track_pass(model, track, event->counter, 0, 0);
    async_tasks_stay(track, before, track->last);
    uint32_t depth = event->frame ? track_find(track, event->frame) : 0;
    if (depth)
        track_close(model, track, depth);
    else if (!event->frame)
        parked_leave(model, track); /* a greenlet begins, or all has ended unseen */
    else if (!parked_return(model, track, event->frame, 0))
        model->unmatched_pops++;
}

/* The frame's push is taken back: the interpreter refused to run it. */
static void unrun(struct model *model, struct track *track, const struct event *event)
{
    track_pass(model, track, event->counter, 0, 0);
    uint32_t depth = track_find(track, event->frame);
    if (!depth) {
        model->unmatched_pops++;
        return;
    }
    struct node *node = &model->nodes.nodes[track->entries[depth].node];
    uint64_t *count = event_id(event) == EVENT_RESUME ? &node->resumes : &node->calls;
    if (*count > 0 && track->python_pushes > 0) {
        --*count;
        track->python_pushes--;
    }
    track_close(model, track, depth - 1);
}

/* The time that it took to find out is the probe's, too. */
static void speed(struct model *model, struct track *track, const struct event *event)
{
    uint64_t before = track->last;
    bool corrected = model->costs.speed_ticks != 0;
    track_pass(model, track, event->counter, corrected ? event->frame : 0, 0);
    async_tasks_stay(track, before, track->last);
    if (corrected)
        schedstat_pass_probe(model, track, event->frame);
    model_set_speed(model, track, event_id(event));
}

/* Beside the SPEED of the same counter: no time has passed. */
static void own_time(struct model *model, struct track *track, const struct event *event)
{
    model_add_own_time(model, track, event_id(event), event->frame >> EVENT_OWN_BITS,
                       event->frame & EVENT_OWN_MOST);
}

/* Beside a SPEED, too. */
static void away(struct model *model, struct track *track, const struct event *event)
{
    schedstat_told(model, track, event_amount(event));
}

static void asked(struct model *model, struct track *track, const struct event *event)
{
    uint64_t before = track->last;
    uint32_t cost = event_id(event) ? TRACK_ASKED_ALONE : EVENT_ASKED;
    track_pass(model, track, event->counter, track->costs.pre_ticks[cost],
               track->costs.post_ticks[cost]);
    async_tasks_stay(track, before, track->last);
}

static void fold_stream_event(struct model *model, struct track *track, const struct event *event)
{
    switch (event_kind(event)) {
    case EVENT_RETOP:
        retop(model, track, event);
        break;
    case EVENT_UNRUN:
        unrun(model, track, event);
        break;
    case EVENT_STALL:
        track_stall(model, track, event->counter, event_amount(event));
        break;
    case EVENT_SPEED:
        speed(model, track, event);
        break;
    case EVENT_OWN_TIME:
        own_time(model, track, event);
        break;
    case EVENT_AWAY:
        away(model, track, event);
        break;
    case EVENT_ASKED:
        asked(model, track, event);
        break;
    case EVENT_TASK:
    case EVENT_TASK_NAME:
    case EVENT_TASK_MADE:
        async_tasks_event(model, track, event);
        break;
    case EVENT_ESCALATED:
    case EVENT_ESCALATED_PART:
        escalations_event(model, track, event);
        break;
    case EVENT_GAP:
    case EVENT_SEED_BEGIN:
    case EVENT_SEED_FRAME:
    case EVENT_SEED_END:
        seed_event(model, track, event);
        break;
    default: /* NONE, unknown ones, and those of the control ring */
        model->bad_events++;
    }
}

/* --- all events ----------------------------------------------------------------------------- */

/* Everything but START and RETURN. */
static __attribute__((noinline)) void fold_other(struct model *model, struct track *track,
                                                 struct fold_cursor *cursor,
                                                 const struct event *event)
{
    uint32_t kind = event_kind(event);
    for (const struct fold_source *const *source = fold_source_list; *source; source++) {
        if (kind >= (*source)->first_kind && kind <= (*source)->last_kind) {
            (*source)->fold(model, track, cursor, event);
            return;
        }
    }
    fold_cursor_store(cursor, track);
    fold_stream_event(model, track, event);
    fold_cursor_load(cursor, model, track);
}

static __attribute__((noinline)) void count_kinds(struct model *model, const struct event *events,
                                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        model->kind_events[event_kind(&events[i])]++;
}

/* Pairs of integers are no faster in vector registers, and getting them there and back costs. */
#ifndef __clang__
__attribute__((optimize("no-tree-slp-vectorize")))
#endif
static void
fold_all(struct model *model, struct track *track, const struct event *events, size_t count)
{
    struct fold_cursor cursor;
    fold_cursor_load(&cursor, model, track);
    for (const struct event *event = events, *end = events + count; event < end; event++) {
        uint32_t kind = event_kind(event);
        if (kind == EVENT_START) {
            calls_fold_start(model, track, &cursor, event);
        } else if (FOLD_LIKELY(kind == EVENT_RETURN)) {
            calls_fold_return(model, track, &cursor, event);
        } else if (kind - EVENT_OBJECT_PLACE <= EVENT_OBJECT_DEATH - EVENT_OBJECT_PLACE) {
            births_event(model, track, cursor.top,
                         event); /* passes no time, and may come in any number */
        } else {
            struct fold_cursor copy = cursor;
            fold_other(model, track, &copy, event);
            cursor = copy;
        }
    }
    fold_cursor_store(&cursor, track);
    model->events_read += count;
    if (model->counts_kinds)
        count_kinds(model, events, count);
}

/* What is watched one by one: between two of them the stack is as it was then. */
static void fold_watched(struct model *model, struct track *track, const struct event *events,
                         size_t count)
{
    struct model_watch *watch = model->watch;
    const struct event *event = events, *end = events + count;
    while (event < end) {
        const struct event *from = event;
        while (event < end && !model_watch_wants(watch, event))
            event++;
        if (event > from) {
            fold_all(model, track, from, (size_t)(event - from));
            watch->passed(watch, from, (size_t)(event - from));
        }
        for (; event < end && model_watch_wants(watch, event); event++) {
            watch->before(watch, track, event);
            fold_all(model, track, event, 1);
            watch->after(watch, model, track, event);
        }
    }
    watch->batch_done(watch);
}

void fold_events(struct model *model, struct track *track, const struct event *events, size_t count)
{
    if (FOLD_UNLIKELY(model->watch != NULL))
        fold_watched(model, track, events, count);
    else
        fold_all(model, track, events, count);
}

void fold_open_seeded(struct model *model, struct track *track, uint32_t frame, uint32_t symbol)
{
    struct fold_cursor cursor;
    struct fold_push what = {.key = frame, .symbol = symbol, .prior_ticks = -TRACK_UNCERTAIN};
    fold_cursor_load(&cursor, model, track);
    fold_cursor_push(model, track, &cursor, what);
    fold_cursor_store(&cursor, track);
}

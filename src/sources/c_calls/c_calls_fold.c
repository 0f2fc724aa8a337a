/* SPDX-License-Identifier: MIT */
/* Calls of C functions, in the collector.
 * Why its own key: a C call has no frame; it carries its caller's, told apart by a bit (wire/event.h).
 * Rules: those of fold_cursor.h. */
#include "model/fold_source.h"

static void fold_c_call(struct model *model, struct track *track, struct fold_cursor *cursor,
                        const struct event *event)
{
    uint32_t kind = event_kind(event);
    uint64_t key = event->frame | TRACK_C_CALL;
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_C_CALL) {
        uint32_t handle = symbols_handle(&model->symbols, event_id(event));
        struct fold_push what = {.key = key, .symbol = handle >> 1, .calls = 1};
        track->c_pushes++;
        fold_cursor_push(model, track, cursor, what);
        return;
    }
    if (kind == EVENT_C_RAISE && cursor->top->key == key)
        model->symbols.symbols[cursor->top->symbol].raised++;
    if (fold_cursor_reach(model, track, cursor, key, 0))
        fold_cursor_pop(model, track, cursor, true);
}

const struct fold_source c_calls_fold = {
    .name = "c-calls",
    .bit = SOURCE_C_CALLS,
    .first_kind = EVENT_C_CALL,
    .last_kind = EVENT_C_RAISE,
    .fold = fold_c_call,
};

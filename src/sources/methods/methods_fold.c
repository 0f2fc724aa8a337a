/* SPDX-License-Identifier: MIT */
/* Calls of monitored methods, in the collector.
 * Why as calls: a method's call is one of a C function, told by the method itself; so its caller, its time and what it
 * calls (a key function of list.sort) follow from the stack, as all else does.
 * Why its own key: a method has no frame; the address that it brings is its own while it is open.
 * Rules: those of fold_cursor.h. */
#include "model/fold_source.h"

static void fold_method(struct model *model, struct track *track, struct fold_cursor *cursor,
                        const struct event *event)
{
    uint32_t kind = event_kind(event);
    uint64_t key = event->frame | TRACK_C_CALL | TRACK_METHOD;
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_METHOD_CALL) {
        uint32_t symbol = symbols_handle(&model->symbols, event_id(event)) >> 1;
        struct fold_push what = {.key = key, .symbol = symbol, .calls = 1};
        model->symbols.symbols[model->symbols.symbols[symbol].row].is_method = true;
        track->c_pushes++;
        fold_cursor_push(model, track, cursor, what);
        return;
    }
    if (kind == EVENT_METHOD_RAISE && cursor->top->key == key)
        model->symbols.symbols[cursor->top->symbol].raised++;
    if (fold_cursor_reach(model, track, cursor, key, 0))
        fold_cursor_pop(model, track, cursor, true);
}

const struct fold_source methods_fold = {
    .name = "methods",
    .bit = SOURCE_METHODS,
    .first_kind = EVENT_METHOD_CALL,
    .last_kind = EVENT_METHOD_RAISE,
    .fold = fold_method,
};

/* SPDX-License-Identifier: MIT */
/* What is monitored itself, in the fold: a method, or an operator.
 * Why as calls: such a call is one of a C function, told by the callee itself; so its caller, its time and what it
 * calls (a key function of list.sort, a key's __eq__) follow from the stack, as all else does.
 * Why its own key: it has no frame; the address that it brings is its own while it is open.
 * Rules: those of fold_cursor.h. */
#ifndef ULMA_SOURCES_METHODS_FOLD_H
#define ULMA_SOURCES_METHODS_FOLD_H

#include "model/fold_source.h"

struct fold_monitored {
    enum event_kind call, raise; /* all else is a return */
};

static inline void fold_monitored(struct model *model, struct track *track,
                                  struct fold_cursor *cursor, const struct event *event,
                                  struct fold_monitored kinds)
{
    uint32_t kind = event_kind(event);
    uint64_t key = event->frame | TRACK_C_CALL | TRACK_METHOD;
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == kinds.call) {
        uint32_t symbol = symbols_handle(&model->symbols, event_id(event)) >> 1;
        struct fold_push what = {.key = key, .symbol = symbol, .calls = 1};
        model->symbols.symbols[model->symbols.symbols[symbol].row].is_method = true;
        track->c_pushes++;
        fold_cursor_push(model, track, cursor, what);
        return;
    }
    if (kind == kinds.raise && cursor->top->key == key)
        model->symbols.symbols[cursor->top->symbol].raised++;
    if (fold_cursor_reach(model, track, cursor, key, 0))
        fold_cursor_pop(model, track, cursor, true);
}

#endif

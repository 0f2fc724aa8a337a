/* SPDX-License-Identifier: MIT */
/* Whoever wants to see each event at the moment of its fold, with the stack as it is just then; and what several events, of
 * several rings, come to together, once they have all been read: lives of objects, of blocks of memory, waits, spans.
 * Why beside the tap: the tap hands steps on as they are; a monitor wants to know what an event means (whose it is, who
 * called, how long it took), which only the fold knows, and only between this event and the next.
 * Rules: called by the model's owner, under its lock, in the fold's thread. Changes nothing. Where nobody watches it costs
 * one look a batch, and events that it does not want to see cost one look each. `ns_per_tick` is kept by whoever owns
 * the model's clock. */
#ifndef ULMA_MODEL_WATCH_H
#define ULMA_MODEL_WATCH_H

#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>

struct model;
struct track;

enum watch_late {
    WATCH_BIRTH,
    WATCH_DEATH,
    WATCH_ALLOCATION,
    WATCH_FREE,
    WATCH_WAIT,
    WATCH_GIL_HELD,
    WATCH_SPAN,
    WATCH_LATE_COUNT
};

/* What has ended, or begun, at `counter`. */
struct watch_told {
    enum watch_late what;
    uint64_t counter, amount; /* bytes; of a span, ticks on a CPU */
    int64_t ticks;            /* for so long; 0, too, where the beginning was not seen */
    uint32_t symbol;          /* a row's; SYMBOL_ROOT: nobody's */
    uint32_t node;            /* the path that led there; NODE_ROOT: not known */
    uint32_t line, thread;    /* 0: not known */
    uint32_t number;          /* a type's, a wait's kind, a span's group, a memory's domain */
    const char *name;         /* of that number; NULL: it needs none */
    bool failed;              /* a span */
};

struct model_watch {
    uint64_t
        kinds; /* bits by enum event_kind: those that it wants to see; may change between events */
    uint32_t late; /* bits by enum watch_late */
    void (*told)(struct model_watch *watch, const struct model *model,
                 const struct watch_told *told);
    void (*before)(struct model_watch *watch, const struct track *track, const struct event *event);
    void (*after)(struct model_watch *watch, const struct model *model, const struct track *track,
                  const struct event *event);
    /* Events, one after the other, that it did not want to see. */
    void (*passed)(struct model_watch *watch, const struct event *events, size_t count);
    void (*batch_done)(struct model_watch *watch);
    double ns_per_tick;
};

static inline bool model_watch_wants(const struct model_watch *watch, const struct event *event)
{
    uint32_t kind = event_kind(event);
    return kind < 64 && (watch->kinds >> kind & 1);
}

static inline bool model_watch_wants_late(const struct model_watch *watch, enum watch_late what)
{
    return __builtin_expect(watch != NULL, 0) && (watch->late >> what & 1);
}

#endif

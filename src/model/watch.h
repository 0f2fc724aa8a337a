/* SPDX-License-Identifier: MIT */
/* Whoever wants to see each event at the moment of its fold, with the stack as it is just then.
 * Why beside the tap: the tap hands steps on as they are; a monitor wants to know what an event means (whose it is, who
 * called, how long it took), which only the fold knows, and only between this event and the next.
 * Rules: called by the model's owner, under its lock, in the fold's thread. Changes nothing. Where nobody watches it costs
 * one look a batch. `ns_per_tick` is kept by whoever owns the model's clock. */
#ifndef ULMA_MODEL_WATCH_H
#define ULMA_MODEL_WATCH_H

#include "wire/event.h"

struct model;
struct track;

struct model_watch {
    void (*before)(struct model_watch *watch, const struct model *model, const struct track *track,
                   const struct event *event);
    void (*after)(struct model_watch *watch, const struct model *model, const struct track *track,
                  const struct event *event);
    void (*batch_done)(struct model_watch *watch);
    double ns_per_tick;
};

#endif

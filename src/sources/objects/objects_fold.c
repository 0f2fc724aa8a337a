/* SPDX-License-Identifier: MIT */
/* Births and deaths, in the collector.
 * Why they pass no time: a birth may stand in another thread's ring than its own, later than its counter says.
 * Rules: those of fold_source.h. */
#include "model/fold_source.h"

static void fold_object(struct model *model, struct track *track, struct fold_cursor *cursor,
                        const struct event *event)
{
    births_event(model, track, cursor->top, event);
}

const struct fold_source objects_fold = {
    .name = "objects",
    .bit = SOURCE_OBJECTS,
    .first_kind = EVENT_OBJECT_PLACE,
    .last_kind = EVENT_OBJECT_DEATH,
    .fold = fold_object,
};

/* SPDX-License-Identifier: MIT */
/* Calls of monitored methods, in the collector.
 * Why as they are: see methods_fold.h.
 * Rules: as there. */
#include "sources/methods/methods_fold.h"

static void fold_method(struct model *model, struct track *track, struct fold_cursor *cursor,
                        const struct event *event)
{
    fold_monitored(model, track, cursor, event,
                   (struct fold_monitored){EVENT_METHOD_CALL, EVENT_METHOD_RAISE});
}

const struct fold_source methods_fold = {
    .name = "methods",
    .bit = SOURCE_METHODS,
    .first_kind = EVENT_METHOD_CALL,
    .last_kind = EVENT_METHOD_RAISE,
    .fold = fold_method,
};

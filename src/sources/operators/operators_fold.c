/* SPDX-License-Identifier: MIT */
/* Operators, in the collector: each is a call of a C function, told by itself, as a monitored method is.
 * Why its line is in the definition: so a row of the function table is an operator at a line, with all that a function
 * has: callers, times, percentiles, windows, recordings.
 * Rules: those of fold_cursor.h. */
#include "sources/methods/methods_fold.h"

static void fold_operator(struct model *model, struct track *track, struct fold_cursor *cursor,
                          const struct event *event)
{
    fold_monitored(model, track, cursor, event,
                   (struct fold_monitored){EVENT_OPERATOR_CALL, EVENT_OPERATOR_RAISE});
}

const struct fold_source operators_fold = {
    .name = "operators",
    .bit = SOURCE_OPERATORS,
    .first_kind = EVENT_OPERATOR_CALL,
    .last_kind = EVENT_OPERATOR_RAISE,
    .fold = fold_operator,
};

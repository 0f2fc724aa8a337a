/* SPDX-License-Identifier: MIT */
/* The collector's half of a source: which kinds of events it makes, and what they do to the model.
 * Why: a new source is a folder under src/sources and a line in sources.def; the loop that reads
 * events does not change. Only `calls`, whose START and RETURN are nearly all events there are, has
 * a part of that loop (sources/calls/calls_fold.h).
 * Rules: `fold` runs on the fold's thread, passes the time up to its event first, and believes
 * nothing that the event says. */
#ifndef ULMA_MODEL_FOLD_SOURCE_H
#define ULMA_MODEL_FOLD_SOURCE_H

#include "model/fold_cursor.h"

struct fold_source {
    const char *name; /* as in --events */
    uint32_t bit;     /* enum session_source */
    uint32_t first_kind, last_kind;
    void (*fold)(struct model *model, struct track *track, struct fold_cursor *cursor,
                 const struct event *event);
};

#define SOURCE(name, folder, bit, help) extern const struct fold_source folder##_fold;
#include "sources/sources.def"
#undef SOURCE

/* All of them, in the order of sources.def; NULL ends the list. */
extern const struct fold_source *const fold_source_list[];

#endif

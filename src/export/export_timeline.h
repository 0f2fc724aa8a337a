/* SPDX-License-Identifier: MIT */
/* What the formats of timelines share: a cache of each function's spelling, made once.
 * Why: a trace names the same function a million times.
 * Rules: for the files of this folder only. */
#ifndef ULMA_EXPORT_EXPORT_TIMELINE_H
#define ULMA_EXPORT_EXPORT_TIMELINE_H

#include "model/slices.h"

struct timeline_names {
    char **texts; /* by function's number; NULL: not made yet */
    uint32_t limit;
};

/* `qualname (file:line)`, with `make` into what the format wants. NULL: no memory. *ret_new: made now. */
typedef char *timeline_make(const struct slice_function *function, const char *label);
const char *timeline_name(struct timeline_names *names, struct slices *slices, uint32_t number,
                          timeline_make *make, bool *ret_new);

void timeline_names_done(struct timeline_names *names);

#endif

/* SPDX-License-Identifier: MIT */
/* Timelines of a recording's trace.
 * Why by playing it: the fold decides what a begin belongs to, as it did live (model/kept.h). Of what is short only the
 * last before a moment is kept, so the trace is played to the end of what is looked at, and again from its beginning
 * when that lies before.
 * Rules: one thread. Playing a long trace takes as long as `ulma report` on it does. Knows no process. */
#ifndef ULMA_CMD_RECORDED_TIMELINE_H
#define ULMA_CMD_RECORDED_TIMELINE_H

#include "cmd/recorded.h"
#include "model/timeline.h"

struct recorded_timeline;

/* NULL: the recording has no trace, or it cannot be read. */
struct recorded_timeline *recorded_timeline_open(struct recorded *recorded);
void recorded_timeline_close(struct recorded_timeline *timeline); /* NULL is allowed */

/* With the ids of the recording's snapshots. NULL: no memory. */
struct timeline *recorded_timeline_make(struct recorded_timeline *timeline,
                                        const struct timeline_query *query);

#endif

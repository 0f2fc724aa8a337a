/* SPDX-License-Identifier: MIT */
/* A slice of a trace, to the nanosecond.
 * Why: windows are about a second long, and a slice of them is widened to whole ones; a trace knows what was before
 * a moment and what after. It is played up to both ends of the slice, and what the second has beyond the first is written as
 * a window of a recording, in a file that is gone at once: so a slice of a trace is read, summed and shown by the code that does it
 * for windows.
 * Rules: as trace_player.h. Two passes over the trace up to the slice's end. What was waited for is told by the kernel in
 * readings: where the recording has them from schedstat, waiting belongs to the moment of the reading. */
#ifndef ULMA_RECORDING_TRACE_CUT_H
#define ULMA_RECORDING_TRACE_CUT_H

#include "recording/recording.h"
#include "recording/trace_player.h"

/* The snapshot of exactly query->from_ns to query->to_ns. `meta`: of the whole recording, for what a trace does not say.
 * NULL: query->to_ns lies before the trace, the trace is damaged, or there is no room for the file: the windows are
 * there still. */
struct snapshot *trace_cut(struct recording *recording, struct trace_player *player,
                           const struct recording_query *query, const struct snapshot_meta *meta);

#endif

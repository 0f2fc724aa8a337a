/* SPDX-License-Identifier: MIT */
/* What is made of a recording's trace: a timeline, or a replay.
 * Rules: says itself why it failed. In the reading half: no process, no probe. */
#ifndef ULMA_CMD_RECORDED_TRACE_H
#define ULMA_CMD_RECORDED_TRACE_H

#include "cmd/output.h"
#include "cmd/recorded.h"
#include "recording/trace_player.h"

/* NULL: said. `path` is for the message. */
struct trace_player *recorded_player(struct recording *recording, const char *path);

/* False, and said: there is none. */
bool recorded_has_trace(struct recording *recording, const char *path);

/* The slice that the query asks for, in a format of timelines. */
bool recorded_timeline(struct recorded *recorded, const char *path,
                       const struct snapshot_meta *meta, struct output *output);

/* A timeline of what a player has, streamed to where the output is. 0 or -errno. Takes over the player. */
struct trace_slices_query;
int recorded_write_timeline(struct trace_player *player, const struct trace_slices_query *query,
                            const struct snapshot_meta *meta, struct output *output);

/* The slice exactly as asked for, where the recording has a whole trace; else NULL: windows are what there is. */
struct snapshot *recorded_cut(struct recorded *recorded);

#endif

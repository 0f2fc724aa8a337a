/* SPDX-License-Identifier: MIT */
/* A trace played from its source, up to any moment of the recorded clock.
 * Why: top shows a moment and then the next, a report the last, a slice two of them.
 * Rules: one thread. Memory is that of the model and one chunk, however long the trace. A source that
 * is damaged ends the playing there; what was played stays shown. */
#ifndef ULMA_RECORDING_TRACE_PLAYER_H
#define ULMA_RECORDING_TRACE_PLAYER_H

#include "recording/trace_replay.h"
#include "recording/trace_source.h"

struct trace_player;

/* Takes over the source. NULL: no memory; then the source is still the caller's. */
struct trace_player *trace_player_new(struct trace_source *source);
void trace_player_free(struct trace_player *player); /* NULL is allowed */

/* Every event's listener, for slices; before the first step. */
void trace_player_listen(struct trace_player *player, const struct trace_listener *listener);
void trace_player_leave_uncorrected(struct trace_player *player);
void trace_player_sum_processes(struct trace_player *player);

void trace_player_only(struct trace_player *player, const uint64_t *threads, size_t count);

/* When things were is kept, for timelines; before the first step. */
void trace_player_keep(struct trace_player *player);

/* A timeline of what has been played so far (model/timeline.h). NULL: nothing was kept, or no memory. */
struct timeline_query;
struct timeline *trace_player_timeline(const struct trace_player *player,
                                       const struct timeline_query *query);

/* One more step. 1; 0: there is none; negative errno. */
int trace_player_step(struct trace_player *player);

/* Plays until the recorded clock is at `until_ns` (since the first event), or to the end. 1; 0: it has ended;
 * negative errno. It does not go back: that needs a rewind. */
int trace_player_run(struct trace_player *player, int64_t until_ns);

/* The same to exactly that moment: no event after it is in the model, which takes no more steps until a
 * rewind. 0 or negative errno. */
int trace_player_run_to(struct trace_player *player, int64_t at_ns);

/* Of longest and shortest calls only those count that end after that moment; before the first step. */
void trace_player_mark(struct trace_player *player, int64_t at_ns);

/* To the beginning. 0 or negative errno. */
int trace_player_rewind(struct trace_player *player);

/* The recorded clock: nanoseconds since the first event. */
int64_t trace_player_now_ns(const struct trace_player *player);

struct trace_replay *trace_player_replay(const struct trace_player *player);

#endif

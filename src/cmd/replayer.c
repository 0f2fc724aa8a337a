/* SPDX-License-Identifier: MIT */
/* The clock, and playing up to it.
 * Why: see replayer.h.
 * Rules: as there. */
#include "cmd/replayer.h"

#include "cmd/message.h"
#include "cmd/source_text.h"

#include "base/arena.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>

static int64_t clock_now(const struct replayer *replayer)
{
    if (replayer->since_ns == 0)
        return replayer->played_ns;
    double passed_ns = (double)(clock_monotonic_ns() - replayer->since_ns) * replayer->speed;
    return replayer->played_ns + (int64_t)passed_ns;
}

static void set_clock(struct replayer *replayer, int64_t ns, bool goes)
{
    replayer->played_ns = ns;
    replayer->since_ns = goes ? clock_monotonic_ns() : 0;
}

/* At --to it stands for good, with no event after it. */
static void run(struct replayer *replayer, int64_t until_ns)
{
    if (replayer->result != 1)
        return;
    if (until_ns < replayer->to_ns || replayer->to_ns == INT64_MAX)
        replayer->result = trace_player_run(replayer->player, until_ns);
    else
        replayer->result = trace_player_run_to(replayer->player, replayer->to_ns);
}

bool replayer_open(struct replayer *replayer, const struct options *options,
                   struct recorded *recorded, const char *path)
{
    struct recording_query all = {0};
    *replayer = (struct replayer){
        .path = path,
        .speed = options->speed_thousandths == OPTIONS_UNSET
                     ? 1
                     : (double)options->speed_thousandths / 1000,
        .from_ns = recorded->query.from_ns,
        .to_ns = recorded->query.to_ns > 0 ? recorded->query.to_ns : INT64_MAX,
        .result = 1,
    };
    replayer->whole = recording_snapshot(recorded->recording, &all);
    if (!replayer->whole) {
        message_error("%s", recording_reason(recorded->recording));
        return false;
    }
    replayer->player = recorded_player(recorded->recording, path);
    if (replayer->player && !options->by_process)
        trace_player_sum_processes(replayer->player);
    if (replayer->player && options->uncorrected)
        trace_player_leave_uncorrected(replayer->player);
    return replayer->player;
}

bool replayer_close(struct replayer *replayer)
{
    if (replayer->result < 0)
        message_error("%s: the trace cannot be played further: %s", replayer->path,
                      strerror(-replayer->result));
    trace_player_free(replayer->player);
    snapshot_free(replayer->whole);
    return replayer->result >= 0;
}

void replayer_begin(struct replayer *replayer)
{
    run(replayer, replayer->from_ns);
    set_clock(replayer, replayer->from_ns, replayer->speed > 0);
}

bool replayer_has_ended(const struct replayer *replayer)
{
    return replayer->result <= 0;
}

/* What the command line knew, and the trace's steps do not hold. */
static void fill_meta(const struct replayer *replayer, struct snapshot *snapshot)
{
    const struct snapshot_meta *from = &replayer->whole->meta;
    struct snapshot_meta *meta = &snapshot->meta;
    meta->command = from->command ? arena_string(snapshot->arena, from->command) : NULL;
    meta->host = from->host ? arena_string(snapshot->arena, from->host) : NULL;
    bool whole = replayer_has_ended(replayer) && replayer->to_ns == INT64_MAX;
    meta->exit_status = whole ? from->exit_status : -1;
    meta->signal = whole ? from->signal : 0;
    meta->ended = meta->ended || whole;
    for (size_t i = 0; i < snapshot->process_count && i < 1; i++)
        snapshot->processes[i].command = meta->command;
}

struct snapshot *replayer_snapshot(struct replayer *replayer, int window_s,
                                   enum snapshot_clock clock)
{
    run(replayer, replayer->speed > 0 ? clock_now(replayer) : INT64_MAX);
    struct snapshot *made =
        trace_replay_snapshot(trace_player_replay(replayer->player), window_s, clock, false);
    if (made)
        fill_meta(replayer, made);
    if (made && made->line_count)
        source_text_fill(made, NULL, NULL, true);
    return made;
}

void replayer_pause(struct replayer *replayer, bool paused)
{
    set_clock(replayer, clock_now(replayer), !paused);
}

int64_t replayer_seek(struct replayer *replayer, int64_t seconds)
{
    bool goes = replayer->since_ns != 0;
    int64_t now_ns = replayer->result == 1 ? clock_now(replayer)
                                           : trace_player_now_ns(replayer->player);
    int64_t to_ns = now_ns + seconds * INT64_C(1000000000);
    if (seconds < 0) {
        to_ns = to_ns > replayer->from_ns ? to_ns : replayer->from_ns;
        replayer->result = trace_player_rewind(replayer->player) ? -ENOMEM : 1;
    }
    set_clock(replayer, to_ns, goes);
    run(replayer, to_ns);
    return to_ns;
}

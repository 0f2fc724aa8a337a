/* SPDX-License-Identifier: MIT */
/* Traces of files.
 * Why: see recorded_trace.h.
 * Rules: as there. A timeline may be larger than memory: it is written as it is played. */
#include "cmd/recorded_trace.h"

#include "cmd/message.h"
#include "recording/trace_cut.h"
#include "recording/trace_slices.h"
#include "recording/trace_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STREAM_BYTES = 1 << 20 };

static void say_none(const char *path)
{
    message_error("%s holds no trace: `ulma record --trace` keeps every event", path);
}

bool recorded_has_trace(struct recording *recording, const char *path)
{
    int64_t events, bytes;
    bool found = trace_table_find(recording, &events, &bytes);
    if (!found)
        say_none(path);
    return found;
}

struct trace_player *recorded_player(struct recording *recording, const char *path)
{
    struct trace_source *source;
    int result = trace_table_open(recording, &source);
    if (result == -ENODATA) {
        say_none(path);
        return NULL;
    }
    struct trace_player *player = result == 0 ? trace_player_new(source) : NULL;
    if (!player) {
        message_error("%s: cannot read its trace: %s", path, strerror(result ? -result : ENOMEM));
        if (result == 0)
            source->close(source);
    }
    return player;
}

static FILE *open_stream(struct output *output)
{
    if (output->fd < 0 || (output->regular && ftruncate(output->fd, 0)))
        return NULL;
    FILE *stream = fdopen(output->fd, "wb");
    if (stream) {
        output->fd = -1;
        setvbuf(stream, NULL, _IOFBF, STREAM_BYTES);
    }
    return stream;
}

int recorded_write_timeline(struct trace_player *player, const struct trace_slices_query *query,
                            const struct snapshot_meta *meta, struct output *output)
{
    const struct export_options options = {.clock = CLOCK_WALL};
    FILE *stream = open_stream(output);
    if (!stream) {
        int error = errno ? -errno : -EIO;
        trace_player_free(player);
        return error;
    }
    struct slices *slices = trace_slices_new(player, query);
    int result = -ENOMEM;
    if (slices) {
        trace_slices_set_meta(slices, meta);
        result = output->format->write_trace(slices, &options, stream);
        trace_slices_free(slices);
    } else {
        trace_player_free(player);
    }
    if (fclose(stream) && result == 0)
        result = -errno;
    return result;
}

bool recorded_timeline(struct recorded *recorded, const char *path,
                       const struct snapshot_meta *meta, struct output *output)
{
    const struct recording_query *asked = &recorded->query;
    struct trace_slices_query query = {.from_ns = asked->from_ns,
                                       .to_ns = asked->to_ns,
                                       .thread = asked->thread,
                                       .pid = asked->pid};
    struct trace_player *player = recorded_player(recorded->recording, path);
    if (!player)
        return false;
    int result = recorded_write_timeline(player, &query, meta, output);
    if (result)
        message_error("cannot write the timeline: %s%s", strerror(-result),
                      result == -EBADMSG ? ": the trace is damaged, and the timeline ends there"
                                         : "");
    return result == 0;
}

struct snapshot *recorded_cut(struct recorded *recorded)
{
    const struct recording_query *query = &recorded->query;
    struct recording_query all = {.clock = query->clock, .by_process = query->by_process};
    struct trace_source *source;
    if ((query->from_ns <= 0 && query->to_ns <= 0 && !query->thread) ||
        !trace_table_is_whole(recorded->recording) ||
        trace_table_open(recorded->recording, &source))
        return NULL;
    struct trace_player *player = trace_player_new(source);
    if (!player) {
        source->close(source);
        return NULL;
    }
    struct snapshot *whole = recording_snapshot(recorded->recording, &all);
    struct snapshot *cut = whole ? trace_cut(recorded->recording, player, query, &whole->meta)
                                 : NULL;
    snapshot_free(whole);
    trace_player_free(player);
    return cut;
}

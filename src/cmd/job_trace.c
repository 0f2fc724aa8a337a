/* SPDX-License-Identifier: MIT */
/* Spool, recorder, and the timeline at the end.
 * Why: see job_trace.h.
 * Rules: as there. */
#include "cmd/job_trace.h"

#include "cmd/job_session.h"
#include "cmd/message.h"
#include "recording/trace_slices.h"
#include "recording/trace_spool.h"
#include "wire/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STREAM_BYTES = 1 << 20 };

struct job_trace {
    struct trace_spool *spool;
    struct trace_recorder *recorder;
};

bool job_trace_is_wanted(const struct options *options)
{
    return output_format(options)->write_trace != NULL;
}

bool job_trace_begin(struct job *job)
{
    const struct options *options = job->options;
    if (!job_trace_is_wanted(options))
        return true;
    if (options->budget_thousandths != OPTIONS_UNSET) {
        message_error("a timeline is of every call, and a budget leaves some out: leave out --budget");
        return false;
    }
    struct job_trace *trace = job->trace = calloc(1, sizeof(*trace));
    int result = trace ? trace_spool_new(&trace->spool) : -ENOMEM;
    if (result) {
        message_error("cannot make a file for the trace: %s; set TMPDIR to a directory with room",
                      strerror(-result));
        return false;
    }
    struct trace_sink sink = trace_spool_sink(trace->spool);
    trace->recorder = trace_recorder_new(&sink, (size_t)options->buffer_bytes,
                                         job_session_on_full(job) == ON_FULL_WAIT);
    if (!trace->recorder)
        message_error("cannot start the trace: out of memory");
    return trace->recorder != NULL;
}

struct tap *job_trace_tap(const struct job *job)
{
    return job->trace ? trace_recorder_tap(job->trace->recorder) : NULL;
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

/* 0 or -errno. */
static int write_slices(struct job *job, struct trace_player *player, FILE *stream)
{
    struct trace_slices_query all = {0};
    struct export_options options = {.clock = CLOCK_WALL};
    struct snapshot *snapshot = job_snapshot(job, 0, CLOCK_WALL);
    struct slices *slices = snapshot ? trace_slices_new(player, &all) : NULL;
    int result = -ENOMEM;
    if (slices) {
        trace_slices_set_meta(slices, &snapshot->meta);
        result = job->output.format->write_trace(slices, &options, stream);
    } else {
        trace_player_free(player);
    }
    trace_slices_free(slices);
    snapshot_free(snapshot);
    return result;
}

static void say_losses(const struct job *job)
{
    uint64_t lost = trace_recorder_lost(job->trace->recorder);
    if (lost)
        message_note("the timeline lacks %llu events: writing was slower than the program, and "
                     "--on-full=drop does not wait",
                     (unsigned long long)lost);
}

bool job_trace_write(struct job *job)
{
    struct job_trace *trace = job->trace;
    int recorded = trace_recorder_finish(trace->recorder);
    if (recorded)
        message_error("the trace ends early: %s", strerror(-recorded));
    uint64_t events = trace_recorder_events(trace->recorder);
    message_step("the trace has %llu events in %llu bytes, %.2f each", (unsigned long long)events,
                 (unsigned long long)trace_spool_bytes(trace->spool),
                 events ? (double)trace_spool_bytes(trace->spool) / (double)events : 0.0);
    FILE *stream = open_stream(&job->output);
    struct trace_player *player = stream ? trace_player_new(trace_spool_source(trace->spool))
                                         : NULL;
    int result = player ? write_slices(job, player, stream) : stream ? -ENOMEM : -errno;
    if (stream && fclose(stream) && result == 0)
        result = -errno;
    if (result)
        message_error("could not write the timeline%s%s: %s; make room, or name another file with -o",
                      job->output.path ? " to " : "", job->output.path ? job->output.path : "",
                      strerror(-result));
    say_losses(job);
    return result == 0 && recorded == 0;
}

void job_trace_end(struct job *job)
{
    if (!job->trace)
        return;
    trace_recorder_free(job->trace->recorder);
    trace_spool_free(job->trace->spool);
    free(job->trace);
    job->trace = NULL;
}

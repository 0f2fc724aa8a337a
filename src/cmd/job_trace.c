/* SPDX-License-Identifier: MIT */
/* Spool, recorder, and the timeline at the end.
 * Why: see job_trace.h.
 * Rules: as there. */
#include "cmd/job_trace.h"

#include "cmd/job_session.h"
#include "cmd/message.h"
#include "cmd/recorded_trace.h"
#include "recording/trace_slices.h"
#include "recording/trace_spool.h"
#include "recording/trace_table.h"
#include "wire/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct job_trace {
    struct trace_spool *spool; /* of a timeline */
    struct trace_table *table; /* of a recording */
    struct trace_recorder *recorder;
};

bool job_trace_is_wanted(const struct job *job)
{
    return job->is_recorded ? job->options->trace
                            : output_format(job->options)->write_trace != NULL;
}

static bool check_options(const struct options *options)
{
    if (options->budget_thousandths != OPTIONS_UNSET)
        message_error("a trace is of every call, and a budget leaves some out: leave out --budget");
    else if (options->trace && options->keep_ns != OPTIONS_UNSET)
        message_error("a trace is played from its beginning, which --keep drops: leave out one of "
                      "them");
    else
        return true;
    return false;
}

static int open_sink(struct job *job, struct trace_sink *ret_sink)
{
    struct job_trace *trace = job->trace;
    if (!job->is_recorded) {
        int result = trace_spool_new(&trace->spool);
        if (result == 0)
            *ret_sink = trace_spool_sink(trace->spool);
        return result;
    }
    trace->table = trace_table_new();
    int result = trace->table ? trace_table_create(job->recording.writer) : -ENOMEM;
    if (result == 0)
        *ret_sink = trace_table_sink(trace->table);
    return result;
}

bool job_trace_begin(struct job *job)
{
    struct trace_sink sink;
    if (!job_trace_is_wanted(job))
        return true;
    if (!check_options(job->options))
        return false;
    job->trace = calloc(1, sizeof(*job->trace));
    int result = job->trace ? open_sink(job, &sink) : -ENOMEM;
    if (result) {
        message_error("cannot make room for the trace: %s; %s", strerror(-result),
                      job->is_recorded ? "name a file on another disk with -o"
                                       : "set TMPDIR to a directory with room");
        return false;
    }
    job->trace->recorder = trace_recorder_new(&sink, (size_t)job->options->buffer_bytes,
                                              job_session_on_full(job) == ON_FULL_WAIT);
    if (!job->trace->recorder)
        message_error("cannot start the trace: out of memory");
    return job->trace->recorder != NULL;
}

void job_trace_start(struct job *job)
{
    if (job->trace)
        trace_table_set_recorder(job->trace->table, job->recording.recorder);
}

struct tap *job_trace_tap(const struct job *job)
{
    return job->trace ? trace_recorder_tap(job->trace->recorder) : NULL;
}

static void say_losses(const struct job *job)
{
    uint64_t lost = trace_recorder_lost(job->trace->recorder);
    if (lost)
        message_note("the trace lacks %llu events: writing was slower than the program, and "
                     "--on-full=drop does not wait",
                     (unsigned long long)lost);
}

bool job_trace_finish(struct job *job)
{
    struct job_trace *trace = job->trace;
    if (!trace)
        return true;
    int result = trace_recorder_finish(trace->recorder);
    /* What the recording itself failed at is said of it. */
    if (result && !(trace->table && recorder_has_failed(job->recording.recorder)))
        message_error("the trace ends early: %s", strerror(-result));
    say_losses(job);
    message_step("the trace has %llu events",
                 (unsigned long long)trace_recorder_events(trace->recorder));
    return result == 0;
}

void job_trace_stop(struct job *job)
{
    if (!job->trace || !job->trace->table)
        return;
    trace_table_close(job->trace->table);
    if (job->trace->recorder)
        trace_recorder_finish(job->trace->recorder);
}

bool job_trace_write(struct job *job)
{
    const struct trace_slices_query all = {0};
    const struct output *output = &job->output;
    bool whole = job_trace_finish(job);
    struct snapshot *snapshot = job_snapshot(job, 0, CLOCK_WALL);
    struct trace_player *player = snapshot ? trace_player_new(trace_spool_source(job->trace->spool))
                                           : NULL;
    int result = player ? recorded_write_timeline(player, &all, &snapshot->meta, &job->output)
                        : -ENOMEM;
    snapshot_free(snapshot);
    if (result)
        message_error(
            "could not write the timeline%s%s: %s; make room, or name another file with -o",
            output->path ? " to " : "", output->path ? output->path : "", strerror(-result));
    return result == 0 && whole;
}

void job_trace_end(struct job *job)
{
    if (!job->trace)
        return;
    trace_table_close(job->trace->table);
    trace_recorder_free(job->trace->recorder);
    trace_table_free(job->trace->table);
    trace_spool_free(job->trace->spool);
    free(job->trace);
    job->trace = NULL;
}

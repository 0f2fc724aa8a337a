/* SPDX-License-Identifier: MIT */
/* Opening, writing, ending a recording.
 * Why: see job_record.h.
 * Rules: as there. */
#include "cmd/job_record.h"

#include "base/text.h"
#include "cmd/job.h"
#include "cmd/job_trace.h"
#include "cmd/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ulma-NAME-PID-YYYYMMDDTHHMMSS.ulma */
static char *default_path(const struct job *job, pid_t pid)
{
    char stamp[32], *path;
    time_t now = time(NULL);
    struct tm local;
    if (!localtime_r(&now, &local) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &local))
        snprintf(stamp, sizeof(stamp), "%lld", (long long)now);
    const char *name = job->target.name && job->target.name[0] ? job->target.name : "python";
    return asprintf(&path, "ulma-%.200s-%d-%s.ulma", name, (int)pid, stamp) < 0 ? NULL : path;
}

bool job_record_open(struct job *job, pid_t pid)
{
    const struct options *options = job->options;
    struct recording_options wanted = {
        .keep_ns = options->keep_ns == OPTIONS_UNSET ? 0 : options->keep_ns,
        .max_bytes = options->max_bytes == OPTIONS_UNSET ? 0 : options->max_bytes,
        .with_source = options->with_source,
        .redact = options->redact,
        .no_command = options->no_command,
        .overwrite = options->force,
    };
    char reason[RECORDING_WRITER_REASON_SIZE];
    struct job_recording *recording = &job->recording;
    recording->path = options->output ? output_expand(options->output, pid)
                                      : default_path(job, pid);
    if (!recording->path) {
        message_error("out of memory");
        return false;
    }
    if (recording_writer_open(recording->path, &wanted, &recording->writer, reason,
                              sizeof(reason)) == 0)
        return true;
    message_error("%s", reason);
    return false;
}

static struct snapshot *take(void *context)
{
    return job_snapshot_detailed(context);
}

bool job_record_start(struct job *job)
{
    struct recorder_source source = {.take = take, .context = job};
    struct job_recording *recording = &job->recording;
    recording->recorder = recorder_start(recording->writer, &source);
    if (!recording->recorder) {
        message_error("cannot start the thread that writes the recording");
        return false;
    }
    recording->writer = NULL;
    job_trace_start(job);
    return true;
}

bool job_record_goes_on(struct job *job)
{
    struct job_recording *recording = &job->recording;
    if (!recorder_has_failed(recording->recorder))
        return true;
    if (!recording->told) {
        recorder_finish(recording->recorder);
        message_error("%s", recorder_reason(recording->recorder));
        recording->told = true;
    }
    return false;
}

bool job_record_finish(struct job *job)
{
    struct job_recording *recording = &job->recording;
    char size[TEXT_NUMBER_BYTES];
    bool traced = job_trace_finish(job);
    recorder_finish(recording->recorder);
    if (!job_record_goes_on(job))
        return false;
    text_format_count(size, (uint64_t)recorder_bytes(recording->recorder));
    bool plain = !strpbrk(recording->path, " '\"\\$`!&|;<>()*?[]#~");
    message_note("wrote %s (%sB); read it with: ulma report %s%s%s", recording->path, size,
                 plain ? "" : "'", recording->path, plain ? "" : "'");
    return traced;
}

void job_record_abandon(struct job *job)
{
    struct job_recording *recording = &job->recording;
    bool made = recording->writer || recording->recorder;
    char *path = recording->path;
    recording->path = NULL;
    job_record_close(job);
    if (made)
        unlink(path);
    free(path);
}

void job_record_close(struct job *job)
{
    struct job_recording *recording = &job->recording;
    job_trace_stop(job);
    recording_writer_close(recording->writer);
    recorder_free(recording->recorder);
    free(recording->path);
    *recording = (struct job_recording){0};
}

/* SPDX-License-Identifier: MIT */
/* Rendering into memory, then writing.
 * Why: a report that cannot be written where it should go must be whole to be kept elsewhere.
 * Rules: as report.h. */
#include "cmd/report.h"

#include "cmd/job_session.h"
#include "cmd/job_trace.h"
#include "cmd/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct export_options report_options(const struct job *job, int columns, bool color)
{
    return report_stream_wanted(job->options, job->clock, columns, color);
}

/* NULL: not possible, `*ret_error` says why. */
static char *render(struct job *job, const struct exporter *format,
                    const struct export_options *options, size_t *ret_size, int *ret_error)
{
    struct snapshot *snapshot = job_snapshot(job, 0, job->clock);
    struct export_options own = *options;
    char *bytes = NULL;
    *ret_error = -ENOMEM;
    if (snapshot && !report_stream_fits(job->options, format, snapshot))
        own.weight = WEIGHT_TIME; /* what was measured is not thrown away */
    if (snapshot)
        bytes = report_stream_render(snapshot, format, &own, ret_size, ret_error);
    snapshot_free(snapshot);
    return bytes;
}

/* What kept the target from being seen; false: it was seen. */
static bool say_unseen(struct job *job)
{
    char reason[PATH_MAX];
    switch (job_outcome(job, reason, sizeof(reason))) {
    case JOB_REFUSED:
        message_error("the target ran, but nothing was seen: %s", reason);
        return true;
    case JOB_UNSEEN:
        if (!job->supervise.ended) {
            message_error("nothing was seen: the profiling ended before a Python of `%s` was ready",
                          job->target.command);
            return true;
        }
        message_error("nothing was seen: `%s` started no Python that armed itself (it is not a "
                      "Python program, or its Python ignores PYTHONPATH: -I, -E, -S, embedded)",
                      job->target.command);
        return true;
    default:
        return false;
    }
}

static void say_unmatched(struct job *job)
{
    char text[512];
    struct snapshot *snapshot = job_set_sites(job)->count ? job_snapshot(job, 0, job->clock) : NULL;
    size_t count = snapshot ? snapshot_describe_sites(&snapshot->meta, true, text, sizeof(text))
                            : 0;
    if (count)
        message_note("%s matched no function that ran", text);
    snapshot_free(snapshot);
}

static void say_others(const struct job *job)
{
    struct session_words words;
    job_session_read(job, &words);
    if (!words.ever_on)
        message_note("nothing was recorded: the profiling ended before recording was switched on");
    uint64_t others = words.claims_refused;
    if (others > 0)
        message_note("%llu more Python process%s of the target ran unseen: only the first one is "
                     "followed",
                     (unsigned long long)others, others == 1 ? "" : "es");
}

bool report_never_began(struct job *job)
{
    char reason[512];
    if (!job_never_began(job, reason, sizeof(reason)))
        return false;
    message_error("%s", reason);
    output_abandon(&job->output);
    return true;
}

bool report_say_seen(struct job *job)
{
    if (say_unseen(job))
        return false;
    say_others(job);
    say_unmatched(job);
    return true;
}

void report_print(struct job *job)
{
    struct output *output = &job->output;
    bool unseen = !report_say_seen(job);
    job->failed |= unseen;
    if (output->to_stderr && (unseen || job->options->quiet))
        return;
    if (job->trace) {
        if (job_trace_write(job))
            report_stream_say_written(&job->output);
        else
            job->failed = true;
        return;
    }
    struct export_options wanted = report_stream_options(job->options, job->clock, output->fd);
    size_t size = 0;
    int error;
    char *bytes = render(job, output->format, &wanted, &size, &error);
    if (!bytes) {
        message_error("cannot make the report: %s; try another format with -f", strerror(-error));
        job->failed = true;
        return;
    }
    if (output_write(output, bytes, size))
        report_stream_say_written(&job->output);
    else
        job->failed = true;
    free(bytes);
}

void report_save(struct job *job, char *message, size_t size)
{
    char path[PATH_MAX], stamp[32];
    time_t now = time(NULL);
    struct tm broken;
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", localtime_r(&now, &broken));
    snprintf(path, sizeof(path), "ulma-%.200s-%d-%s.txt", job->target.name, (int)job->supervise.pid,
             stamp);
    struct export_options wanted = report_options(job, 120, false);
    size_t length = 0;
    int error;
    char *bytes = render(job, exporter_find("table"), &wanted, &length, &error);
    if (!bytes) {
        snprintf(message, size, "cannot make a report: %s", strerror(-error));
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    ssize_t written = fd < 0 ? -1 : write(fd, bytes, length);
    if (fd >= 0 && close(fd) == 0 && written == (ssize_t)length)
        snprintf(message, size, "saved %s", path);
    else
        snprintf(message, size, "cannot write %s: %s", path, strerror(errno));
    free(bytes);
}

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
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int report_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (int)width : 80;
}

bool report_color(const struct options *options, int fd)
{
    const char *never = getenv("NO_COLOR"), *always = getenv("CLICOLOR_FORCE");
    if (options->no_color || (never && *never))
        return false;
    if (always && *always && strcmp(always, "0") != 0)
        return true;
    const char *terminal = getenv("TERM");
    return terminal && *terminal && strcmp(terminal, "dumb") != 0 && isatty(fd);
}

struct export_options report_options(const struct job *job, int columns, bool color)
{
    const struct options *options = job->options;
    return (struct export_options){
        .clock = job->clock,
        .sort = options->sort,
        .limit = options->limit == OPTIONS_UNSET ? OPTIONS_LIMIT_DEFAULT : (size_t)options->limit,
        .columns = columns,
        .wide = options->wide,
        .color = color,
        .weight = WEIGHT_TIME,
    };
}

/* NULL: not possible, `*ret_error` says why. */
static char *render(struct job *job, const struct exporter *format,
                    const struct export_options *options, size_t *ret_size, int *ret_error)
{
    char *bytes = NULL;
    *ret_error = -ENOMEM;
    struct snapshot *snapshot = job_snapshot(job, 0, job->clock);
    FILE *stream = snapshot ? open_memstream(&bytes, ret_size) : NULL;
    if (stream) {
        *ret_error = format->write(snapshot, options, stream);
        if (fclose(stream) && *ret_error == 0)
            *ret_error = -errno;
    }
    snapshot_free(snapshot);
    if (*ret_error == 0)
        return bytes;
    free(bytes);
    return NULL;
}

/* Which command reads a file of this format; `%s` is the file. */
static const char *reader(const struct exporter *format)
{
    static const struct {
        const char *format, *command;
    } readers[] = {
        {"pstats", "python3 -m pstats %s"},
        {"json", "python3 -m json.tool %s"},
        {"flamegraph", "xdg-open %s"},
        {"chrome", "https://ui.perfetto.dev, or chrome://tracing: %s"},
        {"perfetto", "https://ui.perfetto.dev: %s"},
        {"collapsed", "flamegraph.pl %s > flame.svg"},
    };
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (strcmp(readers[i].format, format->name) == 0)
            return readers[i].command;
    }
    return "less %s";
}

static void say_written(const struct job *job)
{
    const struct output *output = &job->output;
    if (output->to_stderr) {
        message_note("the report above is not kept; -o FILE writes one (.txt .json .pstats .md "
                     ".svg, ulma export --list)");
    } else if (!output->path) {
        message_note("wrote the report to stdout (%s)", output->format->name);
    } else {
        const char *command = reader(output->format);
        const char *file = strstr(command, "%s");
        bool plain = !strpbrk(output->path, " '\"\\$`!&|;<>()*?[]#~");
        message_note("wrote %s (%s); read it with: %.*s%s%s%s%s", output->path,
                     output->format->name, (int)(file - command), command, plain ? "" : "'",
                     output->path, plain ? "" : "'", file + 2);
    }
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

void report_print(struct job *job)
{
    struct output *output = &job->output;
    bool unseen = say_unseen(job);
    job->failed |= unseen;
    if (!unseen) {
        say_others(job);
        say_unmatched(job);
    }
    if (output->to_stderr && (unseen || job->options->quiet))
        return;
    if (job->trace) {
        if (job_trace_write(job))
            say_written(job);
        else
            job->failed = true;
        return;
    }
    bool terminal = output->fd >= 0 && isatty(output->fd);
    struct export_options wanted =
        report_options(job, terminal ? report_columns(output->fd) : report_columns(-1),
                       output->fd >= 0 && report_color(job->options, output->fd));
    size_t size = 0;
    int error;
    char *bytes = render(job, output->format, &wanted, &size, &error);
    if (!bytes) {
        message_error("cannot make the report: %s; try another format with -f", strerror(-error));
        job->failed = true;
        return;
    }
    if (output_write(output, bytes, size))
        say_written(job);
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

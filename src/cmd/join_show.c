/* SPDX-License-Identifier: MIT */
/* What is shown of a process that was joined.
 * Why: see join.h.
 * Rules: as there. A signal ends the looking on; what was asked for is still written. */
#include "cmd/join.h"

#include "base/clock.h"
#include "cmd/frames.h"
#include "cmd/message.h"
#include "cmd/output.h"
#include "cmd/report_stream.h"
#include "cmd/top_options.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum { WINDOW_S = 10, FIRST_MS = 10000, SCREEN_MS = 1000, FILE_COLUMNS = 120 };

/* --- the report ------------------------------------------------------------------------------- */

static bool say_reason(const struct join *join)
{
    if (join->state == JOIN_FAILED || !join->seen)
        message_error("%s", join->reason);
    else if (join->state == JOIN_ENDED)
        message_note("%s", join->reason);
    return join->state != JOIN_FAILED && join->seen;
}

static void stops(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

/* False: a signal came. */
static bool wait_until(uint64_t time_ns)
{
    sigset_t set;
    stops(&set);
    for (uint64_t now = clock_monotonic_ns(); now < time_ns; now = clock_monotonic_ns()) {
        uint64_t left = time_ns - now;
        struct timespec wait = {.tv_sec = (time_t)(left / (1000 * MS_NS)),
                                .tv_nsec = (long)(left % (1000 * MS_NS))};
        if (sigtimedwait(&set, NULL, &wait) > 0)
            return false;
    }
    return true;
}

static bool report(struct join *join, const struct options *own, struct output *output)
{
    struct snapshot *snapshot = NULL;
    while (!snapshot && join->state == JOIN_GOES_ON)
        snapshot = join_snapshot(join, 0, join->clock, FIRST_MS);
    bool good = snapshot && report_stream_write(own, snapshot, output);
    snapshot_free(snapshot);
    return say_reason(join) && good;
}

int join_report(struct join *join)
{
    struct options own = *join->options;
    struct output output;
    sigset_t set;
    if (!own.output)
        own.output = "-";
    if (output_format(&own)->write_trace) {
        message_error("a timeline begins when its recording does, and PID %d is recorded by %s "
                      "already: end that one first, or take another format with -f",
                      (int)join->found.pid, join->who);
        return EXIT_FAILED;
    }
    if (!output_open(&output, &own, join->found.pid))
        return EXIT_FAILED;
    stops(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (join->over_ns)
        wait_until(join->over_ns);
    bool good = report(join, &own, &output);
    if (!good && !join->seen)
        output_abandon(&output);
    output_close(&output);
    return good ? EXIT_FINE : EXIT_FAILED;
}

/* --- the table -------------------------------------------------------------------------------- */

static struct snapshot *snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    struct join *join = context;
    struct snapshot *frame = join->frame;
    join->frame = NULL;
    return frame ? frame : join_snapshot(join, window_s, clock, join->seen ? SCREEN_MS : FIRST_MS);
}

static bool finished(void *context)
{
    const struct join *join = context;
    return join->state != JOIN_GOES_ON || (join->over_ns && clock_monotonic_ns() >= join->over_ns);
}

static void save(void *context, char *message, size_t size)
{
    struct join *join = context;
    char path[128];
    int error = -EAGAIN;
    size_t length = 0;
    struct snapshot *made = join_snapshot(join, 0, join->clock, SCREEN_MS);
    struct export_options wanted =
        report_stream_wanted(join->options, join->clock, FILE_COLUMNS, false);
    char *bytes =
        made ? report_stream_render(made, exporter_find("table"), &wanted, &length, &error) : NULL;
    snprintf(path, sizeof(path), "ulma-%d-%lld.txt", (int)join->found.pid, (long long)time(NULL));
    int fd = bytes ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    ssize_t written = fd < 0 ? -1 : write(fd, bytes, length);
    if (fd >= 0 && close(fd) == 0 && written == (ssize_t)length)
        snprintf(message, size, "saved %s", path);
    else
        snprintf(message, size, "cannot write %s: %s", path, strerror(bytes ? errno : -error));
    free(bytes);
    snapshot_free(made);
}

static int draw(struct join *join, const struct tui_host *host, const struct tui_options *wanted)
{
    const struct exporter *format = join->options->output ? NULL : join->options->format;
    if (format && strcmp(format->name, "json") == 0)
        return frames_json(host, wanted);
    return frames_text(host, wanted, report_columns(STDOUT_FILENO));
}

/* When the next frame is due; 0: there is none. */
static uint64_t next_frame(const struct join *join, uint64_t last_ns, uint64_t interval_ns)
{
    uint64_t now = clock_monotonic_ns(), next = last_ns + interval_ns;
    if (next < now)
        next = now;
    return join->over_ns && next >= join->over_ns ? 0 : next;
}

static bool show_frames(struct join *join, const struct tui_host *host,
                        const struct tui_options *wanted)
{
    int64_t most = join->options->once ? 1 : join->options->count;
    uint64_t interval_ns = (uint64_t)(wanted->interval_s * 1e9);
    uint64_t next = clock_monotonic_ns();
    int result = 0;
    for (int64_t drawn = 0; result == 0 && join->state == JOIN_GOES_ON;) {
        join->frame = join_snapshot(join, wanted->window_s, wanted->clock, SCREEN_MS);
        if (join->frame) {
            result = draw(join, host, wanted);
            drawn++;
        }
        if (most > 0 && drawn >= most)
            break;
        next = next_frame(join, next, interval_ns);
        if (join->state == JOIN_GOES_ON && (!wait_until(next ? next : join->over_ns) || !next))
            break;
    }
    if (result && result != -EPIPE)
        message_error("cannot write a frame to stdout: %s", strerror(-result));
    return result == 0 || result == -EPIPE;
}

/* With -o, what is there at the end. */
static bool keep_report(struct join *join)
{
    struct output output;
    if (!join->options->output || join->state != JOIN_GOES_ON)
        return !join->options->output;
    if (!output_open(&output, join->options, join->found.pid))
        return false;
    struct snapshot *made = join_snapshot(join, 0, join->clock, FIRST_MS);
    bool good = made && report_stream_write(join->options, made, &output);
    snapshot_free(made);
    output_close(&output);
    return good;
}

/* False: there is no terminal that a screen can be drawn on. */
static bool show_screen(const struct tui_host *host, const struct tui_options *wanted)
{
    message_hold();
    int result = tui_run(host, wanted);
    message_release();
    if (result && result != -ENOTTY)
        message_error("the screen failed: %s; plain frames follow", strerror(-result));
    return result == 0;
}

int join_top(struct join *join, bool frames)
{
    char product[64], owner[SESSION_WHO_SIZE + 160];
    struct tui_options wanted;
    sigset_t set;
    snprintf(product, sizeof(product), "ulma " ULMA_VERSION ", read-only");
    snprintf(owner, sizeof(owner), "read-only: this is the owner's to change, %s", join->who);
    struct tui_host host = {
        .context = join,
        .snapshot = snapshot,
        .save = save,
        .finished = finished,
        .product = product,
        .owner = owner,
    };
    top_options_init(&wanted, join->options, join->clock, WINDOW_S);
    if (frames && join->options->limit == OPTIONS_UNSET)
        wanted.limit = OPTIONS_LIMIT_DEFAULT;
    bool good = true;
    if (frames || !show_screen(&host, &wanted)) {
        stops(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        good = show_frames(join, &host, &wanted);
    }
    good &= keep_report(join);
    return say_reason(join) && good ? EXIT_FINE : EXIT_FAILED;
}

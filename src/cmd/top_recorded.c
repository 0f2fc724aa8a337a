/* SPDX-License-Identifier: MIT */
/* top of a recording: the same screen, with a file behind it instead of a collector.
 * Why: what was looked at live is looked at again, with the window where one wants it.
 * Rules: in the reading half: no process, no probe. Nothing changes by itself: a snapshot is made when the
 * window, the clock or the moment is another one. */
#include "cmd/recorded.h"

#include "cmd/frames.h"
#include "cmd/message.h"
#include "cmd/output.h"
#include "cmd/report_stream.h"
#include "cmd/top_options.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

enum { WINDOW_S = 10 };

struct browser {
    struct recorded recorded;
    const struct options *options;
    int64_t first_ns, last_ns; /* what may be gone to */
    int64_t end_ns;            /* of the window */
    int window_s;              /* of the last snapshot */
    enum snapshot_clock clock;
    int64_t shown_ns; /* the end of the last snapshot; -1: none yet */
    bool failed;
};

static struct snapshot *snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    struct browser *browser = context;
    bool same = browser->shown_ns == browser->end_ns && browser->window_s == window_s &&
                browser->clock == clock;
    if (same || browser->failed)
        return NULL; /* what is on the screen stays */
    browser->recorded.query.to_ns = browser->end_ns;
    browser->recorded.query.window_s = window_s;
    browser->recorded.query.clock = clock;
    browser->window_s = window_s;
    browser->clock = clock;
    browser->shown_ns = browser->end_ns;
    struct snapshot *made = recorded_snapshot(&browser->recorded, &browser->recorded.query);
    browser->failed = !made;
    return made;
}

static void say_moment(char *text, size_t size, int64_t time_ns)
{
    long long s = (time_ns + SECOND_NS / 2) / SECOND_NS;
    snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
}

static void seek(void *context, int step, char *message, size_t size)
{
    struct browser *browser = context;
    char now[32], end[32];
    int64_t width_ns = (browser->window_s > 0 ? browser->window_s : WINDOW_S) * SECOND_NS;
    int64_t end_ns = browser->end_ns + step * width_ns;
    if (end_ns < browser->first_ns + 1)
        end_ns = browser->first_ns + 1;
    browser->end_ns = end_ns < browser->last_ns ? end_ns : browser->last_ns;
    say_moment(now, sizeof(now), browser->end_ns);
    say_moment(end, sizeof(end), browser->last_ns);
    snprintf(message, size, "up to %s of %s", now, end);
}

/* The file's name with another ending, and the moment. */
static void save(void *context, char *message, size_t size)
{
    struct browser *browser = context;
    const struct exporter *table = exporter_find("table");
    char path[128];
    int error = -ENOMEM;
    size_t length = 0;
    struct recording_query query = browser->recorded.query;
    query.window_s = 0;
    struct snapshot *made = recorded_snapshot(&browser->recorded, &query);
    struct export_options wanted =
        report_stream_wanted(browser->options, browser->clock, 120, false);
    char *bytes = made ? report_stream_render(made, table, &wanted, &length, &error) : NULL;
    snprintf(path, sizeof(path), "ulma-recording-%lld.txt", (long long)time(NULL));
    int fd = bytes ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    ssize_t written = fd < 0 ? -1 : write(fd, bytes, length);
    if (fd >= 0 && close(fd) == 0 && written == (ssize_t)length)
        snprintf(message, size, "saved %s", path);
    else
        snprintf(message, size, "cannot write %s: %s", path, strerror(bytes ? errno : -error));
    free(bytes);
    snapshot_free(made);
}

static void init_host(struct tui_host *host, struct browser *browser)
{
    *host = (struct tui_host){
        .context = browser,
        .snapshot = snapshot,
        .save = save,
        .seek = seek,
        .product = "ulma " ULMA_VERSION,
    };
}

static int print_frame(const struct options *options, const struct tui_host *host,
                       const struct tui_options *wanted)
{
    int result = options->format && strcmp(options->format->name, "json") == 0
                     ? frames_json(host, wanted)
                     : frames_text(host, wanted, report_columns(STDOUT_FILENO));
    if (result && result != -EPIPE)
        message_error("cannot write a frame to stdout: %s", strerror(-result));
    return result && result != -EPIPE ? EXIT_FAILED : EXIT_FINE;
}

static int show(const struct options *options, struct browser *browser)
{
    struct tui_host host;
    struct tui_options wanted;
    bool frames = options->batch || options->once || options->count > 0 || !isatty(STDOUT_FILENO);
    init_host(&host, browser);
    top_options_init(&wanted, options, browser->clock, frames ? 0 : WINDOW_S);
    if (!frames) {
        int result = tui_run(&host, &wanted);
        if (result != -ENOTTY)
            return result == 0 ? EXIT_FINE : EXIT_FAILED;
    }
    if (options->limit == OPTIONS_UNSET)
        wanted.limit = OPTIONS_LIMIT_DEFAULT;
    return print_frame(options, &host, &wanted);
}

int recorded_top(const struct options *options, const char *path)
{
    struct browser browser = {.options = options, .shown_ns = -1};
    if (!recorded_open(&browser.recorded, options, path))
        return EXIT_FAILED;
    struct recording_query *query = &browser.recorded.query;
    query->clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU;
    recording_extent(browser.recorded.recording, &browser.first_ns, &browser.last_ns);
    if (query->from_ns > browser.first_ns)
        browser.first_ns = query->from_ns;
    if (query->to_ns > 0 && query->to_ns < browser.last_ns)
        browser.last_ns = query->to_ns;
    browser.end_ns = browser.last_ns;
    browser.clock = query->clock;
    int status = show(options, &browser);
    if (browser.failed) {
        message_error("%s", recording_reason(browser.recorded.recording));
        status = EXIT_FAILED;
    }
    recorded_close(&browser.recorded);
    return status;
}

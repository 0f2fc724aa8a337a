/* SPDX-License-Identifier: MIT */
/* ulma replay: a trace, played into top.
 * Why: what nobody looked at when it happened is looked at as if it happened now, as slowly as wanted.
 * Rules: in the reading half: no process, no probe. The clock is replayer.h's; [ and ] move it. */
#include "cmd/frames.h"
#include "cmd/message.h"
#include "cmd/replayer.h"
#include "cmd/report_stream.h"
#include "cmd/top_options.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_S = 10, SEEK_S = 10 };

static struct snapshot *snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    return replayer_snapshot(context, window_s, clock);
}

static void pause_clock(void *context, bool paused)
{
    replayer_pause(context, paused);
}

static void seek(void *context, int step, char *message, size_t size)
{
    int64_t at_ns = replayer_seek(context, (int64_t)step * SEEK_S);
    snprintf(message, size, "at %lld s", (long long)(at_ns / 1000000000));
}

static int print_frame(const struct options *options, const struct tui_host *host,
                       const struct tui_options *wanted)
{
    int result = options->format && strcmp(options->format->name, "json") == 0
                     ? frames_json(host, wanted)
                     : frames_text(host, wanted, report_columns(STDOUT_FILENO));
    if (result && result != -EPIPE)
        message_error("cannot write a frame to stdout: %s", strerror(-result));
    return result;
}

/* One frame each interval of the wall's clock, and one at the end; with no speed the last alone. */
static int show_frames(const struct options *options, struct replayer *replayer,
                       const struct tui_host *host, const struct tui_options *wanted)
{
    int64_t most = options->once ? 1 : options->count > 0 ? options->count : INT64_MAX;
    struct timespec pause = {
        .tv_sec = (time_t)wanted->interval_s,
        .tv_nsec = (long)((wanted->interval_s - (double)(time_t)wanted->interval_s) * 1e9)};
    int result = 0;
    for (int64_t drawn = 0; drawn < most && result == 0; drawn++) {
        if (replayer->speed > 0)
            nanosleep(&pause, NULL);
        result = print_frame(options, host, wanted);
        if (replayer_has_ended(replayer))
            break;
    }
    return result && result != -EPIPE ? EXIT_FAILED : EXIT_FINE;
}

static int show(const struct options *options, struct replayer *replayer)
{
    struct tui_host host = {.context = replayer,
                            .snapshot = snapshot,
                            .seek = seek,
                            .pause = pause_clock,
                            .product = "ulma " ULMA_VERSION};
    struct tui_options wanted;
    bool frames = options->batch || options->once || options->count > 0 || !isatty(STDOUT_FILENO);
    enum snapshot_clock clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU;
    bool at_once = replayer->speed <= 0;
    top_options_init(&wanted, options, clock, frames && at_once ? 0 : WINDOW_S);
    replayer_begin(replayer);
    if (!frames) {
        int result = tui_run(&host, &wanted);
        if (result != -ENOTTY)
            return result == 0 ? EXIT_FINE : EXIT_FAILED;
    }
    if (options->limit == OPTIONS_UNSET)
        wanted.limit = OPTIONS_LIMIT_DEFAULT;
    return show_frames(options, replayer, &host, &wanted);
}

int verb_replay(const struct options *options, char **words, int word_count)
{
    struct recorded recorded;
    if (word_count != 1) {
        message_error("`ulma replay` takes one recording; see `ulma replay --help`");
        return EXIT_WRONG_WORDS;
    }
    if (options->to_ns != OPTIONS_UNSET && options->from_ns >= options->to_ns) {
        message_error("--to lies before --from: nothing would be played");
        return EXIT_WRONG_WORDS;
    }
    if (!recorded_open(&recorded, options, words[0]))
        return EXIT_FAILED;
    struct replayer replayer;
    int status = replayer_open(&replayer, options, &recorded, words[0]) ? show(options, &replayer)
                                                                        : EXIT_FAILED;
    if (!replayer_close(&replayer))
        status = EXIT_FAILED;
    recorded_close(&recorded);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* ulma replay: a trace, played into top.
 * Why: what nobody looked at when it happened is looked at as if it happened now, as slowly as wanted.
 * Rules: in the reading half: no process, no probe. The recorded clock is what time is: it goes --speed times
 * as fast as the wall's, stands while the screen is paused, and [ and ] move it. The model is the live one's
 * fold over the same steps, so a look at it changes nothing. */
#include "cmd/frames.h"
#include "cmd/message.h"
#include "cmd/recorded_trace.h"
#include "cmd/report_stream.h"
#include "cmd/source_text.h"
#include "cmd/top_options.h"
#include "cmd/verbs.h"

#include "base/arena.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_S = 10, SEEK_S = 10 };

struct replayer {
    struct trace_player *player;
    const struct snapshot_meta *meta; /* of the recording: what the trace does not say */
    double speed;                     /* 0: as fast as it can be played */
    int64_t from_ns, to_ns;           /* what is played; to_ns INT64_MAX: to the end */
    int64_t played_ns;                /* the recorded clock at `since_ns` */
    uint64_t since_ns;                /* monotonic; 0: the clock stands */
    int result;                       /* 1: it plays; 0: it has ended */
};

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

static void play(struct replayer *replayer)
{
    run(replayer, replayer->speed > 0 ? clock_now(replayer) : INT64_MAX);
}

/* What the command line knew, and the trace's steps do not hold. */
static void fill_meta(const struct replayer *replayer, struct snapshot *snapshot)
{
    const struct snapshot_meta *from = replayer->meta;
    struct snapshot_meta *meta = &snapshot->meta;
    meta->command = from->command ? arena_string(snapshot->arena, from->command) : NULL;
    meta->host = from->host ? arena_string(snapshot->arena, from->host) : NULL;
    bool whole = replayer->result <= 0 && replayer->to_ns == INT64_MAX;
    meta->exit_status = whole ? from->exit_status : -1;
    meta->signal = whole ? from->signal : 0;
    meta->ended = meta->ended || whole;
    for (size_t i = 0; i < snapshot->process_count && i < 1; i++)
        snapshot->processes[i].command = meta->command;
}

static struct snapshot *snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    struct replayer *replayer = context;
    play(replayer);
    struct snapshot *made =
        trace_replay_snapshot(trace_player_replay(replayer->player), window_s, clock, false);
    if (made)
        fill_meta(replayer, made);
    if (made && made->line_count)
        source_text_fill(made, NULL, NULL, true);
    return made;
}

static void pause_clock(void *context, bool paused)
{
    struct replayer *replayer = context;
    set_clock(replayer, clock_now(replayer), !paused);
}

static void seek(void *context, int step, char *message, size_t size)
{
    struct replayer *replayer = context;
    bool goes = replayer->since_ns != 0;
    int64_t now_ns = replayer->result == 1 ? clock_now(replayer)
                                           : trace_player_now_ns(replayer->player);
    int64_t to_ns = now_ns + step * SEEK_S * INT64_C(1000000000);
    if (step < 0) {
        to_ns = to_ns > replayer->from_ns ? to_ns : replayer->from_ns;
        replayer->result = trace_player_rewind(replayer->player) ? -ENOMEM : 1;
    }
    set_clock(replayer, to_ns, goes);
    run(replayer, to_ns);
    snprintf(message, size, "at %lld s", (long long)(to_ns / 1000000000));
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
        if (replayer->result <= 0)
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
    run(replayer, replayer->from_ns);
    set_clock(replayer, replayer->from_ns, !at_once);
    if (!frames) {
        int result = tui_run(&host, &wanted);
        if (result != -ENOTTY)
            return result == 0 ? EXIT_FINE : EXIT_FAILED;
    }
    if (options->limit == OPTIONS_UNSET)
        wanted.limit = OPTIONS_LIMIT_DEFAULT;
    return show_frames(options, replayer, &host, &wanted);
}

static int replay(const struct options *options, struct recorded *recorded, const char *path)
{
    struct recording_query all = {0};
    struct snapshot *whole = recording_snapshot(recorded->recording, &all);
    if (!whole) {
        message_error("%s", recording_reason(recorded->recording));
        return EXIT_FAILED;
    }
    struct replayer replayer = {.meta = &whole->meta,
                                .speed = options->speed_thousandths == OPTIONS_UNSET
                                             ? 1
                                             : (double)options->speed_thousandths / 1000,
                                .from_ns = recorded->query.from_ns,
                                .to_ns = recorded->query.to_ns > 0 ? recorded->query.to_ns
                                                                   : INT64_MAX,
                                .result = 1};
    int status = EXIT_FAILED;
    replayer.player = recorded_player(recorded->recording, path);
    if (replayer.player && !options->by_process)
        trace_player_sum_processes(replayer.player);
    if (replayer.player && options->uncorrected)
        trace_player_leave_uncorrected(replayer.player);
    if (replayer.player)
        status = show(options, &replayer);
    if (replayer.result < 0) {
        message_error("%s: the trace cannot be played further: %s", path,
                      strerror(-replayer.result));
        status = EXIT_FAILED;
    }
    trace_player_free(replayer.player);
    snapshot_free(whole);
    return status;
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
    int status = replay(options, &recorded, words[0]);
    recorded_close(&recorded);
    return status;
}

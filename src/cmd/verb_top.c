/* SPDX-License-Identifier: MIT */
/* ulma top: the live table while a target runs.
 * Why: the table is what one looks at; the report at the end is what one keeps.
 * Rules: on a terminal the screen has the main thread and a second one watches signals and target;
 * else one loop does both. Leaving ends the profiling, never the target, unless --kill. */
#include "cmd/frames.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/report.h"
#include "cmd/top_host.h"
#include "cmd/top_options.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_S = 10, WATCH_MS = 50 };

struct watcher {
    struct supervise *supervise;
    _Atomic bool stop;
};

/* What is not there yet, or makes no sense with a process that runs. */
static bool is_wrong(const struct options *options, const char *word)
{
    if (!job_process_is(word))
        return false;
    if (options->kill)
        message_error("--kill is for a program that ulma starts: PID %s runs on when top is left",
                      word);
    else
        return false;
    return true;
}

static void *watch(void *context)
{
    struct watcher *watcher = context;
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGCONT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL); /* the screen's thread gives the terminal back */
    while (!watcher->stop)
        supervise_step(watcher->supervise, WATCH_MS);
    return NULL;
}

/* False: there is no terminal that a screen can be drawn on. */
static bool show_screen(struct job *job, const struct tui_host *host,
                        const struct tui_options *wanted)
{
    struct watcher watcher = {.supervise = &job->supervise};
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, &watcher))
        return false;
    message_hold();
    int result = tui_run(host, wanted);
    message_release();
    watcher.stop = true;
    pthread_join(thread, NULL);
    if (result && result != -ENOTTY)
        message_error("the screen failed: %s; plain frames follow", strerror(-result));
    return result == 0;
}

static int draw_frame(const struct job *job, const struct tui_host *host,
                      const struct tui_options *wanted)
{
    const struct exporter *format = job->options->format;
    if (format && strcmp(format->name, "json") == 0)
        return frames_json(host, wanted);
    return frames_text(host, wanted, report_columns(STDOUT_FILENO));
}

static void show_frames(struct job *job, const struct tui_host *host,
                        const struct tui_options *wanted)
{
    const struct options *options = job->options;
    int64_t most = options->once ? 1 : options->count;
    uint64_t interval_ns = (uint64_t)(wanted->interval_s * 1e9);
    uint64_t next = clock_monotonic_ns() + interval_ns;
    for (int64_t drawn = 0; most <= 0 || drawn < most;) {
        bool over;
        int tick_ms = job_tick(job, &over);
        uint64_t now = clock_monotonic_ns();
        int timeout_ms = next > now ? (int)((next - now) / 1000000) + 1 : 0;
        if (tick_ms >= 0 && tick_ms < timeout_ms)
            timeout_ms = tick_ms;
        bool ended = over || supervise_step(&job->supervise, timeout_ms);
        if (job->supervise.ended)
            job_finish(job);
        if (!ended && clock_monotonic_ns() < next)
            continue;
        int result = draw_frame(job, host, wanted);
        if (result && result != -EPIPE) {
            message_error("cannot write a frame to stdout: %s", strerror(-result));
            job->failed = true;
        }
        if (result || ended)
            return;
        drawn++;
        now = clock_monotonic_ns();
        next += interval_ns;
        if (next <= now) /* what was missed is left out, and the beat kept */
            next += (now - next) / interval_ns * interval_ns + interval_ns;
    }
}

static void say_output(struct job *job)
{
    struct stat status;
    if (!job->target_output)
        return;
    bool running = !job->supervise.ended;
    if (!running && stat(job->target_output, &status) == 0 && status.st_size == 0)
        unlink(job->target_output);
    else
        message_note("what the target prints%s is in %s", running ? " from now on, too," : "",
                     job->target_output);
}

static int finish(struct job *job)
{
    job_finish(job);
    if (report_never_began(job)) {
        say_output(job);
        return EXIT_ULMA_FAILED;
    }
    bool interrupted = job->supervise.leave && !job->supervise.ended;
    if (!job->supervise.ended && job->options->kill) {
        supervise_signal(&job->supervise, SIGTERM);
        while (!supervise_step(&job->supervise, -1))
            ;
    }
    say_output(job);
    report_print(job);
    if (job->is_process)
        job_process_say_end(job);
    if (job->supervise.ended || job->is_process)
        return job_status(job);
    message_note("PID %d goes on without ulma", (int)job->supervise.pid);
    return interrupted ? EXIT_SIGNAL_BASE + SIGINT : EXIT_FINE;
}

int verb_top(const struct options *options, char **words, int word_count)
{
    static struct job job;
    if (is_wrong(options, words[0]) || !recorded_check(options, "top", words, word_count))
        return EXIT_WRONG_WORDS;
    if (recording_is_name(words[0]))
        return recorded_top(options, words[0]);
    bool frames = options->batch || options->once || options->count > 0 || !isatty(STDOUT_FILENO);
    struct options own = *options;
    /* Then -f is of the frames. */
    bool format_of_frames = frames && options->format && !options->output;
    struct job_setting setting = {
        .verb = "top",
        .capture_output = true,
        .on_screen = !frames,
        .clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU,
    };
    if (format_of_frames && strcmp(options->format->name, "json") != 0 &&
        strcmp(options->format->name, "table") != 0) {
        message_error("frames come as table or json, not as %s: with -o FILE it is the report's "
                      "format",
                      options->format->name);
        return EXIT_ULMA_FAILED;
    }
    if (format_of_frames)
        own.format = NULL;
    int status = job_process_is(words[0])
                     ? job_process_start(&job, &own, words, word_count, &setting)
                     : job_start(&job, &own, words, word_count, &setting);
    job.options = options;
    if (status == EXIT_FINE) {
        struct tui_host host;
        struct tui_options wanted;
        top_host_init(&host, &job);
        top_options_init(&wanted, options, job.clock, WINDOW_S);
        if (frames && options->limit == OPTIONS_UNSET)
            wanted.limit = OPTIONS_LIMIT_DEFAULT; /* nobody scrolls in a pipe */
        if (frames || !show_screen(&job, &host, &wanted))
            show_frames(&job, &host, &wanted);
        status = finish(&job);
    }
    job_close(&job);
    return status;
}

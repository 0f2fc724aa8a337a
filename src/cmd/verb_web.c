/* SPDX-License-Identifier: MIT */
/* ulma web: the live page while a target runs.
 * Why: pictures, and more than one who looks.
 * Rules: the server has the main thread, which also sees to the job; a second one watches signals and target.
 * The socket is there before the target is, so that its address is the first thing that is printed. */
#include "cmd/job_process.h"
#include "cmd/job_session.h"
#include "cmd/join.h"
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "cmd/web_serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCH_MS = 50 };

struct serving {
    struct job job;
    struct web *web;
    const struct options *options;
    _Atomic bool stop;
};

static struct snapshot *snapshot(void *context, int window_s, int64_t to_ns,
                                 enum snapshot_clock clock)
{
    struct serving *serving = context;
    (void)to_ns;
    return job_snapshot(&serving->job, window_s, clock);
}

static struct timeline *timeline(void *context, const struct timeline_query *query)
{
    struct serving *serving = context;
    return collector_timeline(serving->job.collector, query);
}

static bool shape(void *context, struct shape *ret_shape)
{
    struct serving *serving = context;
    return collector_shape(serving->job.collector, ret_shape);
}

static int set_shape(void *context, enum shape_axis axis, uint32_t thread, uint32_t most, bool on)
{
    struct serving *serving = context;
    return collector_set_shape(serving->job.collector, axis, thread, most, on);
}

static char *source(void *context, const char *file)
{
    struct serving *serving = context;
    return job_source(&serving->job, file);
}

static bool set(void *context, char *const *words, size_t count, char *message, size_t size)
{
    struct serving *serving = context;
    return job_set(&serving->job, words, count, message, size);
}

static int switch_on(void *context, bool on)
{
    struct serving *serving = context;
    int result = job_switch(&serving->job, on);
    return result == -EAGAIN ? 0 : result; /* job_tick asks again */
}

static enum web_state state(void *context)
{
    const struct serving *serving = context;
    struct session_words words;
    if (serving->job.finished)
        return WEB_ENDED;
    job_session_read(&serving->job, &words);
    return words.state == STATE_ON ? WEB_ON : WEB_OFF;
}

static int64_t rss_bytes(void *context)
{
    const struct serving *serving = context;
    struct session_words words;
    char path[64];
    long long pages = -1;
    job_session_read(&serving->job, &words);
    int pid = words.target_pid ? (int)words.target_pid : (int)serving->job.supervise.pid;
    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    FILE *file = serving->job.supervise.ended ? NULL : fopen(path, "re");
    if (file && fscanf(file, "%*d %lld", &pages) != 1)
        pages = -1;
    if (file)
        fclose(file);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static bool finished(void *context)
{
    struct serving *serving = context;
    struct job *job = &serving->job;
    bool over = false;
    job_tick(job, &over);
    if (job->supervise.ended || over)
        job_finish(job); /* the last numbers are whole, and stay to be looked at */
    bool told = job->supervise.ended && job->supervise.told_to_end;
    return job->supervise.leave || told || (over && job->is_process);
}

static void *watch(void *context)
{
    struct serving *serving = context;
    while (!serving->stop)
        supervise_step(&serving->job.supervise, WATCH_MS);
    return NULL;
}

static bool serve(struct serving *serving)
{
    struct web_host host = {
        .context = serving,
        .snapshot = snapshot,
        .timeline = timeline,
        .shape = shape,
        .set_shape = set_shape,
        .source = source,
        .set = set,
        .switch_on = switch_on,
        .state = state,
        .rss_bytes = rss_bytes,
        .finished = finished,
        .read_only = serving->options->read_only ? "ulma web was started with --read-only" : NULL,
        .clock = serving->job.clock,
    };
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, serving)) {
        message_error("cannot start a thread");
        return false;
    }
    int result = web_run(serving->web, &host);
    serving->stop = true;
    pthread_join(thread, NULL);
    if (result < 0)
        message_error("the server failed: %s", strerror(-result));
    return result == 0;
}

static int finish(struct serving *serving)
{
    struct job *job = &serving->job;
    job_finish(job);
    if (report_never_began(job))
        return EXIT_ULMA_FAILED;
    if (!job->supervise.ended && job->options->kill && !job->is_process) {
        supervise_signal(&job->supervise, SIGTERM);
        while (!supervise_step(&job->supervise, -1))
            ;
    }
    if (job->output.to_stderr)
        job->failed |= !report_say_seen(job); /* the page was the report */
    else
        report_print(job);
    if (job->is_process)
        job_process_say_end(job);
    if (job->supervise.ended || job->is_process)
        return job_status(job);
    message_note("PID %d goes on without ulma", (int)job->supervise.pid);
    return EXIT_SIGNAL_BASE + SIGINT;
}

static void announce(void *context)
{
    struct serving *serving = context;
    web_serve_announce(serving->web, serving->options);
}

static int follow(struct serving *serving, char **words, int word_count)
{
    const struct options *options = serving->options;
    struct job_setting setting = {
        .verb = "web",
        .keeps_calls = true,
        .clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU,
        .ready = announce,
        .ready_context = serving,
    };
    bool is_process = job_process_is(words[0]);
    int status = is_process ? job_process_start(&serving->job, options, words, word_count, &setting)
                            : job_start(&serving->job, options, words, word_count, &setting);
    if (status == EXIT_FINE) {
        if (is_process)
            announce(serving);
        serving->job.failed |= !serve(serving);
        status = finish(serving);
    }
    job_close(&serving->job);
    return status;
}

int verb_web(const struct options *options, char **words, int word_count)
{
    static struct serving serving;
    struct join join;
    if (!recorded_check(options, "web", words, word_count))
        return EXIT_WRONG_WORDS;
    if (recording_is_name(words[0]))
        return web_recorded(options, words[0]);
    bool is_process = job_process_is(words[0]);
    if (is_process && options->kill) {
        message_error("--kill is for a program that ulma starts: PID %s runs on when web ends",
                      words[0]);
        return EXIT_WRONG_WORDS;
    }
    serving.options = options;
    serving.web = web_serve_open(options);
    if (!serving.web)
        return is_process ? EXIT_FAILED : EXIT_ULMA_FAILED;
    int status;
    if (is_process && join_begin(&join, options, words, word_count,
                                 options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU)) {
        status = web_join(&join, serving.web);
        join_end(&join);
    } else {
        status = follow(&serving, words, word_count);
    }
    web_serve_close(serving.web);
    return status;
}

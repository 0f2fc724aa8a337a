/* SPDX-License-Identifier: MIT */
/* ulma monitor: monitors of the user's own on a program's events.
 * Why: no profiler has the view that someone needs next week; the events are there.
 * Rules: the exit status is the target's. The target's sources are what the monitors want together, at every moment. */
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/monitor_run.h"
#include "cmd/recorded_trace.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "model/fold_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 20, FULL_US = 200 };

/* --- live -------------------------------------------------------------------------------------- */

struct following {
    struct job job;
    struct options options;
    struct monitor_run run;
    uint32_t sources; /* that are on, or have been asked for */
};

static void describe_sources(uint32_t sources, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "events=");
    const char *comma = "";
    for (const struct fold_source *const *source = fold_source_list; *source; source++) {
        if (!(sources & (*source)->bit) || used >= size)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", comma, (*source)->name);
        comma = ",";
    }
}

/* What nobody wants any more goes off in the target, and what somebody wants now goes on. */
static void follow_masks(struct following *following)
{
    char text[128], message[SESSION_ANSWER_SIZE];
    uint32_t sources = monitors_sources(monitors_want(&following->run.monitors));
    if (sources == following->sources || following->job.finished)
        return;
    bool was_off = following->sources == 0;
    following->sources = sources;
    if (sources == 0) {
        job_switch(&following->job, false);
        return;
    }
    describe_sources(sources, text, sizeof(text));
    char *words[] = {text};
    if (!job_set(&following->job, words, 1, message, sizeof(message)))
        message_error("the monitors want %s: %s", text, message);
    if (was_off)
        job_switch(&following->job, true);
}

/* Until the target's end, the end of --duration, a signal, or that of the last monitor. */
static void follow(struct following *following)
{
    struct job *job = &following->job;
    bool over = false;
    while (!over && monitor_run_look(&following->run)) {
        int timeout_ms = job_tick(job, &over);
        follow_masks(following);
        if (timeout_ms < 0 || timeout_ms > LOOK_MS)
            timeout_ms = LOOK_MS;
        if (!over && supervise_step(&job->supervise, timeout_ms))
            return;
    }
}

static void say_lost(struct job *job)
{
    struct snapshot *snapshot = job_snapshot(job, 0, CLOCK_WALL);
    if (snapshot && snapshot->meta.lost)
        message_note("%llu events were lost before any monitor saw them: ulma was slower than the "
                     "program; --on-full wait lets the program wait",
                     (unsigned long long)snapshot->meta.lost);
    snapshot_free(snapshot);
}

static int finish(struct following *following)
{
    struct job *job = &following->job;
    job_finish(job);
    if (report_never_began(job))
        return EXIT_ULMA_FAILED;
    say_lost(job);
    job->failed |= !report_say_seen(job);
    job->failed |= !monitor_run_end(&following->run);
    if (job->is_process)
        job_process_say_end(job);
    job_wait(job);
    if (job->is_process || job->supervise.ended)
        return job_status(job);
    message_note("PID %d goes on without ulma", (int)job->supervise.pid);
    return EXIT_SIGNAL_BASE + SIGINT;
}

static int follow_target(struct following *following, char **words, int word_count)
{
    const struct options *options = &following->options;
    struct job_setting setting = {
        .verb = "monitor",
        .whole_only = true,
        .clock = CLOCK_WALL,
        .watch = &following->run.monitors.watch,
    };
    bool is_process = job_process_is(words[0]);
    int status = is_process
                     ? job_process_start(&following->job, options, words, word_count, &setting)
                     : job_start(&following->job, options, words, word_count, &setting);
    if (status == EXIT_FINE) {
        monitor_run_start(&following->run);
        follow(following);
        status = finish(following);
    }
    job_close(&following->job);
    return status;
}

/* --- recorded ---------------------------------------------------------------------------------- */

/* Nothing is live: whoever is slow is waited for. */
static bool wait_for_room(void *context)
{
    usleep(FULL_US);
    return monitor_run_look(context);
}

static int play(struct monitor_run *run, struct trace_player *player, const char *path,
                bool uncorrected)
{
    int result;
    run->monitors.wait = wait_for_room;
    run->monitors.wait_context = run;
    for (size_t i = 0; i < run->count; i++)
        atomic_store(&run->streams[i].header->recorded, 1);
    if (uncorrected)
        trace_player_leave_uncorrected(player);
    trace_player_sum_processes(player);
    trace_replay_watch(trace_player_replay(player), &run->monitors.watch);
    monitor_run_start(run);
    while ((result = trace_player_step(player)) == 1)
        if (!monitor_run_look(run))
            break;
    if (result < 0)
        message_error("%s: its trace is damaged, and what the monitors have seen ends there: %s",
                      path, strerror(-result));
    return monitor_run_end(run) && result >= 0 ? EXIT_FINE : EXIT_FAILED;
}

static int follow_recording(struct monitor_run *run, const struct options *options, char **words,
                            int word_count)
{
    struct recorded recorded;
    int status = EXIT_FAILED;
    if (!recorded_check(options, "monitor", words, word_count))
        return EXIT_WRONG_WORDS;
    if (!recorded_open(&recorded, options, words[0]))
        return EXIT_FAILED;
    struct trace_player *player = recorded_player(recorded.recording, words[0]);
    if (player)
        status = play(run, player, words[0], options->uncorrected);
    trace_player_free(player);
    recorded_close(&recorded);
    return status;
}

/* --- the verb ---------------------------------------------------------------------------------- */

/* Lines of all functions are never told. */
static bool is_refused(const struct following *following)
{
    bool refused = (following->sources & SOURCE_LINES) &&
                   !sites_name_lines(&following->options.sites);
    if (refused)
        message_error("%s", OPTIONS_LINES_OF_NONE);
    return refused;
}

int verb_monitor(const struct options *options, char **words, int word_count)
{
    static struct following following;
    if (word_count < 2) {
        message_error("`ulma monitor` needs what to follow after %s: a program, a PID or a "
                      "recording; see `ulma monitor --help`",
                      words[0]);
        return EXIT_WRONG_WORDS;
    }
    following.options = *options;
    /* A function that the budget mutes would be missing from what the monitors are told. */
    following.options.exact |= options->budget_thousandths == OPTIONS_UNSET;
    /* The target does not wait for monitors, nor for us who serve them. */
    if (options->on_full == OPTIONS_UNSET)
        following.options.on_full = ON_FULL_DROP;
    int status = monitor_run_begin(&following.run, options, words[0]);
    if (status == EXIT_FINE) {
        following.sources = monitors_sources(monitors_want(&following.run.monitors));
        following.options.sources = following.sources;
        following.options.start_off |= following.sources == 0;
        if (following.sources == 0)
            following.options.sources = SOURCE_CALLS;
        status = is_refused(&following) ? EXIT_WRONG_WORDS
                 : recording_is_name(words[1])
                     ? follow_recording(&following.run, options, words + 1, word_count - 1)
                     : follow_target(&following, words + 1, word_count - 1);
    }
    monitor_run_close(&following.run);
    return status;
}

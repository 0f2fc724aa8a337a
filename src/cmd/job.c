/* SPDX-License-Identifier: MIT */
/* Making a job, ending it.
 * Why: see job.h.
 * Rules: the order of job_start matters: what can be refused without a process is refused first; the
 * fork comes before the collector's thread; the target goes last. */
#include "cmd/job.h"

#include "attach/elsewhere.h"
#include "base/arena.h"
#include "cmd/job_others.h"
#include "cmd/job_process.h"
#include "cmd/job_session.h"
#include "cmd/job_strays.h"
#include "cmd/job_trace.h"
#include "cmd/job_view.h"
#include "cmd/message.h"
#include "cmd/source_text.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum { SWITCH_AGAIN_MS = 50, SWITCH_WAIT_MS = 1000, STATE_LOOK_MS = 5 };
enum { CHILDREN_LOOK_MS = 10 };

/* The file that a target of top prints into: -1: said on stderr. */
static int open_target_output(struct job *job)
{
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/tmp";
    if (asprintf(&job->target_output, "%s/ulma-%s-XXXXXX.out", parent, job->target.name) < 0) {
        job->target_output = NULL;
        message_error("out of memory");
        return -1;
    }
    int fd = mkostemps(job->target_output, 4, O_CLOEXEC | O_APPEND);
    if (fd < 0) {
        message_error("cannot make %s for the target's output: %s; set TMPDIR to a folder of yours",
                      job->target_output, strerror(errno));
        free(job->target_output);
        job->target_output = NULL;
    }
    return fd;
}

static bool make_folder(struct job *job)
{
    int result = private_folder_make(&job->folder);
    if (result == 0)
        return true;
    message_error("no folder for the probe: %s in the last of $XDG_RUNTIME_DIR, $TMPDIR, /tmp, "
                  "/var/tmp and ~/.cache; set TMPDIR to a folder of yours that is not mounted "
                  "noexec",
                  strerror(-result));
    return false;
}

bool job_follows_children(const struct job *job)
{
    return job->is_process ? job->options->children : !job->options->no_children;
}

bool job_is_family(const struct job *job)
{
    return job_follows_children(job) || job->other_count > 0;
}

/* Each child takes two descriptors of the collector's. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct collector_options job_collector_options(struct job *job)
{
    const struct options *options = job->options;
    return (struct collector_options){
        .tap = job_trace_tap(job),
        .watch = job->watch,
        .corrected = !options->uncorrected,
        .budget_pct = job_session_budget(job),
        .sources = (uint32_t)options->sources,
        .signal_target = job_session_wake,
        .signal_context = job,
        .cpu = (int)options->collector_cpu,
        .sites = job->sites.count || job->sites.rules ? &job->sites : NULL,
        .whole_only = job->whole_only,
        .keeps_calls = job->keeps_calls,
        /* A recording keeps both apart, and whoever reads it chooses. */
        .by_process = options->by_process || job->is_recorded,
        .by_thread = job->is_recorded,
    };
}

bool job_open_file(struct job *job, pid_t pid)
{
    return job->is_recorded ? job_record_open(job, pid)
                            : output_open(&job->output, job->options, pid);
}

/* Collector and supervision of a child that waits for its word. */
static bool prepare(struct job *job, const struct launch *launch, const char *name)
{
    if (!job_open_file(job, launch->pid) || !job_session_make(job, launch->pid, name) ||
        !job_trace_begin(job))
        return false;
    struct collector_options wanted = job_collector_options(job);
    wanted.target = launch->pid;
    wanted.follow_children = job_follows_children(job);
    job->collector = collector_new(&job->mapping, &wanted);
    int result = job->collector ? collector_start(job->collector) : -ENOMEM;
    if (result)
        message_error("cannot start the collector: %s", strerror(-result));
    return result == 0;
}

static int let_go(struct job *job, struct launch *launch)
{
    int result = launch_go(launch);
    job->started_ns = clock_monotonic_ns();
    if (result == 0) {
        message_step("started %s as PID %d", job->target.path, (int)launch->pid);
        job_strays_begin(job);
        return EXIT_FINE;
    }
    /* It has been reaped: nothing is left to look after. */
    atomic_store(&job->supervise.ended, true);
    message_error("cannot execute %s: %s", job->target.path, strerror(-result));
    return result == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

static int start_child(struct job *job, const struct job_setting *setting)
{
    char name[32];
    job_session_name(name, sizeof(name));
    int output_fd = setting->capture_output ? open_target_output(job) : -1;
    if (setting->capture_output && output_fd < 0)
        return EXIT_ULMA_FAILED;
    struct launch_plan plan = {
        .path = job->target.path,
        .argv = job->target.argv,
        .folder = target_ignores_arming(&job->target) ? NULL : job->folder.path,
        .directory = job->directory,
        .name = name,
        .children = job_follows_children(job),
        .strict = target_is_strict(&job->target),
        .output_fd = output_fd,
        .null_input = setting->on_screen && isatty(STDIN_FILENO),
    };
    launch_block_signals();
    struct launch launch;
    int result = launch_fork(&launch, &plan);
    if (output_fd >= 0)
        close(output_fd);
    if (result) {
        message_error("cannot start a process: %s", strerror(-result));
        return EXIT_ULMA_FAILED;
    }
    allow_descriptors();
    signal(SIGPIPE, SIG_IGN); /* a reader of our frames may go; the target must not notice */
    if (!prepare(job, &launch, name)) {
        launch_cancel(&launch);
        return EXIT_ULMA_FAILED;
    }
    result = supervise_open(&job->supervise, launch.pid, clock_choose(), setting->on_screen);
    if (result) {
        message_error("cannot watch the target: %s", strerror(-result));
        launch_cancel(&launch);
        return EXIT_ULMA_FAILED;
    }
    if (setting->ready)
        setting->ready(setting->ready_context);
    return let_go(job, &launch);
}

int job_start(struct job *job, const struct options *options, char **words, int word_count,
              const struct job_setting *setting)
{
    *job = (struct job){
        .options = options,
        .clock = setting->clock,
        .whole_only = setting->whole_only,
        .keeps_calls = setting->keeps_calls,
        .is_recorded = setting->record,
        .watch = setting->watch,
        .first.armed = ARMED_NONE,
        .output = {.fd = -1},
        .mapping = {.fd = -1},
        .supervise = {.signal_fd = -1},
        .delayed = options->delay_ns > 0,
    };
    if (!target_init(&job->target, words, word_count, options->python, setting->verb)) {
        message_error("%s", job->target.error);
        return job->target.status;
    }
    job->sites = options->sites;
    job->sites.main_module = target_module(&job->target);
    job_session_directory(job->directory, sizeof(job->directory));
    int status = make_folder(job) ? start_child(job, setting) : EXIT_ULMA_FAILED;
    if (status != EXIT_FINE) {
        output_abandon(&job->output);
        if (job->target_output)
            unlink(job->target_output);
    }
    return status;
}

static enum session_state job_state(const struct job *job)
{
    struct session_words words;
    job_session_read(job, &words);
    return (enum session_state)words.state;
}

int job_switch(struct job *job, bool on)
{
    collector_want(job->collector, on);
    job->asked_ns = clock_monotonic_ns();
    job_session_signal_children(job);
    if (on)
        job_session_wake_children(job);
    return job_session_signal(job);
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* The probe goes off when the collector stood still for long (it was stopped, or starved). It runs
 * again, or nobody would ask here. */
static bool gave_us_up(const struct job *job)
{
    struct session_words words;
    job_session_read(job, &words);
    return words.state == STATE_OFF && words.wanted == WANTED_ON &&
           words.off_cause == OFF_COLLECTOR_STALE;
}

int job_tick(struct job *job, bool *ret_over)
{
    const struct options *options = job->options;
    uint64_t now = clock_monotonic_ns(), next = UINT64_MAX;
    *ret_over = false;
    if (job->finished || job->supervise.ended)
        return -1;
    if (job->delayed) {
        uint64_t until = job->started_ns + (uint64_t)options->delay_ns;
        if (now >= until) {
            job->delayed = false;
            job_switch(job, true);
        } else {
            next = until;
        }
    }
    if (job->supervise.first_ended && !job->first_told) {
        collector_note_end(job->collector, job->supervise.end_counter);
        job->first_told = true;
    }
    if (job->asked_ns && (job->first_told || collector_switched(job->collector)))
        job->asked_ns = 0;
    if (job->asked_ns && now >= job->asked_ns + SWITCH_AGAIN_MS * MS_NS) {
        /* Sent before the probe had its handler, or while the interpreter was starting. */
        job->asked_ns = now;
        job_session_signal(job);
    }
    if (job->asked_ns)
        next = earlier(next, job->asked_ns + SWITCH_AGAIN_MS * MS_NS);
    else if (gave_us_up(job))
        job_switch(job, true);
    next = earlier(next, now + (uint64_t)job_set_tick(job) * MS_NS);
    if (options->duration_ns >= 0) {
        if (!job->on_ns && job_state(job) == STATE_ON) {
            job->on_ns = now;
            message_step("PID %d is on", (int)job->supervise.pid);
        }
        uint64_t until = job->on_ns ? job->on_ns + (uint64_t)options->duration_ns
                                    : now + STATE_LOOK_MS * MS_NS;
        *ret_over = job->on_ns && now >= until;
        next = earlier(next, until);
    }
    if (next == UINT64_MAX)
        return -1;
    return next <= now ? 0 : (int)earlier((next - now) / MS_NS + 1, 1000);
}

/* The target goes on: off in it, and what it had written by then is read. */
static void switch_off(struct job *job)
{
    enum session_state state = job_state(job);
    collector_want(job->collector, false);
    if (state != STATE_ON && state != STATE_OFF && state != STATE_WAITING)
        return;
    uint64_t give_up = clock_monotonic_ns() + SWITCH_WAIT_MS * MS_NS;
    uint64_t again = 0;
    while (!collector_switched(job->collector)) {
        uint64_t now = clock_monotonic_ns();
        if (now >= give_up)
            break; /* the collector's end switches it off within a second */
        if (now >= again) {
            job_session_signal(job);
            again = now + SWITCH_AGAIN_MS * MS_NS;
        }
        if (supervise_step(&job->supervise, 2) && job->supervise.ended)
            break;
        if (job->supervise.leave)
            usleep(2000);
    }
}

/* Children that live on: off in each, and what it had written by then is read. */
static void switch_children_off(struct job *job)
{
    uint64_t give_up = clock_monotonic_ns() + SWITCH_WAIT_MS * MS_NS;
    collector_want(job->collector, false);
    size_t living = job_session_signal_children(job);
    if (living > 0)
        message_note("%zu process%s that the target started live%s on: profiling ends there, too",
                     living, living == 1 ? "" : "es", living == 1 ? "s" : "");
    while (job_session_signal_children(job) > 0 && clock_monotonic_ns() < give_up)
        usleep(CHILDREN_LOOK_MS * 1000);
}

void job_finish(struct job *job)
{
    if (job->finished || !job->collector)
        return;
    job_view_clear(job, true);
    job_strays_end(job);
    if (job_is_family(job))
        collector_close_family(job->collector);
    if (!job->supervise.ended && !job->supervise.first_ended)
        switch_off(job);
    bool has_heirs = (job->is_process && !job->supervise.ended && job->first.armed.here) ||
                     (job->strays && job->first_stray < job->other_count);
    if (has_heirs)
        job_others_find_heirs(job);
    if (job->is_process)
        job_process_leave(job);
    if (job_follows_children(job))
        switch_children_off(job);
    job_strays_leave(job);
    if (has_heirs)
        job_others_leave_heirs(job);
    collector_note_cpu(job->collector, job->supervise.end_cpu_ns);
    collector_finish(job->collector, job->supervise.ended ? job->supervise.end_counter : 0);
    job->finished = true;
    if (job->supervise.ended) {
        mapping_unlink(&job->mapping);
        return;
    }
    message_step("the profiling has ended, PID %d goes on", (int)job->supervise.pid);
}

/* A Python that is not ready yet is about to look for its session, and without it refuses to begin. */
void job_wait(struct job *job)
{
    char reason[PATH_MAX];
    if (job->is_process || job->supervise.ended || job->supervise.leave)
        return;
    if (job->options->kill)
        supervise_signal(&job->supervise, SIGTERM);
    if (job_outcome(job, reason, sizeof(reason)) != JOB_UNSEEN)
        mapping_unlink(&job->mapping);
    while (!supervise_step(&job->supervise, -1))
        ;
}

static void set_inexact(struct snapshot *snapshot, const char *reason)
{
    const char *kept = arena_string(snapshot->arena, reason);
    snapshot->meta.inexact = kept;
    for (size_t i = 0; i < snapshot->meta.source_count; i++) {
        snapshot->meta.sources[i].complete = false;
        snapshot->meta.sources[i].reason = kept;
    }
}

/* Of a child that was attached to its first milliseconds are not seen, of one that could not be, nothing. */
static void tell_strays(const struct job *job, struct snapshot *snapshot)
{
    char reason[200];
    unsigned late = job_strays_late(job), missed = job_strays_missed(job);
    int length = snprintf(reason, sizeof(reason),
                          "%u child%s with an environment of %s own %s attached to after the start",
                          late, late == 1 ? "" : "ren", late == 1 ? "its" : "their",
                          late == 1 ? "was" : "were");
    if (missed)
        snprintf(reason + length, sizeof(reason) - (size_t)length, ", %u not at all", missed);
    if (late || missed)
        set_inexact(snapshot, reason);
}

/* What the session does not know: a source that heard nothing of a target which never armed itself is
 * not complete, nor is one whose target made interpreters that arm nothing. */
static void tell_unseen(const struct job *job, struct snapshot *snapshot)
{
    char reason[PATH_MAX] = "";
    enum job_outcome outcome = job_outcome(job, reason, sizeof(reason));
    snapshot->meta.refused = outcome == JOB_REFUSED;
    if (outcome == JOB_REFUSED)
        set_inexact(snapshot, reason);
    else if (job->supervise.ended && outcome == JOB_UNSEEN)
        set_inexact(snapshot, "no Python of the target armed itself");
    else if (outcome == JOB_UNSEEN)
        set_inexact(snapshot, "no Python of the target has armed itself yet");
    else if (!snapshot->meta.inexact && private_folder_interpreters(&job->folder))
        set_inexact(snapshot, "sub-interpreters are not followed");
    else if (!snapshot->meta.inexact)
        tell_strays(job, snapshot);
}

static void fill_meta(const struct job *job, struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    meta->host = arena_string(snapshot->arena, host);
    meta->command = arena_string(snapshot->arena, job->target.command);
    if (!meta->pid)
        meta->pid = (uint32_t)job->supervise.pid;
    meta->exit_status = -1;
    meta->signal = 0;
    if (job->supervise.ended) {
        meta->ended = true;
        if (job->is_process)
            meta->exit_status = -1; /* its parent's to know */
        else if (job->supervise.end_code == CLD_EXITED)
            meta->exit_status = job->supervise.end_status;
        else
            meta->signal = job->supervise.end_status;
    }
    tell_unseen(job, snapshot);
    for (size_t i = 0; i < snapshot->process_count; i++) {
        if (!snapshot->processes[i].command && snapshot->processes[i].pid == meta->pid)
            snapshot->processes[i].command = meta->command;
    }
}

/* Which file a function is of its program says: what another user's program names is not read with our rights, and
 * what one in a container names is another file here. */
static bool may_read_sources(const struct job *job)
{
    struct stat status;
    return fstat(job->mapping.fd, &status) == 0 && status.st_uid == geteuid() &&
           !elsewhere_has_other_files(job->supervise.pid);
}

struct snapshot *job_snapshot(struct job *job, int window_s, enum snapshot_clock clock)
{
    struct snapshot *snapshot = collector_snapshot(job->collector, window_s, clock);
    if (snapshot)
        fill_meta(job, snapshot);
    if (snapshot && snapshot->line_count)
        source_text_fill(snapshot, NULL, NULL, may_read_sources(job));
    return snapshot;
}

char *job_source(const struct job *job, const char *file)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ran_ns = job->started_ns ? clock_monotonic_ns() - job->started_ns : 0;
    int64_t began_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec - (int64_t)ran_ns;
    return may_read_sources(job) ? source_text_whole(file, began_ns) : NULL;
}

struct snapshot *job_snapshot_detailed(struct job *job)
{
    struct snapshot *snapshot = collector_snapshot_detailed(job->collector, job->clock);
    if (snapshot)
        fill_meta(job, snapshot);
    return snapshot;
}

enum job_outcome job_outcome(const struct job *job, char *text, size_t size)
{
    struct session_words words;
    job_session_read(job, &words);
    text[0] = '\0';
    switch (words.state) {
    case STATE_NEW:
        return private_folder_refusal(&job->folder, text, size) ? JOB_REFUSED : JOB_UNSEEN;
    case STATE_CLAIMED: /* it may have failed between claim and arming */
        return private_folder_refusal(&job->folder, text, size) ? JOB_REFUSED : JOB_SEEN;
    case STATE_REFUSED:
        snprintf(text, size, "%s", words.reason);
        return JOB_REFUSED;
    default:
        return JOB_SEEN;
    }
}

bool job_never_began(const struct job *job, char *text, size_t size)
{
    return !job->is_process && target_is_strict(&job->target) && job->supervise.ended &&
           supervise_status(&job->supervise) == EXIT_ULMA_FAILED &&
           private_folder_refusal(&job->folder, text, size);
}

int job_status(const struct job *job)
{
    if (job->is_process)
        return job->failed ? EXIT_FAILED : EXIT_FINE;
    if (job->failed && job->options->strict)
        return EXIT_ULMA_FAILED;
    return supervise_status(&job->supervise);
}

void job_close(struct job *job)
{
    job_strays_end(job);
    if (job->is_process)
        job_process_leave(job);
    job_strays_leave(job);
    free(job->strays);
    job->strays = NULL;
    collector_free(job->collector);
    job_trace_end(job);
    job->collector = NULL;
    job_set_done(job);
    job_view_clear(job, true);
    mapping_unlink(&job->mapping);
    mapping_close(&job->mapping);
    private_folder_remove(&job->folder);
    output_close(&job->output);
    supervise_close(&job->supervise);
    free(job->target_output);
    job->target_output = NULL;
    target_done(&job->target);
    armed_close(&job->first.armed);
    job_others_close(job);
    wishes_done(&job->wishes);
}

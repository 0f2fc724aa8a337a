/* SPDX-License-Identifier: MIT */
/* The session's file and the switch's signal.
 * Why: see job_session.h.
 * Rules: as there. */
#include "cmd/job_session.h"

#include "base/clock.h"
#include "cmd/job.h"
#include "cmd/job_trace.h"
#include "cmd/message.h"
#include "model/steps.h"
#include "wire/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAMILY_DEPTH = 64, PROCESS_BUDGET_PCT = 5 };

void job_session_directory(char *path, size_t size)
{
    const char *directory = getenv("ULMA_DIR");
    char *here = NULL;
    if (!directory || !*directory)
        mapping_default_directory(geteuid(), path, size);
    else if (directory[0] == '/' || !(here = getcwd(NULL, 0)))
        snprintf(path, size, "%s", directory);
    else /* the target may change its directory before it looks */
        snprintf(path, size, "%s/%s", here, directory);
    free(here);
}

void job_session_name(char *name, size_t size)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = clock_monotonic_ns() ^ (uint64_t)getpid() << 32;
    snprintf(name, size, "%016" PRIx64, random);
}

static void say_refusal(const struct job *job, int result)
{
    const char *directory = job->first.armed.root_fd >= 0 ? "that the process has"
                                                          : job->directory; /* not ours to name */
    switch (-result) {
    case EPERM:
        message_error("the session directory %s is not yours alone (it must belong to you and have "
                      "mode 0700): set ULMA_DIR to a directory of your own",
                      directory);
        break;
    case ENOTDIR:
    case ELOOP:
        message_error("the session directory %s is not a directory (nor may it be a symbolic "
                      "link): set ULMA_DIR to a directory of your own",
                      directory);
        break;
    case ENOSPC:
    case ENOMEM:
        message_error("no room for the session in %s: make room there, or set ULMA_DIR to a "
                      "directory on another file system",
                      directory);
        break;
    case ENOENT:
        message_error("the session directory %s cannot be made: the folder above it is missing; "
                      "make it, or set ULMA_DIR to another directory",
                      directory);
        break;
    default:
        message_error("cannot make a session in %s: %s; set ULMA_DIR to another directory",
                      directory, strerror(-result));
        break;
    }
}

/* A program that ulma did not start is never held up, unless that was asked for. */
uint32_t job_session_on_full(const struct job *job)
{
    if (job->options->on_full != OPTIONS_UNSET)
        return (uint32_t)job->options->on_full;
    return job->is_process ? ON_FULL_DROP : ON_FULL_WAIT;
}

double job_session_budget(const struct job *job)
{
    const struct options *options = job->options;
    if (options->budget_thousandths != OPTIONS_UNSET)
        return (double)options->budget_thousandths / 1000;
    return job->is_process && !options->exact && !job_trace_is_wanted(job) ? PROCESS_BUDGET_PCT : 0;
}

int job_session_wake(void *job)
{
    int result = job_session_signal(job);
    return job_session_signal_children(job) > 0 ? 0 : result;
}

bool job_session_make(struct job *job, pid_t pid, const char *name)
{
    const struct options *options = job->options;
    uint32_t sources = (uint32_t)options->sources;
    uint32_t first = job_session_budget(job) > 0 ? steps_first(sources) : sources;
    struct mapping_options wanted = {
        .directory = job->directory,
        .buffer_bytes = (uint64_t)options->buffer_bytes,
        .on_full = job_session_on_full(job),
        .sources = first,
        .later = sources & ~first,
        /* several begin together, when each has its rings */
        .start_off = options->start_off || options->delay_ns > 0 || job->other_count > 0,
        .modes_vary = options->sites.count > 0 || options->sites.rules ||
                      job_session_budget(job) > 0,
        .rules_wanted = options->sites.rules != NULL,
        .follow_children = job_is_family(job),
        .follow_forks = job_follows_children(job),
        .clock_kind = (uint32_t)clock_choose(),
        .owner = job->is_process ? job->first.armed.uid : geteuid(),
    };
    char file_name[64];
    job_set_begin(job);
    snprintf(file_name, sizeof(file_name), "%d-%s", (int)pid, name);
    int result = mapping_create(&wanted, file_name, &job->mapping);
    if (result) {
        say_refusal(job, result);
        return false;
    }
    message_step("session %s", job->mapping.path);
    return true;
}

struct read_context {
    const struct session_header *header;
    struct session_words *words;
};

static int read_words(void *argument)
{
    struct read_context *context = argument;
    const struct session_header *header = context->header;
    struct session_words *words = context->words;
    words->state = atomic_load(&header->state);
    words->target_pid = atomic_load(&header->target_pid);
    words->off_cause = atomic_load(&header->off_cause);
    words->wanted = atomic_load(&header->wanted);
    words->sources_wanted = atomic_load(&header->sources_wanted);
    words->sources_on = atomic_load(&header->sources_on);
    words->ever_on = atomic_load(&header->on_counter) != 0;
    words->claims_refused = atomic_load(&header->claims_refused);
    memcpy(words->reason, header->reason, sizeof(words->reason) - 1);
    return 0;
}

void job_session_read(const struct job *job, struct session_words *ret_words)
{
    memset(ret_words, 0, sizeof(*ret_words));
    struct read_context context = {mapping_header(&job->mapping), ret_words};
    if (guard_run(read_words, &context))
        memset(ret_words, 0, sizeof(*ret_words));
}

/* The text after `key` in /proc/PID/status. */
static bool status_field(pid_t pid, const char *key, char *text, size_t size)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool found = false;
    size_t key_size = strlen(key);
    while (!found && fgets(line, sizeof(line), file)) {
        found = strncmp(line, key, key_size) == 0;
        if (found)
            snprintf(text, size, "%s", line + key_size + strspn(line + key_size, " \t"));
    }
    fclose(file);
    return found;
}

/* The target itself or something that it started. */
static bool is_family(const struct job *job, pid_t pid)
{
    for (int i = 0; i < FAMILY_DEPTH && pid > 1; i++) {
        char parent[32];
        if (pid == job->supervise.pid)
            return true;
        if (!status_field(pid, "PPid:", parent, sizeof(parent)))
            return false;
        pid = (pid_t)strtol(parent, NULL, 10);
    }
    return false;
}

static bool catches_switch(pid_t pid)
{
    char mask[64];
    if (!status_field(pid, "SigCgt:", mask, sizeof(mask)))
        return false;
    return strtoull(mask, NULL, 16) >> (SIGURG - 1) & 1;
}

/* To the process behind the pidfd, which is open already: what is checked and what is signalled are one. */
static int send_switch(pid_t pid, int pid_fd)
{
    if (!catches_switch(pid))
        return -EAGAIN;
    if (pid_fd >= 0 ? syscall(SYS_pidfd_send_signal, pid_fd, SIGURG, NULL, 0) : kill(pid, SIGURG))
        return -errno;
    return 0;
}

/* A process that says it is a child of the target has mapped the session that it made. One that has become
 * another program since has not, and is not waited for. */
static bool maps_session(const struct job *job, pid_t pid)
{
    char path[64], *line = NULL;
    const char *slash = job->mapping.path ? strrchr(job->mapping.path, '/') : NULL;
    const char *random = slash ? strchr(slash, '-') : NULL;
    size_t size = 0;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *file = random ? fopen(path, "re") : NULL;
    while (file && !found && getline(&line, &size, file) > 0)
        found = strstr(line, random) != NULL;
    free(line);
    if (file)
        fclose(file);
    return found;
}

size_t job_session_signal_children(const struct job *job)
{
    enum { MOST = 4096 };
    struct collector_child *list = calloc(MOST, sizeof(*list));
    size_t waiting = 0;
    size_t count = list ? collector_children(job->collector, list, MOST) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!list[i].switched && maps_session(job, list[i].pid)) {
            send_switch(list[i].pid, list[i].pid_fd);
            waiting++;
        }
        if (list[i].pid_fd >= 0)
            close(list[i].pid_fd);
    }
    free(list);
    return waiting;
}

void job_session_wake_children(const struct job *job)
{
    pid_t list[SESSION_WAITING_LIMIT];
    size_t count = collector_waiting(job->collector, list, SESSION_WAITING_LIMIT);
    for (size_t i = 0; i < count; i++) {
        int fd = (int)syscall(SYS_pidfd_open, list[i], 0);
        if (fd >= 0 && is_family(job, list[i]))
            send_switch(list[i], fd);
        if (fd >= 0)
            close(fd);
    }
}

int job_session_signal(const struct job *job)
{
    if (job->is_process)
        return job->supervise.ended ? -ESRCH : armed_signal(&job->first.armed);
    struct session_words words;
    job_session_read(job, &words);
    pid_t pid = (pid_t)words.target_pid;
    if (pid <= 0 || job->supervise.ended)
        return -ESRCH;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 && errno != ENOSYS && errno != EPERM)
        return -errno;
    int result = 0;
    /* With the pidfd open first, what is checked and what is signalled are one process. */
    if (!is_family(job, pid))
        result = -EPERM;
    else
        result = send_switch(pid, fd);
    if (fd >= 0)
        close(fd);
    return result;
}

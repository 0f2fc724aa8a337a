/* SPDX-License-Identifier: MIT */
/* Finding, joining and leaving several processes.
 * Why: see job_others.h.
 * Rules: as there. All are found before one is followed: finding opens control pages, and closing one
 * drops the lock that this process has on it (armed.h). */
#include "cmd/job_others.h"

#include "attach/attachable.h"
#include "base/clock.h"
#include "cmd/arming.h"
#include "cmd/job_process.h"
#include "cmd/job_session.h"
#include "cmd/message.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- finding -------------------------------------------------------------------------------- */

static const struct followed *find_named(const struct job *job, pid_t pid)
{
    if (job->first.armed.pid == pid)
        return &job->first;
    for (size_t i = 0; i < job->other_count; i++)
        if (job->others[i].armed.pid == pid)
            return &job->others[i];
    return NULL;
}

static bool is_named(const struct job *job, pid_t pid)
{
    return find_named(job, pid) != NULL;
}

static bool add(struct job *job, const char *word, bool is_child)
{
    struct followed *other = &job->others[job->other_count];
    *other = (struct followed){.armed = ARMED_NONE, .is_child = is_child};
    if (!job_process_find_or_arm(&other->armed, word, job->options->timeout_ns, &other->attached))
        return false;
    if (is_named(job, other->armed.pid)) {
        armed_close(&other->armed);
        return true;
    }
    job->other_count++;
    return true;
}

static void say_left_out(struct job *job, pid_t pid)
{
    if (job->left_out_count < JOB_OTHERS_MOST)
        job->left_out[job->left_out_count++] = pid;
    message_note("PID %d, a child, is left out", (int)pid);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[1024];
    int parent = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *state = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    if (!state || sscanf(state + 1, " %*c %d", &parent) != 1)
        parent = 0;
    if (file)
        fclose(file);
    return parent;
}

/* The one that is named, of which it is a descendant; processes that are not Python may stand between. NULL: of none. */
static const struct followed *ancestor_of(const struct job *job, pid_t pid)
{
    enum { DEPTH = 64 };
    const struct followed *found = NULL;
    for (int i = 0; i < DEPTH && pid > 1 && !found; i++) {
        pid = parent_of(pid);
        found = pid > 1 ? find_named(job, pid) : NULL;
    }
    return found;
}

static void add_children(struct job *job)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while (processes && (entry = readdir(processes)) && job->other_count < JOB_OTHERS_MOST) {
        struct attachable look;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || is_named(job, pid) ||
            !ancestor_of(job, pid) || !attachable_look(pid, &look))
            continue;
        if (!add(job, entry->d_name, true))
            say_left_out(job, pid);
    }
    if (processes)
        closedir(processes);
}

/* A family's sessions lie side by side. */
static bool is_beside(const struct job *job, const struct followed *other)
{
    if (strcmp(other->armed.directory, job->first.armed.directory) == 0)
        return true;
    message_error("PID %d has its session directory at %s and PID %d at %s: follow them apart, or "
                  "start both with one ULMA_DIR",
                  (int)other->armed.pid, other->armed.directory, (int)job->first.armed.pid,
                  job->first.armed.directory);
    return false;
}

bool job_others_find(struct job *job, char **words, int word_count)
{
    if (word_count == 0 && !job->options->children)
        return true;
    if (word_count > JOB_OTHERS_MOST) {
        message_error("%d processes are too many to follow together: name at most %d",
                      word_count + 1, JOB_OTHERS_MOST + 1);
        return false;
    }
    job->others = calloc(JOB_OTHERS_MOST + 1, sizeof(*job->others));
    job->left_out = calloc(JOB_OTHERS_MOST, sizeof(*job->left_out));
    if (!job->others || !job->left_out) {
        message_error("out of memory");
        return false;
    }
    for (int i = 0; i < word_count; i++)
        if (!add(job, words[i], false) || !is_beside(job, &job->others[job->other_count - 1]))
            return false;
    if (job->options->children)
        add_children(job);
    return true;
}

/* --- joining, closing -------------------------------------------------------------------- */

/* Events of a thread that finds no ring are lost, and the collector adds rings when it has found the
 * session. Whoever ends meanwhile is not waited for. */
static void wait_until_found(const struct job *job)
{
    enum { LOOK_AGAIN_US = 1000 };
    struct collector_child list[JOB_OTHERS_MOST];
    uint64_t give_up = clock_monotonic_ns() + JOB_PROCESS_WAIT_MS * UINT64_C(1000000);
    size_t found = 0, joined = 0;
    for (size_t i = 0; i < job->other_count; i++)
        joined += job->others[i].joined;
    while (found < joined && clock_monotonic_ns() < give_up) {
        usleep(LOOK_AGAIN_US);
        found = collector_children(job->collector, list, JOB_OTHERS_MOST);
        for (size_t i = 0; i < found; i++)
            if (list[i].pid_fd >= 0)
                close(list[i].pid_fd);
    }
}

/* Whether to go on without it. */
static bool leave_out(struct job *job, struct followed *other)
{
    other->is_out = other->is_child;
    if (other->is_out)
        say_left_out(job, other->armed.pid);
    return other->is_out;
}

bool job_others_join(struct job *job)
{
    for (size_t i = 0; i < job->other_count; i++)
        if (!job_process_follow(&job->others[i].armed) && !leave_out(job, &job->others[i]))
            return false;
    const char *session = strrchr(job->mapping.path, '/') + 1;
    for (size_t i = 0; i < job->other_count; i++) {
        struct followed *other = &job->others[i];
        other->joined = !other->is_out && job_process_ask(&other->armed, ARMED_JOIN, session);
        if (other->joined)
            message_step("PID %d joined the session", (int)other->armed.pid);
        else if (!other->is_out && !leave_out(job, other))
            return false;
    }
    wait_until_found(job);
    return true;
}

/* --- heirs --------------------------------------------------------------------------------- */

/* Forked while the parent was armed for this job, and without a page of its own. */
static bool is_heir(const struct job *job, pid_t pid)
{
    const struct followed *ancestor = is_named(job, pid) ? NULL : ancestor_of(job, pid);
    struct armed armed = ARMED_NONE;
    bool is_one = ancestor && ancestor->attached && armed_may_be(pid) &&
                  armed_find(&armed, pid, job->directory, 0) == -ENOENT;
    armed_close(&armed);
    return is_one;
}

void job_others_find_heirs(struct job *job)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    job->heirs = calloc(JOB_HEIRS_MOST, sizeof(*job->heirs));
    while (job->heirs && processes && (entry = readdir(processes)) &&
           job->heir_count < JOB_HEIRS_MOST) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (isdigit((unsigned char)entry->d_name[0]) && is_heir(job, pid))
            job->heirs[job->heir_count++] = pid;
    }
    if (processes)
        closedir(processes);
}

void job_others_leave_heirs(struct job *job)
{
    uint64_t give_up = clock_monotonic_ns() + JOB_PROCESS_WAIT_MS * UINT64_C(1000000);
    for (size_t i = 0; i < job->heir_count; i++) {
        struct armed armed = ARMED_NONE;
        int wait_ms = clock_monotonic_ns() < give_up ? JOB_PROCESS_WAIT_MS : 0;
        int result = armed_find(&armed, job->heirs[i], job->directory, wait_ms);
        if (result == 0)
            result = armed_ask(&armed, ARMED_DISARM, NULL, wait_ms);
        armed_close(&armed);
        if (result && result != -ESRCH)
            message_note("PID %d, a child, has the probe still, since its main thread has not "
                         "answered; `ulma detach %d` takes it away",
                         (int)job->heirs[i], (int)job->heirs[i]);
    }
    job->heir_count = 0;
}

void job_others_close(struct job *job)
{
    free(job->left_out);
    job->left_out = NULL;
    free(job->heirs);
    job->heirs = NULL;
    for (size_t i = 0; i < job->other_count; i++)
        armed_close(&job->others[i].armed);
    free(job->others);
    job->others = NULL;
    job->other_count = 0;
}

/* SPDX-License-Identifier: MIT */
/* Looking below, judging, taking.
 * Why: see job_strays.h.
 * Rules: as there. All but begin, end and the two counts is the thread's own; it has ended before its results are
 * read. */
#include "cmd/job_strays.h"

#include "attach/attachable.h"
#include "attach/elsewhere.h"
#include "attach/offspring.h"
#include "base/clock.h"
#include "cmd/arming.h"
#include "cmd/job_others.h"
#include "cmd/job_process.h"
#include "cmd/message.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum {
    MOST = 1024,           /* processes below */
    LOOK_MS = 20,          /* how often the last PID is */
    LOOK_ANYWAY_MS = 1000, /* an exec gives no PID */
    SHARE = 30,            /* a look's time is at most this part of the thread's */
    YOUNG_MS = 500,        /* so long an exec, a library's load is to be expected at any time */
    FORK_MS = 200,         /* so long a child that is its parent's copy may be about to exec */
    ARMS_ITSELF_MS = 2000,
    TRY_MS = 500,
    TRIES = 4,
    SENTENCES = 3,
};

enum stray_state {
    STRAY_NEW,
    STRAY_PYTHON,  /* that is to be taken, and could not be yet */
    STRAY_SETTLED, /* until it execs: no Python, or followed, or refused */
};

struct stray {
    struct offspring what;
    enum stray_state state;
    uint64_t since_ns; /* that it has run this program, as far as was seen */
    unsigned tries;
};

struct job_strays {
    struct job *job;
    pthread_t thread;
    struct stray known[MOST];
    size_t known_count;
    struct followed followed[MOST];
    size_t followed_count;
    struct offspring list[MOST + JOB_OTHERS_MOST + 1];
    long last_pid;
    uint64_t look_ns, anyway_ns; /* not before; at the latest */
    bool restless;               /* something is about to change without a fork */
    unsigned refused;
    bool is_ended;
    _Atomic unsigned late, missed;
};

/* The injector asks with no context, and there is one job in a process. */
static _Atomic bool over;

static bool is_over(void)
{
    return atomic_load(&over);
}

/* --- judging -------------------------------------------------------------------------------- */

/* The words of a file of /proc/PID, each ended by a NUL; NULL when there are none. */
static char *read_words(pid_t pid, const char *name, size_t *ret_size)
{
    enum { AT_MOST = 4 << 20 };
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(AT_MOST + 1) : NULL;
    *ret_size = text ? fread(text, 1, AT_MOST, file) : 0;
    if (text)
        text[*ret_size] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* What it was started with, copied; false: it has no such variable. */
static bool read_variable(pid_t pid, const char *name, char *value, size_t value_size)
{
    size_t size, length = strlen(name);
    char *text = read_words(pid, "environ", &size);
    bool found = false;
    for (char *at = text; text && at < text + size && !found; at += strlen(at) + 1) {
        found = strncmp(at, name, length) == 0 && at[length] == '=';
        if (found)
            snprintf(value, value_size, "%s", at + length + 1);
    }
    free(text);
    return found;
}

/* In the middle of an exec a program has no words yet, and no environment either. */
static bool has_words(pid_t pid)
{
    size_t size;
    free(read_words(pid, "cmdline", &size));
    return size > 0;
}

static bool ignores_arming(pid_t pid)
{
    enum { WORDS = 64 };
    char *words[WORDS + 1] = {NULL};
    size_t size, count = 0;
    char *text = read_words(pid, "cmdline", &size);
    for (char *at = text; text && at < text + size && count < WORDS; at += strlen(at) + 1)
        words[count++] = at;
    bool ignores = count > 0 && target_words_ignore_arming(words + 1);
    free(text);
    return ignores;
}

/* It was handed what makes a Python load the probe (launch.c), by this ulma or by another one. */
static bool is_handed_the_probe(pid_t pid)
{
    char paths[PATH_MAX], session[PATH_MAX], probe[PATH_MAX + 32];
    if (!read_variable(pid, "ULMA_ARM", session, sizeof(session)) ||
        !read_variable(pid, "PYTHONPATH", paths, sizeof(paths)))
        return false;
    snprintf(probe, sizeof(probe), "%.*s/ulma_probe.so", (int)strcspn(paths, ":"), paths);
    return access(probe, F_OK) == 0 && !ignores_arming(pid);
}

static bool is_to_arm_itself(pid_t pid)
{
    char value[16];
    return read_variable(pid, "ULMA", value, sizeof(value)) && value[0] && strcmp(value, "0") != 0;
}

/* It has not become a program of its own yet, or will not: `ret_parent` is whose copy it is. */
static bool is_copy(const struct stray *stray, struct offspring *ret_parent)
{
    return offspring_read(stray->what.parent, ret_parent) &&
           ret_parent->program == stray->what.program;
}

/* A child that shares its parent's memory until it execs must not run anything: then its parent waits in the kernel. */
static bool is_about_to_exec(const struct stray *stray, uint64_t age_ms)
{
    struct offspring parent;
    return is_copy(stray, &parent) && (age_ms < FORK_MS || parent.state == 'D');
}

static bool is_same(const struct offspring *one, const struct offspring *other)
{
    return one->pid == other->pid && one->start_time == other->start_time;
}

static bool is_left_out(const struct job *job, pid_t pid)
{
    for (size_t i = 0; i < job->left_out_count; i++)
        if (job->left_out[i] == pid)
            return true;
    return false;
}

/* Whether it is to be taken now. */
static bool judge(const struct job *job, struct stray *stray, uint64_t now_ns)
{
    struct offspring now, parent;
    struct attachable look;
    pid_t pid = stray->what.pid;
    uint64_t age_ms = (now_ns - stray->since_ns) / MS_NS;
    /* Others may have been taken meanwhile, each for seconds: the number may be somebody else's. */
    if (!offspring_read(pid, &now) || !is_same(&now, &stray->what) ||
        now.program != stray->what.program)
        return false;
    /* What an exec has just made is looked at once more: what it is to be may not all be there. */
    if (age_ms < LOOK_MS || !has_words(pid))
        return false;
    if (is_left_out(job, pid)) {
        stray->state = STRAY_SETTLED;
        return false;
    }
    if (armed_has_probe(pid)) {
        /* One that armed itself waits to be told what to join; a fork's child follows its parent. */
        stray->state = STRAY_SETTLED;
        return is_to_arm_itself(pid) && !is_handed_the_probe(pid) && !is_copy(stray, &parent);
    }
    if (!attachable_look(pid, &look)) {
        if (age_ms >= YOUNG_MS)
            stray->state = STRAY_SETTLED;
        return false;
    }
    if (is_handed_the_probe(pid)) {
        stray->state = STRAY_SETTLED;
        return false;
    }
    if (is_about_to_exec(stray, age_ms))
        return false;
    stray->state = STRAY_PYTHON;
    return !(age_ms < ARMS_ITSELF_MS && is_to_arm_itself(pid));
}

/* --- taking --------------------------------------------------------------------------------- */

static void refuse(struct job_strays *strays, struct stray *stray, const char *why)
{
    stray->state = STRAY_SETTLED;
    atomic_fetch_add(&strays->missed, 1);
    if (strays->refused++ < SENTENCES)
        message_note("PID %d, a child, is not followed: %s", (int)stray->what.pid, why);
}

/* False: `why` says so. */
static bool join(struct job_strays *strays, struct followed *followed, char *why, size_t size)
{
    struct job *job = strays->job;
    struct armed *armed = &followed->armed;
    const char *session = strrchr(job->mapping.path, '/') + 1;
    why[0] = '\0';
    if (strcmp(armed->directory, job->directory) != 0) {
        snprintf(why, size, "its session directory is %s", armed->directory);
        return false;
    }
    if (armed_follow(armed)) {
        snprintf(why, size, "another ulma follows it");
        return false;
    }
    int result = -ETIMEDOUT;
    for (int i = 0; i < TRIES && result == -ETIMEDOUT && !is_over(); i++)
        result = armed_ask(armed, ARMED_JOIN, session, JOB_PROCESS_WAIT_MS);
    if (result == -ECONNREFUSED)
        snprintf(why, size, "%s", armed->page.reason);
    else if (result)
        snprintf(why, size, "its main thread has not answered within %d s",
                 TRIES * JOB_PROCESS_WAIT_MS / 1000);
    followed->joined = result == 0;
    return result == 0;
}

static void take_armed(struct job_strays *strays, struct stray *stray, struct followed *followed)
{
    struct offspring now;
    char why[PATH_MAX + 64];
    stray->state = STRAY_SETTLED;
    if (join(strays, followed, why, sizeof(why))) {
        strays->followed[strays->followed_count++] = *followed;
        atomic_fetch_add(&strays->late, 1);
        message_step("PID %d, a child, joined the session", (int)stray->what.pid);
        return;
    }
    job_process_leave_one(followed);
    armed_close(&followed->armed);
    if (offspring_read(stray->what.pid, &now) && now.program == stray->what.program)
        refuse(strays, stray, why);
    else
        stray->state = STRAY_PYTHON; /* the next look tells that it has gone */
}

static bool is_passing(int error)
{
    return error == -ETIMEDOUT || error == -ECANCELED || error == -EBUSY || error == -EAGAIN ||
           error == -ENOENT;
}

static void take(struct job_strays *strays, struct stray *stray)
{
    struct offspring now;
    struct attach_outcome outcome;
    struct followed followed = {.armed = ARMED_NONE, .is_child = true};
    struct job *job = strays->job;
    pid_t pid = stray->what.pid;
    enum arming arming;
    struct arming_wish wish = {
        .timeout_ns = TRY_MS * (int64_t)MS_NS,
        .directory = elsewhere_has_other_files(pid) ? NULL : job->directory,
        .is_cancelled = is_over,
        .is_silent = true,
    };
    if (strays->followed_count == MOST)
        return;
    int error = arm_process_as(&followed.armed, pid, &wish, &arming, &outcome);
    if (error == 0) {
        followed.attached = arming == ARMING_NOW;
        take_armed(strays, stray, &followed);
        return;
    }
    if (is_over() || error == -ESRCH || !offspring_read(pid, &now) ||
        now.program != stray->what.program)
        return; /* the next look tells that it has gone */
    if (!is_passing(error) || ++stray->tries >= TRIES)
        refuse(strays, stray, outcome.text);
}

/* --- looking -------------------------------------------------------------------------------- */

/* Then its number may be somebody else's. */
static bool has_ended(const struct followed *followed)
{
    struct pollfd ended = {.fd = followed->armed.pid_fd, .events = POLLIN};
    return ended.fd >= 0 && poll(&ended, 1, 0) > 0;
}

static size_t list_roots(const struct job *job, struct offspring *list)
{
    size_t count = 0;
    if (job->supervise.pid > 0 && !job->supervise.first_ended)
        count += offspring_read(job->supervise.pid, &list[count]);
    for (size_t i = 0; i < job->other_count; i++)
        if (job->others[i].armed.here && !job->others[i].is_out && !has_ended(&job->others[i]))
            count += offspring_read(job->others[i].armed.pid, &list[count]);
    return count;
}

static struct stray *find_known(struct job_strays *strays, const struct offspring *what)
{
    for (size_t i = 0; i < strays->known_count; i++)
        if (is_same(&strays->known[i].what, what))
            return &strays->known[i];
    return NULL;
}

static void miss(struct job_strays *strays, const struct stray *stray)
{
    if (stray->state == STRAY_PYTHON)
        atomic_fetch_add(&strays->missed, 1);
}

static void note(struct job_strays *strays, const struct offspring *what, uint64_t now_ns)
{
    struct stray *stray = find_known(strays, what);
    if (!stray) {
        if (strays->known_count == MOST)
            return;
        stray = &strays->known[strays->known_count++];
        *stray = (struct stray){.what = *what, .since_ns = now_ns};
    }
    if (stray->what.program != what->program) {
        miss(strays, stray);
        *stray = (struct stray){.what = *what, .since_ns = now_ns};
    }
    stray->what = *what;
}

/* Those that have ended are forgotten; the others are looked below, too, whoever has left them behind. */
static size_t list_known(struct job_strays *strays, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < strays->known_count; i++) {
        struct stray *stray = &strays->known[i];
        struct offspring *now = &strays->list[count];
        if (!offspring_read(stray->what.pid, now) || !is_same(now, &stray->what)) {
            miss(strays, stray);
            continue;
        }
        strays->known[kept++] = *stray;
        count++;
    }
    strays->known_count = kept;
    return count;
}

static void close_ended(struct job_strays *strays)
{
    size_t kept = 0;
    for (size_t i = 0; i < strays->followed_count; i++) {
        struct followed *followed = &strays->followed[i];
        if (has_ended(followed))
            armed_close(&followed->armed);
        else
            strays->followed[kept++] = *followed;
    }
    strays->followed_count = kept;
}

static void look(struct job_strays *strays)
{
    uint64_t begin = clock_monotonic_ns();
    size_t roots = list_roots(strays->job, strays->list);
    size_t count = list_known(strays, roots);
    count = offspring_below(strays->list, count, sizeof(strays->list) / sizeof(strays->list[0]));
    for (size_t i = roots; i < count; i++)
        note(strays, &strays->list[i], begin);
    strays->restless = false;
    uint64_t taken_ns = 0;
    for (size_t i = 0; i < strays->known_count && !is_over(); i++) {
        struct stray *stray = &strays->known[i];
        if (stray->state != STRAY_SETTLED && judge(strays->job, stray, begin)) {
            uint64_t take_ns = clock_monotonic_ns();
            take(strays, stray);
            taken_ns += clock_monotonic_ns() - take_ns;
        }
        strays->restless |= stray->state != STRAY_SETTLED ||
                            begin - stray->since_ns < YOUNG_MS * MS_NS;
    }
    close_ended(strays);
    uint64_t end = clock_monotonic_ns();
    strays->look_ns = end + (end - begin - taken_ns) * SHARE;
    if (strays->look_ns > end + LOOK_ANYWAY_MS * MS_NS)
        strays->look_ns = end + LOOK_ANYWAY_MS * MS_NS;
    strays->anyway_ns = end + LOOK_ANYWAY_MS * MS_NS;
}

static void *look_on(void *argument)
{
    struct job_strays *strays = argument;
    while (!is_over()) {
        uint64_t now = clock_monotonic_ns();
        long last = offspring_last_pid();
        if (now >= strays->look_ns && (last < 0 || last != strays->last_pid || strays->restless ||
                                       now >= strays->anyway_ns)) {
            strays->last_pid = last;
            look(strays);
        }
        usleep(LOOK_MS * 1000);
    }
    return NULL;
}

/* --- beginning and ending -------------------------------------------------------------------- */

void job_strays_begin(struct job *job)
{
    sigset_t all, before;
    if (!job_follows_children(job) || job->supervise.pid <= 0 ||
        (job->is_process && !job->first.armed.here))
        return;
    struct job_strays *strays = calloc(1, sizeof(*strays));
    int error = strays ? 0 : ENOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (strays) {
        strays->job = job;
        strays->last_pid = -1;
        atomic_store(&over, false);
        error = pthread_create(&strays->thread, NULL, look_on, strays);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        message_note("children with an environment of their own are not followed: %s",
                     strerror(error));
        free(strays);
        return;
    }
    job->strays = strays;
}

static void say_missed(const struct job_strays *strays)
{
    unsigned missed = atomic_load(&strays->missed), refused = strays->refused;
    unsigned ended = missed - refused;
    if (refused > SENTENCES)
        message_note("nor were %u more children", refused - SENTENCES);
    if (ended)
        message_note("%u Python child%s with an environment of %s own could not be attached to in "
                     "time: what %s did is not seen",
                     ended, ended == 1 ? "" : "ren", ended == 1 ? "its" : "their",
                     ended == 1 ? "it" : "they");
}

/* The job's others; false: out of memory. */
static bool hand_over(struct job *job, struct job_strays *strays)
{
    size_t count = job->other_count + strays->followed_count;
    struct followed *others = realloc(job->others, (count + 1) * sizeof(*others));
    if (!others)
        return false;
    memcpy(others + job->other_count, strays->followed, strays->followed_count * sizeof(*others));
    job->others = others;
    job->other_count = count;
    return true;
}

void job_strays_end(struct job *job)
{
    struct job_strays *strays = job->strays;
    if (!strays || strays->is_ended)
        return;
    atomic_store(&over, true);
    pthread_join(strays->thread, NULL);
    strays->is_ended = true;
    for (size_t i = 0; i < strays->known_count; i++)
        miss(strays, &strays->known[i]);
    close_ended(strays);
    say_missed(strays);
    job->first_stray = job->other_count;
    if (!hand_over(job, strays))
        message_error("out of memory");
}

void job_strays_leave(struct job *job)
{
    for (size_t i = job->first_stray; job->strays && i < job->other_count; i++)
        job_process_leave_one(&job->others[i]);
}

unsigned job_strays_late(const struct job *job)
{
    return job->strays ? atomic_load(&job->strays->late) : 0;
}

unsigned job_strays_missed(const struct job *job)
{
    return job->strays ? atomic_load(&job->strays->missed) : 0;
}

/* SPDX-License-Identifier: MIT */
/* Injecting: tries until it has worked, or the time is over.
 * Why tries: whether a thread can be made to run something is known only when it stands still, and
 * most states that do not allow it pass in a moment. Why two stops: in the first one the thread is sent to make
 * room for what it is to run; that is written while the process goes on, and the second sends it there.
 * Rules: each try is made by a thread of its own, whose end lets go of the process whatever happened.
 * What is given up is withdrawn in the shared page before the process begins it; what it has begun is
 * waited for. */
#include "attach/inject_parts.h"
#include "attach/memory.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum {
    PAGE = 4096,
    LOOK_MS = 1,       /* how often the shared page is looked at */
    MARK_LOOK_US = 50, /* ... and the mark, for a while */
    MARK_LOOKS = 40,
    PLANS = 8,          /* that other threads may thwart */
    STOP_LIMIT_S = 1,   /* until it stands still */
    CALLS_LIMIT_S = 10, /* until our calls in it are made */
    NAP_FIRST_US = 500, /* between tries; doubled up to */
    NAP_MOST_US = 20000,
    SLEEP_LOOK_BYTES = 256,
};

struct sleep_look {
    char text[SLEEP_LOOK_BYTES]; /* /proc/PID/syscall as it was */
    int times;                   /* that it was the same */
};

struct injection {
    pid_t pid;
    int pidfd;
    const char *code;
    struct attach_options options;
    uint64_t deadline_ns, timeout_ns;
    struct inject_place place;
    struct inject_shared shared;
    bool has_stopped; /* some try has: ptrace is to be had */
    struct attach_outcome *outcome;
};

static void *try_once(void *argument)
{
    struct inject_try *try = argument;
    pid_t tid = try->place->tid;
    struct inject_processors processors;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    inject_go_first();
    inject_rehearse(try);
    int error = inject_seize(tid);
    /* The PID may have been given to another process since it was looked at; from here on it cannot be. */
    if (!error && poll(&(struct pollfd){.fd = try->pidfd, .events = POLLIN}, 1, 0) != 0)
        error = -ESRCH;
    /* From here on it does not run, whether it has stopped or not. */
    inject_go_beside(tid, &processors);
    uint64_t begin = clock_monotonic_ns();
    error = error ? error : inject_stop(tid);
    atomic_store(&try->stopped, error == 0);
    if (!error)
        error = inject_enter(try);
    inject_let_go(tid);
    try->stopped_ns = clock_monotonic_ns() - begin;
    inject_step_aside(&processors);
    try->result = error;
    return NULL;
}

static struct timespec seconds_from_now(time_t seconds)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_sec += seconds;
    return when;
}

/* Where the calling one may run: beside the process's it may have been given no processor. */
static void let_run_anywhere(pthread_t thread)
{
    cpu_set_t own;
    if (sched_getaffinity(0, sizeof(own), &own) == 0)
        pthread_setaffinity_np(thread, sizeof(own), &own);
}

/* In a thread of its own, all signals blocked in it. */
static int run_try(struct inject_try *try)
{
    pthread_t thread;
    sigset_t all, before;
    try->result = -ETIMEDOUT;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, try_once, try);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return -error;
    struct timespec limit = seconds_from_now(STOP_LIMIT_S);
    error = pthread_timedjoin_np(thread, NULL, &limit);
    if (error)
        let_run_anywhere(thread);
    if (error && atomic_load(&try->stopped)) {
        /* It stood still, and since then only waits for a processor. */
        limit = seconds_from_now(CALLS_LIMIT_S);
        error = pthread_timedjoin_np(thread, NULL, &limit);
    }
    if (error) {
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    return try->result;
}

static bool is_cancelled(const struct injection *injection)
{
    return injection->options.is_cancelled && injection->options.is_cancelled();
}

static bool has_ended(const struct injection *injection, int wait_ms)
{
    struct pollfd ended = {.fd = injection->pidfd, .events = POLLIN};
    return poll(&ended, 1, wait_ms) > 0;
}

static bool is_ending(const struct injection *injection)
{
    enum { MOST_ENDING_MS = 1000 };
    return has_ended(injection, 0) ||
           (inject_is_exiting(injection->pid) && has_ended(injection, MOST_ENDING_MS));
}

static int tell_ended(struct injection *injection)
{
    return inject_tell(injection->outcome, -ESRCH,
                       "process %d ended while ulma attached to it; there is nothing left to do",
                       (int)injection->pid);
}

/* Whether the main thread has gone to sleep for something else than the GIL: then a pending call that it
 * was given just before has to wait as long as it sleeps. Seen in three looks in a row. */
static bool fell_asleep(const struct injection *injection, struct sleep_look *look)
{
    char text[SLEEP_LOOK_BYTES];
    unsigned long long number, word;
    ssize_t got = inject_read_proc(injection->pid, "syscall", text, sizeof(text));
    if (got <= 0 || sscanf(text, "%llu %llx", &number, &word) != 2 ||
        (number == SYS_futex && inject_is_python_word(&injection->place, word)) ||
        strcmp(text, look->text) != 0)
        look->times = 0;
    snprintf(look->text, sizeof(look->text), "%s", got > 0 ? text : "");
    return ++look->times > 3;
}

/* Whether we won, and the process will not begin it. */
static bool withdraw(struct inject_control *control)
{
    uint32_t waiting = INJECT_WAITING;
    return atomic_compare_exchange_strong(&control->state, &waiting, INJECT_WITHDRAWN);
}

static struct inject_control *control_of(const struct injection *injection)
{
    return (void *)(injection->shared.pages + PAGE);
}

/* Until the page says that it is over. 0, -ESRCH, -EINPROGRESS; withdrawn: -ETIMEDOUT, or -EAGAIN when
 * it would have come too late. */
static int wait_until_done(struct injection *injection, struct inject_control *control)
{
    uint64_t patience_ns = injection->timeout_ns > SECOND_NS ? injection->timeout_ns : SECOND_NS;
    struct sleep_look look = {0};
    for (;;) {
        uint32_t state = atomic_load(&control->state);
        uint64_t now = clock_monotonic_ns();
        if (state == INJECT_DONE)
            return 0;
        if (has_ended(injection, LOOK_MS))
            return atomic_load(&control->state) == INJECT_DONE ? 0 : -ESRCH;
        if ((now >= injection->deadline_ns || is_cancelled(injection)) && withdraw(control))
            return -ETIMEDOUT;
        if (control->queued && fell_asleep(injection, &look) && withdraw(control))
            return -EAGAIN;
        if (now > injection->deadline_ns + patience_ns)
            return -EINPROGRESS;
    }
}

/* What the process wrote there, made harmless. */
static void copy_message(char *text, size_t size, const char *message)
{
    size_t length = 0;
    for (; length + 1 < size && length < INJECT_MESSAGE_BYTES && message[length]; length++) {
        unsigned char byte = (unsigned char)message[length];
        text[length] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    text[length] = '\0';
}

/* 0, -errno with a sentence, or -EAGAIN. */
static int tell_result(struct injection *injection, const struct inject_try *try,
                       const char **doing)
{
    char message[INJECT_MESSAGE_BYTES];
    int pid = (int)injection->pid;
    const struct inject_control *control = control_of(injection);
    copy_message(message, sizeof(message), control->message);
    switch (control->result) {
    case INJECT_RAN:
        injection->outcome->way = try->way;
        return message[0] ? inject_tell_raised(injection->outcome, pid, message) : 0;
    case INJECT_HOLDS_GIL:
        *doing = "in a system call with the GIL held";
        return -EAGAIN;
    case INJECT_ERROR_SET:
        *doing = "in a system call while an exception is on its way";
        return -EAGAIN;
    case INJECT_QUEUE_FULL:
        *doing = "busy, and its queue of pending calls is full";
        return -EAGAIN;
    case INJECT_NOT_INITIALIZED:
        *doing = "starting or ending: its Python is not initialized";
        return -EAGAIN;
    case INJECT_FINALIZING:
        *doing = "ending: its Python is being finalized";
        return -EAGAIN;
    default:
        return inject_tell(injection->outcome, -EIO,
                           "process %d: PyRun_SimpleString failed in it; its stderr says why", pid);
    }
}

static int tell_given_up(struct injection *injection, const char *doing)
{
    if (is_cancelled(injection))
        return inject_tell(injection->outcome, -ECANCELED,
                           "attaching to process %d was given up, as asked; nothing is left in it",
                           (int)injection->pid);
    return inject_tell(
        injection->outcome, -ETIMEDOUT,
        "process %d cannot be attached to now: for %.3g s its main thread was %s; try "
        "again later or with a longer --timeout (`ulma dump %d` shows where it is)",
        (int)injection->pid, (double)injection->timeout_ns / 1e9, doing, (int)injection->pid);
}

/* What came of a stub that was entered. */
static int follow(struct injection *injection, const struct inject_try *try, const char **doing)
{
    int error = wait_until_done(injection, control_of(injection));
    if (error == 0)
        return tell_result(injection, try, doing);
    if (error == -ESRCH)
        return tell_ended(injection);
    if (error == -EAGAIN) {
        *doing = try->doing;
        return error;
    }
    if (error == -EINPROGRESS)
        return inject_tell(
            injection->outcome, error,
            "process %d is still running what ulma gave it, after %.3g s; wait for it, "
            "or look with: ulma dump %d",
            (int)injection->pid, (double)injection->timeout_ns / 1e9, (int)injection->pid);
    if (try->way == ATTACH_WAY_PENDING)
        return tell_given_up(injection, try->doing);
    /* The last try had no time to say more than those before. */
    return tell_given_up(injection,
                         **doing ? *doing : "waiting for the GIL, which another thread held");
}

/* Why a stop came to nothing. -EAGAIN: *doing says why not now. */
static int tell_failed(struct injection *injection, int error, const char **doing)
{
    if (error == -EAGAIN)
        return error;
    if (is_ending(injection))
        error = tell_ended(injection);
    else if (error == -ECANCELED)
        error =
            inject_tell(injection->outcome, -ETIMEDOUT,
                        "process %d is stopped (by a SIGSTOP or by Ctrl-Z); continue it with: kill "
                        "-CONT %d",
                        (int)injection->pid, (int)injection->pid);
    else if (error == -ETIMEDOUT && inject_process_state(injection->pid) != 'D') {
        *doing = "given no processor, so that it did not even stop";
        error = -EAGAIN;
    } else if (error == -ETIMEDOUT)
        error = tell_given_up(injection, "in an uninterruptible sleep (waiting for a disk, say)");
    else if (error == -ENOEXEC)
        error = inject_tell_not_main(injection->outcome, injection->pid);
    else
        error = inject_refused(injection->pid, error, injection->outcome);
    return error;
}

/* One stop. With no calls: into the stub. */
static int stop_once(struct injection *injection, struct inject_try *try, const char **doing)
{
    try->place = &injection->place;
    try->shared = &injection->shared;
    try->pidfd = injection->pidfd;
    try->doing = "in a state that ulma does not know";
    int error = run_try(try);
    injection->has_stopped |= atomic_load(&try->stopped);
    injection->outcome->stops++;
    injection->outcome->stopped_ns += try->stopped_ns;
    if (error == -EAGAIN)
        *doing = try->doing;
    return error ? tell_failed(injection, error, doing) : 0;
}

/* Until the calls have been made, which takes the thread no time once it has a processor. */
static int wait_for_mark(struct injection *injection, uint64_t mark)
{
    uint64_t limit_ns = clock_monotonic_ns() + CALLS_LIMIT_S * SECOND_NS;
    uint64_t word = inject_mark;
    for (int look = 0; clock_monotonic_ns() < limit_ns; look++) {
        if (memory_read_u64(injection->pid, mark, &word) == 0 && word != inject_mark)
            return 0;
        if (look < MARK_LOOKS)
            usleep(MARK_LOOK_US);
        else if (has_ended(injection, LOOK_MS))
            return tell_ended(injection);
    }
    return inject_tell(injection->outcome, -EINPROGRESS,
                       "process %d was given no processor for %d s, while it was to make room for "
                       "what ulma has to run in it; look with: ulma dump %d",
                       (int)injection->pid, CALLS_LIMIT_S, (int)injection->pid);
}

static int make_calls(struct injection *injection, const struct inject_call *calls, size_t count,
                      const char **doing)
{
    struct inject_try try = {.calls = calls, .call_count = count};
    int error = stop_once(injection, &try, doing);
    return error ? error : wait_for_mark(injection, try.mark);
}

static int tell_no_room(struct injection *injection, int error)
{
    int pid = (int)injection->pid;
    if (error == -EMFILE)
        return inject_tell(injection->outcome, error,
                           "process %d has as many files open as it may, and attaching needs one "
                           "more for a moment; raise its limit: prlimit --pid %d --nofile=NUMBER",
                           pid, pid);
    if (error == -EACCES)
        return inject_tell(injection->outcome, -EPERM,
                           "process %d may not make the memory that attaching needs (memfd_create "
                           "or mmap is forbidden to it: seccomp, vm.memfd_noexec, a limit of its "
                           "memory); start it with ULMA=1 in its environment instead",
                           pid);
    return inject_refused(injection->pid, error, injection->outcome);
}

/* The memory that both share, filled. */
static int make_shared(struct injection *injection, const char **doing)
{
    struct inject_shared *shared = &injection->shared;
    struct inject_call calls[INJECT_CALLS_MOST];
    size_t bytes = (size_t)2 * PAGE + INJECT_CODE_OFFSET + inject_code_bytes(injection->code) +
                   injection->options.blob_bytes;
    int error = -EAGAIN;
    for (int plan = 0; plan < PLANS && error == -EAGAIN; plan++) {
        error = inject_shared_plan(injection->pid, bytes, shared);
        if (error)
            return has_ended(injection, 0) ? tell_ended(injection) : tell_no_room(injection, error);
        error = make_calls(injection, calls, inject_shared_calls(shared, calls), doing);
        if (error)
            return error;
        error = inject_shared_open(injection->pid, shared);
        if (error && has_ended(injection, 0))
            return tell_ended(injection);
        *doing = "opening and closing files faster than ulma could look";
    }
    if (error)
        return error == -EAGAIN ? error : tell_no_room(injection, error);
    inject_fill(&injection->place, shared, injection->code, &injection->options);
    return 0;
}

/* What was made and has not been entered goes, and what plans have left. A thread that is in none of the states
 * that allow it for a second keeps it until the next attach. */
static void take_away(struct injection *injection)
{
    struct attach_outcome outcome = *injection->outcome;
    struct inject_call calls[INJECT_CALLS_MOST];
    const char *doing;
    uint64_t limit_ns = clock_monotonic_ns() + SECOND_NS;
    size_t count = inject_shared_uncalls(&injection->shared, calls);
    int error = count ? -EAGAIN : 0;
    while (error == -EAGAIN && clock_monotonic_ns() < limit_ns) {
        error = make_calls(injection, calls, count, &doing);
        if (error == -EAGAIN)
            usleep(NAP_FIRST_US);
    }
    *injection->outcome = outcome;
    inject_shared_done(&injection->shared);
}

/* -EAGAIN: *doing says why not now. */
static int attempt(struct injection *injection, const char **doing)
{
    struct inject_try try = {0};
    int error = injection->shared.pages ? 0 : make_shared(injection, doing);
    if (error)
        return error;
    error = stop_once(injection, &try, doing);
    if (error)
        return error;
    error = follow(injection, &try, doing);
    inject_shared_done(&injection->shared); /* in the process the stub takes it away */
    return error;
}

static int inject(struct injection *injection)
{
    useconds_t nap_us = NAP_FIRST_US;
    const char *doing = "";
    for (;;) {
        int error = attempt(injection, &doing);
        bool passing = error == -EAGAIN || (error == -EBUSY && inject_tracer(injection->pid) == 0);
        if (!passing)
            return error;
        if (clock_monotonic_ns() + nap_us * 1000u > injection->deadline_ns ||
            is_cancelled(injection))
            return error == -EAGAIN ? tell_given_up(injection, doing) : error;
        usleep(nap_us);
        nap_us = nap_us < NAP_MOST_US ? nap_us * 2 : nap_us;
    }
}

static int inject_and_clear(struct injection *injection)
{
    unsigned char *scratch = malloc(INJECT_SCRATCH_BYTES);
    if (!scratch)
        return inject_refused(injection->pid, -ENOMEM, injection->outcome);
    memset(scratch, 1, INJECT_SCRATCH_BYTES);
    injection->place.scratch = scratch;
    int error = inject(injection);
    take_away(injection);
    free(scratch);
    return error;
}

/* Another has the process, or somebody forbids ptrace: by its own door, where there is one. */
static int inject_otherwise(struct injection *injection, int error)
{
    struct attach_outcome *outcome = injection->outcome, refused = *outcome;
    int result = inject_by_script(injection->pid, injection->pidfd, injection->code,
                                  &injection->options, injection->deadline_ns, outcome);
    if (result == 0 || (outcome->text[0] && strcmp(outcome->text, refused.text) != 0))
        return result;
    *outcome = refused;
    if (result != -ETIMEDOUT)
        return error;
    size_t used = strlen(outcome->text);
    snprintf(outcome->text + used, sizeof(outcome->text) - used,
             "; nor did it come, within %.3g s, to where Python asks for a debugger's script",
             (double)injection->timeout_ns / 1e9);
    return error;
}

int attach_run_python(pid_t pid, const char *code, const struct attach_options *options,
                      struct attach_outcome *ret_outcome)
{
    struct injection injection = {
        .pid = pid, .code = code, .outcome = ret_outcome, .shared.own_fd = -1};
    *ret_outcome = (struct attach_outcome){0};
    if (options)
        injection.options = *options;
    if (!injection.options.blob)
        injection.options.blob = "";
    injection.timeout_ns = options && options->timeout_ns ? options->timeout_ns : 2 * SECOND_NS;
    injection.deadline_ns = clock_monotonic_ns() + injection.timeout_ns;
    injection.pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : (errno = ESRCH, -1);
    /* A thread's id is not a process; which it is, inject_check says. */
    int error = inject_check(pid, ret_outcome);
    if (!error && injection.pidfd < 0)
        error = inject_refused(pid, -errno, ret_outcome);
    if (!error)
        error = inject_find_place(pid, &injection.place, ret_outcome);
    if (!error)
        error = inject_and_clear(&injection);
    if ((error == -EBUSY || error == -EPERM) && !injection.has_stopped)
        error = inject_otherwise(&injection, error);
    /* Whatever was found amiss in it. */
    if (error && error != -ESRCH && is_ending(&injection))
        error = tell_ended(&injection);
    if (injection.pidfd >= 0)
        close(injection.pidfd);
    return error;
}

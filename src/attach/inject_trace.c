/* SPDX-License-Identifier: MIT */
/* Stopping one thread, letting it go.
 * Why SEIZE and INTERRUPT: a stop that no shell and no parent sees, where PTRACE_ATTACH would send a
 * SIGSTOP. Why to be cancelled: a thread in an uninterruptible sleep may never stop, and we must be
 * able to give up; to look again and again would take the processor that it needs to stop.
 * Why beside it, on one processor: two that wake each other across processors wait for an interrupt each time, and
 * each of those takes longer than all that is done in the stop. A thread that would have no processor there is left
 * where it is.
 * Rules: the thread of ours that seized must make all the calls. When it ends the kernel lets go of
 * what it still traces, also of a thread that never stopped: so it is made for one try alone. */
#include "attach/inject_parts.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits for the next stop: 0 or -ESRCH. Here alone the calling thread can be cancelled. */
static int wait_for_stop(pid_t tid, int *ret_status)
{
    int before;
    pid_t got;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    do
        got = waitpid(tid, ret_status, __WALL | __WNOTHREAD);
    while (got < 0 && errno == EINTR);
    pthread_setcancelstate(before, NULL);
    return got == tid && WIFSTOPPED(*ret_status) ? 0 : -ESRCH;
}

void inject_go_first(void)
{
    struct sched_param first = {.sched_priority = 1};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
}

int inject_seize(pid_t tid)
{
    /* What is called in the stop is bound, and has its pages. */
    waitpid(-1, NULL, WNOHANG | __WNOTHREAD);
    inject_let_go(0);
    return ptrace(PTRACE_SEIZE, tid, 0, 0) ? -errno : 0;
}

/* On which it ran last, or -1. */
static int processor_of(pid_t tid)
{
    enum { FIELD = 39, FIRST_AFTER_NAME = 3 };
    char text[1024];
    if (inject_read_proc(tid, "stat", text, sizeof(text)) < 0)
        return -1;
    const char *at = strrchr(text, ')');
    for (int field = FIRST_AFTER_NAME - 1; at && field < FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? (int)strtol(at, NULL, 10) : -1;
}

void inject_go_beside(pid_t tid, struct inject_processors *ret_before)
{
    int policy = sched_getscheduler(tid);
    int processor = processor_of(tid);
    /* One with a priority of its own would not let us run there. */
    bool lets_us = policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
    ret_before->moved = lets_us && processor >= 0 && processor < CPU_SETSIZE &&
                        sched_getaffinity(0, sizeof(ret_before->set), &ret_before->set) == 0;
    if (!ret_before->moved)
        return;
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET((size_t)processor, &there);
    ret_before->moved = sched_setaffinity(0, sizeof(there), &there) == 0;
}

void inject_step_aside(const struct inject_processors *before)
{
    enum { ASIDE_US = 50 };
    if (!before->moved)
        return;
    sched_setaffinity(0, sizeof(before->set), &before->set);
    usleep(ASIDE_US);
}

int inject_stop(pid_t tid)
{
    if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
        return -errno;
    for (;;) {
        int status = 0;
        int error = wait_for_stop(tid, &status);
        if (error)
            return error;
        int signal = WSTOPSIG(status);
        if (status >> 16 == PTRACE_EVENT_STOP)
            return signal == SIGTRAP ? 0 : -ECANCELED;
        /* A signal that was on its way: it goes on. */
        if (ptrace(PTRACE_CONT, tid, 0, status >> 16 ? 0 : (long)signal))
            return -errno;
    }
}

void inject_let_go(pid_t tid)
{
    ptrace(PTRACE_DETACH, tid, 0, 0);
}

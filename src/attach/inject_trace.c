/* SPDX-License-Identifier: MIT */
/* Stopping one thread, letting it go.
 * Why SEIZE and INTERRUPT: a stop that no shell and no parent sees, where PTRACE_ATTACH would send a
 * SIGSTOP. Why to be cancelled: a thread in an uninterruptible sleep may never stop, and we must be
 * able to give up; to look again and again would take the processor that it needs to stop.
 * Rules: the thread of ours that seized must make all the calls. When it ends the kernel lets go of
 * what it still traces, also of a thread that never stopped: so it is made for one try alone. */
#include "attach/inject_parts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
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

/* SPDX-License-Identifier: MIT */
/* Stopping one thread, leading it through one system call, letting it go.
 * Why SEIZE and INTERRUPT: a stop that no shell and no parent sees, where PTRACE_ATTACH would send a
 * SIGSTOP. Why to be cancelled: a thread in an uninterruptible sleep may never stop, and we must be
 * able to give up; to look again and again would take the processor that it needs to stop. Why
 * PTRACE_SYSCALL, and not PTRACE_SINGLESTEP: if the tracer dies while its tracee stands in the SIGTRAP
 * of a step, or is about to, the kernel delivers that SIGTRAP, and it ends the process. A stop at a
 * system call (with TRACESYSGOOD) is no signal that could be delivered.
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

int inject_stop(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) || ptrace(PTRACE_INTERRUPT, tid, 0, 0))
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

/* Runs on to the next entry or exit of a system call. Signals that cannot be blocked are kept back. */
static int next_system_call_stop(pid_t tid, int *held_signal)
{
    for (;;) {
        int status = 0;
        if (ptrace(PTRACE_SYSCALL, tid, 0, 0))
            return -errno;
        int error = wait_for_stop(tid, &status);
        if (error)
            return error;
        if (status >> 8 == (SIGTRAP | 0x80))
            return 0;
        if (status >> 16 == 0)
            *held_signal = WSTOPSIG(status);
    }
}

int inject_system_call(pid_t tid, int *held_signal)
{
    int error = next_system_call_stop(tid, held_signal);
    return error ? error : next_system_call_stop(tid, held_signal);
}

void inject_let_go(pid_t tid, int held_signal)
{
    ptrace(PTRACE_DETACH, tid, 0, (long)held_signal);
}

/* SPDX-License-Identifier: MIT */
/* A signalfd and waitid.
 * Why: see supervise.h. Blocked signals reach a signalfd even where they were inherited as ignored,
 * and no handler runs between two of the collector's instructions.
 * Rules: as supervise.h. */
#include "cmd/supervise.h"

#include "cmd/launch.h"
#include "cmd/message.h"
#include "cmd/verbs.h"
#include "model/stolen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOCK_LOOK_MS = 100 };

#define LEAVE_WITHIN_NS UINT64_C(2000000000)

int supervise_open(struct supervise *supervise, pid_t pid, enum clock_source clock, bool on_screen)
{
    *supervise =
        (struct supervise){.pid = pid, .signal_fd = -1, .follow_stops = !on_screen, .clock = clock};
    sigset_t set;
    launch_signals(&set);
    if (on_screen) {
        sigset_t stops;
        sigemptyset(&stops);
        sigaddset(&stops, SIGTSTP);
        sigaddset(&stops, SIGCONT);
        sigdelset(&set, SIGTSTP);
        sigdelset(&set, SIGCONT);
        pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
    }
    supervise->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervise->signal_fd < 0 ? -errno : 0;
}

int supervise_open_process(struct supervise *supervise, const struct armed *process,
                           enum clock_source clock)
{
    *supervise = (struct supervise){
        .pid = process->pid, .signal_fd = -1, .process = process, .clock = clock};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (process->here && process->pid_fd < 0)
        return -ENOSYS;
    supervise->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervise->signal_fd < 0 ? -errno : 0;
}

int supervise_add(struct supervise *supervise, const int *pid_fds, size_t count)
{
    if (count == 0)
        return 0;
    if (count > SUPERVISE_OTHERS_MOST)
        return -E2BIG;
    supervise->other_fds = malloc(count * sizeof(*pid_fds));
    if (!supervise->other_fds)
        return -ENOMEM;
    memcpy(supervise->other_fds, pid_fds, count * sizeof(*pid_fds));
    supervise->other_count = count;
    return 0;
}

void supervise_signal(const struct supervise *supervise, int number)
{
    if (!supervise->ended)
        kill(supervise->pid, number);
}

static bool target_is_stopped(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const char *state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return state && strlen(state) > 2 && state[2] == 'T';
}

/* Only a shell with job control waits for stops, and it gives each job a process group of its own.
 * Elsewhere nobody would ever continue us. */
static bool is_job(void)
{
    return getpgrp() != getpgid(getppid());
}

/* `kill -CONT` of ulma alone. Not where the terminal has stopped both once more: then our own stop is
 * pending, and this SIGCONT is of before. */
static void go_on_together(const struct supervise *supervise)
{
    sigset_t pending;
    if (target_is_stopped(supervise->pid) &&
        !(sigpending(&pending) == 0 && sigismember(&pending, SIGTSTP)))
        supervise_signal(supervise, SIGCONT);
}

/* Does what the stop did to the target to ulma itself; goes on when continued. */
static void stop_too(struct supervise *supervise, int number)
{
    if (!is_job())
        return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    /* To the process and while blocked, so that it is one with what the terminal sent us: after
     * raise() that one would stop us a second time. */
    kill(getpid(), number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    go_on_together(supervise);
}

static void look_at_target(struct supervise *supervise)
{
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        int wanted = WEXITED | WNOHANG | WNOWAIT | (supervise->follow_stops ? WSTOPPED : 0);
        if (waitid(P_PID, (id_t)supervise->pid, &info, wanted) || info.si_pid == 0)
            return;
        if (info.si_code == CLD_STOPPED) {
            info.si_pid = 0; /* it may go on before it is taken */
            waitid(P_PID, (id_t)supervise->pid, &info, WSTOPPED | WNOHANG);
            if (info.si_pid)
                stop_too(supervise, info.si_status);
            continue;
        }
        supervise->end_counter = clock_counter(supervise->clock);
        supervise->end_cpu_ns = stolen_process_cpu_ns(supervise->pid); /* while it is a zombie */
        waitid(P_PID, (id_t)supervise->pid, &info, WEXITED);
        supervise->end_code = info.si_code;
        supervise->end_status = info.si_status;
        supervise->ended = true;
        return;
    }
}

static bool fd_has_ended(int pid_fd)
{
    struct pollfd look = {.fd = pid_fd, .events = POLLIN};
    return poll(&look, 1, 0) > 0;
}

/* One that has no PID here lives as long as its lock. */
static bool has_ended(const struct armed *process)
{
    return process->here ? fd_has_ended(process->pid_fd) : !armed_lives(process);
}

static void look_at_processes(struct supervise *supervise)
{
    const struct armed *process = supervise->process;
    bool all = true;
    if (!supervise->first_ended && has_ended(process)) {
        supervise->end_counter = clock_counter(supervise->clock);
        if (process->here) /* if nobody has reaped it yet */
            supervise->end_cpu_ns = stolen_process_cpu_ns(supervise->pid);
        supervise->first_ended = true;
    }
    for (size_t i = 0; i < supervise->other_count; i++) {
        if (supervise->other_fds[i] >= 0 && fd_has_ended(supervise->other_fds[i]))
            supervise->other_fds[i] = -1;
        all = all && supervise->other_fds[i] < 0;
    }
    supervise->ended = supervise->first_ended && all;
}

/* Until a signal comes, or a process that has not ended does. */
static bool wait_for_some(const struct supervise *supervise, int timeout_ms)
{
    const struct armed *process = supervise->ended || supervise->first_ended ? NULL
                                                                             : supervise->process;
    struct pollfd wait[2 + SUPERVISE_OTHERS_MOST] = {
        {.fd = supervise->signal_fd, .events = POLLIN},
        {.fd = process ? process->pid_fd : -1, .events = POLLIN}};
    for (size_t i = 0; i < supervise->other_count; i++)
        wait[2 + i] = (struct pollfd){.fd = supervise->other_fds[i], .events = POLLIN};
    if (process && !process->here && (timeout_ms < 0 || timeout_ms > LOCK_LOOK_MS))
        timeout_ms = LOCK_LOOK_MS; /* nothing tells when a lock goes */
    return poll(wait, 2 + supervise->other_count, timeout_ms) > 0;
}

static void take_interrupt(struct supervise *supervise, const struct signalfd_siginfo *info)
{
    uint64_t now = clock_monotonic_ns();
    bool second = supervise->interrupt_ns && now - supervise->interrupt_ns <= LEAVE_WITHIN_NS;
    supervise->interrupt_ns = now;
    if (second)
        supervise->leave = true;
    else if (info->ssi_code != SI_KERNEL && info->ssi_pid != (uint32_t)supervise->pid)
        supervise_signal(supervise, SIGINT);
}

static void take_signal(struct supervise *supervise, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (supervise->ended || supervise->process) {
        /* Somebody still reads a screen: any of these ends that. */
        supervise->leave = supervise->leave || number == SIGINT || number == SIGQUIT ||
                           number == SIGTERM || number == SIGHUP;
        return;
    }
    switch (number) {
    case SIGINT:
        take_interrupt(supervise, info);
        break;
    case SIGQUIT:
        if (info->ssi_code != SI_KERNEL && info->ssi_pid != (uint32_t)supervise->pid)
            supervise_signal(supervise, number);
        break;
    case SIGHUP:
    case SIGTERM:
        message_step("%s: passed on to the target", strsignal(number));
        if (number == SIGTERM || info->ssi_code != SI_KERNEL)
            supervise_signal(supervise, number);
        supervise->told_to_end = true;
        break;
    case SIGTSTP:
        /* The terminal's has stopped the target, or the target did not want to stop. */
        if (info->ssi_code != SI_KERNEL)
            supervise_signal(supervise, number);
        break;
    case SIGCONT:
        go_on_together(supervise);
        break;
    case SIGCHLD:
        break;
    default:
        supervise_signal(supervise, number);
        break;
    }
}

bool supervise_step(struct supervise *supervise, int timeout_ms)
{
    if (wait_for_some(supervise, timeout_ms)) {
        struct signalfd_siginfo info;
        while (read(supervise->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            take_signal(supervise, &info);
    }
    if (!supervise->ended && supervise->process)
        look_at_processes(supervise);
    else if (!supervise->ended)
        look_at_target(supervise);
    return supervise->ended || supervise->leave;
}

int supervise_status(const struct supervise *supervise)
{
    if (!supervise->ended)
        return EXIT_FINE;
    if (supervise->end_code == CLD_EXITED)
        return supervise->end_status;
    return EXIT_SIGNAL_BASE + supervise->end_status;
}

void supervise_close(struct supervise *supervise)
{
    if (supervise->signal_fd >= 0)
        close(supervise->signal_fd);
    supervise->signal_fd = -1;
    free(supervise->other_fds);
    supervise->other_fds = NULL;
    supervise->other_count = 0;
}

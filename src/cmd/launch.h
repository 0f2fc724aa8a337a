/* SPDX-License-Identifier: MIT */
/* Starting the target: a fork that waits for its word, then becomes the target.
 * Why: the session is named after the target's PID, and its switch records must begin before it runs;
 * so it exists first and is told to go when all is ready.
 * Rules: the fork comes before any thread of ulma. The child gets the signal mask and dispositions
 * that ulma was started with, its process group, session and terminal, and no descriptor of ours. */
#ifndef ULMA_CMD_LAUNCH_H
#define ULMA_CMD_LAUNCH_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct launch_plan {
    const char *path; /* what is executed */
    char *const *argv;
    const char *folder;    /* first on its PYTHONPATH; NULL: it is not armed */
    const char *directory; /* of the session */
    const char *name;      /* the session's, after the PID and a dash */
    bool children;         /* what it starts is armed, too */
    bool strict;           /* a probe that cannot work ends the interpreter */
    int output_fd;         /* its stdout and stderr; -1: as ulma's */
    bool null_input;       /* its stdin is /dev/null: ulma reads the terminal's keys */
};

struct launch {
    pid_t pid;
    int go_fd, failure_fd;
};

/* Signals that ulma looks after while a target runs are blocked here, in the thread that calls, which
 * must be the only one. */
void launch_block_signals(void);

/* Those signals, for a signalfd. */
void launch_signals(sigset_t *set);

/* In a child of ours that is no target: where a program that another ulma follows has started this one, that one's
 * variables are not for it. */
void launch_leave_family(void);

/* 0 or -errno. */
int launch_fork(struct launch *launch, const struct launch_plan *plan);

/* Lets it become the target. 0, or -errno of the exec; then it has been reaped. */
int launch_go(struct launch *launch);

/* Ends and reaps a child that was never let go. */
void launch_cancel(struct launch *launch);

#endif

/* SPDX-License-Identifier: MIT */
/* Looking after the target: its end, its stops, and the signals that reach ulma.
 * Why: a target must feel no difference, a shell's job control must see one job, and a report must be
 * written however the run ends.
 *   SIGINT, SIGQUIT   the terminal has given them to the target too; sent to ulma's PID alone, they
 *                     are passed on. A second SIGINT within two seconds ends ulma alone
 *   SIGTERM, SIGHUP   passed on (a terminal's own SIGHUP has reached the target already)
 *   SIGUSR1, SIGUSR2  passed on: they are for the program
 *   stops             when the target stops, ulma stops by the same signal; when ulma is continued,
 *                     so is the target
 * Rules: one thread steps. The target is reaped here and nowhere else, so that no signal of ours can
 * meet another process with its PID. */
#ifndef ULMA_CMD_SUPERVISE_H
#define ULMA_CMD_SUPERVISE_H

#include "attach/armed.h"
#include "base/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum { SUPERVISE_OTHERS_MOST = 255 };

struct supervise {
    pid_t pid;
    int signal_fd;
    const struct armed *process; /* one that is no child of ours; NULL: it is one */
    int *other_fds;              /* of those that are followed with it, -1: it has ended; owned */
    size_t other_count;
    _Atomic bool first_ended; /* the process has, though others may go on */
    bool follow_stops;
    enum clock_source clock;
    uint64_t interrupt_ns;    /* of the last SIGINT; 0: none */
    int end_code, end_status; /* CLD_* and the status or signal */
    uint64_t end_counter;     /* the counter when it had ended */
    uint64_t end_cpu_ns;      /* the CPU time that it had used by then; 0: not known */
    _Atomic bool ended;       /* the four above are valid; of several processes: all have ended */
    _Atomic bool leave;       /* two SIGINTs: ulma ends alone */
    _Atomic bool told_to_end; /* SIGTERM or SIGHUP came */
};

/* With `on_screen` the stops are the terminal library's affair. 0 or -errno. */
int supervise_open(struct supervise *supervise, pid_t pid, enum clock_source clock, bool on_screen);

/* The same for a process that ulma did not start: nothing is passed on to it, and SIGINT, SIGQUIT,
 * SIGTERM and SIGHUP set `leave`. `process` stays the caller's. */
int supervise_open_process(struct supervise *supervise, const struct armed *process,
                           enum clock_source clock);

/* More processes that ulma did not start: what is watched has ended when all of them have. 0, -ENOMEM, or -E2BIG. */
int supervise_add(struct supervise *supervise, const int *pid_fds, size_t count);

/* Waits at most `timeout_ms` (-1: for ever) for something and sees to it. True: ended or leave.
 * After the target's end any of SIGINT, SIGQUIT, SIGTERM and SIGHUP sets leave. */
bool supervise_step(struct supervise *supervise, int timeout_ms);

/* Sends a signal to the target, unless it has ended. */
void supervise_signal(const struct supervise *supervise, int number);

/* The target's exit status as a shell tells it: its own, or 128 + the signal. */
int supervise_status(const struct supervise *supervise);

void supervise_close(struct supervise *supervise);

#endif

/* SPDX-License-Identifier: MIT */
/* The session of a job: where it is, making it, and the signal that makes the probe look at it.
 * Why: each refusal has its sentence, and a signal may go to nobody but the target's own family.
 * Rules: the PID in the session is the target's word: it is checked before anything is sent. */
#ifndef ULMA_CMD_JOB_SESSION_H
#define ULMA_CMD_JOB_SESSION_H

#include "wire/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct job;

/* $ULMA_DIR, else the usual one of this user. */
void job_session_directory(char *path, size_t size);

/* A random name; the session's is PID-NAME. */
void job_session_name(char *name, size_t size);

/* False: said on stderr. */
bool job_session_make(struct job *job, pid_t pid, const char *name);

/* What the target says in the session. */
struct session_words {
    uint32_t state;     /* enum session_state */
    uint32_t off_cause; /* enum off_cause, of the last off */
    uint32_t wanted;    /* enum session_wanted */
    uint32_t sources_wanted, sources_on;
    uint32_t target_pid;
    uint64_t claims_refused;
    bool ever_on;
    char reason[SESSION_REASON_SIZE];
};

/* Copies them; of a session that the target has cut off under us, all is 0 (STATE_NEW). */
void job_session_read(const struct job *job, struct session_words *ret_words);

/* The budget in percent; 0: none. One that was not asked for: a TARGET has none, a PID has 5. */
double job_session_budget(const struct job *job);

/* enum on_full, likewise. */
uint32_t job_session_on_full(const struct job *job);

/* SIGURG to all that have not answered the last switch; for the collector, `job` is the context. As
 * job_session_signal. */
int job_session_wake(void *job);

/* SIGURG to the children that have not answered the last switch. How many. */
size_t job_session_signal_children(const struct job *job);

/* SIGURG to the children that were made while recording was off, so that they look for a session. */
void job_session_wake_children(const struct job *job);

/* SIGURG to the process that armed itself. 0, -ESRCH, -EAGAIN, -EPERM (it is no child of ours). */
int job_session_signal(const struct job *job);

#endif

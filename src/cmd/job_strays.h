/* SPDX-License-Identifier: MIT */
/* Strays: Pythons that the job's processes start and that do not find its session by themselves, since they were given
 * an environment of their own (or -I, -E, -S). Each is attached to, and joins the family as one that ran already does.
 * Why a thread: an attach takes as long as the process lets it, and signals, screen and duration must not wait.
 * Why the kernel's last PID is looked at: while it stays nobody has forked, and there is nothing to look for.
 * Rules: a process joins at most once for each program that it runs (an attach is tried a few times), and never one that will
 * arm itself. Only what is below the job's processes when it is first seen is ever looked at. */
#ifndef ULMA_CMD_JOB_STRAYS_H
#define ULMA_CMD_JOB_STRAYS_H

#include "cmd/job.h"

/* Begins to look, if children are followed; without memory or a thread they are not, which is said. */
void job_strays_begin(struct job *job);

/* Looks no more; those that live on are the job's others from then on, and those that were missed are told. Again:
 * does nothing. */
void job_strays_end(struct job *job);

/* They are left as they were found. */
void job_strays_leave(struct job *job);

/* How many joined after they had begun, and how many Pythons ended before they could. Any thread. */
unsigned job_strays_late(const struct job *job);
unsigned job_strays_missed(const struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* The further processes of a job: several PIDs, and children of a PID that run already.
 * Why: a server is a master and its workers, and one table is to show them all. Each joins the family of
 * the first one's session as a child of it would (wire/session.h).
 * Rules: each is armed, followed alone and left as it was found, like the first (job_process.h). */
#ifndef ULMA_CMD_JOB_OTHERS_H
#define ULMA_CMD_JOB_OTHERS_H

#include "cmd/job.h"

enum { JOB_OTHERS_MOST = 255, JOB_HEIRS_MOST = 4096 };

/* Finds them all, and arms those that are not: `words` name them, and with --children so do the
 * descendants of all. False: a word's process cannot be had, said on stderr. A child that cannot is told
 * there, and left out. */
bool job_others_find(struct job *job, char **words, int word_count);

/* They join the first one's session, off, and the collector has found them. False: said on stderr. */
bool job_others_join(struct job *job);

/* Children that were forked while their parent was armed for this job have the probe from it: they are found before the
 * parents are left, and left without it when they are off. */
void job_others_find_heirs(struct job *job);
void job_others_leave_heirs(struct job *job);

void job_others_close(struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* What a job has counted, for another ulma that asks through the session.
 * Why: one process has one collector; others look on through it, and the process notices nothing.
 * Rules: the thread that calls job_tick does it, never the drain. The snapshot lies beside the session, of the
 * session's owner and mode 0600, for as long as whoever asked takes to read it: he removes it, and if he
 * died the next question, a while, or the job's end does. */
#ifndef ULMA_CMD_JOB_VIEW_H
#define ULMA_CMD_JOB_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct job;

/* The file's name begins so, and goes on with the session's. */
#define JOB_VIEW_PREFIX "view-"

/* The question: JOB_VIEW_KEY, the window in seconds (0: since the start), a comma, `cpu` or `wall`. */
#define JOB_VIEW_KEY "view="

bool job_view_is_asked(const char *word);

/* False: `message` says why not. */
bool job_view_answer(struct job *job, const char *word, char *message, size_t size);

/* Removes one that nobody has taken for a while; at once when `all`. */
void job_view_clear(struct job *job, bool all);

/* The path of the view of the session at `session`. False: too long. */
bool job_view_path(const char *session, char *path, size_t size);

#endif

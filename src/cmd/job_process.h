/* SPDX-License-Identifier: MIT */
/* A job for a process that ulma did not start: the armed one that a PID or a SESSION names.
 * Why: the command line's word, the refusals and the end differ from a TARGET's; what lies between is
 * one job (job.h).
 * Rules: the process is signalled by SIGURG alone, and only if it takes it. However the job ends, the
 * process is left armed and off, and runs on. */
#ifndef ULMA_CMD_JOB_PROCESS_H
#define ULMA_CMD_JOB_PROCESS_H

#include "attach/armed.h"
#include "cmd/job.h"

enum { JOB_PROCESS_WAIT_MS = 2000 };

/* A PID, a session's file, a control page, or a directory that holds one, and no program. */
bool job_process_is(const char *word);

/* The armed process that the word names, and its PID (0: the word names none). 0, or as armed_find; -EINVAL:
 * several, or none in a directory, said on stderr. */
int job_process_look(struct armed *armed, const char *word, pid_t *ret_pid);
void job_process_say_not_found(const char *word, pid_t pid, int result);

/* A session's file name, or a control page's. */
bool job_process_is_session_name(const char *name);

/* The same in one. False: said on stderr. */
bool job_process_find(struct armed *armed, const char *word);

/* The same, and a PID that is not armed is armed now: *ret_attached. `timeout_ns` as arm_process has it. */
bool job_process_find_or_arm(struct armed *armed, const char *word, int64_t timeout_ns,
                             bool *ret_attached);

/* `PID 12 of the user u (`ulma top 7`)`. False: no such process here. */
bool job_process_say_who(pid_t pid, char *text, size_t size);

/* Takes the collector's place beside it. False: somebody has it, said on stderr. */
bool job_process_follow(struct armed *armed);

/* Tells it what to do. False: said on stderr. */
bool job_process_ask(struct armed *armed, enum armed_wish wish, const char *session);

/* "1234 (python 3.12.4, gunicorn: worker)" */
void job_process_describe_as(pid_t pid, const char *python, char *text, size_t size);
void job_process_describe(const struct armed *armed, char *text, size_t size);

/* As job_start: EXIT_FINE, or the exit status (said on stderr). */
int job_process_start(struct job *job, const struct options *options, char **words, int word_count,
                      const struct job_setting *setting);

/* The processes, which are off, leave their sessions. */
void job_process_leave(struct job *job);
void job_process_leave_one(struct followed *process);

/* The last line: how it was left. */
void job_process_say_end(const struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* The trace of a job: of a recording with --trace, in its tables; of a report that is a timeline, in a file
 * without a name, written out at the end.
 * Why: a timeline is of each call, which no snapshot holds.
 * Rules: as job.h. A trace is of all calls, so there is no budget beside it. */
#ifndef ULMA_CMD_JOB_TRACE_H
#define ULMA_CMD_JOB_TRACE_H

#include "cmd/job.h"

/* The job keeps every event. */
bool job_trace_is_wanted(const struct job *job);

/* Before the collector is made. False: said on stderr. Does nothing where no trace is wanted. */
bool job_trace_begin(struct job *job);

/* For collector_options; NULL: there is none. */
struct tap *job_trace_tap(const struct job *job);

/* The recorder of a recording runs: chunks go to it. */
void job_trace_start(struct job *job);

/* After job_finish: the recording has all chunks. False: it ends early, which is said. */
bool job_trace_finish(struct job *job);

/* The recorder of a recording goes: nothing is pushed to it any more. */
void job_trace_stop(struct job *job);

/* After job_finish: writes the timeline where -o says. False: said. */
bool job_trace_write(struct job *job);

void job_trace_end(struct job *job);

#endif

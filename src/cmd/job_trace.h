/* SPDX-License-Identifier: MIT */
/* The trace of a job whose report is a timeline: kept in a file without a name, written out at the end.
 * Why: a timeline is of each call, which no snapshot holds.
 * Rules: as job.h. A trace is of all calls, so there is no budget beside it. */
#ifndef ULMA_CMD_JOB_TRACE_H
#define ULMA_CMD_JOB_TRACE_H

#include "cmd/job.h"

/* The job's report will be a timeline. */
bool job_trace_is_wanted(const struct options *options);

/* Before the collector is made. False: said on stderr. Does nothing where no trace is wanted. */
bool job_trace_begin(struct job *job);

/* For collector_options; NULL: there is none. */
struct tap *job_trace_tap(const struct job *job);

/* After job_finish: writes the timeline where -o says. False: said. */
bool job_trace_write(struct job *job);

void job_trace_end(struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* The report at the end of a profiling.
 * Why: run and top end alike.
 * Rules: the report itself is an exporter's work; here is where it goes and what is said about it. */
#ifndef ULMA_CMD_REPORT_H
#define ULMA_CMD_REPORT_H

#include "cmd/job.h"
#include "cmd/report_stream.h"

/* Options of the command line, as exporters read them; for a stream of this width. */
struct export_options report_options(const struct job *job, int columns, bool color);

/* True, and said, when the program never began: there is nothing to report, the status is 125. */
bool report_never_began(struct job *job);

/* Says what was not seen, and what nobody asked for in vain. False: nothing was seen. After job_finish. */
bool report_say_seen(struct job *job);

/* Writes the report where -o says, else to stderr, and says so on the last line. After job_finish. */
void report_print(struct job *job);

/* Writes a report now, beside the one of -o, into a file of its own; `message` says which. */
void report_save(struct job *job, char *message, size_t size);

#endif

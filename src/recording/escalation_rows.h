/* SPDX-License-Identifier: MIT */
/* The table `escalated` of a recording: functions under a rule, with the first and the worst call, as of its end.
 * Why it is made only where a rule counts: recordings without it are read as ever.
 * Rules: as schema.h. */
#ifndef ULMA_RECORDING_ESCALATION_ROWS_H
#define ULMA_RECORDING_ESCALATION_ROWS_H

struct recording_writer;
struct slice;
struct snapshot;

/* 0 or -errno. */
int writer_put_escalations(struct recording_writer *writer, const struct snapshot *snapshot);

/* Its rows are in the snapshot. 0 or -errno, with a reason. */
int slice_fill_escalations(struct slice *slice);

#endif

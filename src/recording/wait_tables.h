/* SPDX-License-Identifier: MIT */
/* The tables `waits` and `splits` of a recording: what threads waited for, and what their time went into, as of its end.
 * Why they are made only where the source was on: recordings without them are read as ever.
 * Rules: as schema.h. */
#ifndef ULMA_RECORDING_WAIT_TABLES_H
#define ULMA_RECORDING_WAIT_TABLES_H

struct recording_writer;
struct slice;
struct snapshot;

/* 0 or -errno. */
int writer_put_waits(struct recording_writer *writer, const struct snapshot *snapshot);

/* Its functions are in the snapshot; its rows are. 0 or -errno, with a reason. */
int slice_mark_waits(struct slice *slice);
int slice_fill_waits(struct slice *slice);

#endif

/* SPDX-License-Identifier: MIT */
/* The table `requests` of a recording: spans by name, and their functions, as of its end.
 * Why it is made only where the source was on: recordings without it are read as ever.
 * Rules: as schema.h. */
#ifndef ULMA_RECORDING_REQUEST_ROWS_H
#define ULMA_RECORDING_REQUEST_ROWS_H

struct recording_writer;
struct slice;
struct snapshot;

/* 0 or -errno. */
int writer_put_requests(struct recording_writer *writer, const struct snapshot *snapshot);

/* Its functions are in the snapshot; its rows are. 0 or -errno, with a reason. */
int slice_mark_requests(struct slice *slice);
int slice_fill_requests(struct slice *slice);

#endif

/* SPDX-License-Identifier: MIT */
/* Writing a recording.
 * Why differences: a snapshot holds sums since the start; what a window adds to the one before is
 * stored, for what changed, so that slices sum to the whole exactly, to the nanosecond.
 * Why a rollback journal: at a kill at any moment the file is whole as of the last window, alone (a kill
 * within a write leaves a `-journal` beside it, which SQLite plays back at the next opening). See
 * docs/decisions/0016-a-recording-is-sums-of-windows.md.
 * Rules: does file I/O: never on the drain thread (recorder.h has a thread of its own for it). One thread
 * at a time. After a failure the writer takes nothing more; what was written stays readable. */
#ifndef ULMA_RECORDING_RECORDING_WRITER_H
#define ULMA_RECORDING_RECORDING_WRITER_H

#include "model/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recording_writer;
struct sqlite3;

enum { RECORDING_WRITER_REASON_SIZE = 768 };

struct recording_options {
    int64_t keep_ns;   /* windows older than this are dropped; 0: none */
    int64_t max_bytes; /* the oldest are dropped so that the file stays below; 0: no limit */
    bool with_source;  /* keeps the text of the files of recorded functions */
    bool redact;       /* names and paths are hashed */
    bool no_command;   /* command lines are left out */
    bool overwrite;    /* a file that is there is replaced */
};

/* Makes the file. 0 or -errno (-EEXIST); then `reason` is one sentence. */
int recording_writer_open(const char *path, const struct recording_options *options,
                          struct recording_writer **ret, char *reason, size_t reason_size);

/* One window: what `cumulative`, a snapshot since the start with its detail (snapshot.h), has beyond the
 * one given before. `from_ns` is where the window before ended. Committed when it returns. 0 or -errno. */
int recording_writer_add(struct recording_writer *writer, const struct snapshot *cumulative,
                         int64_t from_ns, int64_t to_ns);

/* The last window and the end: from the last one's end to the snapshot's duration. One file is left. */
int recording_writer_finish(struct recording_writer *writer, const struct snapshot *last);

/* Why it failed, one sentence; "" when it has not. */
const char *recording_writer_reason(const struct recording_writer *writer);

/* The database, for tables of others (a trace). They are made after the open and written between two
 * adds: inside a transaction that recording_writer_add commits. */
struct sqlite3 *recording_writer_database(struct recording_writer *writer);

int64_t recording_writer_bytes(const struct recording_writer *writer);
int64_t recording_writer_end_ns(const struct recording_writer *writer); /* of its last window */

/* Closes; without a finish the file is as of its last window. NULL is allowed. */
void recording_writer_close(struct recording_writer *writer);

#endif

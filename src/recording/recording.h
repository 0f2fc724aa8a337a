/* SPDX-License-Identifier: MIT */
/* Reading a recording: from a `.ulma` file to a snapshot, of all of it or of a slice.
 * Why a snapshot: views and formats read that and nothing else, so whatever shows a running program
 * shows a recording. What a slice holds is the sum of its windows (docs/recordings.md has the schema).
 * Rules: the file is hostile input: it is opened with SQLite's defences, read-only, every row is checked,
 * and the worst that may come of it is a refusal in one sentence. Nothing else is touched: no source, no
 * path, no process that the recording names. One thread at a time. Nothing of Linux: this half is built
 * without the probe, too (-Dprobe=false). */
#ifndef ULMA_RECORDING_RECORDING_H
#define ULMA_RECORDING_RECORDING_H

#include "model/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recording;
struct sqlite3;

enum { RECORDING_REASON_SIZE = 512 };

/* Opens and checks. 0 or -errno; then `reason` is one sentence that names the file. */
int recording_open(const char *path, struct recording **ret, char *reason, size_t reason_size);
void recording_close(struct recording *recording); /* NULL is allowed */

/* What of it. All zero: the whole, by the wall clock, processes summed. */
struct recording_query {
    int64_t from_ns,
        to_ns; /* since the start, widened to whole windows (trace_cut.h: exactly); to_ns 0: to the end */
    const char *thread; /* a tid or a name, all of that name; NULL: all threads */
    uint32_t pid;       /* of one process; 0: all */
    enum snapshot_clock clock;
    bool by_process; /* a row for each process and function */
    int window_s; /* the window's columns are of the slice's last seconds; 0: of the whole slice */
    bool quantiles; /* fills snapshot->quantiles */
};

/* An ordinary snapshot, to be freed with snapshot_free. meta.window_from_ns and _to_ns say what it holds
 * where window_s is 0. NULL: recording_reason says why (no such thread, damage, out of memory).
 * Of a slice of time or threads: tasks are the whole recording's and left out; of a thread, percentiles,
 * extremes, yields and raised are known (else 0) for functions that no other thread called; by trace_cut for all. */
struct snapshot *recording_snapshot(struct recording *recording,
                                    const struct recording_query *query);
const char *recording_reason(const struct recording *recording);

/* File names that begin with the folder `from` are shown as if they began with `to`. 0 or -ENOMEM. */
int recording_map(struct recording *recording, const char *from, const char *to);

/* Where its windows begin (a rolled one's later than 0) and end, since the start. */
void recording_extent(const struct recording *recording, int64_t *ret_from_ns, int64_t *ret_to_ns);

/* A file's text as it was recorded (--with-source), in the snapshot's arena; NULL: not kept. */
const char *recording_source(struct recording *recording, const struct snapshot *snapshot,
                             const char *file);

/* A table of others is there, made by this very text. */
bool recording_has_table(struct recording *recording, const char *name, const char *sql);

/* Nothing is called so: the file is older than that table. */
bool recording_lacks(struct recording *recording, const char *name);

/* The open database, for tables of others (a trace): read-only, with all defences. */
struct sqlite3 *recording_database(struct recording *recording);

/* The name ends in .ulma, or the file begins as a SQLite database does. */
bool recording_is_name(const char *word);

#endif

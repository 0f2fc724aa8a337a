/* SPDX-License-Identifier: MIT */
/* A thread that writes a recording as it goes.
 * Why: disks are slow at the wrong moment. Snapshots are sums, so a write that takes long makes one
 * window longer and loses nothing; what others push (chunks of a trace) waits in a queue of bounded size,
 * and whoever pushes is told when it is full.
 * Rules: `take` is called on this thread. Pushed jobs run on it, in order, with the writer's database in
 * a transaction that the next window commits. */
#ifndef ULMA_RECORDING_RECORDER_H
#define ULMA_RECORDING_RECORDER_H

#include "recording/recording_writer.h"

struct recorder;

/* Work for the recorder's thread. `run` returns 0 or -errno, which ends the recording; `release` is
 * called once in any case, after it or instead of it. */
struct recorder_job {
    int (*run)(struct recorder_job *job, struct recording_writer *writer);
    void (*release)(struct recorder_job *job);
    size_t bytes;              /* that it holds */
    struct recorder_job *next; /* the recorder's */
};

enum { RECORDER_QUEUE_BYTES = 64 << 20 };

struct recorder_source {
    struct snapshot *(*take)(void *context); /* since the start, with detail; NULL: no memory */
    void *context;
};

/* Takes over the writer. NULL: no memory or no thread; then the writer is still the caller's. */
struct recorder *recorder_start(struct recording_writer *writer,
                                const struct recorder_source *source);

/* False: the queue is full, or the recording has failed: the job is still the caller's. */
bool recorder_push(struct recorder *recorder, struct recorder_job *job);

/* True once writing has failed; the sentence is recorder_reason's. Any thread. */
bool recorder_has_failed(const struct recorder *recorder);
const char *recorder_reason(const struct recorder *recorder);

/* Runs what is queued, writes the last window, closes. 0 or -errno. The recorder is freed by
 * recorder_free. */
int recorder_finish(struct recorder *recorder);
int64_t recorder_bytes(const struct recorder *recorder);
void recorder_free(struct recorder *recorder); /* NULL is allowed; finishes first */

#endif

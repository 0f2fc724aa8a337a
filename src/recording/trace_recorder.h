/* SPDX-License-Identifier: MIT */
/* From the tap to chunks: threads that pack what the model's owner copies out.
 * Why a queue of blocks: the thread that drains the rings does nothing for a trace but a memcpy of what it
 * has just folded; packing and writing take as long as they take, elsewhere.
 * Why two threads that pack, one at a time: where CPUs are few, whoever packs does so on the target's, and a
 * target is not to be slower for its trace. So one has the lowest priority, and the queue is long. On a machine
 * that is busy for good that one would never be done: what is older than a second, all from a quarter of the queue
 * on, and what is left at the end, the other packs, with everybody's priority.
 * When the queue is full (the disk is slow, or the packer has no CPU): where a full ring is waited for
 * (`wait`), the drain pauses, the rings fill, and the target waits by the rings' own rules, which is measured
 * and taken out of its functions' times: the trace is whole. Else (`drop`) a batch of events is left out of
 * the trace, which is counted; the trace says where (HOLE) and what the stack was after it. Definitions
 * and other steps are never left out. The model, and so the target's data, has all events in any case.
 * Rules: one at a time puts, under the collector's lock. The sink is called on the recorder's threads. */
#ifndef ULMA_RECORDING_TRACE_RECORDER_H
#define ULMA_RECORDING_TRACE_RECORDER_H

#include "model/tap.h"
#include "recording/redact.h"
#include "recording/trace_index.h"

#include <stdbool.h>

struct trace_recorder;

struct trace_chunk {
    const void *bytes; /* the recorder's */
    size_t size;
    const struct trace_index *index; /* of this chunk */
    uint64_t lost;                   /* events that the trace does not have, so far */
};

struct trace_sink {
    /* May wait. 0 or -errno: the trace ends there. */
    int (*put)(void *context, const struct trace_chunk *chunk);
    void *context;
};

/* Where a full ring is waited for; and where it is not. */
enum { TRACE_QUEUE_WAIT_BYTES = 256 << 20, TRACE_QUEUE_DROP_BYTES = 64 << 20 };

/* `buffer_bytes`: of the rings, which must fit beside what is queued. NULL: no memory or thread. */
struct trace_recorder *trace_recorder_new(const struct trace_sink *sink, size_t buffer_bytes,
                                          bool wait);

/* What of command lines the trace keeps: as redact_command has it. Before anything is put; else they are
 * kept as they are. `redact` outlives the recorder. Names are not hashed: patterns and what they choose
 * are found by name when it is played. */
void trace_recorder_set_redact(struct trace_recorder *recorder, const struct redact *redact);

/* For collector_options.tap. */
struct tap *trace_recorder_tap(struct trace_recorder *recorder);

/* Nobody puts any more: packs what is left, ends the thread. 0, or the first error. Idempotent. */
int trace_recorder_finish(struct trace_recorder *recorder);

/* Events that the trace does not have; and those that it has. Any thread. */
uint64_t trace_recorder_lost(const struct trace_recorder *recorder);
uint64_t trace_recorder_events(const struct trace_recorder *recorder);

void trace_recorder_free(struct trace_recorder *recorder); /* NULL is allowed; finishes first */

#endif

/* SPDX-License-Identifier: MIT */
/* A trace's chunks as tables of a recording: written by the recorder's thread, read in their order.
 *
 *   trace_chunks    chunk 1.., from_ns and to_ns (of its first and last event, since the first event
 *                   of all), events, lost (events that the trace does not have, up to here), bytes
 *                   (trace_codec.h)
 *   trace_threads   for each chunk the threads that have events in it: the track's number, which is good for the
 *                   whole recording where a thread id is used again; pid, tid, from_ns, to_ns, events
 * Why in the same file: one file travels; what is committed with the windows is whole with them.
 * Rules: the tables are there only where there is a trace. Reading: as recording.h, hostile. */
#ifndef ULMA_RECORDING_TRACE_TABLE_H
#define ULMA_RECORDING_TRACE_TABLE_H

#include "recording/recorder.h"
#include "recording/recording.h"
#include "recording/trace_recorder.h"
#include "recording/trace_source.h"

/* Makes the tables; before the recorder's thread has the writer. 0 or -errno. */
int trace_table_create(struct recording_writer *writer);

struct trace_table;

/* Where a trace recorder's chunks go. NULL: no memory. It is to be freed after the trace recorder has
 * finished, and before `recorder`. */
struct trace_table *trace_table_new(void);
void trace_table_set_recorder(struct trace_table *table, struct recorder *recorder);
struct trace_sink trace_table_sink(struct trace_table *table);
/* Chunks that still come are thrown away: nobody writes any more. NULL is allowed. */
void trace_table_close(struct trace_table *table);
void trace_table_free(struct trace_table *table);

/* Events and bytes of the trace; false: the recording has none. */
bool trace_table_find(struct recording *recording, int64_t *ret_events, int64_t *ret_bytes);

/* No batch was left out of it, and no chunk is missing. */
bool trace_table_is_whole(struct recording *recording);

/* The chunks, while the recording stays open. 0; -ENODATA: it has no trace; or -errno. */
int trace_table_open(struct recording *recording, struct trace_source **ret_source);

#endif

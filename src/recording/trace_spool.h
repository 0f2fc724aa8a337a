/* SPDX-License-Identifier: MIT */
/* A trace's chunks in a file without a name, for a run that writes a timeline at its end.
 * Why a file: a timeline is ten times as large as the trace that it is made of, and memory is the target's.
 * Rules: the file lies in $TMPDIR, else /var/tmp, and goes with the process. Written by one thread, then read
 * by one. */
#ifndef ULMA_RECORDING_TRACE_SPOOL_H
#define ULMA_RECORDING_TRACE_SPOOL_H

#include "recording/trace_recorder.h"
#include "recording/trace_source.h"

struct trace_spool;

/* 0 or -errno. */
int trace_spool_new(struct trace_spool **ret_spool);

/* The spool as a sink. */
struct trace_sink trace_spool_sink(struct trace_spool *spool);

/* The spool as a source; its close does nothing. */
struct trace_source *trace_spool_source(struct trace_spool *spool);

uint64_t trace_spool_bytes(const struct trace_spool *spool);

void trace_spool_free(struct trace_spool *spool); /* NULL is allowed */

#endif

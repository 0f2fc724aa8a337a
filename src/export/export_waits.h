/* SPDX-License-Identifier: MIT */
/* The lists `waits` and `gil_holds` of the JSON report, and what a thread's time goes into.
 * Rules: those of json_writer.h. Nothing is written where the source was never on. */
#ifndef ULMA_EXPORT_EXPORT_WAITS_H
#define ULMA_EXPORT_EXPORT_WAITS_H

#include "export/json_writer.h"
#include "model/snapshot.h"

void export_waits_write(struct json_writer *writer, const struct snapshot *snapshot);

/* Members of the thread's object. */
void export_waits_split(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct snapshot_thread *thread);

#endif

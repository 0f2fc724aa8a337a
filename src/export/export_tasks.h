/* SPDX-License-Identifier: MIT */
/* asyncio's tasks in the report: the longest step, and a row for each that lives and for each coroutine
 * and maker of those that have ended.
 * Rules: for the files of this folder only. */
#ifndef ULMA_EXPORT_EXPORT_TASKS_H
#define ULMA_EXPORT_EXPORT_TASKS_H

#include "base/arena.h"
#include "export/exporter.h"

/* Writes nothing when there were none. 0 or -ENOMEM. */
int export_tasks_write(FILE *stream, const struct snapshot *snapshot,
                       const struct export_options *options, struct arena *arena);

#endif

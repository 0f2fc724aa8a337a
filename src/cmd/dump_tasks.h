/* SPDX-License-Identifier: MIT */
/* The tasks of asyncio that were read of a process, as text or as JSON.
 * Why: a task that waits for others stands above them, so that one sees who waits for whom, as
 * asyncio.print_call_graph shows it from within.
 * Rules: as dump_print.h. Nothing is printed of a program that has not imported asyncio. */
#ifndef ULMA_CMD_DUMP_TASKS_H
#define ULMA_CMD_DUMP_TASKS_H

#include "attach/inspect.h"
#include "base/arena.h"
#include "export/json_writer.h"

#include <stdio.h>

/* 0 or -ENOMEM. */
int dump_print_tasks(const struct inspect *inspect, struct arena *arena, FILE *stream);
void dump_write_tasks(struct json_writer *json, const struct inspect *inspect, bool with_locals);

#endif

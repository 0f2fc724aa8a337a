/* SPDX-License-Identifier: MIT */
/* What was read of a process, as text in the manner of `py-spy dump`, or as JSON.
 * Why: apart from the verb, so that other verbs can show the same stacks.
 * Rules: names are the target's: cleaned before a terminal sees them. */
#ifndef ULMA_CMD_DUMP_PRINT_H
#define ULMA_CMD_DUMP_PRINT_H

#include "attach/inspect.h"

#include "base/arena.h"
#include "export/json_writer.h"

#include <stdio.h>

/* 0 or -ENOMEM; what the stream could not take is told by ferror. */
int dump_print_text(const struct inspect *inspect, FILE *stream);
void dump_print_json(const struct inspect *inspect, bool with_locals, FILE *stream);

/* A frame on a line of its own, its variables below it; `indent` blanks before it. */
void dump_print_frame(struct arena *arena, const struct inspect_frame *frame, int indent,
                      FILE *stream);
void dump_write_frame(struct json_writer *json, const struct inspect_frame *frame,
                      bool with_locals);

/* A name of the target's as a terminal may have it, `?` for NULL. */
const char *dump_shown(struct arena *arena, const char *text);

/* The command line of a process, its words parted by blanks; "" when it cannot be read. */
void dump_read_command(int pid, char *text, size_t size);

#endif

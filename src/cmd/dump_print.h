/* SPDX-License-Identifier: MIT */
/* What was read of a process, as text in the manner of `py-spy dump`, or as JSON.
 * Why: apart from the verb, so that other verbs can show the same stacks.
 * Rules: names are the target's: cleaned before a terminal sees them. */
#ifndef ULMA_CMD_DUMP_PRINT_H
#define ULMA_CMD_DUMP_PRINT_H

#include "attach/inspect.h"

#include <stdio.h>

/* 0 or -ENOMEM; what the stream could not take is told by ferror. */
int dump_print_text(const struct inspect *inspect, FILE *stream);
void dump_print_json(const struct inspect *inspect, bool with_locals, FILE *stream);

/* The command line of a process, its words parted by blanks; "" when it cannot be read. */
void dump_read_command(int pid, char *text, size_t size);

#endif

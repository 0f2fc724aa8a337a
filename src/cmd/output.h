/* SPDX-License-Identifier: MIT */
/* Where a report goes: a file opened before the target starts, stdout, or stderr.
 * Why: a run of an hour must not end in "permission denied"; what was measured is never thrown away.
 * Rules: never overwrites in silence. Prints its own messages. */
#ifndef ULMA_CMD_OUTPUT_H
#define ULMA_CMD_OUTPUT_H

#include "cmd/options.h"

#include <sys/types.h>

struct output {
    int fd;     /* -1: none opened */
    char *path; /* NULL: stdout or stderr */
    bool created, regular, to_stderr;
    const struct exporter *format;
};

/* The format that will be written: -f's, else by the extension of -o, else table. */
const struct exporter *output_format(const struct options *options);

/* `pattern` with %p as the PID and %% as a percent sign; owned. NULL: no memory. */
char *output_expand(const char *pattern, pid_t pid);

/* Opens what the options name; %p is `pid`. False: said on stderr. */
bool output_open(struct output *output, const struct options *options, pid_t pid);

/* Writes the whole report. When that fails it goes to the next best place, and that is said.
 * False: something failed (said). */
bool output_write(struct output *output, const char *bytes, size_t size);

/* Takes back an empty file that output_open made; for runs that never began. */
void output_abandon(struct output *output);
void output_close(struct output *output);

#endif

/* SPDX-License-Identifier: MIT */
/* A recording named on the command line: opened with its options, a report on it written.
 * Why: report, top and export of a FILE begin alike.
 * Rules: says itself why it failed. Knows no process and no probe: it is in the reading half. */
#ifndef ULMA_CMD_RECORDED_H
#define ULMA_CMD_RECORDED_H

#include "cmd/options.h"
#include "recording/recording.h"

struct recorded {
    struct recording *recording;
    struct recording_query query; /* --from, --to, --thread, --by, --clock */
};

/* False: said on stderr. */
bool recorded_open(struct recorded *recorded, const struct options *options, const char *path);
/* recording_snapshot, and what stands in its lines. */
struct snapshot *recorded_snapshot(struct recorded *recorded, const struct recording_query *query);

/* The text of a file as it was recorded, else as it is; to be freed. NULL: neither. */
char *recorded_source(const struct recorded *recorded, const char *file);

void recorded_close(struct recorded *recorded);

/* The report where -o says, else on stdout. EXIT_FINE or another exit status. */
int recorded_report(const struct options *options, const char *path);

/* The terminal's screen, or frames, on it. */
int recorded_top(const struct options *options, const char *path);

/* Options that ask for a process when a recording was named, or the other way round. False: said. */
bool recorded_check(const struct options *options, const char *verb, char **words, int word_count);

#endif

/* SPDX-License-Identifier: MIT */
/* How a comparison is written: one file for each format, as in src/export.
 * Rules: as export/exporter.h has them: writes to its stream and nowhere else, returns 0 or a negative
 * errno, and writes names so that its readers survive them. */
#ifndef ULMA_DIFF_DIFF_WRITER_H
#define ULMA_DIFF_DIFF_WRITER_H

#include "diff/diff_limits.h"
#include "export/exporter.h"

struct diff_report {
    const struct diff *diff;
    const struct diff_excess *excesses; /* of --fail-over */
    size_t excess_count;
    const struct export_options *options; /* limit, columns, color */
};

struct diff_writer {
    const char *name; /* of the exporter that -f and file names find */
    int (*write)(const struct diff_report *report, FILE *stream);
};

extern const struct diff_writer diff_writer_table, diff_writer_tree, diff_writer_markdown,
    diff_writer_json;

/* NULL: there is no such format of a comparison. */
const struct diff_writer *diff_writer_find(const char *name);

/* --- what those for people share ------------------------------------------------------------------ */

/* Which recordings, clock, noise, notes, verdict. 0 or -ENOMEM. */
int diff_write_head(const struct diff_report *report, FILE *stream);

enum { DIFF_CELL_BYTES = 48 };

/* `+22.1ms`, `-3.4µs`, `0` */
char *diff_time_change(char cell[static DIFF_CELL_BYTES], double change_ns);

/* `+18.4%`, `×3.2` from 10 times on; nothing where one side has none. */
char *diff_percent(char cell[static DIFF_CELL_BYTES], const struct diff_measure *measure);

/* `±5.2%`, nothing when nobody can tell */
char *diff_noise(char cell[static DIFF_CELL_BYTES], const struct diff_measure *measure);

/* A count that is a median: with one digit where it is no whole number. */
char *diff_count(char cell[static DIFF_CELL_BYTES], double count);

/* Self time, or that of one call. */
const struct diff_measure *diff_shown_time(const struct diff *diff,
                                           const struct diff_function *function);

/* How many functions are listed: those that have changed, then the largest differences within the noise. */
struct diff_rows {
    size_t changed, within;
};
struct diff_rows diff_rows_shown(const struct diff_report *report);

/* Contexts with a change of their own, the largest first; at most `most`. NULL: no memory. */
const int32_t *diff_changed_contexts(const struct diff *diff, size_t most, size_t *ret_count);

#endif

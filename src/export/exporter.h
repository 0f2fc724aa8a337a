/* SPDX-License-Identifier: MIT */
/* A format: one file that exports one `const struct exporter` and has one line in formats.def.
 * Why: the command line's help, the check of -f, the docs and the golden tests follow from the list.
 * Rules: reads a snapshot; writes to the stream it is given and nowhere else; returns 0 or a negative
 * errno (a full disk is told by ferror, which the caller checks too); never prints, never exits.
 * What a name may hold is hostile (newlines, semicolons, control bytes, invalid UTF-8): each format
 * writes it so that its readers survive. */
#ifndef ULMA_EXPORT_EXPORTER_H
#define ULMA_EXPORT_EXPORTER_H

#include "model/slices.h"
#include "model/snapshot.h"

#include <stdio.h>

struct json_writer;

enum export_weight { WEIGHT_TIME, WEIGHT_CALLS, WEIGHT_WAIT, WEIGHT_BYTES /* collapsed */ };

struct export_options {
    enum snapshot_clock clock;
    const char *sort; /* pstats key, already checked (export_sort_find); NULL: tottime */
    size_t limit;     /* rows; 0: all. table, markdown; tree: 0 leaves nothing out */
    int columns;      /* width of the terminal or 80: table decides on ours columns by it */
    bool wide;
    bool color;
    enum export_weight weight; /* collapsed, flamegraph */
    bool compact;              /* json: one line, for streams of frames */
    /* json: members after the report's own; 0 or a negative errno. NULL: there are none. */
    int (*write_more)(const void *context, struct json_writer *writer);
    const void *context;
};

struct exporter {
    const char *name;       /* "pstats" */
    const char *extensions; /* ".pstats .prof", NULL: none */
    const char *aliases;    /* "raw folded", NULL: none */
    const char *help;
    bool binary; /* refused on a terminal */
    int (*write)(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream);
    /* A timeline's: of each call, in bounded memory. NULL: the format is of a snapshot. Else `write` answers
     * -ENODATA: what it needs is a trace. */
    int (*write_trace)(struct slices *slices, const struct export_options *options, FILE *stream);
};

extern const struct exporter *const exporter_list[]; /* order of formats.def; NULL ends it */

/* By name or alias; by a file's extension. NULL: none. */
const struct exporter *exporter_find(const char *name);
const struct exporter *exporter_for_file(const char *path);

/* The nearest known word to a mistyped one, for messages; NULL: none near. */
const char *exporter_nearest(const char *name);

/* Sort keys: pstats' and ours (p50 p99 max wait). Resolves unique prefixes as pstats does.
 * Returns the canonical key or NULL (unknown or ambiguous). */
const char *export_sort_find(const char *key);
const char *export_sort_nearest(const char *key);

#endif

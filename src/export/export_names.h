/* SPDX-License-Identifier: MIT */
/* What several formats share: times by the clock, names that are safe to write, padding.
 * Why: one spelling of a function in every file.
 * Rules: for the files of this folder and of src/diff. Memory is the caller's arena. */
#ifndef ULMA_EXPORT_EXPORT_NAMES_H
#define ULMA_EXPORT_EXPORT_NAMES_H

#include "base/arena.h"
#include "export/exporter.h"

/* Never below zero: cpu time is a difference of two measurements. */
static inline int64_t export_self(const struct snapshot_function *function,
                                  enum snapshot_clock clock)
{
    int64_t self = snapshot_self(function, clock);
    return self > 0 ? self : 0;
}

static inline int64_t export_total(const struct snapshot_function *function,
                                   enum snapshot_clock clock)
{
    int64_t total = snapshot_total(function, clock);
    return total > 0 ? total : 0;
}

/* Self time of all functions: the whole of which shares are told. */
int64_t export_whole(const struct snapshot *snapshot, enum snapshot_clock clock);

/* part / whole * 100, 0 for an empty whole. */
double export_percent(int64_t part, int64_t whole);

/* Time that all threads together were profiled: the whole of which costs are told. */
int64_t export_profiled(const struct snapshot *snapshot);

/* `qualname (package/module.py:line)`, safe to show. NULL: no memory. */
const char *export_label(struct arena *arena, const struct snapshot_function *function);

/* Labels of all functions. NULL: no memory. */
const char **export_labels(struct arena *arena, const struct snapshot *snapshot);

/* As pstats prints it: `file:line(name)`, or `{built-in method builtins.len}`. NULL: no memory. */
const char *export_standard_name(struct arena *arena, const struct snapshot_function *function);

/* Pads on the left to `columns` on a screen: printf counts bytes. */
void export_right(FILE *stream, const char *text, int columns);

/* Markdown: the text in <code>, with what Markdown or HTML could read as more than itself as entities. */
void export_code(FILE *stream, const char *text);

/* "wall", "cpu" */
const char *export_clock_name(enum snapshot_clock clock);

/* 0, or -errno of a stream that could not take all. */
int export_finish(FILE *stream);

#endif

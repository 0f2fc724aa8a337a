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

/* What a frame of a picture is called: the qualname; `<module>` alone would say nothing, so it comes
 * with its file. Safe to show. NULL: no memory. */
const char *export_frame_name(struct arena *arena, const struct snapshot_function *function);

/* Labels of all functions. NULL: no memory. */
const char **export_labels(struct arena *arena, const struct snapshot *snapshot);

/* Where code comes from, told by its path. */
enum export_origin { ORIGIN_APP, ORIGIN_STDLIB, ORIGIN_SITE, ORIGIN_C, ORIGIN_OTHER };

enum export_origin export_origin(const struct snapshot_function *function);
char export_origin_letter(enum export_origin origin);      /* a s t c o */
const char *export_origin_name(enum export_origin origin); /* "own code" */

/* Activations and resumes of a calling context, as far as formats with signed numbers can tell. */
static inline int64_t export_count(const struct snapshot_node *node)
{
    uint64_t count = node->calls + node->resumes;
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

/* What a calling context weighs itself, by the weight and the clock asked for; never below zero. */
int64_t export_weigh(const struct snapshot_node *node, const struct export_options *options);

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

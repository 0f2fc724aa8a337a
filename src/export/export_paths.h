/* SPDX-License-Identifier: MIT */
/* The ten heaviest paths: calling contexts by self time, as `a > b > c`.
 * Why: a flat table says which function is dear; the path says how the program got there.
 * Rules: a path is cut in its middle, never at its ends: where it starts and where the time is
 * spent stay. Repeats in a row are counted (`fib ×3`). For the files of this folder and of src/diff. */
#ifndef ULMA_EXPORT_EXPORT_PATHS_H
#define ULMA_EXPORT_EXPORT_PATHS_H

#include "base/arena.h"
#include "export/exporter.h"

/* Writes nothing when no context has self time. 0 or -ENOMEM. */
int export_paths_write(FILE *stream, const struct snapshot *snapshot,
                       const struct export_options *options, struct arena *arena);

/* The path to a node in at most `columns` (none below 20). NULL: no memory. */
const char *export_paths_text(struct arena *arena, const struct snapshot *snapshot, int32_t node,
                              int columns);

#endif

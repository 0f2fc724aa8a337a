/* SPDX-License-Identifier: MIT */
/* What stands in the lines of a snapshot.
 * Why here: a view reads a snapshot and nothing else, so whoever shows one puts the text into it.
 * Rules: any thread. A file that has changed since the profiling began says nothing, since its lines may be
 * others now. */
#ifndef ULMA_CMD_SOURCE_TEXT_H
#define ULMA_CMD_SOURCE_TEXT_H

#include "model/snapshot.h"

/* Fills the text of the lines that are known. `recorded` (NULL: nobody) gives a file's text, in the snapshot's arena or
 * for ever; where it knows none, and `from_disk`, the file itself is read. */
typedef const char *source_text_of(void *context, const struct snapshot *snapshot,
                                   const char *file);
void source_text_fill(struct snapshot *snapshot, source_text_of *recorded, void *context,
                      bool from_disk);

/* The file's text, to be freed by the caller; NULL: it has changed since then (CLOCK_REALTIME), or cannot be read. */
char *source_text_whole(const char *file, int64_t before_ns);

#endif

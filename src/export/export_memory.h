/* SPDX-License-Identifier: MIT */
/* Python's memory in JSON: by line, by allocator, by size.
 * Rules: for the files of this folder only. */
#ifndef ULMA_EXPORT_EXPORT_MEMORY_H
#define ULMA_EXPORT_EXPORT_MEMORY_H

#include "export/json_writer.h"
#include "model/snapshot.h"

/* Writes nothing where the source was never on. */
void export_memory_write(struct json_writer *writer, const struct snapshot *snapshot);

#endif

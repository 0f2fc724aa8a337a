/* SPDX-License-Identifier: MIT */
/* Which memory is of a file that is mapped, and whether it may be written.
 * Why: what the probe writes over are words of the interpreter's and of extensions' own data; where these stand on the
 * heap they may be freed while we still want to write, and where they may not be written we would fault.
 * Rules: the GIL is held; what was read holds until the next mapped_files_read. */
#ifndef ULMA_PROBE_MAPPED_FILES_H
#define ULMA_PROBE_MAPPED_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct mapped_file {
    uintptr_t from, to;
    bool is_writable;
};

/* Reads the process's maps. False: no memory. */
bool mapped_files_read(void);

/* NULL: no file's. */
const struct mapped_file *mapped_files_find(const void *address);

#endif

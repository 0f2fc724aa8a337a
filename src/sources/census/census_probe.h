/* SPDX-License-Identifier: MIT */
/* The census in the target: one walk over the heap, when it is asked for.
 * Why here and not from outside: what an object refers to only its type's own code knows.
 * Rules: under the GIL, in the handler of SIGURG; nothing of the program's runs. It answers with a sentence. */
#ifndef ULMA_SOURCES_CENSUS_PROBE_H
#define ULMA_SOURCES_CENSUS_PROBE_H

#include <stddef.h>

/* Fills the file at `path` (wire/heap_census.h) and takes its name away. 0, or -1 with a sentence. */
int census_run(const char *path, char *reason, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/* A large array that never moves: address space is reserved, pages come when they are touched.
 * Why: the fold keeps plain pointers into its tables in registers; a table that grew by realloc would
 * move under it and stop it for a copy of all that it holds.
 * Rules: memory starts zeroed. The limit is what the table may ever hold. */
#ifndef ULMA_MODEL_REGION_H
#define ULMA_MODEL_REGION_H

#include <stddef.h>

/* NULL: the address space is not to be had (RLIMIT_AS). */
void *region_new(size_t count, size_t size);
void region_free(void *region, size_t count, size_t size); /* NULL is allowed */

/* Makes the first `count` things zero again and gives their pages back where they are many. */
void region_clear(void *region, size_t count, size_t size);

#endif

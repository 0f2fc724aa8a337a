/* SPDX-License-Identifier: MIT */
/* Memory that is freed all at once.
 * Why: snapshots, views and reports are built, read and dropped whole; freeing their parts one by one
 * would be code without a reader's interest.
 * Rules: one thread at a time. Pointers stay valid until arena_free. Returns NULL only when memory is
 * out. */
#ifndef ULMA_BASE_ARENA_H
#define ULMA_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is allowed */

/* Zeroed memory of `size` bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` zeroed things of `size` bytes; NULL on overflow too. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of a string; the second takes `size` bytes and terminates them. */
char *arena_string(struct arena *arena, const char *text);
char *arena_string_of(struct arena *arena, const char *bytes, size_t size);

/* sprintf into the arena. */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

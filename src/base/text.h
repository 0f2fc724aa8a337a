/* SPDX-License-Identifier: MIT */
/* Text for people: UTF-8 that may be broken, its width on a screen, and numbers with units.
 * Why: names come from programs that may be hostile (control bytes, invalid UTF-8, text that runs
 * backwards), and every screen and file must show them without being harmed. Widths are ours, not
 * libc's, so that screens do not depend on the locale.
 * Rules: nothing here depends on the locale. What is not valid UTF-8 is taken one byte at a time
 * and counts as one column. The format functions write into the caller's buffer, always terminate
 * it, and return it. */
#ifndef ULMA_BASE_TEXT_H
#define ULMA_BASE_TEXT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_INVALID UINT32_MAX

/* The code point at `text` (at least one byte long) and how many bytes it takes. Overlong forms,
 * surrogates and what is above U+10FFFF are TEXT_INVALID and take one byte. */
size_t text_decode(const char *text, size_t size, uint32_t *ret_point);

/* Writes the code point (at most 4 bytes, not terminated); returns how many. */
size_t text_encode(uint32_t point, char *buffer);

/* Columns that a code point takes: 0 (marks, joiners), 1 or 2. */
int text_point_width(uint32_t point);

/* Controls, surrogates, noncharacters, and what turns the text around it. */
bool text_point_unsafe(uint32_t point);

/* Columns that a whole string takes. */
int text_width(const char *text);

/* Bytes of the longest prefix that takes at most `columns`, marks that follow it included. */
size_t text_cut(const char *text, int columns);

/* At most `columns` wide: the start (or the end) of the text and an ellipsis. From the arena. */
char *text_fit(struct arena *arena, const char *text, int columns);
char *text_fit_end(struct arena *arena, const char *text, int columns);

/* Safe to show anywhere: what is unsafe or invalid becomes \n, \x1b, \u202e, \xff as in Python. */
char *text_clean(struct arena *arena, const char *text);

/* The same text with U+FFFD for each invalid byte: valid UTF-8, else unchanged. */
char *text_valid(struct arena *arena, const char *text);

/* The end of a path that names the module: `package/module.py`. A pointer into `path`. The module's
 * dotted name (NULL: unknown) tells how much of the path is package. */
const char *text_short_path(const char *path, const char *module);

/* Whether `part` is in `text`, the case of ASCII letters ignored. An empty part is in everything. */
bool text_contains(const char *text, const char *part);

/* How many letters must be changed, put in, left out or swapped with their neighbour. Words of more
 * than 63 bytes are far from everything (64). */
unsigned text_distance(const char *a, const char *b);

enum { TEXT_NUMBER_BYTES = 32 }; /* enough for any of the following */

/* 0, 999ns, 12.3µs, 1.23ms, 45.6s, 16m40s, 27h46m, 99.9d: at most 6 columns (7 when negative). */
char *text_format_time(char buffer[static TEXT_NUMBER_BYTES], int64_t time_ns);

/* 0, 9999, 12.3k, 1.23M, 18.4E: at most 5 columns. */
char *text_format_count(char buffer[static TEXT_NUMBER_BYTES], uint64_t count);

/* 1,234,567 */
char *text_format_grouped(char buffer[static TEXT_NUMBER_BYTES], uint64_t count);

/* 0B, 1023B, 12.3K, 1.23M (powers of 1024): at most 5 columns (6 when negative). */
char *text_format_bytes(char buffer[static TEXT_NUMBER_BYTES], int64_t bytes);

/* A number that need not be whole: 0, 0.05, 1.23, 45.6, 789, 12.3k. At most 5 columns. */
char *text_format_rate(char buffer[static TEXT_NUMBER_BYTES], double rate);

#endif

/* SPDX-License-Identifier: MIT */
/* qsort with a context, where systems do not agree: glibc's qsort_r has it last, a Mac's has it first.
 * Why: what reads recordings is built on both. */
#ifndef ULMA_BASE_SORT_H
#define ULMA_BASE_SORT_H

#include <stddef.h>

void sort_with(void *items, size_t count, size_t size,
               int (*compare)(const void *left, const void *right, void *context), void *context);

#endif

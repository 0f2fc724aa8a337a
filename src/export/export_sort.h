/* SPDX-License-Identifier: MIT */
/* Functions in the order of a pstats key.
 * Why: table and markdown list the same rows in the same order, and hands know pstats' keys.
 * Rules: numbers descend, words ascend, as in pstats; what is equal goes by pstats' standard name.
 * Rows without calls and time are left out. */
#ifndef ULMA_EXPORT_EXPORT_SORT_H
#define ULMA_EXPORT_EXPORT_SORT_H

#include "base/arena.h"
#include "export/exporter.h"

/* Indices into snapshot->functions; *ret_count of them. NULL: no memory. */
const int32_t *export_sort_order(struct arena *arena, const struct snapshot *snapshot,
                                 const struct export_options *options, size_t *ret_count);

/* How pstats calls the order: "internal time". */
const char *export_sort_title(const char *key);

#endif

/* SPDX-License-Identifier: MIT */
/* Sorting with a context.
 * Why: see sort.h. */
#include "base/sort.h"

#include <stdlib.h>

#if defined(__APPLE__) || defined(__FreeBSD__)

struct turned {
    int (*compare)(const void *left, const void *right, void *context);
    void *context;
};

static int compare_turned(void *context, const void *left, const void *right)
{
    const struct turned *turned = context;
    return turned->compare(left, right, turned->context);
}

void sort_with(void *items, size_t count, size_t size,
               int (*compare)(const void *left, const void *right, void *context), void *context)
{
    struct turned turned = {compare, context};
    qsort_r(items, count, size, &turned, compare_turned);
}

#else

void sort_with(void *items, size_t count, size_t size,
               int (*compare)(const void *left, const void *right, void *context), void *context)
{
    qsort_r(items, count, size, compare, context);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Medians and spreads of a few numbers.
 * Why medians: one run beside a neighbour's compiler must not decide.
 * Rules: the arrays given are sorted in place. */
#ifndef ULMA_DIFF_DIFF_MEDIAN_H
#define ULMA_DIFF_DIFF_MEDIAN_H

#include <stddef.h>

struct diff_weighed {
    double number, weight;
};

/* 0 of none. */
double diff_median(double *numbers, size_t count);
double diff_weighed_median(struct diff_weighed *weighed, size_t count);

/* As a standard deviation, from the median distance to the median. */
double diff_spread(double *numbers, size_t count);

#endif

/* SPDX-License-Identifier: MIT */
/* Medians by sorting.
 * Why: see diff_median.h; there are dozens of numbers, not millions.
 * Rules: numbers are finite. */
#include "diff/diff_median.h"

#include <math.h>
#include <stdlib.h>

/* Of a normal distribution, the standard deviation for a median distance of 1. */
#define DEVIATION_OF_MEDIAN 1.4826

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double diff_median(double *numbers, size_t count)
{
    if (count == 0)
        return 0;
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    if (count % 2)
        return numbers[count / 2];
    return (numbers[count / 2 - 1] + numbers[count / 2]) / 2;
}

static int compare_weighed(const void *left, const void *right)
{
    return compare_numbers(&((const struct diff_weighed *)left)->number,
                           &((const struct diff_weighed *)right)->number);
}

double diff_weighed_median(struct diff_weighed *weighed, size_t count)
{
    double sum = 0, half = 0;
    qsort(weighed, count, sizeof(*weighed), compare_weighed);
    for (size_t i = 0; i < count; i++)
        sum += weighed[i].weight;
    for (size_t i = 0; i < count; i++) {
        half += weighed[i].weight;
        if (half >= sum / 2)
            return weighed[i].number;
    }
    return 0;
}

double diff_spread(double *numbers, size_t count)
{
    double middle = diff_median(numbers, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = fabs(numbers[i] - middle);
    return DEVIATION_OF_MEDIAN * diff_median(numbers, count);
}

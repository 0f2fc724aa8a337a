/* SPDX-License-Identifier: MIT */
/* --fail-over: what has grown beyond a limit.
 * Why held against functions and the whole: a function that doubled may be lost in the whole, and a
 * hundred that grew a little may each be below.
 * Rules: only what has grown for certain counts, and of functions only what matters and was there before:
 * a new function's share stands in the whole. */
#ifndef ULMA_DIFF_DIFF_LIMITS_H
#define ULMA_DIFF_DIFF_LIMITS_H

#include "diff/diff.h"

enum diff_metric {
    METRIC_CALLS,
    METRIC_TOTTIME,
    METRIC_CUMTIME,
    METRIC_P99,
    METRIC_OBJECTS, /* of recordings that have them */
    METRIC_BYTES,
    METRICS,
};

extern const char *const diff_metric_names[METRICS];

struct diff_limit {
    enum diff_metric metric;
    double percent; /* that it may grow by */
};

struct diff_excess {
    struct diff_limit limit;
    const struct diff_function *function; /* NULL: the whole */
    double percent;                       /* that it grew by */
};

/* In the order of the limits, of each the whole first, then functions by what matters. From the diff's arena;
 * NULL: no memory. */
struct diff_excess *diff_limits_hold(struct diff *diff, const struct diff_limit *limits,
                                     size_t limit_count, size_t *ret_count);

/* `tottime +18.4% (limit 10%): price (shop.py:12)`. NULL: no memory. */
const char *diff_excess_text(const struct diff *diff, const struct diff_excess *excess);

#endif

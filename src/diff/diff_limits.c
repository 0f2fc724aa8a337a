/* SPDX-License-Identifier: MIT */
/* Limits against measures.
 * Why: see diff_limits.h.
 * Rules: as diff_limits.h. */
#include "diff/diff_limits.h"

#include "base/arena.h"

const char *const diff_metric_names[METRICS] = {"calls", "tottime", "cumtime",
                                                "p99",   "objects", "bytes"};

static const struct diff_measure *
measure_of(const struct diff *diff, const struct diff_function *function, enum diff_metric metric)
{
    switch (metric) {
    case METRIC_CALLS:
        return function ? &function->calls : diff->request.per_call ? NULL : &diff->whole_calls;
    case METRIC_TOTTIME:
        if (diff->request.per_call)
            return function ? &function->per_call : NULL;
        return function ? &function->self : &diff->whole_self;
    case METRIC_CUMTIME:
        return function && !diff->request.per_call ? &function->total : NULL;
    case METRIC_P99:
        return function ? &function->p99 : NULL;
    case METRIC_OBJECTS:
        return function ? &function->objects : diff->request.per_call ? NULL : &diff->whole_objects;
    case METRIC_BYTES:
        return function ? &function->bytes : diff->request.per_call ? NULL : &diff->whole_bytes;
    default:
        return NULL;
    }
}

/* Of what all functions made. */
#define SHARE_LEAST 0.001

/* Times below min_time are never judged; a count of a function may be beside the point. */
static bool matters(const struct diff *diff, const struct diff_measure *measure,
                    const struct diff_function *function, enum diff_metric metric)
{
    if (metric == METRIC_OBJECTS)
        return measure->sides[DIFF_NEW] >= SHARE_LEAST * diff->whole_objects.sides[DIFF_NEW];
    if (metric == METRIC_BYTES)
        return measure->sides[DIFF_NEW] >= SHARE_LEAST * diff->whole_bytes.sides[DIFF_NEW];
    return metric != METRIC_CALLS || function->matters;
}

static bool exceeds(const struct diff *diff, const struct diff_measure *measure,
                    const struct diff_function *function, const struct diff_limit *limit)
{
    if (!measure || measure->way != DIFF_UP || measure->percent <= limit->percent)
        return false;
    if (!function)
        return true;
    return function->sides[DIFF_OLD] && matters(diff, measure, function, limit->metric);
}

struct diff_excess *diff_limits_hold(struct diff *diff, const struct diff_limit *limits,
                                     size_t limit_count, size_t *ret_count)
{
    struct diff_excess *list =
        arena_array(diff->arena, limit_count * (diff->function_count + 1) + 1, sizeof(*list));
    size_t count = 0;
    for (size_t l = 0; list && l < limit_count; l++) {
        for (size_t i = 0; i <= diff->function_count; i++) {
            const struct diff_function *function = i ? &diff->functions[i - 1] : NULL;
            const struct diff_measure *measure = measure_of(diff, function, limits[l].metric);
            if (exceeds(diff, measure, function, &limits[l]))
                list[count++] = (struct diff_excess){limits[l], function, measure->percent};
        }
    }
    *ret_count = count;
    return list;
}

const char *diff_excess_text(const struct diff *diff, const struct diff_excess *excess)
{
    const char *label = excess->function ? diff_label(diff, excess->function)
                                         : "all functions together";
    if (!label)
        return NULL;
    return arena_format(diff->arena, "%s %+.1f%% (limit %g%%): %s",
                        diff_metric_names[excess->limit.metric], excess->percent,
                        excess->limit.percent, label);
}

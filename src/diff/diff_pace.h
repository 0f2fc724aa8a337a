/* SPDX-License-Identifier: MIT */
/* How fast each recording's machine was, by what all functions say.
 * Why: a neighbour, a frequency, a warm cache make a whole run slower by more than what is looked for.
 * Most functions of two versions are the same; the ratio at which most of them lie is the machine's.
 * Rules: a function is never a witness for itself. `no pace` is a witness, too, as heavy as the heaviest:
 * one function that became slower is not taken for a slow machine because it is alone. */
#ifndef ULMA_DIFF_DIFF_PACE_H
#define ULMA_DIFF_DIFF_PACE_H

#include "diff/diff_median.h"
#include "diff/diff_parts.h"

enum { PACE_WITNESSES = 200 }; /* the heaviest */

/* What a function's time in a recording is taken to be. On a CPU that is shared with others a core's work goes at
 * two speeds, and the mean tells mostly how much of the run went at which; the fastest calls do not know of
 * that. */
enum pace_kind {
    PACE_OF_MEANS,     /* all its time by its calls */
    PACE_OF_QUANTILES, /* that of the fastest of its calls; of functions that call no other */
};

struct witness {
    int32_t entry;
    double weight, doubt; /* doubt: variance of the log of its time, by itself */
    double *logs;         /* of one call's time, to the median recording, by recording */
};

struct pacing {
    const struct making *making;
    enum pace_kind kind;
    struct witness *witnesses;
    size_t count;
    struct diff_weighed *scratch;
    int32_t *witness_of; /* by entry; SNAPSHOT_NONE */
    double *all;         /* by recording: what all witnesses say */
};

/* `excluded`, by entry, may not witness; NULL: all may. `min_self_ns` is the least that a witness has. 0 or
 * -ENOMEM. */
int pacing_make(const struct making *making, enum pace_kind kind, double min_self_ns,
                const bool *excluded, struct pacing *ret_pacing);

/* The log of a call's time in each recording, to the middle one: the median over quantiles of how far each lies
 * from the same quantile in the others; `shapes`: the variance over quantiles of that. `waiting`: of the wall clock's,
 * of functions that wait. False: not known in all. `scratch`: a number for each recording. */
bool pace_quantile_logs(const struct making *making, size_t entry, bool waiting, double *logs,
                        double *shapes, double *scratch);

/* The log of a recording's pace, as all but `entry` say it (SNAPSHOT_NONE: all). */
double pacing_of(const struct pacing *pacing, size_t recording, int32_t entry);

/* How uncertain that is with one recording a side: a variance. `spread` is that of equal witnesses. */
double pacing_doubt(const struct pacing *pacing, int32_t entry, double spread);

#endif

/* SPDX-License-Identifier: MIT */
/* Measures of one function, or of the whole, from their numbers in each recording.
 * Rules: for the files of this folder. */
#ifndef ULMA_DIFF_DIFF_JUDGE_H
#define ULMA_DIFF_DIFF_JUDGE_H

#include "diff/diff_noise.h"

struct judging {
    const struct making *making;
    const struct pacing *pacing, *quantile_pacing;
    double min_time_ns;
    double pace; /* of the new side, a ratio */
    double work; /* calls of the new side, a ratio */
    bool per_call;
    double *numbers, *own, *steady, *scratch, *logs, *shapes;
};

/* 0 or -ENOMEM. */
int judge_init(struct judging *judging, const struct making *making);

/* Fills all measures of the entry's function. */
void judge_function(struct judging *judging, size_t entry, struct diff_function *function);

/* Sums of all functions. */
void judge_whole(struct judging *judging, struct diff *diff);

#endif

/* SPDX-License-Identifier: MIT */
/* When a time has changed.
 * The rule, on logarithms, so that all is in shares:
 *   change = median of the new side's times - median of the old side's, each less its recording's pace
 *   noise  = what the recordings vary by, where there are enough of them (three a side, or five in all);
 *            with fewer, what a recording says of itself (noise_own) and what is known of machines
 * It has changed when the change exceeds the noise several times, 2 %, and min_time, and the median of either
 * side lies outside of what the other side's recordings span.
 * Why so: measured on a shared machine of two CPUs, where a run's CPU time varies by 40 % (docs/diff.md has the
 * figures, and what was tried in its place).
 * Rules: pure functions. */
#ifndef ULMA_DIFF_DIFF_NOISE_H
#define ULMA_DIFF_DIFF_NOISE_H

#include "diff/diff_pace.h"

/* Of one recording's time, as a share: a steady function on a steady machine. */
#define NOISE_BASE 0.02

/* Share of its own time that a thread that works may wait for a CPU, more or less. */
#define NOISE_WAIT_TAKEN 0.5

/* The probe's cost is known to that share of itself. */
#define NOISE_PROBE 0.12

/* Less than that is no change, however sure. */
#define NOISE_FLOOR 0.02

struct noise_times {
    const double *times;  /* by recording, all above 0 */
    const double *own;    /* variances of their logs, with few recordings: what noise_own says */
    const double *steady; /* and with enough of them: what each must be allowed */
};

/* The variance of the log of a function's self time that its recording tells: short times, long tails,
 * waiting, slices that differ, and the probe's cost in it. */
double noise_own(const struct making *making, size_t recording, size_t entry);

/* What of it stays when there are enough recordings to see the rest. */
double noise_steady(const struct making *making, size_t recording, size_t entry);

/* The same of its quantiles: the probe's cost, and how many calls they are of. */
double noise_quantiles(const struct making *making, size_t recording, size_t entry);
double noise_quantiles_steady(const struct making *making, size_t recording, size_t entry);

/* The same of the wall clock's, of a function that waits. */
double noise_waiting(const struct making *making, size_t recording, size_t entry);

/* Of any time, when no more is known than its length. */
double noise_short(double time_ns);

struct verdict {
    double change;    /* log of new to old */
    double threshold; /* the least that would be certain, as a log */
    bool certain;
};

/* Enough recordings to go by their spread. */
bool noise_has_many(const struct making *making);

/* `entry` is no witness of its own pace; SNAPSHOT_NONE with `paced` false: times are taken as they are. */
struct verdict noise_judge(const struct pacing *pacing, int32_t entry, bool paced,
                           const struct noise_times *times, double *scratch);

/* Scratch that noise_judge needs, in doubles for each recording. */
enum { NOISE_SCRATCH = 5 };

#endif

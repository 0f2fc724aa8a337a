/* SPDX-License-Identifier: MIT */
/* The noise of a time.
 * Why these terms: each was seen to make alarms of nothing when it was left out (docs/diff.md).
 * Rules: as diff_noise.h. The constants are shares, but for NOISE_QUANTUM_NS. */
#include "diff/diff_noise.h"

#include <math.h>

/* Interrupts, faults, migrations: disturbances of this size, as many as time passes. */
#define NOISE_QUANTUM_NS           200e3
#define NOISE_QUANTUM_MANY_NS      100e3
#define NOISE_QUANTUM_QUANTILES_NS 50e3

/* What of two calibrations' difference is the calibrations' and not the machine's. */
#define NOISE_CALIBRATION 0.7

/* A quantile out of a histogram of sixteen slots an octave, read between their edges. */
#define NOISE_BUCKET 0.01

/* Of the former's square, what recordings have in common and their spread does not show. */
#define NOISE_PROBE_STEADY 0.5

/* Of a tail, and of the share of time that was waited: as much may be the machine's. */
#define NOISE_TAIL 0.5
#define NOISE_WAIT 0.4

/* A function that waits by so much more of its time than most do waits by its own doing, and its fastest calls
 * are those that happened not to. */
#define NOISE_WAITER 0.3

/* CPU time is what was left when the waiting had been taken away, which may be wrong by that share. */
#define NOISE_DIFFERENCE 0.05

/* Functions feel a busy machine differently: by this share of how much busier it was. */
#define NOISE_PACE  0.25
#define NOISE_SLOPE 0.3

/* How many times the noise a change must be. With enough recordings Student's t at 0.0005 (two-sided),
 * with the degrees of freedom that the recordings and the prior have. */
#define NOISE_TIMES_FEW 4.5

enum { NOISE_MANY_FREEDOM = 3, NOISE_PRIOR_FREEDOM = 3 };

/* Recordings slower than the fastest by more are put aside where so many of each side are left. */
#define NOISE_SLOWER 0.15
enum { NOISE_KEPT_LEAST = 2 };

static double square(double number)
{
    return number * number;
}

static double least_probe_ns(const struct making *making)
{
    double least = INFINITY;
    for (size_t i = 0; i < making->recording_count; i++)
        least = fmin(least, whole_of(making, i)->meta.ns_per_call);
    return isfinite(least) && least > 0 ? least : 0;
}

static double probe_share(const struct making *making, size_t recording,
                          const struct sample *sample)
{
    double least = least_probe_ns(making);
    double here = whole_of(making, recording)->meta.ns_per_call;
    double doubt = NOISE_PROBE * least + NOISE_CALIBRATION * (here > least ? here - least : 0);
    return sample->probed * doubt / sample->self_ns;
}

double noise_own(const struct making *making, size_t recording, size_t entry)
{
    const struct sample *sample = sample_of(making, recording, entry);
    if (sample->self_ns <= 0)
        return INFINITY;
    double waited = sample->wall_ns > 0 ? sample->wait_ns / sample->wall_ns : 0;
    /* By the wall clock waiting is part of the time, and the tail tells how steady it was. */
    bool counts = making->request->clock == CLOCK_CPU || !sample->tail_known;
    return square(probe_share(making, recording, sample)) + NOISE_QUANTUM_NS / sample->self_ns +
           square(NOISE_TAIL * log1p(-fmin(sample->tail, 0.99))) +
           (counts ? square(NOISE_WAIT * waited) : 0) +
           (counts ? square(NOISE_DIFFERENCE * sample->wait_ns / sample->self_ns) : 0) +
           sample->jitter;
}

double noise_steady(const struct making *making, size_t recording, size_t entry)
{
    const struct sample *sample = sample_of(making, recording, entry);
    if (sample->self_ns <= 0)
        return INFINITY;
    double probe = NOISE_PROBE * least_probe_ns(making) * sample->probed / sample->self_ns;
    return NOISE_QUANTUM_MANY_NS / sample->self_ns + NOISE_PROBE_STEADY * square(probe);
}

/* Calls and resumes of one activation: a generator's time has been corrected for each of its resumes. */
static double each_activation(const struct sample *sample)
{
    return sample->calls / fmax(sample->activations, 1);
}

/* What a quantile of so many calls is uncertain by: their width, over the root of how many. */
static double quantile_doubt(const double *quantiles, double calls)
{
    double width = log(quantiles[SNAPSHOT_QUANTILES - 1] / quantiles[0]);
    return 2 * square(width) / fmax(calls, 1);
}

double noise_quantiles(const struct making *making, size_t recording, size_t entry)
{
    const struct sample *sample = sample_of(making, recording, entry);
    if (!sample->quantiles || sample->calls < 1 || sample->self_ns <= 0)
        return INFINITY;
    double least = least_probe_ns(making), here = whole_of(making, recording)->meta.ns_per_call;
    double doubt = NOISE_PROBE * least + NOISE_CALIBRATION * (here > least ? here - least : 0);
    doubt *= each_activation(sample);
    double waited = sample->wall_ns > 0 ? sample->wait_ns / sample->wall_ns : 0;
    double usual = making->waited[recording] + NOISE_WAITER;
    return square(doubt / sample->quantiles[SNAPSHOT_QUANTILES - 1]) + square(NOISE_BUCKET) +
           quantile_doubt(sample->quantiles, sample->activations) +
           NOISE_QUANTUM_QUANTILES_NS / sample->self_ns +
           square(waited > usual ? NOISE_WAIT * waited : 0);
}

double noise_quantiles_steady(const struct making *making, size_t recording, size_t entry)
{
    const struct sample *sample = sample_of(making, recording, entry);
    if (!sample->quantiles || sample->calls < 1)
        return INFINITY;
    double probe = NOISE_PROBE * least_probe_ns(making) * each_activation(sample) /
                   sample->quantiles[SNAPSHOT_QUANTILES - 1];
    return NOISE_PROBE_STEADY * square(probe) + square(NOISE_BUCKET) +
           quantile_doubt(sample->quantiles, sample->activations);
}

double noise_waiting(const struct making *making, size_t recording, size_t entry)
{
    const struct sample *sample = sample_of(making, recording, entry);
    return square(NOISE_BUCKET) + quantile_doubt(sample->waiting, sample->activations);
}

double noise_short(double time_ns)
{
    return NOISE_QUANTUM_NS / time_ns;
}

bool noise_has_many(const struct making *making)
{
    return making->recording_count >= 2 + NOISE_MANY_FREEDOM;
}

/* Student's t at 0.0005, two-sided, within 2 % from 5 degrees of freedom on. */
static double times_of(double freedom)
{
    return 3.48 * (1 + 1.75 / freedom + 4 / (freedom * freedom));
}

struct sides {
    size_t counts[DIFF_SIDES];
    double *paces, *logs; /* logs, of paces and of times, by recording */
    double *rests;        /* logs of times less what the pace explains */
    double *doubts;       /* variances */
    double *scratch;
};

static size_t count_of(const struct sides *sides)
{
    return sides->counts[DIFF_OLD] + sides->counts[DIFF_NEW];
}

static double middle_of(const struct sides *sides, const double *numbers, enum diff_side side)
{
    size_t from = side == DIFF_OLD ? 0 : sides->counts[DIFF_OLD];
    for (size_t i = 0; i < sides->counts[side]; i++)
        sides->scratch[i] = numbers[from + i];
    return diff_median(sides->scratch, sides->counts[side]);
}

static double mean_of(const struct sides *sides, const double *numbers, enum diff_side side)
{
    size_t from = side == DIFF_OLD ? 0 : sides->counts[DIFF_OLD];
    double sum = 0;
    for (size_t i = 0; i < sides->counts[side]; i++)
        sum += numbers[from + i];
    return sum / (double)sides->counts[side];
}

/* Sums of products of two lists, each less its side's mean. */
static double products(const struct sides *sides, const double *a, const double *b)
{
    double sum = 0;
    for (enum diff_side side = DIFF_OLD; side < DIFF_SIDES; side++) {
        size_t from = side == DIFF_OLD ? 0 : sides->counts[DIFF_OLD];
        double a_mean = mean_of(sides, a, side), b_mean = mean_of(sides, b, side);
        for (size_t i = from; i < from + sides->counts[side]; i++)
            sum += (a[i] - a_mean) * (b[i] - b_mean);
    }
    return sum;
}

/* The median of one side within what the other one spans: with one recording, a point. */
static bool is_within(const struct sides *sides, enum diff_side side)
{
    size_t from = side == DIFF_OLD ? 0 : sides->counts[DIFF_OLD];
    double least = INFINITY, most = -INFINITY;
    double other = middle_of(sides, sides->rests, 1 - side);
    for (size_t i = from; i < from + sides->counts[side]; i++) {
        least = fmin(least, sides->rests[i]);
        most = fmax(most, sides->rests[i]);
    }
    return other >= least && other <= most;
}

static double inverse_counts(const struct sides *sides)
{
    return 1 / (double)sides->counts[DIFF_OLD] + 1 / (double)sides->counts[DIFF_NEW];
}

/* Few recordings: what is known of machines, and what the recordings say of themselves. */
static double threshold_few(const struct pacing *pacing, int32_t entry, bool paced,
                            const struct sides *sides)
{
    size_t count = count_of(sides);
    double base = square(NOISE_BASE), own = 0;
    double apart = middle_of(sides, sides->paces, DIFF_NEW) -
                   middle_of(sides, sides->paces, DIFF_OLD);
    for (size_t i = 0; i < count; i++)
        own += sides->doubts[i] / (double)count;
    double seen = products(sides, sides->rests, sides->rests);
    double freedom = (double)count - 2;
    double variance = freedom > 0 ? fmax(base, seen / freedom) : base;
    variance = variance * inverse_counts(sides) + 2 * own;
    if (paced)
        variance += square(NOISE_PACE * apart) + 2 * pacing_doubt(pacing, entry, base);
    return NOISE_TIMES_FEW * sqrt(variance);
}

/* Enough recordings: their own spread, and how differently this function feels the machine's pace. */
static double threshold_many(const struct sides *sides, double slope_doubt)
{
    size_t count = count_of(sides);
    double base = square(NOISE_BASE), own = 0;
    double apart = middle_of(sides, sides->paces, DIFF_NEW) -
                   middle_of(sides, sides->paces, DIFF_OLD);
    size_t fewest = sides->counts[DIFF_OLD] < sides->counts[DIFF_NEW] ? sides->counts[DIFF_OLD]
                                                                      : sides->counts[DIFF_NEW];
    for (size_t i = 0; i < count; i++)
        own += sides->doubts[i] / (double)count;
    double freedom = (double)count - 3; /* two means and a slope */
    double seen = products(sides, sides->rests, sides->rests);
    double variance = (NOISE_PRIOR_FREEDOM * base + seen) / (NOISE_PRIOR_FREEDOM + freedom);
    /* A median of three and more knows a little less than a mean. */
    variance *= inverse_counts(sides) * (fewest >= 3 ? 1.3 : 1);
    variance += own / (double)fewest + slope_doubt * square(apart);
    return times_of(NOISE_PRIOR_FREEDOM + freedom) * sqrt(variance);
}

/* Puts aside what was recorded while the machine was slow, where enough is left: no two functions feel that alike.
 * By the others' pace, so that nothing is chosen by what is looked for. */
static void keep_fast(struct sides *sides)
{
    size_t kept[DIFF_SIDES] = {0, 0}, count = count_of(sides), at = 0;
    double most = INFINITY;
    for (size_t i = 0; i < count; i++)
        most = fmin(most, sides->paces[i] + log1p(NOISE_SLOWER));
    for (size_t i = 0; i < count; i++)
        if (sides->paces[i] <= most)
            kept[i < sides->counts[DIFF_OLD] ? DIFF_OLD : DIFF_NEW]++;
    if (kept[DIFF_OLD] < NOISE_KEPT_LEAST || kept[DIFF_NEW] < NOISE_KEPT_LEAST ||
        kept[DIFF_OLD] + kept[DIFF_NEW] < 2 + NOISE_MANY_FREEDOM)
        return;
    for (size_t i = 0; i < count; i++) {
        if (sides->paces[i] > most)
            continue;
        sides->paces[at] = sides->paces[i];
        sides->logs[at] = sides->logs[i];
        sides->doubts[at++] = sides->doubts[i];
    }
    sides->counts[DIFF_OLD] = kept[DIFF_OLD];
    sides->counts[DIFF_NEW] = kept[DIFF_NEW];
}

static bool is_certain(const struct sides *sides, const struct verdict *verdict)
{
    return fabs(verdict->change) > verdict->threshold &&
           fabs(verdict->change) > log1p(NOISE_FLOOR) &&
           !(sides->counts[DIFF_OLD] > 1 && is_within(sides, DIFF_OLD)) &&
           !(sides->counts[DIFF_NEW] > 1 && is_within(sides, DIFF_NEW));
}

struct verdict noise_judge(const struct pacing *pacing, int32_t entry, bool paced,
                           const struct noise_times *times, double *scratch)
{
    const struct making *making = pacing->making;
    size_t count = making->recording_count;
    struct sides sides = {
        .counts = {making->request->counts[DIFF_OLD], making->request->counts[DIFF_NEW]},
        .paces = scratch,
        .logs = scratch + count,
        .rests = scratch + 2 * count,
        .doubts = scratch + 3 * count,
        .scratch = scratch + 4 * count,
    };
    bool many = noise_has_many(making);
    for (size_t i = 0; i < count; i++) {
        sides.paces[i] = paced ? pacing_of(pacing, i, entry) : 0;
        sides.logs[i] = log(times->times[i]);
        sides.doubts[i] = many ? times->steady[i] : times->own[i];
    }
    keep_fast(&sides);
    double slope = 1, slope_doubt = square(NOISE_SLOPE);
    if (many) {
        double weight = 2 * square(NOISE_BASE), prior = 1 / slope_doubt;
        double known = products(&sides, sides.paces, sides.paces) / weight + prior;
        slope = (products(&sides, sides.paces, sides.logs) / weight + prior) / known;
        slope_doubt = 1 / known;
    }
    for (size_t i = 0; i < count_of(&sides); i++)
        sides.rests[i] = sides.logs[i] - slope * sides.paces[i];
    struct verdict verdict = {
        .change = middle_of(&sides, sides.rests, DIFF_NEW) -
                  middle_of(&sides, sides.rests, DIFF_OLD),
        .threshold = many ? threshold_many(&sides, slope_doubt)
                          : threshold_few(pacing, entry, paced, &sides),
    };
    verdict.certain = is_certain(&sides, &verdict);
    return verdict;
}

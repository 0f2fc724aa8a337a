/* SPDX-License-Identifier: MIT */
/* Weighed medians over witnesses.
 * Why: see diff_pace.h. Weights are roots of shares, cut at a quarter, so that no function
 * outvotes the rest, and small for those that are uncertain by themselves.
 * Rules: as diff_pace.h. */
#include "diff/diff_pace.h"

#include "diff/diff_noise.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What is known of a machine's pace before any function was heard: it varies so much. */
#define PACE_PRIOR 0.08

#define PACE_SHARE_MOST 0.25

static int compare_witnesses(const void *left, const void *right)
{
    const struct witness *a = left, *b = right;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

static double median_self(const struct making *making, size_t entry, double *scratch)
{
    for (size_t i = 0; i < making->recording_count; i++)
        scratch[i] = sample_of(making, i, entry)->self_ns;
    return diff_median(scratch, making->recording_count);
}

static const double *quantiles_of(const struct making *making, size_t recording, size_t entry,
                                  bool waiting)
{
    const struct sample *sample = sample_of(making, recording, entry);
    return waiting ? sample->waiting : sample->quantiles;
}

bool pace_quantile_logs(const struct making *making, size_t entry, bool waiting, double *logs,
                        double *shapes, double *scratch)
{
    size_t recordings = making->recording_count;
    double middles[SNAPSHOT_QUANTILES], apart[SNAPSHOT_QUANTILES];
    for (size_t i = 0; i < recordings; i++)
        if (!quantiles_of(making, i, entry, waiting))
            return false;
    for (int q = 0; q < SNAPSHOT_QUANTILES; q++) {
        for (size_t i = 0; i < recordings; i++)
            scratch[i] = log(quantiles_of(making, i, entry, waiting)[q]);
        middles[q] = diff_median(scratch, recordings);
    }
    for (size_t i = 0; i < recordings; i++) {
        for (int q = 0; q < SNAPSHOT_QUANTILES; q++)
            apart[q] = log(quantiles_of(making, i, entry, waiting)[q]) - middles[q];
        logs[i] = diff_median(apart, SNAPSHOT_QUANTILES);
        double spread = diff_spread(apart, SNAPSHOT_QUANTILES);
        shapes[i] = spread * spread;
    }
    return true;
}

static bool is_witness(const struct making *making, enum pace_kind kind, size_t entry)
{
    for (size_t i = 0; i < making->recording_count; i++) {
        const struct sample *sample = sample_of(making, i, entry);
        if (!sample->present || sample->self_ns <= 0 || sample->calls < 1 || sample->estimated)
            return false;
        if (kind == PACE_OF_QUANTILES && !sample->quantiles)
            return false;
    }
    return true;
}

/* `shapes`: of a pacing of quantiles. */
static void weigh(const struct making *making, enum pace_kind kind, struct witness *witness,
                  double whole, double *shapes, double *scratch)
{
    size_t entry = (size_t)witness->entry;
    if (kind == PACE_OF_QUANTILES)
        pace_quantile_logs(making, entry, false, witness->logs, shapes, scratch);
    double share = median_self(making, entry, scratch) / whole;
    for (size_t i = 0; i < making->recording_count; i++)
        scratch[i] = kind == PACE_OF_MEANS ? noise_own(making, i, entry)
                                           : noise_quantiles(making, i, entry) + shapes[i];
    witness->doubt = diff_median(scratch, making->recording_count);
    share = share < PACE_SHARE_MOST ? share : PACE_SHARE_MOST;
    witness->weight = sqrt(share / (1 + witness->doubt / (NOISE_BASE * NOISE_BASE)));
}

static void set_logs(const struct making *making, struct witness *witness, double *scratch)
{
    size_t recordings = making->recording_count;
    for (size_t i = 0; i < recordings; i++) {
        const struct sample *sample = sample_of(making, i, (size_t)witness->entry);
        scratch[i] = witness->logs[i] = log(sample->self_ns / sample->calls);
    }
    double middle = diff_median(scratch, recordings);
    for (size_t i = 0; i < recordings; i++)
        witness->logs[i] -= middle;
}

static double whole_self(const struct making *making, double *scratch)
{
    for (size_t i = 0; i < making->recording_count; i++) {
        scratch[i] = 0;
        for (size_t e = 0; e < making->entry_count; e++)
            scratch[i] += sample_of(making, i, e)->self_ns;
    }
    return diff_median(scratch, making->recording_count);
}

static double pace_without(const struct pacing *pacing, size_t recording, int32_t entry)
{
    size_t count = 0;
    double heaviest = 0;
    for (size_t i = 0; i < pacing->count; i++) {
        const struct witness *witness = &pacing->witnesses[i];
        if (witness->entry == entry)
            continue;
        heaviest = fmax(heaviest, witness->weight);
        pacing->scratch[count++] = (struct diff_weighed){witness->logs[recording], witness->weight};
    }
    if (count == 0)
        return 0;
    pacing->scratch[count++] = (struct diff_weighed){0, heaviest * 1.001}; /* a little heavier */
    return diff_weighed_median(pacing->scratch, count);
}

int pacing_make(const struct making *making, enum pace_kind kind, double min_self_ns,
                const bool *excluded, struct pacing *ret_pacing)
{
    struct pacing pacing = {.making = making, .kind = kind};
    size_t entries = making->entry_count;
    pacing.witnesses = arena_array(making->scratch, entries + 1, sizeof(*pacing.witnesses));
    pacing.witness_of = arena_array(making->scratch, entries + 1, sizeof(*pacing.witness_of));
    double *scratch = arena_array(making->scratch, making->recording_count + 1, sizeof(*scratch));
    double *shapes = arena_array(making->scratch, making->recording_count + 1, sizeof(*shapes));
    pacing.scratch = arena_array(making->scratch, PACE_WITNESSES + 1, sizeof(*pacing.scratch));
    pacing.all = arena_array(making->scratch, making->recording_count, sizeof(*pacing.all));
    if (!pacing.witnesses || !pacing.witness_of || !scratch || !shapes || !pacing.scratch ||
        !pacing.all)
        return -ENOMEM;
    double whole = whole_self(making, scratch);
    for (size_t e = 0; e < entries; e++) {
        pacing.witness_of[e] = SNAPSHOT_NONE;
        if ((excluded && excluded[e]) || !is_witness(making, kind, e) ||
            median_self(making, e, scratch) < min_self_ns)
            continue;
        struct witness *witness = &pacing.witnesses[pacing.count++];
        witness->entry = (int32_t)e;
        witness->logs =
            arena_array(making->scratch, making->recording_count, sizeof(*witness->logs));
        if (!witness->logs)
            return -ENOMEM;
        weigh(making, kind, witness, whole, shapes, scratch);
    }
    qsort(pacing.witnesses, pacing.count, sizeof(*pacing.witnesses), compare_witnesses);
    if (pacing.count > PACE_WITNESSES)
        pacing.count = PACE_WITNESSES;
    for (size_t i = 0; i < pacing.count; i++) {
        if (kind == PACE_OF_MEANS)
            set_logs(making, &pacing.witnesses[i], scratch);
        pacing.witness_of[pacing.witnesses[i].entry] = (int32_t)i;
    }
    for (size_t i = 0; i < making->recording_count; i++)
        pacing.all[i] = pace_without(&pacing, i, SNAPSHOT_NONE);
    *ret_pacing = pacing;
    return 0;
}

double pacing_of(const struct pacing *pacing, size_t recording, int32_t entry)
{
    if (entry == SNAPSHOT_NONE || pacing->witness_of[entry] == SNAPSHOT_NONE)
        return pacing->all[recording];
    return pace_without(pacing, recording, entry);
}

double pacing_doubt(const struct pacing *pacing, int32_t entry, double spread)
{
    double sum = 0, squares = 0, doubt = 0;
    for (size_t i = 0; i < pacing->count; i++) {
        const struct witness *witness = &pacing->witnesses[i];
        if (witness->entry == entry)
            continue;
        sum += witness->weight;
        squares += witness->weight * witness->weight;
        doubt += witness->weight * witness->doubt;
    }
    double prior = 1 / (PACE_PRIOR * PACE_PRIOR);
    if (sum <= 0)
        return 1 / prior;
    return 1 / (prior + sum * sum / squares / (spread + doubt / sum));
}

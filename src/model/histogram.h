/* SPDX-License-Identifier: MIT */
/* Histograms of durations: 16 buckets an octave, so that a percentile is within 4 % of the truth.
 * Why: p50 and p99 without keeping what was measured and without asking the target for more.
 * A histogram is a table of octaves (powers of two); an octave's counters exist from the first value
 * that falls in it. Each octave counts twice: this second (what the hot path writes) and all seconds
 * before it; windows.c moves the one into the other.
 * Rules: values are in ticks of the session's counter, below 16 exact. Counts are signed, since the
 * histogram of the cpu clock is kept as its difference to that of the wall clock: activations that
 * never waited, nearly all, then cost nothing twice. */
#ifndef ULMA_MODEL_HISTOGRAM_H
#define ULMA_MODEL_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 4,
    HISTOGRAM_SUBS = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_OCTAVES = 61, /* the first is 0 to 15, each other a power of two */
    HISTOGRAM_SLOTS = HISTOGRAM_OCTAVES * HISTOGRAM_SUBS,
};

struct octave {
    int32_t second[HISTOGRAM_SUBS];
    int64_t total[HISTOGRAM_SUBS];
};

struct octave_pool {
    struct octave *octaves; /* [0] takes what has no place when the pool is used up */
    uint32_t used, limit;
};

struct histogram {
    uint32_t octave[HISTOGRAM_OCTAVES]; /* index into the pool; 0: none yet */
};

int histogram_pool_init(struct octave_pool *pool, uint32_t limit);
void histogram_pool_done(struct octave_pool *pool);

/* The octave's counters, made if need be. */
struct octave *histogram_octave(struct octave_pool *pool, struct histogram *histogram,
                                uint32_t index);

static inline uint32_t histogram_slot(int64_t value)
{
    uint64_t at_least = (uint64_t)value | (HISTOGRAM_SUBS - 1);
    uint32_t octave = 64u - HISTOGRAM_SUB_BITS - (uint32_t)__builtin_clzll(at_least);
    uint32_t sub = (uint32_t)((uint64_t)value >> (octave - (octave != 0))) & (HISTOGRAM_SUBS - 1);
    return octave * HISTOGRAM_SUBS + sub;
}

/* `value` is not negative. */
static inline void histogram_add(struct octave_pool *pool, struct histogram *histogram,
                                 int64_t value, int32_t count)
{
    uint32_t slot = histogram_slot(value);
    uint32_t at = histogram->octave[slot / HISTOGRAM_SUBS];
    struct octave *octave = &pool->octaves[at];
    if (__builtin_expect(at == 0, 0))
        octave = histogram_octave(pool, histogram, slot / HISTOGRAM_SUBS);
    octave->second[slot % HISTOGRAM_SUBS] += count;
}

/* Adds what the histogram holds to `counts` (HISTOGRAM_SLOTS of them). */
void histogram_sum(const struct octave_pool *pool, const struct histogram *histogram,
                   int64_t *counts);

/* The value below which `share` (0-1) of `counts` lies; 0 when there are none. */
int64_t histogram_percentile(const int64_t *counts, double share);

/* The same to a part of a slot, as if what is in a slot were spread evenly over it: for comparing two
 * histograms of which one is shifted by less than a slot. */
double histogram_quantile(const int64_t *counts, double share);

/* The middle of a slot. */
int64_t histogram_value(uint32_t slot);

#endif

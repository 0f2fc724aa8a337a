/* SPDX-License-Identifier: MIT */
/* Histograms: making octaves and reading percentiles.
 * Why: see histogram.h.
 * Rules: octave 0 of the pool is a sink: when memory for histograms is used up, percentiles get
 * coarse (values are left out) and nothing else happens. */
#include "model/histogram.h"

#include "model/region.h"

#include <errno.h>

int histogram_pool_init(struct octave_pool *pool, uint32_t limit)
{
    *pool = (struct octave_pool){.used = 1, .limit = limit};
    pool->octaves = region_new(limit, sizeof(*pool->octaves));
    return pool->octaves ? 0 : -ENOMEM;
}

void histogram_pool_done(struct octave_pool *pool)
{
    region_free(pool->octaves, pool->limit, sizeof(*pool->octaves));
    pool->octaves = NULL;
}

struct octave *histogram_octave(struct octave_pool *pool, struct histogram *histogram,
                                uint32_t index)
{
    if (histogram->octave[index] == 0 && pool->used < pool->limit)
        histogram->octave[index] = pool->used++;
    return &pool->octaves[histogram->octave[index]];
}

void histogram_sum(const struct octave_pool *pool, const struct histogram *histogram,
                   int64_t *counts)
{
    for (uint32_t i = 0; i < HISTOGRAM_OCTAVES; i++) {
        if (histogram->octave[i] == 0)
            continue;
        const struct octave *octave = &pool->octaves[histogram->octave[i]];
        for (uint32_t sub = 0; sub < HISTOGRAM_SUBS; sub++)
            counts[i * HISTOGRAM_SUBS + sub] += octave->second[sub] + octave->total[sub];
    }
}

int64_t histogram_value(uint32_t slot)
{
    uint32_t octave = slot / HISTOGRAM_SUBS;
    if (octave == 0)
        return slot;
    int64_t low = (int64_t)(HISTOGRAM_SUBS + slot % HISTOGRAM_SUBS) << (octave - 1);
    return low + (INT64_C(1) << (octave - 1)) / 2;
}

int64_t histogram_percentile(const int64_t *counts, double share)
{
    int64_t total = 0;
    for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++)
        total += counts[slot] > 0 ? counts[slot] : 0;
    if (total == 0)
        return 0;
    int64_t wanted = (int64_t)(share * (double)total);
    if (wanted >= total)
        wanted = total - 1;
    int64_t seen = 0;
    uint32_t slot = 0;
    for (; slot < HISTOGRAM_SLOTS - 1; slot++) {
        seen += counts[slot] > 0 ? counts[slot] : 0;
        if (seen > wanted)
            break;
    }
    return histogram_value(slot);
}

/* SPDX-License-Identifier: MIT */
/* Histograms: making octaves.
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

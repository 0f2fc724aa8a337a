/* SPDX-License-Identifier: MIT */
/* Histograms: reading percentiles.
 * Why apart: a recording's reader has counts and no pool.
 * Rules: as histogram.h. */
#include "model/histogram.h"

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

double histogram_quantile(const int64_t *counts, double share)
{
    double total = 0, seen = 0;
    for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++)
        total += counts[slot] > 0 ? (double)counts[slot] : 0;
    for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
        double here = counts[slot] > 0 ? (double)counts[slot] : 0;
        if (here > 0 && seen + here >= share * total) {
            uint32_t octave = slot / HISTOGRAM_SUBS;
            double width = octave ? (double)(INT64_C(1) << (octave - 1)) : 1;
            double low = octave ? (double)(HISTOGRAM_SUBS + slot % HISTOGRAM_SUBS) * width
                                : (double)slot;
            return low + width * (share * total - seen) / here;
        }
        seen += here;
    }
    return 0;
}

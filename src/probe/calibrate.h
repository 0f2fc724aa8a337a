/* SPDX-License-Identifier: MIT */
/* What one recorded call costs the target, measured in the target before its program starts.
 * Why: corrected times (docs/times.md) need the machine's, the interpreter's and the mechanism's own
 * figure, not a constant.
 * Rules: about a millisecond; leaves nothing behind but ids that are used again. Costs are ticks of
 * the counter x 256. */
#ifndef ULMA_PROBE_CALIBRATE_H
#define ULMA_PROBE_CALIBRATE_H

#include "probe/switch.h"

struct calibrate_cost {
    uint32_t inner_ticks256, outer_ticks256;
    uint32_t c_inner_ticks256, c_outer_ticks256;
};

/* Costs are 0 where they cannot be measured. */
void calibrate_run(const struct switch_mechanism *mechanism, struct calibrate_cost *ret_cost);

#endif

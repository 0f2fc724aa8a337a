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

/* Measures what `sources` (bits of enum session_source) says: the costs of calls, of C calls, or both; they are 0
 * where they cannot be measured. On 3.11 not those of C calls from within a pending call: an interpreter
 * that traces looks at the pending calls again before it enters a function, for ever when there is another
 * one, which has to wait for this one (Python/ceval.c, DO_TRACING and RESUME). */
void calibrate_run(const struct switch_mechanism *mechanism, uint32_t sources,
                   struct calibrate_cost *cost);

#endif

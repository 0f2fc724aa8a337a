/* SPDX-License-Identifier: MIT */
/* What recorded calls cost the target, measured in the target before its program starts.
 * Why: corrected times (docs/times.md) need the machine's, the interpreter's and the mechanism's own
 * figure, not a constant.
 * Rules: some milliseconds; leaves nothing behind but ids that are used again and two numbers. */
#ifndef ULMA_PROBE_CALIBRATE_H
#define ULMA_PROBE_CALIBRATE_H

#include "probe/switch.h"

struct calibrate_cost {
    struct session_cost of[2][COST_COUNT]; /* as in the session's header */
    uint32_t line_ticks256;                /* of one LINE event; 0: not measured */
    uint32_t speed_ticks;
    uint32_t chain_ticks, own_ticks256[2]; /* as in the session's header */
};

/* Measures what `sources` (bits of enum session_source) says: the costs where calls alone are recorded, those
 * where C calls are, too, or both; they are 0 where they cannot be measured. On 3.11 not those of C calls from within a pending call: an interpreter
 * that traces looks at the pending calls again before it enters a function, for ever when there is another
 * one, which has to wait for this one (Python/ceval.c, DO_TRACING and RESUME). */
void calibrate_run(const struct switch_mechanism *mechanism, uint32_t sources,
                   struct calibrate_cost *cost);

/* Ticks that a fixed piece of work takes now, the least of two: a processor that shares its core, or has
 * changed its clock, takes longer for it and for the hooks by the same factor. 0: not known. */
uint32_t calibrate_speed(void);

/* Ticks that a chain of multiplications takes now, the least of two, never 0: the processor's clock alone, to a percent where
 * the counter is fine enough. */
uint32_t calibrate_chain(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Waiting times where switch records are not to be had: from each thread's /proc schedstat.
 * Why it is coarser: schedstat tells how long a thread ran, not when. What a window of some 20 ms
 * lacks in running time was spent in the longest intervals between the thread's events: sleeps and
 * blocked reads are long and silent. So those intervals are noted, with the node that was on top, and
 * a window's missing time is given to them afterwards.
 * What this cannot do: tell an activation that waited from one that did not. Percentiles and extremes
 * are therefore those of the wall clock, whichever clock is asked for.
 * Rules: the fold's thread notes gaps; readings are handed over under the model's lock, with all
 * events before them folded and all open entries flushed. */
#ifndef ULMA_MODEL_SCHEDSTAT_H
#define ULMA_MODEL_SCHEDSTAT_H

#include "model/fold.h"

enum { SCHEDSTAT_GAP_NS = 5000, SCHEDSTAT_GAPS = 2048, SCHEDSTAT_WINDOW_NS = 20 * 1000 * 1000 };

struct schedstat_gap {
    uint32_t node, span; /* span: its number (spans.h); 0: none */
    int64_t length_ticks;
};

/* Of one thread, since its last reading. */
struct schedstat_gaps {
    struct schedstat_gap gaps[SCHEDSTAT_GAPS];
    uint32_t count;
    bool have_reading;
    uint64_t last_time_ns, last_running_ns;
};

/* model->on_gap. */
void schedstat_note_gap(void *context, struct track *track, int64_t length_ticks);

/* The time a thread has run on a CPU, in ns. False: not readable. */
bool schedstat_read(uint32_t pid, uint32_t tid, uint64_t *ret_running_ns);

/* A reading: at time_ns the thread had run running_ns in all. */
void schedstat_apply(struct model *model, struct track *track, uint64_t time_ns,
                     uint64_t running_ns, double ticks_per_ns);

#endif

/* SPDX-License-Identifier: MIT */
/* Waiting times that are told after the fact: what a stretch of a thread's time lacks in running time.
 * Where from: a thread that makes many events tells it itself, mostly every millisecond (EVENT_AWAY). Where switch records are not to be had,
 * which tell all waiting but what a virtual machine's host took away, /proc's schedstat tells it of those that make few.
 * Why it is coarser: both tell how long a thread ran, not when. What a stretch lacks in running time
 * was spent in the longest intervals between the thread's events: sleeps and blocked reads are long and silent, and so is what a host
 * takes. So those intervals are noted, with the node that was on top, and the missing time is given to them afterwards.
 * What this cannot do: tell an activation that waited from one that did not. Percentiles and extremes
 * are therefore those of the wall clock, whichever clock is asked for.
 * Rules: the fold's thread notes gaps; readings are handed over under the model's lock, with all
 * events before them folded and all open entries flushed. */
#ifndef ULMA_MODEL_SCHEDSTAT_H
#define ULMA_MODEL_SCHEDSTAT_H

#include "model/fold.h"

enum { SCHEDSTAT_GAP_NS = 5000, SCHEDSTAT_GAPS = 2048, SCHEDSTAT_WINDOW_NS = 20 * 1000 * 1000 };
#define SCHEDSTAT_GAP_MOST (UINT64_C(1) << 40) /* ticks */

/* What a budget's bursts (mute.h) have had of it as running time. */
enum gap_burst { GAP_FRESH, GAP_OF_BURST, GAP_BEFORE_BURST };

struct schedstat_gap {
    uint32_t node, span; /* span: its number (spans.h); 0: none */
    int64_t length_ticks;
    enum gap_burst burst;
    bool untold; /* a reading passed it over: the thread will tell */
};

/* Of one thread, since its last reading, or since it told itself. */
struct schedstat_gaps {
    struct schedstat_gap gaps[SCHEDSTAT_GAPS];
    uint32_t count;
    int64_t least_ticks; /* shorter ones are not kept any more: there were too many */
    bool have_reading;
    bool
        told_itself; /* since the last reading, which says nothing then that it will not tell better */
    uint64_t last_time_ns, last_running_ns;
    int64_t read_ticks; /* what readings had missing since it told itself */
    int64_t owed_ticks; /* of what it told: too little to be given yet */
};

/* model->on_gap. */
void schedstat_note_gap(void *context, struct track *track, int64_t length_ticks);

/* The time a thread has run on a CPU, in ns. False: not readable. */
bool schedstat_read(uint32_t pid, uint32_t tid, uint64_t *ret_running_ns);

/* A reading: at time_ns the thread had run running_ns in all. */
void schedstat_apply(struct model *model, struct track *track, uint64_t time_ns,
                     uint64_t running_ns, double ticks_per_ns);

/* The thread itself: for so long it had no processor since it last told. */
void schedstat_told(struct model *model, struct track *track, uint64_t away_ns);

/* What the probe took to find out how fast the processor is: that was taken out of the time, with what was stolen just then. */
void schedstat_pass_probe(const struct model *model, struct track *track, uint64_t ticks);

/* A burst is over, and the gaps so far are of it, or one begins: model->on_late_wait hears what is given to them. */
void schedstat_mark(struct track *track, enum gap_burst burst);

/* All numbers were forgotten: what was missing before is nobody's now. */
void schedstat_forget(struct track *track);

#endif

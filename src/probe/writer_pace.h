/* SPDX-License-Identifier: MIT */
/* How often a writer takes its slow path where nothing asks for it, and whom that wakes.
 * Why: a collector that has died is noticed there, and the processor's speed is told there
 * (docs/decisions/0032-a-speed-is-another-only-by-a-quarter.md); a quarter of a ring is too long for either.
 * Rules: on the writer's slow path. */
#ifndef ULMA_PROBE_WRITER_PACE_H
#define ULMA_PROBE_WRITER_PACE_H

#include "probe/switch.h"
#include "probe/writer.h"

enum {
    /* The slow path is to be seen this often, by slow programs too. */
    WRITER_PACE_NS = 200 * 1000 * 1000,
    /* Events between two looks, at most: a millisecond of little but calls. */
    WRITER_MOST_STEP = 4096,
};

/* A program that makes few calls takes long to fill a quarter of a ring, and the collector may die
 * meanwhile: it looks after fewer events, so that it looks a few times a second. */
static inline void writer_set_pace(struct writer *writer, uint64_t counter)
{
    uint64_t span = counter - writer->paced;
    writer->paced = counter;
    if (span > switch_ticks_of_ns(WRITER_PACE_NS))
        writer->step = writer->step / 4 > 1 ? writer->step / 4 : 1;
    else if (writer->step < WRITER_MOST_STEP)
        writer->step *= 2;
}

/* After a quarter of the ring; of few events at once. Not at each look: to wake a collector is a system call. */
static inline void writer_wake_when_due(struct writer *writer)
{
    uint64_t quarter = (writer->mask + 1) / 4;
    if (writer->step == WRITER_MOST_STEP && writer->head < writer->next_wake)
        return;
    writer->next_wake = (writer->head / quarter + 1) * quarter;
    writer_wake_collector();
}

#endif

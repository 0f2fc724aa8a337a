/* SPDX-License-Identifier: MIT */
/* The pages of a ring, mapped before the events reach them.
 * Why: a page's first write is a fault, of two microseconds on a virtual machine: 18 ns a call in a ring's first
 * round, which no calibration knows. A read has the kernel map the sixteen pages around it, of shared memory so
 * that they can be written; and needs no system call, as madvise would.
 * Rules: on the writer's slow path. */
#ifndef ULMA_PROBE_RING_AHEAD_H
#define ULMA_PROBE_RING_AHEAD_H

#include "probe/writer.h"

enum { RING_AHEAD_EVENTS = 4096 / sizeof(struct event) };

/* Up to the limit, in the first round alone. */
static inline void ring_ahead(const struct writer *writer)
{
    uint64_t end = writer->limit <= writer->mask ? writer->limit : writer->mask;
    for (uint64_t at = writer->head; at < end; at += RING_AHEAD_EVENTS)
        (void)*(const volatile uint64_t *)&writer->events[at].counter;
}

#endif

/* SPDX-License-Identifier: MIT */
/* A ring that overwrites itself: the flight recorder's (wire/ring.h, kind OVERWRITE).
 * Why apart: these rings know no full, and what the rest of the writer does about that is nothing to them.
 * Rules: of the calling thread's own ring, under the GIL. */
#ifndef ULMA_PROBE_WRITER_OVERWRITE_H
#define ULMA_PROBE_WRITER_OVERWRITE_H

#include "probe/writer.h"

static inline uint64_t writer_eighth(const struct writer *writer)
{
    return (writer->mask + 1) / RING_EIGHTHS;
}

/* Events from `safe` on will not be overwritten soon. */
void writer_tell_safe(struct ring_shared *ring, uint64_t safe);

/* A seed begins at the head. */
void writer_begin_eighth(struct writer *writer);

/* Tells the stack, if that is due before an event of this kind and frame. */
void writer_seed_when_due(struct writer *writer, uint64_t counter, uint32_t kind, uint32_t frame);

#endif

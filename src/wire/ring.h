/* SPDX-License-Identifier: MIT */
/* Single-producer single-consumer ring of events in shared memory.
 * Why: the producer is a thread of the target and must never wait for a lock or trust the reader;
 * the reader must never trust the producer. Two counters and offsets only, no pointers.
 *
 * Layout of one ring (struct ring_shared, in the session's ring directory) and its events
 * (`capacity` of them, a power of two, at byte `offset` of the session):
 *   head   events published since the ring was taken; written by the producer (release)
 *   tail   events consumed since then; written by the consumer (release)
 *   both count up for ever; the slot of number n is n & (capacity - 1)
 * Invariant of kind DRAIN: tail <= head <= tail + capacity. The consumer checks it and treats a breach as a
 * hostile or torn ring. The producer reads `tail` only when its own limit says so.
 *
 * Kind OVERWRITE (the flight recorder's): nobody consumes, and the producer overwrites what is oldest. Then
 *   tail   the oldest event that is safe to read, written by the producer
 * After each eighth of the ring the producer publishes as `tail` the oldest SEED_BEGIN that it will not
 * overwrite before the next eighth is done, and only then (a release fence) goes on, with a SEED. At `tail`
 * there is always a SEED_BEGIN, and six eighths at least of the ring are safe once it has wrapped. A reader
 * takes head and then tail, copies the events between them, and then (an acquire fence) takes tail again:
 * what is older than that may have been overwritten while it copied, and is discarded.
 * A ring that has ENDED may be taken again by another thread, which goes on at its head, with tail there.
 *
 * States, by compare-and-swap: FREE (collector made it) -> TAKEN (a thread) -> ENDED (that thread,
 * or its fork child's absence) -> FREE (collector, when drained; head = tail = 0 by then).
 * Barrier partners: producer's release of head / consumer's acquire of head; consumer's release of
 * tail / producer's acquire of tail; release of state ENDED / acquire in the collector. */
#ifndef ULMA_WIRE_RING_H
#define ULMA_WIRE_RING_H

#include "wire/event.h"

#include <stdatomic.h>
#include <stdbool.h>

enum ring_state { RING_ABSENT = 0, RING_FREE = 1, RING_TAKEN = 2, RING_ENDED = 3 };
enum ring_kind { RING_DRAIN = 0, RING_OVERWRITE = 1 };
enum { RING_EIGHTHS = 8 };
enum { RING_NAME_SIZE = 64, RING_MIN_CAPACITY = 4, RING_MAX_CAPACITY = 1 << 22 };

struct ring_shared {
    /* written by the producer, on a line of its own */
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint64_t lost;        /* events that found no room, in all (GAPs tell where) */
    _Atomic uint64_t nested;      /* events dropped since the writer was busy (signal handlers) */
    _Atomic uint64_t stall_ticks; /* counter ticks slept for room, in all */
    _Atomic uint64_t stalls;
    /* written by the consumer */
    _Alignas(64) _Atomic uint64_t tail;
    /* seldom written */
    _Alignas(64) _Atomic uint32_t state; /* enum ring_state */
    uint32_t kind;                       /* enum ring_kind, fixed at creation */
    uint32_t capacity;                   /* events, a power of two */
    uint32_t reserved;
    uint64_t offset;      /* of the events, bytes from the session's start, 64-aligned */
    _Atomic uint32_t tid; /* kernel thread id (the target's view); set before TAKEN's first event */
    _Atomic uint32_t name_size; /* bytes of name; 0 until known */
    uint64_t taken_counter;     /* when the thread took it */
    char name[RING_NAME_SIZE];  /* the Python thread's name, UTF-8, not terminated */
};
static_assert(sizeof(struct ring_shared) == 256, "the ring directory's stride is on the wire");

#endif

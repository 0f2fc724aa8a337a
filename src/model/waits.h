/* SPDX-License-Identifier: MIT */
/* When a thread was off its CPU, as the kernel's switch records tell it.
 * Why: wall time makes sleepers look busiest. A span from switch-out to switch-in is time that the
 * thread was blocked, waited for the GIL, or waited for a CPU.
 * Rules: spans come in the order of time. An event of a thread that is said to be off proves that it is on: the rest of that span is dropped (the two
 * clocks differ by fractions of a microsecond). Consumed in step with the thread's events. */
#ifndef ULMA_MODEL_WAITS_H
#define ULMA_MODEL_WAITS_H

#include <stdbool.h>
#include <stdint.h>

struct wait_span {
    uint64_t from, to; /* counters; to is UINT64_MAX while the thread is off */
};

struct waits {
    struct wait_span *spans; /* first .. count-1 are yet to be consumed */
    uint32_t first, count, limit;
    uint64_t since; /* of the open one: where it began, however much of it has been consumed */
};

void waits_done(struct waits *waits);

/* The thread went off, or on, its CPU at `counter`. */
void waits_out(struct waits *waits, uint64_t counter);
void waits_in(struct waits *waits, uint64_t counter);

/* Since when the thread is off; 0: it is not. */
uint64_t waits_since(const struct waits *waits);

/* Ticks of [from, to) that the thread was off. `running`: an event at `to` shows that it runs. */
uint64_t waits_take(struct waits *waits, uint64_t from, uint64_t to, bool running);

/* Where the next span begins; UINT64_MAX: none known. */
static inline uint64_t waits_next(const struct waits *waits)
{
    return waits->first < waits->count ? waits->spans[waits->first].from : UINT64_MAX;
}

#endif

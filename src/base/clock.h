/* SPDX-License-Identifier: MIT */
/* The cycle counter, and its conversion to nanoseconds.
 * Why: a counter read is a few nanoseconds where clock_gettime is 20; the probe stores raw counters
 * and the collector converts, with pairs of (counter, CLOCK_MONOTONIC) refreshed while it runs.
 * Rules: the kind is chosen once, by the collector (clock_choose), and told to the probe in the
 * session: rdtsc only where the kernel itself trusts it (its current clock source is tsc). */
#ifndef ULMA_BASE_CLOCK_H
#define ULMA_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

enum clock_source { CLOCK_TSC = 1, CLOCK_CNTVCT = 2, CLOCK_MONOTONIC_NS = 3 };

static inline uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The counter of the given kind. */
static inline uint64_t clock_counter(enum clock_source source)
{
#if defined(__x86_64__)
    if (__builtin_expect(source == CLOCK_TSC, 1))
        return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    if (__builtin_expect(source == CLOCK_CNTVCT, 1)) {
        uint64_t counter;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(counter));
        return counter;
    }
#endif
    return clock_monotonic_ns();
}

/* What this machine should use. Reads /sys; never fails (falls back to the clock). */
enum clock_source clock_choose(void);

/* Counter <-> CLOCK_MONOTONIC. One owner thread. */
struct clock_scale {
    enum clock_source source;
    uint64_t first_counter, first_ns; /* the oldest pair */
    uint64_t last_counter, last_ns;   /* the newest */
    double ns_per_tick;
};

/* Takes a first pair and a short measurement (about 2 ms). */
void clock_scale_init(struct clock_scale *scale, enum clock_source source);

/* Takes a new pair; call once a second or so. The rate gets better, past conversions stay near. */
void clock_scale_refresh(struct clock_scale *scale);

/* A span of ticks (may be negative) in nanoseconds; and a counter as CLOCK_MONOTONIC ns and back. */
int64_t clock_span_ns(const struct clock_scale *scale, int64_t ticks);
uint64_t clock_counter_to_ns(const struct clock_scale *scale, uint64_t counter);
uint64_t clock_ns_to_counter(const struct clock_scale *scale, uint64_t monotonic_ns);

#endif

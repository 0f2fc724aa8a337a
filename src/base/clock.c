/* SPDX-License-Identifier: MIT */
/* Counter calibration.
 * Why: the counter's rate is constant on machines whose kernel uses it as its clock, but the kernel
 * does not tell it to everybody; two pairs far apart do, and get better as the run goes on.
 * Rules: a pair is the best of several tries, so that a preemption between its two reads does not
 * spoil it. Conversions go from the newest pair, so that the past never moves by more than the last
 * correction of the rate. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static const char SOURCE_FILE[] =
    "/sys/devices/system/clocksource/clocksource0/current_clocksource";

enum clock_source clock_choose(void)
{
#if defined(__x86_64__)
    char name[32] = "";
    FILE *file = fopen(SOURCE_FILE, "re");
    if (file) {
        if (!fgets(name, sizeof(name), file))
            name[0] = '\0';
        fclose(file);
    }
    if (strcmp(name, "tsc\n") == 0)
        return CLOCK_TSC;
#elif defined(__aarch64__)
    (void)SOURCE_FILE;
    return CLOCK_CNTVCT;
#endif
    return CLOCK_MONOTONIC_NS;
}

/* The try with the least time between two counter reads around the clock's is the truest. */
static void take_pair(enum clock_source source, uint64_t *ret_counter, uint64_t *ret_ns)
{
    uint64_t best = UINT64_MAX;
    for (int try = 0; try < 8; try++) {
        uint64_t before = clock_counter(source);
        uint64_t ns = clock_monotonic_ns();
        uint64_t after = clock_counter(source);
        if (after - before < best) {
            best = after - before;
            *ret_counter = before + best / 2;
            *ret_ns = ns;
        }
    }
}

static void compute_rate(struct clock_scale *scale)
{
    uint64_t ticks = scale->last_counter - scale->first_counter;
    if (ticks)
        scale->ns_per_tick = (double)(scale->last_ns - scale->first_ns) / (double)ticks;
}

void clock_scale_init(struct clock_scale *scale, enum clock_source source)
{
    *scale = (struct clock_scale){.source = source, .ns_per_tick = 1.0};
    take_pair(source, &scale->first_counter, &scale->first_ns);
    if (source == CLOCK_MONOTONIC_NS) {
        scale->last_counter = scale->first_counter;
        scale->last_ns = scale->first_counter;
        scale->first_ns = scale->first_counter;
        return;
    }
    struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    nanosleep(&pause, NULL);
    clock_scale_refresh(scale);
}

void clock_scale_refresh(struct clock_scale *scale)
{
    if (scale->source == CLOCK_MONOTONIC_NS)
        return;
    take_pair(scale->source, &scale->last_counter, &scale->last_ns);
    compute_rate(scale);
}

int64_t clock_span_ns(const struct clock_scale *scale, int64_t ticks)
{
    return (int64_t)((double)ticks * scale->ns_per_tick);
}

uint64_t clock_counter_to_ns(const struct clock_scale *scale, uint64_t counter)
{
    return scale->last_ns +
           (uint64_t)clock_span_ns(scale, (int64_t)(counter - scale->last_counter));
}

uint64_t clock_ns_to_counter(const struct clock_scale *scale, uint64_t monotonic_ns)
{
    int64_t span = (int64_t)(monotonic_ns - scale->last_ns);
    return scale->last_counter + (uint64_t)(int64_t)((double)span / scale->ns_per_tick);
}

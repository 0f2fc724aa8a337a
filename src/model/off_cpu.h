/* SPDX-License-Identifier: MIT */
/* Where waiting times come from, for the collector: switch records if they may be read, else
 * schedstat.
 * Why one place: the fold only knows spans (waits.h) and gaps (schedstat.h); here is the choice, and
 * the way from a thread id to its track.
 * Rules: off_cpu_read runs on every round, after the heads were read and before events are folded:
 * then every switch before an event is known when the event is folded. off_cpu_poll runs on the
 * keeper and does I/O without the lock. */
#ifndef ULMA_MODEL_OFF_CPU_H
#define ULMA_MODEL_OFF_CPU_H

#include "base/clock.h"
#include "model/drain.h"
#include "model/snapshot.h"
#include "model/switch_records.h"

enum { OFF_CPU_TIDS = 4096 };

/* The last that was heard of a thread id, also before it has a ring. */
struct off_cpu_tid {
    uint32_t tid; /* 0: free */
    bool off;
    uint64_t counter;
};

struct off_cpu {
    struct switch_records *records; /* NULL: schedstat */
    struct off_cpu_tid tids[OFF_CPU_TIDS];
    bool schedstat_works;
    pid_t child;
};

struct collector;

/* `child`: the target before it runs; 0: somebody else's process. */
void off_cpu_init(struct off_cpu *off_cpu, pid_t child, bool no_perf);
void off_cpu_done(struct off_cpu *off_cpu);
enum snapshot_wait_source off_cpu_source(const struct off_cpu *off_cpu);

/* Switch records that the kernel had no room for: their waits count as CPU time, or as stolen. */
uint64_t off_cpu_lost(const struct off_cpu *off_cpu);

/* `first`: the target's; its children's follow it. */
void off_cpu_read(struct off_cpu *off_cpu, struct drain *first, const struct clock_scale *scale);
void off_cpu_poll(struct collector *collector);

#endif

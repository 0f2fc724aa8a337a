/* SPDX-License-Identifier: MIT */
/* How long a thread had no processor, by its own clock of CPU time.
 * Why: when a thread leaves a processor the kernel tells. When a virtual machine's host gives that processor to somebody else
 * nobody does; the thread's CPU time stands still meanwhile, and of a thread that runs only that thread can read it as of now. Looked
 * at often, it tells which function it was, to the microsecond (model/schedstat.h).
 * Rules: by the owner of the writer, beside an EVENT_SPEED, so mostly once in a millisecond: to read the clock is a system call. */
#ifndef ULMA_PROBE_AWAY_TIME_H
#define ULMA_PROBE_AWAY_TIME_H

#include <stdint.h>

struct writer;

/* In ns: when, and how long the thread had run by then; 0: not to be had. */
struct away_time {
    uint64_t now_ns, ran_ns;
};

struct away_time away_time_read(void);

/* An EVENT_AWAY at `counter`, of the time from the last one to `now`; the first one tells 0. */
void away_time_tell(struct writer *writer, uint64_t counter, const struct away_time *now);

#endif

/* SPDX-License-Identifier: MIT */
/* The thread's CPU time beside the time.
 * Why: see away_time.h.
 * Rules: as there. What had no room is told with the next one. */
#include "probe/away_time.h"

#include "base/clock.h"
#include "probe/writer.h"

#include <time.h>

struct away_time away_time_read(void)
{
    struct timespec ran;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran))
        return (struct away_time){0};
    return (struct away_time){
        .now_ns = clock_monotonic_ns(),
        .ran_ns = (uint64_t)ran.tv_sec * UINT64_C(1000000000) + (uint64_t)ran.tv_nsec,
    };
}

/* A thread cannot have run for longer than has passed, but where its time is counted in ticks of the kernel it seems to, once in a
 * tick: such a clock tells nothing here. Once or twice that may have been an interrupt between the two readings; and over long
 * times the clocks' rates differ, while one of them is set right. */
static bool is_coarse(int64_t away_ns, int64_t passed_ns)
{
    enum { LEAP_NS = 500 * 1000, LEAPS = 3, RATE_PART = 64 };
    static uint32_t leaps;
    leaps += leaps < LEAPS && away_ns < -(LEAP_NS + passed_ns / RATE_PART);
    return leaps == LEAPS;
}

void away_time_tell(struct writer *writer, uint64_t counter, const struct away_time *now)
{
    if (!now->ran_ns || writer->head == writer->limit)
        return;
    int64_t passed_ns = 0, ran_ns = 0;
    if (writer->ran_ns) {
        passed_ns = (int64_t)(now->now_ns - writer->away_to_ns);
        ran_ns = (int64_t)(now->ran_ns - writer->ran_ns);
    }
    int64_t away_ns = passed_ns - ran_ns;
    if (is_coarse(away_ns, passed_ns))
        return;
    struct event event =
        event_with_amount(counter, EVENT_AWAY, away_ns > 0 ? (uint64_t)away_ns : 0);
    writer_store(writer, counter, EVENT_AWAY, event_id(&event), event.frame);
    writer->away_to_ns = now->now_ns;
    writer->ran_ns = now->ran_ns;
}

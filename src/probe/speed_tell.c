/* SPDX-License-Identifier: MIT */
/* SPEED, and what comes beside it.
 * Why: see speed_tell.h.
 * Rules: as there. */
#include "probe/speed_tell.h"

#include "probe/away_time.h"
#include "probe/calibrate.h"
#include "probe/own_time.h"
#include "probe/switch.h"
#include "probe/writer.h"

enum { STEP_NS = 1000 * 1000 };

static bool silence_is_due; /* nothing has fallen silent since the switch */

void speed_tell(struct writer *writer)
{
    uint64_t begin = link_counter();
    if (writer->dropping || writer->head == writer->limit ||
        begin - writer->speed_told < switch_ticks_of_ns(STEP_NS))
        return;
    writer->speed_told = begin;
    uint32_t speed_ticks = calibrate_speed(), chain_ticks = calibrate_chain();
    struct away_time away = away_time_read();
    uint64_t end = link_counter(), spent = end - begin;
    if (!speed_ticks)
        return;
    writer_store(writer, end, EVENT_SPEED, speed_ticks,
                 spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX);
    own_time_tell(writer, end, chain_ticks);
    away_time_tell(writer, end, &away);
}

static void tell_now(void)
{
    struct writer *writer = writer_of_thread;
    if (!writer->ring || !switch_is_on())
        return; /* what is told after OFF would be of a new stretch */
    writer_is_at_work++;
    writer->speed_told = 0;
    speed_tell(writer);
    writer_is_at_work--;
}

void speed_tell_switch(void)
{
    tell_now();
    silence_is_due = true;
}

void speed_tell_silence(void)
{
    if (!silence_is_due)
        return;
    silence_is_due = false;
    tell_now();
}

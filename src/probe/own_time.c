/* SPDX-License-Identifier: MIT */
/* What ends of calls took, summed in the writer.
 * Why: see own_time.h.
 * Rules: as there. */
#include "probe/own_time.h"

#include "probe/switch.h"
#include "probe/writer.h"

enum {
    LOWEST = 8, /* of the bits */
    EVERY = 64,
    EVERY_LEARNING = 16,
    MOST_NS = 500, /* longer: an interrupt, another thread's turn, the telling itself */
};

uint64_t own_time_mask = (EVERY - 1) * LOWEST;

void own_time_note(uint64_t counter, uint64_t now)
{
    struct writer *writer = writer_of_thread;
    uint64_t spent = now - counter;
    if (!writer->dropping && spent <= switch_ticks_of_ns(MOST_NS)) {
        writer->own_ticks += (uint32_t)spent;
        writer->own_count++;
    }
}

static enum own_time_of learns;

void own_time_learn(enum own_time_of what)
{
    learns = what;
    own_time_mask = ((what ? EVERY_LEARNING : EVERY) - 1) * LOWEST;
}

enum own_time_of own_time_learns(void)
{
    return learns;
}

uint32_t own_time_take256(void)
{
    struct writer *writer = writer_of_thread;
    uint32_t ticks256 =
        writer->own_count ? (uint32_t)((uint64_t)writer->own_ticks * 256 / writer->own_count) : 0;
    writer->own_ticks = writer->own_count = 0;
    return ticks256;
}

void own_time_tell(struct writer *writer, uint64_t counter, uint32_t chain_ticks)
{
    if (writer->head == writer->limit)
        return;
    uint32_t count = writer->own_count, ticks256 = own_time_take256();
    writer_store(writer, counter, EVENT_OWN_TIME, chain_ticks, event_own_time(count, ticks256));
}

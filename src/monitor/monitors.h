/* SPDX-License-Identifier: MIT */
/* From the fold to monitors: what each event means, into the streams of those who ask for it.
 * Why one at a time and not the rings' events: a return has no name and a call no duration until the fold has met it; so
 * a live program and a recording's trace, which are folded by the same code, tell a monitor the same.
 * Rules: the model's owner calls the watch; monitors_want is for any other thread. */
#ifndef ULMA_MONITOR_MONITORS_H
#define ULMA_MONITOR_MONITORS_H

#include "model/fold.h"
#include "monitor/stream_writer.h"

struct monitors {
    struct model_watch watch;
    struct stream *streams;
    size_t count;
    bool (*wait)(
        void *context); /* a full stream is waited for, as long as this says so; NULL: never */
    void *wait_context;
    /* time: a counter is base_ns at base_counter, and goes on by the rate */
    uint64_t base_counter;
    double base_ns, rate;
    /* of the event that is being folded */
    struct entry entry;
    uint32_t depth; /* of the entry that it closes; 0: none */
    struct gc_open gc;
    struct io_open_call io;
    bool has_io;
};

/* With streams that are open. They stay the caller's. */
void monitors_begin(struct monitors *monitors, struct stream *streams, size_t count);

/* What the monitors want now: the union of their masks. Any thread. */
uint64_t monitors_want(const struct monitors *monitors);

/* The sources (enum session_source) that kinds of events come from, with `calls`, which says whose they are. */
uint32_t monitors_sources(uint64_t mask);

/* Tells each that nothing more comes. */
void monitors_end(struct monitors *monitors);

#endif

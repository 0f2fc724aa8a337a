/* SPDX-License-Identifier: MIT */
/* A flight recorder's session, read after the fact: from a file, of a process that is dead, hangs or runs
 * on, to a copy that the collector reads like any other session, and plays at its own pace.
 * Why a copy: the rings may be overwritten while they are read (wire/ring.h has the protocol), and a copy
 * can be given the shape of rings that are drained: what is whole, from its first seed on, from the start
 * of the ring on. Everything behind it (drain, fold, views, formats) then needs to know nothing of this.
 * Rules: the file is hostile input, read under guard_run; nothing is written to it. No allocation grows
 * beyond the file's own size, which is bounded. */
#ifndef ULMA_MODEL_FLIGHT_COPY_H
#define ULMA_MODEL_FLIGHT_COPY_H

#include "base/clock.h"
#include "wire/mapping.h"

#include <stdbool.h>

/* One thread's ring. */
struct flight_ring {
    uint32_t index, tid;
    bool ended; /* the thread has */
    char name[RING_NAME_SIZE + 1];
    const struct event *events; /* in the copy */
    uint32_t count;
    bool over;     /* the session has shown its thread's end */
    uint32_t told; /* events that the session shows now (flight_play) */
    uint64_t first_counter, last_counter;
    uint64_t overwritten; /* events of before these; 0: the ring has not gone round */
};

struct flight {
    struct mapping mapping; /* of the copy */
    size_t bytes;
    struct flight_ring *rings; /* with events, in the directory's order */
    uint32_t ring_count;
    bool lives; /* some process has the file mapped */
    bool of_this_boot;
    uint64_t first_counter, end_counter; /* of all rings; of one that lives: now */
    uint64_t end_time_ns;                /* CLOCK_REALTIME at the end */
    struct clock_scale scale;
};

enum flight_refusal {
    FLIGHT_NO_SESSION = 1, /* no session of this format */
    FLIGHT_NO_FLIGHT,      /* one, but not a flight recorder's */
    FLIGHT_TOO_LARGE,
    FLIGHT_TRUNCATED,
};

/* 0, -errno, or an enum flight_refusal. */
int flight_open(const char *path, struct flight *ret_flight);

/* Of bytes in memory, which may change meanwhile (tests, the fuzzer). */
int flight_of_memory(const void *bytes, size_t size, struct flight *ret_flight);

void flight_close(struct flight *flight);

/* The session shows the events up to `counter`, and all of them from UINT64_MAX on. */
void flight_play(struct flight *flight, uint64_t counter);

/* A counter as CLOCK_REALTIME. */
uint64_t flight_time_ns(const struct flight *flight, uint64_t counter);

#endif

/* SPDX-License-Identifier: MIT */
/* The end of one thread of a flight recorder: the stack that it had, and the calls before that.
 * Why beside the fold: the fold keeps sums; here it is the order that is asked for.
 * Rules: stacks are keyed by frame, as wire/event.h has it; what an event says is hostile. */
#ifndef ULMA_MODEL_FLIGHT_MOMENTS_H
#define ULMA_MODEL_FLIGHT_MOMENTS_H

#include "model/flight_copy.h"

enum { FLIGHT_CALLS = 4096 }; /* kept, at most */

struct flight_frame {
    uint32_t id, frame;
    bool c_call;
    bool begun; /* at `since`; else it was open already then */
    uint64_t since;
};

enum flight_step { FLIGHT_CALLED, FLIGHT_RESUMED, FLIGHT_RETURNED, FLIGHT_YIELDED, FLIGHT_RAISED };

struct flight_call {
    uint64_t counter;
    uint32_t id, depth;
    enum flight_step step;
    bool c_call;
    bool timed; /* it was begun at `begun` */
    uint64_t begun;
};

struct flight_moments {
    struct flight_frame *frames; /* outermost first */
    uint32_t depth, room;
    struct flight_call *calls; /* the last ones, oldest first */
    uint32_t call_count;
    uint64_t seen; /* calls and returns in all */
};

/* 0 or -ENOMEM. */
int flight_moments_make(const struct flight_ring *ring, struct flight_moments *ret_moments);
void flight_moments_free(struct flight_moments *moments);

#endif

/* SPDX-License-Identifier: MIT */
/* The fold's rules once more, as slowly and plainly as can be, for the property test.
 * Why: written from wire/event.h and cProfile's definitions with another idea: every interval is given
 * to each function and edge that is open in it, by looking through the whole stack. No tree, no
 * entries' times, no buckets.
 * Rules: shares no code with src/model. */
#ifndef ULMA_TESTS_SLOW_MODEL_H
#define ULMA_TESTS_SLOW_MODEL_H

#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SLOW_FUNCTIONS = 320, /* by id; the last is (resync) */
    SLOW_RESYNC = SLOW_FUNCTIONS - 1,
    SLOW_NOBODY = SLOW_FUNCTIONS - 2, /* the caller of what nobody called */
    SLOW_THREADS = 4,
    SLOW_DEPTH = 4096,
    SLOW_FRAMES = 4096,
    SLOW_PARKED = 4096,
    SLOW_POOL = 1 << 16,
};

struct slow_frame {
    uint32_t frame;
    bool is_c;
    uint32_t id;
    int64_t ran; /* its activation so far */
    bool uncertain;
};

struct slow_function {
    uint64_t calls, resumes, primitive, yields, raised;
    int64_t self, total;
    int64_t min, max; /* of ended activations; max -1: none */
};

struct slow_edge {
    uint64_t calls, primitive;
    int64_t self, total;
};

struct slow_thread {
    struct slow_frame stack[SLOW_DEPTH];
    int depth;
    bool began, doubt;
    uint64_t last;
    int64_t debt, doubtful, outside, stalled;
    struct slow_frame seed[SLOW_DEPTH];
    int seed_count;
    struct slow_frame pool[SLOW_POOL]; /* of the stacks that were left, one after the other */
    int parked[SLOW_PARKED];           /* how many frames each has, the one left last is the last */
    uint32_t bottoms[SLOW_PARKED];     /* the outermost frame of each */
    int parked_count;
    uint32_t bottom; /* of the present one, as a seed has told it; 0: its first frame's */
};

struct slow_suspended {
    bool there;
    uint32_t id;
    int64_t ran;
    bool uncertain;
};

struct slow_model {
    struct slow_function functions[SLOW_FUNCTIONS];
    struct slow_edge edges[SLOW_FUNCTIONS][SLOW_FUNCTIONS];
    struct slow_thread threads[SLOW_THREADS];
    struct slow_suspended suspended[SLOW_FRAMES]; /* by frame */
    int64_t inner, outer; /* cost of a call in ticks: the first halves are the smaller ones */
    uint64_t unmatched;
};

void slow_model_event(struct slow_model *model, int thread, const struct event *event);

/* Time passes for all threads up to `counter`. */
void slow_model_end(struct slow_model *model, uint64_t counter);

#endif

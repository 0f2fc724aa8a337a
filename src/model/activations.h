/* SPDX-License-Identifier: MIT */
/* Who is alive now: each thread's open activations, and those that have yielded and wait.
 * Why: how deep a program is, how wide, and what hangs since when is not in any sum.
 * Rules: copied under the model's lock, so bounded: beyond ACTIVATIONS_MOST none is looked at, and those are
 * counted. An activation is named by its frame and its symbol: a frame's next tenant is mostly of another. */
#ifndef ULMA_MODEL_ACTIVATIONS_H
#define ULMA_MODEL_ACTIVATIONS_H

#include <stdbool.h>
#include <stdint.h>

struct model;

enum { ACTIVATIONS_MOST = 16384, ACTIVATIONS_SLOTS_MOST = 1 << 18 };

struct activation {
    uint32_t frame, symbol;
    uint32_t parent_frame, parent_symbol; /* who called or resumed it; 0: nobody, or not known */
    uint32_t thread;                      /* its track's number */
    uint32_t depth;                       /* 0: the outermost */
    uint32_t maker;    /* the symbol that made the task whose coroutine it is; 0: none */
    uint32_t awaiting; /* the innermost coroutine that it is suspended in; 0: in itself */
    bool is_active, is_top;
    int64_t
        age_ticks; /* active: since its beginning, of a generator what it ran; else since its yield */
};

struct activations {
    struct activation *list; /* ACTIVATIONS_MOST, active ones first; NULL: no room was made */
    uint32_t count;
    uint64_t left_out;
};

/* 0 or -ENOMEM. */
int activations_prepare(struct activations *activations);
void activations_done(struct activations *activations);

void activations_take(struct activations *activations, const struct model *model, uint64_t counter);

#endif

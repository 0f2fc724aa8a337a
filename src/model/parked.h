/* SPDX-License-Identifier: MIT */
/* Stacks of a thread that it has left and will come back to: those of greenlets.
 * Why: a greenlet's switch moves a thread to another stack and makes no event. What tells of it is the
 * next push, before which the probe writes RETOP where the caller is not the frame it believed open:
 * the caller of a greenlet's first frame is none, that of any other is a frame of a stack left before.
 * Without these the functions of one greenlet become the callers of another one's.
 * Rules: a parked stack has no time: its entries are closed, unseen, and opened again as those of a
 * seed. So its functions' times are those in which they were on the thread's stack, as a suspended
 * generator's are, and their activations are in no percentile. Bounded: the stack left first is given
 * up. What is parked is a claim about the past; a gap and a switch-off end it. */
#ifndef ULMA_MODEL_PARKED_H
#define ULMA_MODEL_PARKED_H

#include <stdbool.h>
#include <stdint.h>

struct model;
struct track;
struct seed_frame;

enum { PARKED_MOST = 4096 };

struct parked_stack {
    struct seed_frame *frames; /* outermost first */
    uint32_t count;
    uint32_t bottom; /* as track_bottom has it */
};

struct parked {
    struct parked_stack *stacks; /* the one left last stands last */
    uint32_t count, limit;
};

/* The thread goes on with an empty stack, of which nothing is known. */
void parked_leave(struct model *model, struct track *track);

/* The thread goes on with the parked stack that has this frame open, whose inner frames have ended
 * unseen. `symbol`: whose frame it must be, 0: anyone's. False: there is none. Time has passed. */
bool parked_return(struct model *model, struct track *track, uint32_t frame, uint32_t symbol);

/* The parked stack of this bottom is told anew. */
void parked_forget(struct track *track, uint32_t bottom);

void parked_clear(struct track *track);

#endif

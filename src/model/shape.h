/* SPDX-License-Identifier: MIT */
/* Shape lines: breakpoints that do not stop. Whenever a thread's stack gets deeper than a line the crossing is counted, and of the
 * first ones the stack is kept.
 * Why in the fold: what is deep for a millisecond is seen by no snapshot.
 * Rules: one owner, the fold; set and copied under its lock. A stack grows by one at a time, so it crosses a line just when
 * an entry comes to stand one deeper. Bounded, and one look for each push where there is no line. */
#ifndef ULMA_MODEL_SHAPE_H
#define ULMA_MODEL_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SHAPE_LINES = 16,
    SHAPE_CROSSINGS = 8,    /* of each line, whose stacks are kept */
    SHAPE_STACK_MOST = 256, /* activations of a stack, the innermost */
    SHAPE_DEEPEST = 1 << 20
};

struct model;
struct track;

struct shape_crossing {
    uint64_t counter;
    int64_t at_ns;     /* of a copy: since the start */
    uint32_t left_out; /* activations, of the outermost */
    uint32_t count;
    uint32_t rows[SHAPE_STACK_MOST]; /* functions, outermost first */
};

struct shape_line {
    uint32_t track, depth; /* the track's number; crossed where more than so many are open */
    uint64_t count;
    uint32_t kept;
    struct shape_crossing crossings[SHAPE_CROSSINGS];
};

struct shape {
    struct shape_line *lines[SHAPE_LINES];
    uint32_t count;
};

/* 0 (also where it is there already), -ENOSPC or -ENOMEM. */
int shape_set(struct shape *shape, uint32_t track, uint32_t depth);
void shape_clear(struct shape *shape, uint32_t track, uint32_t depth);

/* Whole and independent; false: no memory. */
bool shape_copy(struct shape *to, const struct shape *from);
void shape_done(struct shape *shape);
void shape_reset(struct shape *shape); /* lines stay, their crossings are forgotten */

/* An entry has come to stand at `place`, 1.., at `counter`. */
void shape_push(struct shape *shape, const struct model *model, const struct track *track,
                uint32_t place, uint64_t counter);

#endif

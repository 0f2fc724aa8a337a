/* SPDX-License-Identifier: MIT */
/* Shape lines: breakpoints that do not stop. Whenever a thread gets deeper than a line, or wider, the crossing is counted, and of
 * the first ones the stack is kept.
 * Why in the fold: what is deep or wide for a millisecond is seen by no snapshot.
 * Rules: one owner, the fold; set and copied under its lock. A stack grows by one at a time, so it crosses a line for depth just
 * when an entry comes to stand one deeper. Width is that of the widest row: of a row, who is suspended there (where it stood
 * when it yielded), and who is on the stack there. So only a push makes a thread wider; one that resumes moves its activation,
 * which is not narrower and wider again. Rows are counted while there are lines for width, by whoever suspends (suspended.h).
 * Bounded, and one look for each push where there is no line. */
#ifndef ULMA_MODEL_SHAPE_H
#define ULMA_MODEL_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SHAPE_LINES = 16,
    SHAPE_CROSSINGS = 8,    /* of each line, whose stacks are kept */
    SHAPE_STACK_MOST = 256, /* activations of a stack, the innermost */
    SHAPE_MOST = 1 << 20,   /* what a line may be at */
    SHAPE_ROWS = 1 << 14,   /* what is suspended deeper than that is in no row */
};

enum shape_axis { SHAPE_DEPTH, SHAPE_WIDTH };

struct model;
struct track;
struct suspended_activation;

struct shape_crossing {
    uint64_t counter;
    int64_t at_ns;     /* of a copy: since the start */
    uint32_t left_out; /* activations, of the outermost */
    uint32_t count;
    uint32_t rows[SHAPE_STACK_MOST]; /* functions, outermost first */
};

/* Suspended ones of one track. */
struct shape_rows {
    uint32_t counts[SHAPE_ROWS];
    uint32_t over, edge; /* rows of more than the line allows, and of as many */
};

struct shape_line {
    enum shape_axis axis;
    uint32_t track, most; /* the track's number; crossed where it gets deeper or wider than that */
    struct shape_rows *rows; /* for width; NULL: for depth, or a copy */
    bool was_over;           /* before what is held now */
    uint64_t count;
    uint32_t kept;
    struct shape_crossing crossings[SHAPE_CROSSINGS];
};

struct shape {
    struct shape_line *lines[SHAPE_LINES];
    uint32_t count, wide_count; /* all, and those for width */
    bool held; /* an activation is on its way from where it was suspended to the stack */
};

/* Of the model that keeps, at `counter`. Whoever sets a line for width has seen how wide the thread was some time ago: if it is
 * wider by now, that was a crossing. 0 (also where it is there already), -ENOSPC or -ENOMEM. */
int shape_set(struct model *model, enum shape_axis axis, uint32_t track, uint32_t most,
              uint64_t counter);
void shape_clear(struct model *model, enum shape_axis axis, uint32_t track, uint32_t most);

/* Whole and independent; false: no memory. */
bool shape_copy(struct shape *to, const struct shape *from);
void shape_done(struct shape *shape);
void shape_reset(struct shape *shape); /* lines stay, their crossings are forgotten */

/* An entry has come to stand at `place`, 1.., at `counter`. */
void shape_push(struct shape *shape, const struct model *model, const struct track *track,
                uint32_t place, uint64_t counter);

/* The next push of the track may be of what is taken from the suspended ones meanwhile; that push has been, or will not be. */
void shape_hold(struct shape *shape, const struct track *track, uint32_t depth);
void shape_let_go(struct shape *shape);

/* One more is suspended, or one less. */
void shape_add(struct shape *shape, const struct suspended_activation *activation);
void shape_take(struct shape *shape, const struct suspended_activation *activation);

#endif

/* SPDX-License-Identifier: MIT */
/* Lines: how often each began, and the time that its function spent in it.
 * Why a table beside the tree: lines are few and of chosen functions; a node for each would be paid by all.
 *
 * A line's time is its function's self time from the line's event to the next one of the same activation: while
 * something is called its clock stands still, and goes on when that has returned. So the lines of a function add up to
 * its self time, but for what it ran before its first line and since its stack was told anew. What an activation that is
 * suspended was at goes with it (suspended.h).
 * Why a stack of their own: an entry of the fold's stack is one cache line and has no room; only functions with lines
 * have a frame here, in the order of their entries.
 * Rules: one owner, the fold. Bounded: beyond LINES_LIMIT a line is not counted, and that is. */
#ifndef ULMA_MODEL_LINES_H
#define ULMA_MODEL_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

enum { LINES_LIMIT = 1 << 18, LINES_NONE = 0 };

struct line_sums {
    uint32_t row; /* its function's: a row's first twin */
    uint32_t line;
    uint64_t hits;
    int64_t self_ticks, wait_ticks; /* wait: of these, off the CPU */
};

struct lines {
    struct line_sums *sums; /* [0] is nobody's */
    uint32_t count, limit;
    uint32_t *buckets; /* by row and line: index, open addressing */
    uint32_t bucket_mask;
    uint64_t refused; /* events of lines that there was no room for */
};

/* An open activation, and the line that it is at. */
struct line_frame {
    uint64_t key; /* its entry's */
    uint32_t at;  /* of lines.sums */
};

/* Of one thread. */
struct line_stack {
    struct line_frame *frames;
    uint32_t count, limit;
    uint32_t running; /* the line whose clock runs: of the entry on top; LINES_NONE: none's does */
    int64_t since_ticks, since_wait_ticks;
};

/* A moment of a thread. */
struct line_time {
    int64_t clock_ticks, wait_ticks;
};

/* 0 or -ENOMEM. */
int lines_init(struct lines *lines);
void lines_done(struct lines *lines);
void lines_reset(struct lines *lines);

/* What the running line has had up to now. */
void lines_settle(struct lines *lines, struct line_stack *stack, struct line_time now);

/* Its index, or LINES_NONE where there is no room. */
uint32_t lines_find(struct lines *lines, uint32_t row, uint32_t line);

/* The activation of `key`, which is on top, is at a line from here on. */
void lines_go_to(struct lines *lines, struct line_stack *stack, uint64_t key, uint32_t at,
                 struct line_time now);

/* Something is called. */
void lines_call(struct lines *lines, struct line_stack *stack, struct line_time now);

/* The entry of `key` is off the stack, and `top` is the one below. */
void lines_return(struct lines *lines, struct line_stack *stack, uint64_t key, uint64_t top,
                  struct line_time now);

void line_stack_done(struct line_stack *stack);

#endif

/* SPDX-License-Identifier: MIT */
/* Counting lines and running their clocks.
 * Why: see lines.h. */
#include "model/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LINES = 256, FIRST_FRAMES = 32, MOST_FRAMES = 1 << 22 };

/* --- the table ------------------------------------------------------------------------------- */

int lines_init(struct lines *lines)
{
    *lines = (struct lines){
        .sums = calloc(FIRST_LINES, sizeof(*lines->sums)),
        .buckets = calloc((size_t)2 * FIRST_LINES, sizeof(*lines->buckets)),
        .limit = FIRST_LINES,
        .count = 1,
        .bucket_mask = 2 * FIRST_LINES - 1,
    };
    return lines->sums && lines->buckets ? 0 : -ENOMEM;
}

void lines_done(struct lines *lines)
{
    free(lines->sums);
    free(lines->buckets);
    *lines = (struct lines){0};
}

/* Places in the table stay what they are: stacks hold them. */
void lines_reset(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        lines->sums[i].hits = 0;
        lines->sums[i].self_ticks = lines->sums[i].wait_ticks = 0;
    }
    lines->refused = 0;
}

/* Its bucket: the one that it has, or the free one that it would. */
static uint32_t bucket_of(const struct lines *lines, uint32_t row, uint32_t line)
{
    uint64_t hash = (((uint64_t)row << 32) | line) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & lines->bucket_mask;
    for (; lines->buckets[at]; at = (at + 1) & lines->bucket_mask) {
        const struct line_sums *sums = &lines->sums[lines->buckets[at]];
        if (sums->row == row && sums->line == line)
            break;
    }
    return at;
}

static bool grow(struct lines *lines)
{
    uint32_t limit = lines->limit * 2;
    if (limit > LINES_LIMIT)
        return false;
    struct line_sums *sums = realloc(lines->sums, limit * sizeof(*sums));
    if (sums)
        lines->sums = sums;
    uint32_t *buckets = sums ? calloc((size_t)2 * limit, sizeof(*buckets)) : NULL;
    if (!buckets)
        return false;
    free(lines->buckets);
    lines->buckets = buckets;
    lines->bucket_mask = 2 * limit - 1;
    lines->limit = limit;
    for (uint32_t i = 1; i < lines->count; i++)
        buckets[bucket_of(lines, lines->sums[i].row, lines->sums[i].line)] = i;
    return true;
}

uint32_t lines_find(struct lines *lines, uint32_t row, uint32_t line)
{
    uint32_t bucket = bucket_of(lines, row, line);
    if (lines->buckets[bucket])
        return lines->buckets[bucket];
    if (lines->count == lines->limit) {
        if (!grow(lines))
            return LINES_NONE;
        bucket = bucket_of(lines, row, line);
    }
    uint32_t at = lines->count++;
    lines->sums[at] = (struct line_sums){.row = row, .line = line};
    lines->buckets[bucket] = at;
    return at;
}

/* --- clocks ---------------------------------------------------------------------------------- */

void lines_settle(struct lines *lines, struct line_stack *stack, struct line_time now)
{
    if (stack->running != LINES_NONE) {
        struct line_sums *sums = &lines->sums[stack->running];
        sums->self_ticks += now.clock_ticks - stack->since_ticks;
        sums->wait_ticks += now.wait_ticks - stack->since_wait_ticks;
    }
    stack->since_ticks = now.clock_ticks;
    stack->since_wait_ticks = now.wait_ticks;
}

static struct line_frame *top_of(const struct line_stack *stack)
{
    return stack->count ? &stack->frames[stack->count - 1] : NULL;
}

static struct line_frame *add_frame(struct line_stack *stack)
{
    if (stack->count == stack->limit) {
        uint32_t limit = stack->limit ? stack->limit * 2 : FIRST_FRAMES;
        struct line_frame *frames =
            limit <= MOST_FRAMES ? realloc(stack->frames, limit * sizeof(*frames)) : NULL;
        if (!frames)
            return NULL;
        stack->frames = frames;
        stack->limit = limit;
    }
    return &stack->frames[stack->count++];
}

void lines_go_to(struct lines *lines, struct line_stack *stack, uint64_t key, uint32_t at,
                 struct line_time now)
{
    lines_settle(lines, stack, now);
    struct line_frame *frame = top_of(stack);
    if (!frame || frame->key != key)
        frame = add_frame(stack);
    stack->running = frame ? at : LINES_NONE;
    if (frame)
        *frame = (struct line_frame){.key = key, .at = at};
}

void lines_call(struct lines *lines, struct line_stack *stack, struct line_time now)
{
    lines_settle(lines, stack, now);
    stack->running = LINES_NONE;
}

void lines_return(struct lines *lines, struct line_stack *stack, uint64_t key, uint64_t top,
                  struct line_time now)
{
    lines_settle(lines, stack, now);
    const struct line_frame *frame = top_of(stack);
    if (frame && frame->key == key) {
        stack->count--;
        frame = top_of(stack);
    }
    stack->running = frame && frame->key == top ? frame->at : LINES_NONE;
}

void line_stack_done(struct line_stack *stack)
{
    free(stack->frames);
    *stack = (struct line_stack){0};
}

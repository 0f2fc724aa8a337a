/* SPDX-License-Identifier: MIT */
/* Which span a thread is in, and the time that passes there.
 * Why depths: the look is taken at pushes; that a context is left, its outermost entry's end says. While any part of the
 * stack is in a span the track's hurdle is 0, so that every event passes here; where none is, nothing is paid.
 * Rules: those of spans.h. */
#include "model/fold.h"

static void look_anew(struct track *track)
{
    struct span_track *spans = &track->spans;
    bool was_watched = spans->is_watched;
    spans->is_watched = spans->told != 0;
    for (uint32_t i = 0; i <= spans->part_count; i++)
        spans->is_watched |= spans->parts[i].number != 0;
    if (!spans->is_watched)
        spans->part_count = 0;
    if (!was_watched && spans->is_watched) {
        spans->clock_ticks = track->clock_ticks;
        spans->wait_ticks = track->wait_ticks;
        spans->counter = track->last;
    }
    track_set_hurdle(track);
}

static void add_part(struct span_track *spans, uint32_t number, uint32_t depth)
{
    if (spans->part_count + 1 < SPAN_STACK)
        spans->part_count++;
    spans->parts[spans->part_count] = (struct span_part){number, depth};
}

/* The outermost entry of the task whose step runs: with it a context ends. 0: no task's. */
static uint32_t step_depth(const struct track *track)
{
    uint32_t floor = track->spans.parts[track->spans.part_count].depth;
    for (uint32_t depth = track->depth; depth > floor; depth--)
        if (track->entries[depth].task)
            return depth;
    return 0;
}

void span_steps_tell(struct track *track, uint32_t number, bool at_once)
{
    struct span_track *spans = &track->spans;
    spans->told = number;
    if (at_once && number != span_steps_now(spans)) {
        uint32_t depth = step_depth(track);
        if (depth)
            add_part(spans, number, depth);
        else
            spans->parts[spans->part_count].number = number;
    }
    look_anew(track);
}

void span_steps_push(struct track *track)
{
    struct span_track *spans = &track->spans;
    if (spans->told != span_steps_now(spans))
        add_part(spans, spans->told, track->depth + 1);
}

static void leave_parts(struct track *track)
{
    struct span_track *spans = &track->spans;
    while (spans->part_count && spans->parts[spans->part_count].depth > track->depth)
        spans->part_count--;
}

void span_steps_pass(struct model *model, struct track *track)
{
    struct span_track *spans = &track->spans;
    int64_t clock_ticks = track->clock_ticks - spans->clock_ticks;
    int64_t wait_ticks = track->wait_ticks - spans->wait_ticks;
    int64_t taken_ticks = (int64_t)(track->last - spans->counter) - clock_ticks;
    spans->clock_ticks = track->clock_ticks;
    spans->wait_ticks = track->wait_ticks;
    spans->counter = track->last;
    leave_parts(track);
    uint32_t number = span_steps_now(spans);
    uint32_t index = number ? spans_find(model, number, track->last) : 0;
    if (!index) {
        if (!number && !spans->told)
            look_anew(track);
        return;
    }
    struct span *span = &model->spans.spans[index];
    span->sums.cpu_ticks += clock_ticks - wait_ticks;
    span->sums.wait_ticks += wait_ticks;
    span->taken_ticks += taken_ticks;
    if (track->depth)
        span_functions_add(&span->functions, track->entries[track->depth].symbol, clock_ticks);
}

void span_steps_leave(struct track *track)
{
    track->spans.part_count = 0;
    track->spans.parts[0] = (struct span_part){0};
    look_anew(track);
}

void span_steps_forget(struct track *track)
{
    track->spans.told = track->spans.text_size = 0;
    span_steps_leave(track);
}

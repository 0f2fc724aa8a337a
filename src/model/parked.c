/* SPDX-License-Identifier: MIT */
/* Leaving stacks and coming back to them.
 * Why: see parked.h.
 * Rules: as parked.h. A stack is looked for by its innermost frame first, which is the one that
 * switched. */
#include "model/parked.h"

#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

static void remove_stack(struct parked *parked, uint32_t index)
{
    free(parked->stacks[index].frames);
    parked->count--;
    memmove(&parked->stacks[index], &parked->stacks[index + 1],
            (parked->count - index) * sizeof(*parked->stacks));
}

static bool make_room(struct parked *parked)
{
    if (parked->count == PARKED_MOST)
        remove_stack(parked, 0);
    if (parked->count < parked->limit)
        return true;
    uint32_t limit = parked->limit ? parked->limit * 2 : 8;
    struct parked_stack *grown = realloc(parked->stacks, limit * sizeof(*grown));
    if (!grown)
        return false;
    parked->stacks = grown;
    parked->limit = limit;
    return true;
}

/* C calls are closed: the one that switched is over when the stack is come back to. */
void parked_leave(struct model *model, struct track *track)
{
    struct parked *parked = &track->parked;
    struct parked_stack stack = {.bottom = track_bottom(model, track)};
    if (track->depth && make_room(parked))
        stack.frames = calloc(track->depth, sizeof(*stack.frames));
    for (uint32_t i = 1; stack.frames && i <= track->depth; i++) {
        const struct entry *entry = &track->entries[i];
        if (!(entry->key & TRACK_C_CALL))
            stack.frames[stack.count++] = (struct seed_frame){(uint32_t)entry->key, entry->symbol};
    }
    if (stack.count)
        parked->stacks[parked->count++] = stack;
    else
        free(stack.frames);
    track_close(model, track, 0);
    span_steps_leave(track);
    track->bottom = 0;
}

/* A frame's place is used again by other functions: one that is not of `symbol` is another frame. */
static bool is_frame(const struct seed_frame *open, uint32_t frame, uint32_t symbol)
{
    return open->frame == frame && (!symbol || open->symbol == symbol);
}

/* Its place from 1 on, or 0. */
static uint32_t find_frame(const struct parked_stack *stack, uint32_t frame, uint32_t symbol)
{
    uint32_t place = stack->count;
    while (place && !is_frame(&stack->frames[place - 1], frame, symbol))
        place--;
    return place;
}

/* Of PARKED_MOST: none. */
static uint32_t find_stack(const struct parked *parked, uint32_t frame, uint32_t symbol)
{
    for (uint32_t i = parked->count; i-- > 0;)
        if (is_frame(&parked->stacks[i].frames[parked->stacks[i].count - 1], frame, symbol))
            return i;
    for (uint32_t i = parked->count; i-- > 0;)
        if (find_frame(&parked->stacks[i], frame, symbol))
            return i;
    return PARKED_MOST;
}

bool parked_return(struct model *model, struct track *track, uint32_t frame, uint32_t symbol)
{
    struct parked *parked = &track->parked;
    uint32_t index = parked->count ? find_stack(parked, frame, symbol) : PARKED_MOST;
    if (index == PARKED_MOST)
        return false;
    struct parked_stack stack = parked->stacks[index];
    stack.count = find_frame(&stack, frame, symbol);
    parked->stacks[index].frames = NULL;
    remove_stack(parked, index);
    parked_leave(model, track);
    track->bottom = stack.bottom;
    for (uint32_t i = 0; i < stack.count; i++) /* some may have been muted or left out meanwhile */
        if (!symbols_is_silent(&model->symbols, stack.frames[i].symbol))
            fold_open_seeded(model, track, stack.frames[i].frame, stack.frames[i].symbol);
    free(stack.frames);
    return true;
}

void parked_forget(struct track *track, uint32_t bottom)
{
    struct parked *parked = &track->parked;
    for (uint32_t i = parked->count; bottom && i-- > 0;)
        if (parked->stacks[i].bottom == bottom)
            remove_stack(parked, i);
}

void parked_clear(struct track *track)
{
    for (uint32_t i = 0; i < track->parked.count; i++)
        free(track->parked.stacks[i].frames);
    free(track->parked.stacks);
    track->parked = (struct parked){0};
}

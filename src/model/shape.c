/* SPDX-License-Identifier: MIT */
/* Judging shape lines.
 * Why: see shape.h.
 * Rules: as there. */
#include "model/shape.h"

#include "model/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t find(const struct shape *shape, uint32_t track, uint32_t depth)
{
    uint32_t i = 0;
    while (i < shape->count && (shape->lines[i]->track != track || shape->lines[i]->depth != depth))
        i++;
    return i;
}

int shape_set(struct shape *shape, uint32_t track, uint32_t depth)
{
    if (find(shape, track, depth) < shape->count)
        return 0;
    if (shape->count == SHAPE_LINES)
        return -ENOSPC;
    struct shape_line *line = calloc(1, sizeof(*line));
    if (!line)
        return -ENOMEM;
    line->track = track;
    line->depth = depth;
    shape->lines[shape->count++] = line;
    return 0;
}

void shape_clear(struct shape *shape, uint32_t track, uint32_t depth)
{
    uint32_t at = find(shape, track, depth);
    if (at == shape->count)
        return;
    free(shape->lines[at]);
    for (shape->count--; at < shape->count; at++)
        shape->lines[at] = shape->lines[at + 1];
}

bool shape_copy(struct shape *to, const struct shape *from)
{
    *to = (struct shape){0};
    for (uint32_t i = 0; i < from->count; i++) {
        struct shape_line *line = malloc(sizeof(*line));
        if (!line) {
            shape_done(to);
            return false;
        }
        *line = *from->lines[i];
        to->lines[to->count++] = line;
    }
    return true;
}

void shape_done(struct shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++)
        free(shape->lines[i]);
    *shape = (struct shape){0};
}

void shape_reset(struct shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        shape->lines[i]->count = 0;
        shape->lines[i]->kept = 0;
    }
}

static void keep(struct shape_crossing *crossing, const struct model *model,
                 const struct track *track, uint32_t place, uint64_t counter)
{
    uint32_t first = place > SHAPE_STACK_MOST ? place - SHAPE_STACK_MOST + 1 : 1;
    *crossing = (struct shape_crossing){.counter = counter, .left_out = first - 1};
    for (uint32_t i = first; i <= place; i++)
        crossing->rows[crossing->count++] = model->symbols.symbols[track->entries[i].symbol].row;
}

void shape_push(struct shape *shape, const struct model *model, const struct track *track,
                uint32_t place, uint64_t counter)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        struct shape_line *line = shape->lines[i];
        if (line->depth + 1 != place || line->track != track->number)
            continue;
        line->count++;
        if (line->kept < SHAPE_CROSSINGS)
            keep(&line->crossings[line->kept++], model, track, place, counter);
    }
}

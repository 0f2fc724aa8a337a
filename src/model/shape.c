/* SPDX-License-Identifier: MIT */
/* Judging shape lines.
 * Why: see shape.h.
 * Rules: as there. */
#include "model/shape.h"

#include "model/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t find(const struct shape *shape, enum shape_axis axis, uint32_t track, uint32_t most)
{
    uint32_t i = 0;
    while (i < shape->count && (shape->lines[i]->axis != axis || shape->lines[i]->track != track ||
                                shape->lines[i]->most != most))
        i++;
    return i;
}

/* --- rows of suspended ones ----------------------------------------------------------------- */

static void change(struct shape_line *line, const struct suspended_activation *activation,
                   bool comes)
{
    if (!line->rows || line->track != activation->thread || activation->depth >= SHAPE_ROWS)
        return;
    uint32_t *count = &line->rows->counts[activation->depth];
    line->rows->over -= *count > line->most;
    line->rows->edge -= *count == line->most;
    if (comes)
        ++*count;
    else if (*count) /* of a thread that had ended when the line was set nothing was counted */
        --*count;
    line->rows->over += *count > line->most;
    line->rows->edge += *count == line->most;
}

void shape_add(struct shape *shape, const struct suspended_activation *activation)
{
    for (uint32_t i = 0; i < shape->count; i++)
        change(shape->lines[i], activation, true);
}

void shape_take(struct shape *shape, const struct suspended_activation *activation)
{
    for (uint32_t i = 0; i < shape->count; i++)
        change(shape->lines[i], activation, false);
}

/* Those that are suspended already: of the process whose thread it is. */
static void count_rows(const struct model *model, struct shape_line *line,
                       const struct track *track)
{
    const struct suspended *all = track->process == model->process ? &model->suspended
                                                                   : &track->process->suspended;
    for (uint32_t i = 0; all->slots && i <= all->mask; i++)
        if (all->slots[i].symbol)
            change(line, &all->slots[i], true);
}

/* --- judging -------------------------------------------------------------------------------- */

static void cross(struct shape_line *line, const struct model *model, const struct track *track,
                  uint32_t place, uint64_t counter)
{
    if (line->count++ >= SHAPE_CROSSINGS)
        return;
    struct shape_crossing *crossing = &line->crossings[line->kept++];
    uint32_t first = place > SHAPE_STACK_MOST ? place - SHAPE_STACK_MOST + 1 : 1;
    *crossing = (struct shape_crossing){.counter = counter, .left_out = first - 1};
    for (uint32_t i = first; i <= place; i++)
        crossing->rows[crossing->count++] = model->symbols.symbols[track->entries[i].symbol].row;
}

/* With a stack of so many on it. */
static bool is_wider(const struct shape_line *line, uint32_t depth)
{
    const struct shape_rows *rows = line->rows;
    if (rows->over)
        return true;
    for (uint32_t row = 0; rows->edge && row < depth && row < SHAPE_ROWS; row++)
        if (rows->counts[row] == line->most)
            return true;
    return false;
}

static bool is_crossed(const struct shape *shape, const struct shape_line *line, uint32_t place)
{
    if (line->axis == SHAPE_DEPTH)
        return line->most + 1 == place;
    return is_wider(line, place) && !(shape->held ? line->was_over : is_wider(line, place - 1));
}

void shape_push(struct shape *shape, const struct model *model, const struct track *track,
                uint32_t place, uint64_t counter)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        struct shape_line *line = shape->lines[i];
        if (line->track != track->number || !is_crossed(shape, line, place))
            continue;
        cross(line, model, track, place, counter);
    }
}

void shape_hold(struct shape *shape, const struct track *track, uint32_t depth)
{
    shape->held = true;
    for (uint32_t i = 0; i < shape->count; i++) {
        struct shape_line *line = shape->lines[i];
        if (line->axis == SHAPE_WIDTH && line->track == track->number)
            line->was_over = is_wider(line, depth);
    }
}

void shape_let_go(struct shape *shape)
{
    shape->held = false;
}

/* --- lines ---------------------------------------------------------------------------------- */

/* Of the present process; the others' learn it as they become that (model_enter). */
static void listen(struct model *model)
{
    struct shape *shape = &model->kept->shape;
    model->suspended.shape = shape->wide_count ? shape : NULL;
}

static void free_line(struct shape_line *line)
{
    free(line->rows);
    free(line);
}

static void begin_width(const struct model *model, struct shape_line *line, uint64_t counter)
{
    const struct track *track = model->tracks;
    while (track && track->number != line->track)
        track = track->next;
    if (!track)
        return;
    count_rows(model, line, track);
    if (is_wider(line, track->depth))
        cross(line, model, track, track->depth, counter);
}

int shape_set(struct model *model, enum shape_axis axis, uint32_t track, uint32_t most,
              uint64_t counter)
{
    struct shape *shape = &model->kept->shape;
    if (find(shape, axis, track, most) < shape->count)
        return 0;
    if (shape->count == SHAPE_LINES)
        return -ENOSPC;
    struct shape_line *line = calloc(1, sizeof(*line));
    if (!line)
        return -ENOMEM;
    *line = (struct shape_line){.axis = axis, .track = track, .most = most};
    if (axis == SHAPE_WIDTH) {
        line->rows = calloc(1, sizeof(*line->rows));
        if (!line->rows) {
            free(line);
            return -ENOMEM;
        }
        begin_width(model, line, counter);
        shape->wide_count++;
    }
    shape->lines[shape->count++] = line;
    listen(model);
    return 0;
}

void shape_clear(struct model *model, enum shape_axis axis, uint32_t track, uint32_t most)
{
    struct shape *shape = &model->kept->shape;
    uint32_t at = find(shape, axis, track, most);
    if (at == shape->count)
        return;
    shape->wide_count -= axis == SHAPE_WIDTH;
    free_line(shape->lines[at]);
    for (shape->count--; at < shape->count; at++)
        shape->lines[at] = shape->lines[at + 1];
    listen(model);
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
        line->rows = NULL;
        to->lines[to->count++] = line;
    }
    return true;
}

void shape_done(struct shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++)
        free_line(shape->lines[i]);
    *shape = (struct shape){0};
}

void shape_reset(struct shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        shape->lines[i]->count = 0;
        shape->lines[i]->kept = 0;
    }
}

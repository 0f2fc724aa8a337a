/* SPDX-License-Identifier: MIT */
/* Lines, in the collector: an event is a hit of its line, and ends the time of the one before.
 * Why the frame alone: the stack knows whose it is, so an event of 16 bytes has room for the line's number.
 * Rules: those of fold_source.h. What comes of a function that nobody asked for is dropped: the probe tells lines until
 * it knows (wire/session.h, enum site_lines). */
#include "model/fold_source.h"

/* The frame is on top, where it is known at all: what was above it has ended unseen, or a greenlet has switched. */
static bool reach(struct model *model, struct track *track, struct fold_cursor *cursor,
                  uint32_t frame)
{
    if (cursor->top->key == frame)
        return true;
    if (fold_cursor_is_open(cursor, frame))
        return fold_cursor_reach(model, track, cursor, frame, 0);
    if (track->parked.count == 0)
        return false;
    fold_cursor_store(cursor, track);
    parked_return(model, track, frame, 0);
    fold_cursor_load(cursor, model, track);
    return cursor->top->key == frame;
}

static void fold_line(struct model *model, struct track *track, struct fold_cursor *cursor,
                      const struct event *event)
{
    fold_cursor_pass(model, track, cursor, event->counter, EVENT_LINE);
    if (!reach(model, track, cursor, event->frame))
        return;
    struct symbol *row = &model->symbols.symbols[cursor->top->symbol];
    row = &model->symbols.symbols[row->row];
    if (!row->has_lines)
        return;
    uint32_t at =
        lines_find(&model->lines, (uint32_t)(row - model->symbols.symbols), event_id(event));
    row->line_hits++;
    if (at == LINES_NONE)
        model->lines.refused++;
    else
        model->lines.sums[at].hits++;
    if (!row->lines_muted) /* the next ones do not come */
        lines_go_to(&model->lines, &track->lines, event->frame, at,
                    (struct line_time){cursor->clock_ticks, track->wait_ticks});
}

const struct fold_source lines_fold = {
    .name = "lines",
    .bit = SOURCE_LINES,
    .first_kind = EVENT_LINE,
    .last_kind = EVENT_LINE,
    .fold = fold_line,
};

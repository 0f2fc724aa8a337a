/* SPDX-License-Identifier: MIT */
/* Spans, in the collector.
 * Why: see model/spans.h.
 * Rules: those of fold_source.h. Numbers and texts are the target's word. */
#include "model/fold_source.h"

#include <string.h>

static void add_text(struct span_track *spans, const struct event *event)
{
    uint32_t id = event_id(event);
    char piece[EVENT_NAME_BYTES] = {(char)id, (char)(id >> 8), (char)(id >> 16)};
    memcpy(piece + 3, &event->frame, sizeof(event->frame));
    if (spans->text_size + EVENT_NAME_BYTES > SPAN_TEXT_MOST + 1)
        return;
    memcpy(spans->text + spans->text_size, piece, EVENT_NAME_BYTES);
    spans->text_size += EVENT_NAME_BYTES;
}

static void fold_spans(struct model *model, struct track *track, struct fold_cursor *cursor,
                       const struct event *event)
{
    uint32_t kind = event_kind(event);
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    fold_cursor_store(cursor, track);
    if (kind == EVENT_SPAN_TEXT)
        add_text(&track->spans, event);
    else if (kind == EVENT_SPAN_NOW)
        span_steps_tell(track, event->frame, event_id(event) != 0);
    else if (kind == EVENT_SPAN_BEGIN)
        spans_begin(model, track, event);
    else
        spans_end(model, track, event);
    fold_cursor_load(cursor, model, track);
}

const struct fold_source spans_fold = {
    .name = "spans",
    .bit = SOURCE_SPANS,
    .first_kind = EVENT_SPAN_BEGIN,
    .last_kind = EVENT_SPAN_END,
    .fold = fold_spans,
};

/* SPDX-License-Identifier: MIT */
/* Calls of the C library, in the collector.
 * Why the function on top: a call is written where it happens, so that the stack says whose it is. C functions between
 * are left out: of socket.recv it is known who called it.
 * Rules: those of fold_source.h. Descriptors, sizes and names are the target's word. */
#include "model/fold_source.h"
#include "model/io_apply.h"

#include <string.h>

static uint32_t python_on_top(const struct fold_cursor *cursor)
{
    const struct entry *entry = cursor->top;
    while (entry > cursor->entries && entry->key >= TRACK_C_CALL)
        entry--;
    return entry > cursor->entries ? entry->symbol : 0;
}

static void begin(struct io_open *open, const struct fold_cursor *cursor, const struct event *event)
{
    uint32_t operation = io_begin_operation(event_id(event));
    if (open->depth == IO_OPEN_MOST || operation >= IO_OPERATION_COUNT)
        open->depth = 0; /* ends were not seen */
    open->name_size = 0;
    if (operation < IO_OPERATION_COUNT)
        open->calls[open->depth++] = (struct io_open_call){
            .since = event->counter,
            .operation = operation,
            .fd = event->frame,
            .symbol = python_on_top(cursor),
            .place = io_begin_place(event_id(event)),
        };
}

static void add_name(struct io_open *open, const struct event *event)
{
    uint32_t id = event_id(event);
    unsigned char piece[EVENT_NAME_BYTES] = {(unsigned char)id, (unsigned char)(id >> 8),
                                             (unsigned char)(id >> 16)};
    memcpy(piece + 3, &event->frame, sizeof(event->frame));
    open->is_address = event_kind(event) == EVENT_IO_ADDRESS;
    if (open->name_size + EVENT_NAME_BYTES > sizeof(open->name) - 1)
        return;
    memcpy(open->name + open->name_size, piece, EVENT_NAME_BYTES);
    open->name_size += EVENT_NAME_BYTES;
    open->name[open->name_size] = '\0';
}

static void end(struct model *model, const struct track *track, struct io_open *open,
                const struct event *event)
{
    if (!open->depth)
        return;
    const struct io_open_call *call = &open->calls[--open->depth];
    uint64_t amount = event_amount(event), ticks = event->counter - call->since;
    struct io_done done = {
        .begin = call->since,
        .end = event->counter,
        .operation = call->operation,
        .fd = call->fd,
        .symbol = call->symbol ? model->symbols.symbols[call->symbol].row : 0,
        .span = span_steps_now(&track->spans),
        .result = amount & ~IO_FAILED,
        .error = amount & IO_FAILED ? (int)(amount & 0xffff) : 0,
        .is_address = open->is_address,
        .name_size = open->name_size,
    };
    if (ticks < FOLD_INTERVAL_MOST)
        io_apply_later(model, &done, open->name);
    open->name_size = 0;
}

static void fold_io(struct model *model, struct track *track, struct fold_cursor *cursor,
                    const struct event *event)
{
    uint32_t kind = event_kind(event);
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_IO_BEGIN)
        begin(&track->io, cursor, event);
    else if (kind == EVENT_IO_END)
        end(model, track, &track->io, event);
    else
        add_name(&track->io, event);
}

const struct fold_source io_fold = {
    .name = "io",
    .bit = SOURCE_IO,
    .first_kind = EVENT_IO_BEGIN,
    .last_kind = EVENT_IO_ADDRESS,
    .fold = fold_io,
};

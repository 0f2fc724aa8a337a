/* SPDX-License-Identifier: MIT */
/* Calls of the C library, in the collector.
 * Why the function on top: a call is written where it happens, so that the stack says whose it is. C functions between
 * are left out: of socket.recv it is known who called it.
 * Rules: those of fold_source.h. Descriptors, sizes and names are the target's word. */
#include "model/fold_source.h"
#include "model/io_apply.h"
#include "model/wait_rooms.h"

#include <string.h>

static const unsigned char sorts[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_SORT_##sort,
#include "wire/io_operations.def"
};

/* NULL: none is open. */
static const struct entry *python_on_top(const struct fold_cursor *cursor)
{
    const struct entry *entry = cursor->top;
    while (entry > cursor->entries && entry->key >= TRACK_C_CALL)
        entry--;
    return entry > cursor->entries ? entry : NULL;
}

/* What a call is called as a wait, where the stack does not say better. */
static enum wait_kind kind_of(uint32_t operation)
{
    switch (operation) {
    case IO_NANOSLEEP:
    case IO_CLOCK_NANOSLEEP:
    case IO_USLEEP:
        return WAIT_FOR_SLEEP;
    case IO_WAITPID:
    case IO_WAIT4:
    case IO_WAITID:
        return WAIT_FOR_PROCESS;
    default:
        return sorts[operation] == IO_SORT_IDLE     ? WAIT_FOR_POLL
               : sorts[operation] == IO_SORT_SOCKET ? WAIT_FOR_SOCKET
                                                    : WAIT_FOR_FILE;
    }
}

/* Bytes that the standard library moves are a file's or a socket's all the same; what it sleeps or polls for, the stack
 * says. */
static void tell_wait(struct model *model, const struct track *track,
                      const struct fold_cursor *cursor, struct io_open_call *call, bool sleeps)
{
    enum wait_kind kind = sleeps ? WAIT_FOR_SLEEP : kind_of(call->operation);
    struct wait_site site = wait_rooms_site(model, track, cursor, kind);
    bool is_poll = call->operation == IO_POLL || call->operation == IO_PPOLL;
    bool moves = kind == WAIT_FOR_FILE || kind == WAIT_FOR_SOCKET;
    call->wait_symbol = site.symbol;
    call->wait_line = site.line;
    call->wait_node = site.node;
    call->in_task = site.in_task;
    call->wait_kind = (unsigned char)(moves && !is_poll ? kind : site.kind);
}

static void begin(struct model *model, struct track *track, const struct fold_cursor *cursor,
                  const struct event *event)
{
    struct io_open *open = &track->io;
    bool is_ruled = event_id(event) & IO_RULED;
    uint32_t operation = event_id(event) & ~(IO_SLEEPS | IO_RULED);
    const struct entry *top = python_on_top(cursor);
    if (open->depth == IO_OPEN_MOST || operation >= IO_OPERATION_COUNT)
        open->depth = 0; /* ends were not seen */
    open->name_size = 0;
    if (operation >= IO_OPERATION_COUNT)
        return;
    struct io_open_call *call = &open->calls[open->depth++];
    *call = (struct io_open_call){
        .since = event->counter,
        .operation = operation,
        .fd = event->frame,
        .symbol = top ? top->symbol : 0,
        .line = top ? wait_rooms_line(track, top) : 0,
        .is_ruled = is_ruled,
    };
    escalations_free(escalations_take(track));
    if (model->waits.heard && !is_ruled)
        tell_wait(model, track, cursor, call, event_id(event) & IO_SLEEPS);
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

static void end(struct model *model, struct track *track, const struct event *event)
{
    struct io_open *open = &track->io;
    if (!open->depth)
        return;
    const struct io_open_call *call = &open->calls[--open->depth];
    uint64_t amount = event_amount(event), ticks = event->counter - call->since;
    if (!call->is_ruled)
        kept_note(model, track, TIMELINE_IO, call->since, event->counter, call->operation);
    struct io_done done = {
        .begin = call->since,
        .end = event->counter,
        .operation = call->operation,
        .fd = call->fd,
        .symbol = call->symbol ? model->symbols.symbols[call->symbol].row : 0,
        .line = call->line,
        .wait_symbol = call->wait_symbol,
        .wait_line = call->wait_line,
        .wait_node = call->wait_node,
        .wait_kind = call->wait_kind,
        .in_task = call->in_task,
        .is_wait = model->waits.heard && open->depth == 0 && !call->is_ruled,
        .is_ruled = call->is_ruled,
        .thread = track->number,
        .span = span_steps_now(&track->spans),
        .result = amount & ~IO_FAILED,
        .error = amount & IO_FAILED ? (int)(amount & 0xffff) : 0,
        .is_address = open->is_address,
        .name_size = open->name_size,
        .told = escalations_take(track),
    };
    if (ticks >= FOLD_INTERVAL_MOST) {
        escalations_free(done.told);
    } else {
        io_apply_later(model, &done, open->name);
        track->apart_ticks += done.is_wait ? (int64_t)ticks : 0;
    }
    open->name_size = 0;
}

/* It holds from here on for what this thread does next, and passes no time. */
static void place(struct track *track, const struct event *event)
{
    uint32_t id = event_id(event);
    if (!(id & PLACE_OUTER))
        track->place_count = 0;
    if (track->place_count < WAIT_PLACES)
        track->places[track->place_count++] =
            (struct wait_place){.frame = event->frame, .line = id & (PLACE_OUTER - 1)};
}

static void fold_io(struct model *model, struct track *track, struct fold_cursor *cursor,
                    const struct event *event)
{
    uint32_t kind = event_kind(event);
    if (kind == EVENT_PLACE) {
        place(track, event);
        return;
    }
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_IO_BEGIN)
        begin(model, track, cursor, event);
    else if (kind == EVENT_IO_END)
        end(model, track, event);
    else
        add_name(&track->io, event);
}

const struct fold_source io_fold = {
    .name = "io",
    .bit = SOURCE_IO,
    .first_kind = EVENT_IO_BEGIN,
    .last_kind = EVENT_PLACE,
    .fold = fold_io,
};

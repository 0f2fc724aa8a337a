/* SPDX-License-Identifier: MIT */
/* Calls of Python functions, in the collector: all but the plain START and RETURN.
 * Why: a generator's activation runs in segments, by any frame and any thread: what it ran before it
 * was suspended is kept (model/suspended.h), so that its extremes and percentiles are those of the
 * whole.
 * Rules: START and RESUME count what they are; THROW counts a resume when the frame is known to be
 * suspended, else a call, of a generator that never ran. */
#include "sources/calls/calls_fold.h"

#include "model/fold_source.h"

/* A generator's earlier segments. START: there are none; what the frame's last tenant left is void. */
static struct fold_push push_of_suspendable(struct model *model, struct track *track,
                                            const struct fold_cursor *cursor,
                                            const struct event *event, uint32_t symbol)
{
    uint32_t kind = event_kind(event);
    struct fold_push what = {.key = event->frame, .symbol = symbol};
    struct suspended_activation activation;
    if (model->suspended.shape)
        shape_hold(model->suspended.shape, track, (uint32_t)(cursor->top - cursor->entries));
    enum suspended_found found =
        suspended_take(&model->suspended, event->frame, event->counter, &activation);
    bool known = found == SUSPENDED_TAKEN;
    bool fresh = known && (kind == EVENT_START || activation.symbol != symbol);
    if (track->task_told || track->task_passing || (known ? activation.task : model->tasks.live)) {
        struct async_push push = {.counter = event->counter,
                                  .before = track->event_before,
                                  .clock_ticks = cursor->clock_ticks,
                                  .kind = kind,
                                  .frame = event->frame,
                                  .symbol = symbol,
                                  .suspended = known ? activation.task : 0,
                                  .fresh = fresh};
        what.task = async_tasks_push(model, track, &push);
    }
    if (fresh) {
        /* Dropped while suspended, which needs no event: that was its end. */
        symbols_record_slow(&model->symbols, &model->symbols.symbols[activation.symbol],
                            activation.total_ticks, activation.wait_ticks);
        suspended_displace(&model->suspended, event->frame, event->counter);
        known = false;
    }
    what.calls = kind == EVENT_START ||
                 (kind == EVENT_THROW && !known && found != SUSPENDED_EARLIER);
    what.resumes = !what.calls;
    if (known) {
        what.prior_ticks = activation.total_ticks;
        what.prior_wait_ticks = activation.wait_ticks;
        what.line = activation.line;
    } else if (!what.calls) {
        what.prior_ticks = -TRACK_UNCERTAIN;
    }
    return what;
}

/* It gets no entry: the time goes on being its caller's, and what it calls is its caller's child. */
static void leave_out(struct model *model, struct track *track, struct fold_cursor *cursor,
                      const struct event *event, uint32_t symbol)
{
    if (fold_cursor_is_open(cursor, event->frame))
        fold_cursor_close_open(model, track, cursor, event->frame);
    cursor->python_pushes--;
    async_tasks_leave_out(model, track);
    symbols_leave_out(&model->symbols, symbol, event_function(event), cursor->top->symbol);
}

/* Time has passed. */
static void push(struct model *model, struct track *track, struct fold_cursor *cursor,
                 const struct event *event, uint32_t handle)
{
    uint32_t kind = event_kind(event);
    struct fold_push what = {
        .key = event->frame,
        .symbol = handle >> 1,
        .calls = kind != EVENT_RESUME,
        .resumes = kind == EVENT_RESUME,
    };
    if ((handle & 1) && model->symbols.symbols[handle >> 1].left_out) {
        leave_out(model, track, cursor, event, handle >> 1);
        return;
    }
    if (handle & 1) {
        if (model->tasks.live && fold_cursor_is_open(cursor, event->frame))
            fold_cursor_close_open(model, track, cursor, event->frame);
        what = push_of_suspendable(model, track, cursor, event, handle >> 1);
    }
    fold_cursor_push(model, track, cursor, what);
    if (model->suspended.shape)
        shape_let_go(model->suspended.shape);
}

static uint32_t kind_of_start(const struct model *model, uint32_t handle)
{
    const struct symbol *symbol = &model->symbols.symbols[handle >> 1];
    if (symbol->kind == KIND_COROUTINE)
        return TRACK_START_COROUTINE;
    return symbol->kind == KIND_GENERATOR || symbol->kind == KIND_ASYNC_GENERATOR
               ? TRACK_START_GENERATOR
               : EVENT_START;
}

void calls_fold_marked_start(struct model *model, struct track *track, struct fold_cursor *cursor,
                             const struct event *event, uint32_t handle)
{
    fold_cursor_pass(model, track, cursor, event->counter, kind_of_start(model, handle));
    push(model, track, cursor, event, handle);
}

/* The entry is off the stack, and still there to read. */
static void suspend(struct model *model, const struct track *track, const struct entry *entry,
                    uint64_t counter, int64_t running_ticks, uint32_t line)
{
    struct symbol *symbol = &model->symbols.symbols[entry->symbol];
    symbol->yields++;
    if (!symbols_suspends(symbol))
        return;
    uint32_t depth = (uint32_t)(entry - track->entries) - 1;
    struct suspended_activation activation = {
        .frame = (uint32_t)entry->key,
        .symbol = entry->symbol,
        .task = entry->task && model->tasks.tasks[entry->task].frame == (uint32_t)entry->key
                    ? entry->task
                    : 0,
        .parent_frame = depth ? (uint32_t)entry[-1].key : 0,
        .parent_symbol = depth ? entry[-1].symbol : 0,
        .awaiting = track->yield_symbol != entry->symbol ? track->yield_symbol : 0,
        .thread = track->number,
        .depth = depth,
        .line = line,
        .since = counter,
        .total_ticks = running_ticks,
        .wait_ticks = track->wait_ticks - entry->wait_begin_ticks,
    };
    suspended_put(&model->suspended, &activation);
}

/* Nothing has begun or ended since the last yield. Events of other kinds may have come: the processor's speed,
 * garbage collections, waits. */
static bool yields_on(const struct track *track, const struct fold_cursor *cursor)
{
    return track->yield_depth == (uint32_t)(cursor->top - cursor->entries) &&
           track->yield_pushes == cursor->python_pushes + track->c_pushes;
}

/* A coroutine that awaits yields, then the one that awaits it, and so on, with no call's event between. */
static void yield(struct model *model, struct track *track, struct fold_cursor *cursor,
                  const struct event *event)
{
    if (!fold_cursor_reach(model, track, cursor, event->frame, event_id(event)))
        return;
    const struct entry *entry = cursor->top;
    bool awaits = model->symbols.symbols[entry->symbol].kind == KIND_COROUTINE;
    if (!yields_on(track, cursor))
        track->yield_symbol = 0;
    if (track->yield_symbol == 0 && awaits)
        track->yield_symbol = entry->symbol;
    uint32_t line = track->lines.running;
    int64_t running_ticks = fold_cursor_pop(model, track, cursor, false);
    suspend(model, track, entry, event->counter, running_ticks, line);
    track->yield_depth = (uint32_t)(cursor->top - cursor->entries);
    track->yield_pushes = cursor->python_pushes + track->c_pushes;
}

static void fold_call(struct model *model, struct track *track, struct fold_cursor *cursor,
                      const struct event *event)
{
    uint32_t kind = event_kind(event);
    track->event_before = cursor->last;
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind <= EVENT_THROW) {
        cursor->python_pushes++;
        push(model, track, cursor, event, symbols_handle(&model->symbols, event_id(event)));
        return;
    }
    if (kind == EVENT_YIELD) {
        yield(model, track, cursor, event);
        return;
    }
    if (kind == EVENT_UNWIND)
        model->symbols.symbols[symbols_handle(&model->symbols, event_id(event)) >> 1].raised++;
    if (!fold_cursor_reach(model, track, cursor, event->frame, event_id(event)))
        return;
    if (kind == EVENT_UNWIND && cursor->top->task &&
        model->tasks.tasks[cursor->top->task].frame == event->frame)
        model->tasks.tasks[cursor->top->task].sums.raised++;
    fold_cursor_pop(model, track, cursor, true);
}

const struct fold_source calls_fold = {
    .name = "calls",
    .bit = SOURCE_CALLS,
    .first_kind = EVENT_START,
    .last_kind = EVENT_UNWIND,
    .fold = fold_call,
};

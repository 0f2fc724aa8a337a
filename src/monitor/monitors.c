/* SPDX-License-Identifier: MIT */
/* What an event means.
 * Why: see monitors.h.
 * Rules: as there. What is told of an event is what the fold made of it: a push that was not followed (a function that is
 * left out, a stack without room) is not told, nor is a pop of what was not open. */
#include "monitor/monitors.h"

#include "wire/io_operation.h"
#include "wire/session.h"

#include <string.h>

#define DURATIONS                                                                               \
    (ULMA_BIT(ULMA_RETURN) | ULMA_BIT(ULMA_RAISE) | ULMA_BIT(ULMA_C_RETURN) |                   \
     ULMA_BIT(ULMA_C_RAISE) | ULMA_BIT(ULMA_METHOD_RETURN) | ULMA_BIT(ULMA_METHOD_RAISE) |      \
     ULMA_BIT(ULMA_OPERATOR_RETURN) | ULMA_BIT(ULMA_OPERATOR_RAISE) | ULMA_BIT(ULMA_GC) |       \
     ULMA_BIT(ULMA_IO) | ULMA_BIT(ULMA_DEATH) | ULMA_BIT(ULMA_WAIT) | ULMA_BIT(ULMA_GIL_HELD) | \
     ULMA_BIT(ULMA_SPAN))

/* By enum event_kind; 0: no monitor hears of it. */
static const uint8_t kinds[EVENT_KIND_COUNT] = {
    [EVENT_START] = ULMA_CALL,
    [EVENT_RESUME] = ULMA_RESUME,
    [EVENT_THROW] = ULMA_THROW,
    [EVENT_RETURN] = ULMA_RETURN,
    [EVENT_YIELD] = ULMA_YIELD,
    [EVENT_UNWIND] = ULMA_RAISE,
    [EVENT_C_CALL] = ULMA_C_CALL,
    [EVENT_C_RETURN] = ULMA_C_RETURN,
    [EVENT_C_RAISE] = ULMA_C_RAISE,
    [EVENT_METHOD_CALL] = ULMA_METHOD,
    [EVENT_METHOD_RETURN] = ULMA_METHOD_RETURN,
    [EVENT_METHOD_RAISE] = ULMA_METHOD_RAISE,
    [EVENT_OPERATOR_CALL] = ULMA_OPERATOR,
    [EVENT_OPERATOR_RETURN] = ULMA_OPERATOR_RETURN,
    [EVENT_OPERATOR_RAISE] = ULMA_OPERATOR_RAISE,
    [EVENT_LINE] = ULMA_LINE,
    [EVENT_GC_START] = ULMA_GC_START,
    [EVENT_GC_STOP] = ULMA_GC,
    [EVENT_IO_END] = ULMA_IO,
    [EVENT_GAP] = ULMA_LOST,
};

/* By enum watch_late; their names' numbers are from here on, so that no two of a stream are the same. */
static const struct late {
    uint8_t kind;
    uint32_t names_from;
} lates[WATCH_LATE_COUNT] = {
    [WATCH_BIRTH] = {ULMA_BIRTH, 1 << 13},     [WATCH_DEATH] = {ULMA_DEATH, 1 << 13},
    [WATCH_ALLOCATION] = {ULMA_ALLOCATION, 0}, [WATCH_FREE] = {ULMA_FREE, 0},
    [WATCH_WAIT] = {ULMA_WAIT, 1 << 8},        [WATCH_GIL_HELD] = {ULMA_GIL_HELD, 1 << 8},
    [WATCH_SPAN] = {ULMA_SPAN, 1 << 9},
};
static_assert(IO_OPERATION_COUNT < 1 << 8 && WAIT_KIND_COUNT < 1 << 8, "names are told apart");
static_assert(SPAN_GROUPS_LIMIT <= (1 << 13) - (1 << 9), "names are told apart");

/* As they are told of the C library's calls. */
static const char *const operations[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) [IO_##name] = text,
#include "wire/io_operations.def"
#undef IO_OPERATION
};

static const uint8_t operation_results[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) [IO_##name] = IO_RESULT_##result,
#include "wire/io_operations.def"
#undef IO_OPERATION
};

/* What the fold shows: kinds that some stream wants which has room. */
static void choose_kinds(struct monitors *monitors)
{
    uint64_t mask = 0, chosen = 0;
    for (size_t i = 0; i < monitors->count; i++)
        if (!monitors->streams[i].full)
            mask |= monitors->streams[i].mask;
    for (uint32_t kind = 0; kind < EVENT_KIND_COUNT; kind++)
        if (kinds[kind] && (mask & ULMA_BIT(kinds[kind])))
            chosen |= UINT64_C(1) << kind;
    monitors->watch.kinds = chosen;
    monitors->watch.late = 0;
    for (size_t i = 0; i < monitors->count; i++) /* of one that is full, what is lost is counted */
        for (uint32_t what = 0; what < WATCH_LATE_COUNT; what++)
            if (monitors->streams[i].mask & ULMA_BIT(lates[what].kind))
                monitors->watch.late |= UINT32_C(1) << what;
}

/* --- time ------------------------------------------------------------------------------------ */

/* The rate gets better as time goes on: what was told stays, and what comes goes on from there. */
static uint64_t time_of(struct monitors *monitors, const struct model *model, uint64_t counter)
{
    if (!monitors->base_counter)
        monitors->base_counter = model->first_counter ? model->first_counter : counter;
    double ticks = (double)(int64_t)(counter - monitors->base_counter);
    double time_ns = monitors->base_ns + ticks * monitors->rate;
    if (monitors->rate != monitors->watch.ns_per_tick && ticks > 0) {
        if (monitors->rate > 0) {
            monitors->base_counter = counter;
            monitors->base_ns = time_ns;
        }
        monitors->rate = monitors->watch.ns_per_tick;
    }
    return time_ns > 0 ? (uint64_t)time_ns : 0;
}

static uint64_t span_of(const struct monitors *monitors, int64_t ticks)
{
    return ticks < 0 ? 0 : (uint64_t)((double)ticks * monitors->watch.ns_per_tick);
}

/* --- definitions ------------------------------------------------------------------------------ */

static const char *text(const char *string)
{
    return string ? string : "";
}

/* The function's number: of all its code objects together. 0: there is none. */
static uint32_t tell_function(struct stream *stream, const struct model *model, uint32_t symbol)
{
    if (symbol == SYMBOL_ROOT)
        return 0;
    uint32_t row = model->symbols.symbols[symbol].row;
    if (told_has(&stream->functions, row))
        return row;
    const struct symbol *of = &model->symbols.symbols[row];
    const uint32_t words[2] = {of->line, (uint32_t)of->kind};
    const char *const strings[] = {text(of->name), text(of->qualname), text(of->module),
                                   text(of->file), NULL};
    if (!stream_define(stream, STREAM_FUNCTION, row, words, strings) ||
        !told_add(&stream->functions, row))
        return 0;
    return row;
}

/* Those that called it first: a path's caller is known before the path. */
static uint32_t tell_context(struct stream *stream, const struct model *model, uint32_t node)
{
    uint32_t untold[512];
    const struct node *nodes = model->nodes.nodes;
    if (nodes_is_root(&nodes[node]))
        return 0;
    while (!told_has(&stream->contexts, node)) {
        size_t count = 0;
        for (uint32_t at = node; !nodes_is_root(&nodes[at]) && !told_has(&stream->contexts, at);
             at = nodes_parent(&nodes[at]))
            untold[count++ % 512] = at;
        for (size_t i = 0; i < 512 && i < count; i++) {
            uint32_t at = untold[(count - 1 - i) % 512];
            uint32_t parent = nodes_parent(&nodes[at]);
            const uint32_t words[2] = {nodes_is_root(&nodes[parent]) ? 0 : parent,
                                       tell_function(stream, model, nodes[at].symbol)};
            if (!stream_define(stream, STREAM_CONTEXT, at, words, NULL) ||
                !told_add(&stream->contexts, at))
                return 0;
        }
    }
    return node;
}

static const struct track *find_track(const struct model *model, uint32_t number)
{
    const struct track *track = model->tracks;
    while (track && track->number != number)
        track = track->next;
    return track;
}

/* One that is no more, and was not told of before, is 0. */
static uint32_t tell_thread(struct stream *stream, const struct model *model, uint32_t number)
{
    if (told_has(&stream->threads, number))
        return number;
    const struct track *track = find_track(model, number);
    if (!track)
        return 0;
    const uint32_t words[2] = {track->process->pid, track->tid};
    const char *const strings[] = {track->name, NULL};
    if (!stream_define(stream, STREAM_THREAD, track->number, words, strings) ||
        !told_add(&stream->threads, track->number))
        return 0;
    return track->number;
}

static uint32_t tell_name(struct stream *stream, uint32_t number, const char *name)
{
    const char *const strings[] = {name, NULL};
    if (told_has(&stream->names, number))
        return number;
    return stream_define(stream, STREAM_NAME, number, NULL, strings) &&
                   told_add(&stream->names, number)
               ? number
               : 0;
}

/* --- one event -------------------------------------------------------------------------------- */

/* What is to be told of it, in the model's numbers. */
struct telling {
    struct ulma_event event;
    uint32_t symbol, node;
    const char *name; /* of event.detail; NULL: that is a number */
};

static struct ulma_event *room(struct monitors *monitors, struct stream *stream)
{
    struct ulma_event *slot = stream_reserve(stream);
    while (!slot && monitors->wait && !stream->off && monitors->wait(monitors->wait_context))
        slot = stream_reserve(stream);
    return slot;
}

static void tell_one(struct monitors *monitors, struct stream *stream, const struct model *model,
                     const struct telling *told)
{
    bool was_full = stream->full;
    struct ulma_event *slot = was_full ? NULL : room(monitors, stream);
    if (!slot) {
        stream->lost++;
        if (!was_full)
            choose_kinds(monitors);
        return;
    }
    *slot = told->event;
    slot->function = tell_function(stream, model, told->symbol);
    slot->context = tell_context(stream, model, told->node);
    slot->thread = tell_thread(stream, model, told->event.thread);
    if (told->name)
        slot->detail = tell_name(stream, told->event.detail, told->name);
    stream_commit(stream);
}

static void tell(struct monitors *monitors, const struct model *model, const struct telling *told)
{
    uint64_t bit = ULMA_BIT(told->event.kind);
    for (size_t i = 0; i < monitors->count; i++) {
        struct stream *stream = &monitors->streams[i];
        bool quick = (bit & DURATIONS) && told->event.duration_ns < stream->slower_ns;
        if ((stream->mask & bit) && !quick)
            tell_one(monitors, stream, model, told);
    }
}

static uint16_t depth_of(uint32_t depth)
{
    return (uint16_t)(depth < UINT16_MAX ? depth : UINT16_MAX);
}

static void begin(struct telling *told, const struct track *track, const struct entry *entry,
                  uint32_t depth)
{
    told->symbol = depth ? entry->symbol : SYMBOL_ROOT;
    told->node = depth ? entry->node : track->entries[0].node;
    told->event.depth = depth_of(depth);
}

/* Who has called what is open: Python functions alone, as for a line or the C library's calls. */
static void begin_at_python(struct telling *told, const struct track *track)
{
    uint32_t depth = track->depth;
    while (depth && track->entries[depth].key >= TRACK_C_CALL)
        depth--;
    begin(told, track, &track->entries[depth], depth);
}

/* False: it was not followed. */
static bool begin_push(struct telling *told, const struct track *track, const struct event *event)
{
    static const uint64_t marks[EVENT_KIND_COUNT] = {
        [EVENT_C_CALL] = TRACK_C_CALL,
        [EVENT_METHOD_CALL] = TRACK_C_CALL | TRACK_METHOD,
        [EVENT_OPERATOR_CALL] = TRACK_C_CALL | TRACK_METHOD,
    };
    const struct entry *top = &track->entries[track->depth];
    begin(told, track, top, track->depth);
    return track->depth && top->key == (event->frame | marks[event_kind(event)]);
}

static bool begin_pop(const struct monitors *monitors, struct telling *told,
                      const struct track *track)
{
    if (!monitors->depth || track->depth + 1 != monitors->depth)
        return false;
    begin(told, track, &monitors->entry, monitors->depth);
    told->event.duration_ns = span_of(monitors, track->clock_ticks - monitors->entry.begin_ticks);
    return true;
}

static bool begin_gc(const struct monitors *monitors, struct telling *told,
                     const struct track *track, const struct event *event)
{
    begin_at_python(told, track);
    if (event_kind(event) == EVENT_GC_START) {
        told->event.detail = event_id(event);
        return true;
    }
    told->event.detail = monitors->gc.generation;
    told->event.duration_ns = span_of(monitors, (int64_t)(event->counter - monitors->gc.since));
    told->event.amount = event->frame;
    return monitors->gc.since != 0;
}

static bool begin_io(const struct monitors *monitors, struct telling *told,
                     const struct track *track, const struct event *event)
{
    uint32_t operation = monitors->io.operation;
    uint64_t result = event_amount(event);
    if (!monitors->has_io || operation >= IO_OPERATION_COUNT)
        return false;
    begin_at_python(told, track);
    told->name = operations[operation];
    told->event.detail = operation + 1;
    told->event.duration_ns = span_of(monitors, (int64_t)(event->counter - monitors->io.since));
    if (result & IO_FAILED)
        told->event.extra = (uint32_t)(result & 0xffff);
    else if (operation_results[operation] == IO_RESULT_BYTES)
        told->event.amount = result;
    return true;
}

static bool make(const struct monitors *monitors, struct telling *told, const struct track *track,
                 const struct event *event)
{
    switch (told->event.kind) {
    case ULMA_CALL:
    case ULMA_RESUME:
    case ULMA_THROW:
    case ULMA_C_CALL:
    case ULMA_METHOD:
    case ULMA_OPERATOR:
        return begin_push(told, track, event);
    case ULMA_LINE:
        begin_at_python(told, track);
        told->event.detail = event_id(event);
        return told->symbol != SYMBOL_ROOT;
    case ULMA_GC_START:
    case ULMA_GC:
        return begin_gc(monitors, told, track, event);
    case ULMA_IO:
        return begin_io(monitors, told, track, event);
    case ULMA_LOST:
        begin(told, track, &track->entries[track->depth], track->depth);
        told->event.amount = event_amount(event);
        return true;
    default:
        return begin_pop(monitors, told, track);
    }
}

static uint32_t depth_to_close(const struct track *track, uint64_t key)
{
    return track->depth && track->entries[track->depth].key == key ? track->depth
                                                                   : track_find(track, key);
}

/* What the fold is about to change. */
static void before(struct model_watch *watch, const struct track *track, const struct event *event)
{
    struct monitors *monitors = (struct monitors *)watch;
    uint32_t kind = kinds[event_kind(event)];
    if (kind == ULMA_GC) {
        monitors->gc = track->gc;
    } else if (kind == ULMA_IO) {
        monitors->has_io = track->io.depth > 0;
        if (monitors->has_io)
            monitors->io = track->io.calls[track->io.depth - 1];
    } else if (kind == ULMA_RETURN || kind == ULMA_YIELD || kind == ULMA_RAISE) {
        monitors->depth = depth_to_close(track, event->frame);
    } else if (kind == ULMA_C_RETURN || kind == ULMA_C_RAISE) {
        monitors->depth = depth_to_close(track, event->frame | TRACK_C_CALL);
    } else if (kind == ULMA_METHOD_RETURN || kind == ULMA_METHOD_RAISE ||
               kind == ULMA_OPERATOR_RETURN || kind == ULMA_OPERATOR_RAISE) {
        monitors->depth = depth_to_close(track, event->frame | TRACK_C_CALL | TRACK_METHOD);
    } else {
        return;
    }
    if (monitors->depth)
        monitors->entry = track->entries[monitors->depth];
}

static void after(struct model_watch *watch, const struct model *model, const struct track *track,
                  const struct event *event)
{
    struct monitors *monitors = (struct monitors *)watch;
    struct telling told = {.event = {.kind = kinds[event_kind(event)], .thread = track->number}};
    if (make(monitors, &told, track, event)) {
        told.event.time_ns = time_of(monitors, model, event->counter);
        tell(monitors, model, &told);
    }
    monitors->depth = 0;
}

/* Nothing else may come for long, so it is told at once. */
static void told_late(struct model_watch *watch, const struct model *model,
                      const struct watch_told *told)
{
    struct monitors *monitors = (struct monitors *)watch;
    const struct late *late = &lates[told->what];
    struct telling telling = {
        .symbol = told->symbol,
        .node = told->node,
        .name = told->name,
        .event = {.kind = late->kind,
                  .time_ns = time_of(monitors, model, told->counter),
                  .duration_ns = span_of(monitors, told->ticks),
                  .amount = told->what == WATCH_SPAN ? span_of(monitors, (int64_t)told->amount)
                                                     : told->amount,
                  .thread = told->thread,
                  .detail = told->name || !late->names_from ? told->number + late->names_from : 0,
                  .extra = told->what == WATCH_SPAN ? told->failed : told->line},
    };
    tell(monitors, model, &telling);
    for (size_t i = 0; i < monitors->count; i++)
        stream_publish(&monitors->streams[i]);
}

/* Of those that are full, what they wanted of it is lost. */
static void passed(struct model_watch *watch, const struct event *events, size_t count)
{
    struct monitors *monitors = (struct monitors *)watch;
    for (size_t i = 0; i < monitors->count; i++) {
        struct stream *stream = &monitors->streams[i];
        for (size_t j = 0; stream->full && j < count; j++) {
            uint32_t kind = event_kind(&events[j]);
            stream->lost += kind < EVENT_KIND_COUNT && (stream->mask >> kinds[kind] & 1);
        }
    }
}

static void look(struct monitors *monitors)
{
    for (size_t i = 0; i < monitors->count; i++)
        stream_look(&monitors->streams[i]);
    choose_kinds(monitors);
}

static void batch_done(struct model_watch *watch)
{
    struct monitors *monitors = (struct monitors *)watch;
    for (size_t i = 0; i < monitors->count; i++)
        stream_publish(&monitors->streams[i]);
    look(monitors);
}

/* --- all of it -------------------------------------------------------------------------------- */

void monitors_begin(struct monitors *monitors, struct stream *streams, size_t count)
{
    *monitors = (struct monitors){
        .watch = {.before = before,
                  .after = after,
                  .told = told_late,
                  .passed = passed,
                  .batch_done = batch_done},
        .streams = streams,
        .count = count,
    };
    look(monitors);
}

uint64_t monitors_want(const struct monitors *monitors)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < monitors->count; i++)
        mask |= stream_wants(&monitors->streams[i]);
    return mask;
}

uint32_t monitors_sources(uint64_t mask)
{
    static const uint32_t sources[ULMA_KIND_COUNT] = {
        [ULMA_C_CALL] = SOURCE_C_CALLS,
        [ULMA_C_RETURN] = SOURCE_C_CALLS,
        [ULMA_C_RAISE] = SOURCE_C_CALLS,
        [ULMA_METHOD] = SOURCE_METHODS,
        [ULMA_METHOD_RETURN] = SOURCE_METHODS,
        [ULMA_METHOD_RAISE] = SOURCE_METHODS,
        [ULMA_LINE] = SOURCE_LINES,
        [ULMA_GC_START] = SOURCE_GC,
        [ULMA_GC] = SOURCE_GC,
        [ULMA_IO] = SOURCE_IO,
        [ULMA_OPERATOR] = SOURCE_OPERATORS,
        [ULMA_OPERATOR_RETURN] = SOURCE_OPERATORS,
        [ULMA_OPERATOR_RAISE] = SOURCE_OPERATORS,
        [ULMA_BIRTH] = SOURCE_OBJECTS,
        [ULMA_DEATH] = SOURCE_OBJECTS,
        [ULMA_ALLOCATION] = SOURCE_MEMORY,
        [ULMA_FREE] = SOURCE_MEMORY,
        [ULMA_WAIT] = SOURCE_WAITS | SOURCE_IO,
        [ULMA_GIL_HELD] = SOURCE_WAITS,
        [ULMA_SPAN] = SOURCE_SPANS,
    };
    uint32_t all = 0;
    for (uint32_t kind = ULMA_CALL; kind < ULMA_KIND_COUNT; kind++)
        if (mask & ULMA_BIT(kind))
            all |= SOURCE_CALLS | sources[kind];
    return all;
}

void monitors_end(struct monitors *monitors)
{
    for (size_t i = 0; i < monitors->count; i++)
        stream_end(&monitors->streams[i]);
}

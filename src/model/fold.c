/* SPDX-License-Identifier: MIT */
/* The hot loop.
 * Why it looks as it does: some twenty million events a second and thread may come, so the common
 * events (a call, a return) run on values held in registers (struct cursor) and touch four cache
 * lines: the event, the stack's entry, the node, the symbol's octave. Everything rare leaves the loop:
 * the cursor is stored, a function is called, the cursor is loaded.
 * Rules: store before and load after any call that may change the track. Counts come from pushes
 * alone. */
#include "model/fold.h"

#include <stdlib.h>

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The compiler would rather share the code of the common events than keep values in registers. */
#define INLINE static inline __attribute__((always_inline))
#define RARE   static __attribute__((noinline, cold))

struct cursor {
    struct entry *top;
    int64_t clock_ticks;
    uint64_t last;
    int64_t debt_ticks;
    uint64_t python_pushes;
    /* not changed here; anew after any call that may change them */
    uint64_t hurdle;               /* of the track, or just after the latest counter that may be */
    struct entry *entries, *limit; /* limit: the last entry there is room for */
    uint32_t *buckets;
    uint32_t shift;
    struct node *nodes;
};

INLINE void load(struct cursor *cursor, const struct model *model, const struct track *track)
{
    cursor->top = &track->entries[track->depth];
    cursor->clock_ticks = track->clock_ticks;
    cursor->last = track->last;
    cursor->debt_ticks = track->debt_ticks;
    cursor->python_pushes = track->python_pushes;
    cursor->hurdle = track->hurdle <= model->latest ? track->hurdle : model->latest + 1;
    cursor->entries = track->entries;
    cursor->limit = track->entries + track->entry_limit - 1;
    cursor->buckets = track->buckets;
    cursor->shift = track->bucket_shift;
}

INLINE void store(const struct cursor *cursor, struct track *track)
{
    track->depth = (uint32_t)(cursor->top - track->entries);
    track->clock_ticks = cursor->clock_ticks;
    track->last = cursor->last;
    track->debt_ticks = cursor->debt_ticks;
    track->python_pushes = cursor->python_pushes;
}

/* --- time ----------------------------------------------------------------------------------- */

/* The stack was in doubt and events come without a seed: what is open is believed. */
static void end_doubt(struct model *model, struct track *track, uint64_t counter)
{
    track->seeding = false;
    if (!track->resync)
        return;
    track_pass(model, track, counter, 0, 0);
    seed_end_resync(model, track);
}

RARE void pass_slow(struct model *model, struct track *track, struct cursor *cursor,
                    uint64_t counter, uint32_t kind)
{
    store(cursor, track);
    if (track->seeding || track->resync)
        end_doubt(model, track, counter);
    track_pass(model, track, counter, model->pre_ticks[kind], model->post_ticks[kind]);
    load(cursor, model, track);
}

INLINE void pass(struct model *model, struct track *track, struct cursor *cursor, uint64_t counter,
                 uint32_t kind, uint64_t most_ticks)
{
    uint64_t ticks = counter - cursor->last;
    /* A counter that went back is a very long interval. */
    if (UNLIKELY(ticks >= most_ticks) || UNLIKELY(counter >= cursor->hurdle)) {
        struct cursor copy = *cursor; /* so that *cursor may live in registers */
        pass_slow(model, track, &copy, counter, kind);
        *cursor = copy;
        return;
    }
    int64_t net_ticks = (int64_t)ticks - cursor->debt_ticks - model->pre_ticks[kind];
    cursor->clock_ticks += net_ticks > 0 ? net_ticks : 0;
    cursor->debt_ticks = model->post_ticks[kind];
    cursor->last = counter;
}

/* --- pushes --------------------------------------------------------------------------------- */

/* The tree has just become full: from now on each track knows how often each symbol is open. */
static void count_depths(struct model *model)
{
    for (struct track *track = model->tracks; track; track = track->next) {
        if (track->depths)
            continue;
        track->depths = calloc(SYMBOLS_LIMIT, sizeof(*track->depths));
        for (uint32_t i = 1; track->depths && i <= track->depth; i++)
            track->depths[track->entries[i].symbol]++;
    }
}

static uint32_t find_child(struct model *model, struct track *track, uint32_t symbol)
{
    struct nodes *nodes = &model->nodes;
    uint32_t parent = track->entries[track->depth].node;
    uint32_t child = nodes_find(nodes, parent, symbol);
    if (!child && !nodes->full) {
        child = nodes_add(nodes, &model->symbols, track, symbol);
        if (nodes->full)
            count_depths(model);
    }
    if (child) {
        uint32_t last = nodes->nodes[parent].last_child;
        if (last) /* node 0 has no siblings, and stands for `none` */
            nodes->nodes[last].next = child;
        nodes->nodes[parent].last_child = child;
        return child;
    }
    return nodes_other(nodes, symbol, !track->depths || track->depths[symbol] == 0);
}

static __attribute__((noinline)) uint32_t find_child_slow(struct model *model, struct track *track,
                                                          const struct cursor *cursor,
                                                          uint32_t symbol)
{
    store(cursor, track);
    return find_child(model, track, symbol);
}

/* The frame is open: that activation and all above it have ended unseen. */
RARE void close_open(struct model *model, struct track *track, struct cursor *cursor, uint64_t key)
{
    store(cursor, track);
    uint32_t depth = track_find(track, key);
    if (depth)
        track_close(model, track, depth - 1);
    load(cursor, model, track);
}

RARE bool make_room(struct model *model, struct track *track, struct cursor *cursor)
{
    store(cursor, track);
    uint32_t before = track->entry_limit;
    bool room = model->entries_left >= before && track_make_room(track);
    if (room)
        model->entries_left -= track->entry_limit - before;
    else
        model->too_deep++;
    load(cursor, model, track);
    return room;
}

RARE void touch(struct model *model, uint32_t node)
{
    windows_mark(&model->windows, model->nodes.nodes, node);
}

INLINE bool is_open(const struct cursor *cursor, uint64_t key)
{
    uint32_t at = cursor->buckets[track_bucket(key, cursor->shift)];
    while (UNLIKELY(at != 0) && cursor->entries[at].key != key)
        at = cursor->entries[at].below;
    return at != 0;
}

struct push {
    uint64_t key;
    uint32_t symbol;
    uint32_t calls, resumes;
    int64_t prior_ticks, prior_wait_ticks; /* of its activation, before this */
};

INLINE void push(struct model *model, struct track *track, struct cursor *cursor, struct push what)
{
    if (UNLIKELY(is_open(cursor, what.key))) {
        struct cursor copy = *cursor;
        close_open(model, track, &copy, what.key);
        *cursor = copy;
    }
    uint32_t parent = cursor->top->node;
    uint32_t child = cursor->nodes[parent].last_child;
    if (cursor->nodes[child].symbol != what.symbol) {
        child = cursor->nodes[child].next;
        if (UNLIKELY(cursor->nodes[child].symbol != what.symbol)) {
            struct cursor copy = *cursor;
            child = find_child_slow(model, track, &copy, what.symbol);
        } else {
            cursor->nodes[parent].last_child = child;
        }
    }
    struct node *node = &cursor->nodes[child];
    if (UNLIKELY(!(node->parent_flags & NODE_MARKED)))
        touch(model, child);
    node->calls += what.calls;
    node->resumes += what.resumes;
    if (UNLIKELY(cursor->top == cursor->limit)) {
        struct cursor copy = *cursor;
        bool room = make_room(model, track, &copy);
        *cursor = copy;
        if (!room)
            return;
    }
    if (UNLIKELY(track->depths != NULL))
        track->depths[what.symbol]++;
    struct entry *entry = ++cursor->top;
    uint32_t *bucket = &cursor->buckets[track_bucket(what.key, cursor->shift)];
    entry->key = what.key;
    entry->start_ticks = cursor->clock_ticks;
    entry->child_ticks = 0;
    entry->wait_start_ticks = track->wait_ticks;
    entry->begin_ticks = cursor->clock_ticks - what.prior_ticks;
    entry->wait_begin_ticks = track->wait_ticks - what.prior_wait_ticks;
    entry->node = child;
    entry->symbol = what.symbol;
    entry->below = *bucket;
    *bucket = (uint32_t)(entry - cursor->entries);
}

/* A generator's earlier segments. START: there are none; what the frame's last tenant left is void. */
static struct push push_of_suspendable(struct model *model, uint32_t kind, uint32_t frame,
                                       uint32_t symbol)
{
    struct push what = {.key = frame, .symbol = symbol};
    struct suspended_activation activation;
    bool known = suspended_take(&model->suspended, frame, &activation);
    if (known && (kind == EVENT_START || activation.symbol != symbol)) {
        /* Dropped while suspended, which needs no event: that was its end. */
        symbols_record_slow(&model->symbols, &model->symbols.symbols[activation.symbol],
                            activation.total_ticks, activation.wait_ticks);
        known = false;
    }
    what.calls = kind == EVENT_START || (kind == EVENT_THROW && !known);
    what.resumes = !what.calls;
    if (known) {
        what.prior_ticks = activation.total_ticks;
        what.prior_wait_ticks = activation.wait_ticks;
    } else if (kind == EVENT_RESUME) {
        what.prior_ticks = -TRACK_UNCERTAIN;
    }
    return what;
}

/* --- pops ----------------------------------------------------------------------------------- */

/* Brings the frame to the top; false: it is not open. */
RARE bool find_frame(struct model *model, struct track *track, struct cursor *cursor, uint64_t key)
{
    store(cursor, track);
    uint32_t depth = track_find(track, key);
    if (depth)
        track_close(model, track, depth);
    else
        model->unmatched_pops++;
    load(cursor, model, track);
    return depth != 0;
}

/* The top has waited: all that is seldom done at a pop. */
RARE void add_waited(struct model *model, const struct track *track, const struct entry *entry,
                     int64_t running_ticks, bool record)
{
    model->nodes.nodes[entry->node].total_wait_ticks += track->wait_ticks - entry->wait_start_ticks;
    if (record)
        symbols_record_slow(&model->symbols, &model->symbols.symbols[entry->symbol], running_ticks,
                            track->wait_ticks - entry->wait_begin_ticks);
}

static void suspend(struct model *model, const struct track *track, const struct entry *entry,
                    int64_t running_ticks)
{
    struct symbol *symbol = &model->symbols.symbols[entry->symbol];
    symbol->yields++;
    if (!symbols_suspends(symbol))
        return;
    struct suspended_activation activation = {
        .frame = (uint32_t)entry->key,
        .symbol = entry->symbol,
        .total_ticks = running_ticks,
        .wait_ticks = track->wait_ticks - entry->wait_begin_ticks,
    };
    suspended_put(&model->suspended, &activation);
}

/* `record`: the activation has ended, as seen. */
INLINE void pop(struct model *model, struct track *track, struct cursor *cursor, uint64_t key,
                bool record, bool yields)
{
    if (UNLIKELY(cursor->top->key != key)) {
        struct cursor copy = *cursor;
        bool open = find_frame(model, track, &copy, key);
        *cursor = copy;
        if (!open)
            return;
    }
    struct entry *entry = cursor->top;
    struct node *node = &cursor->nodes[entry->node];
    int64_t total_ticks = cursor->clock_ticks - entry->start_ticks;
    int64_t running_ticks = cursor->clock_ticks - entry->begin_ticks;
    if (UNLIKELY(!(node->parent_flags & NODE_MARKED)))
        touch(model, entry->node);
    node->total_ticks += total_ticks;
    node->self_ticks += total_ticks - entry->child_ticks;
    entry[-1].child_ticks += total_ticks;
    if (UNLIKELY(track->wait_ticks != entry->wait_begin_ticks))
        add_waited(model, track, entry, running_ticks, record);
    else if (record)
        symbols_record(&model->symbols, &model->symbols.symbols[entry->symbol], running_ticks);
    if (yields)
        suspend(model, track, entry, running_ticks);
    cursor->buckets[track_bucket(key, cursor->shift)] = entry->below;
    if (UNLIKELY(track->depths != NULL))
        track->depths[entry->symbol]--;
    cursor->top--;
}

/* --- the rest ------------------------------------------------------------------------------- */

static void retop(struct model *model, struct track *track, const struct event *event)
{
    track_pass(model, track, event->counter, 0, 0);
    uint32_t depth = event->frame ? track_find(track, event->frame) : 0;
    if (event->frame && depth == 0)
        model->unmatched_pops++;
    else
        track_close(model, track, depth);
}

/* The frame's push is taken back: the interpreter refused to run it. */
static void unrun(struct model *model, struct track *track, const struct event *event)
{
    track_pass(model, track, event->counter, 0, 0);
    uint32_t depth = track_find(track, event->frame);
    if (!depth) {
        model->unmatched_pops++;
        return;
    }
    struct node *node = &model->nodes.nodes[track->entries[depth].node];
    uint64_t *count = event_id(event) == EVENT_RESUME ? &node->resumes : &node->calls;
    if (*count > 0 && track->python_pushes > 0) {
        --*count;
        track->python_pushes--;
    }
    track_close(model, track, depth - 1);
}

static void fold_rare(struct model *model, struct track *track, const struct event *event)
{
    switch (event_kind(event)) {
    case EVENT_RETOP:
        retop(model, track, event);
        break;
    case EVENT_UNRUN:
        unrun(model, track, event);
        break;
    case EVENT_STALL:
        track_stall(model, track, event->counter, event_amount(event));
        break;
    case EVENT_GAP:
    case EVENT_SEED_BEGIN:
    case EVENT_SEED_FRAME:
    case EVENT_SEED_END:
        seed_event(model, track, event);
        break;
    default: /* NONE, unknown ones, and those of the control ring */
        model->bad_events++;
    }
}

RARE void leave(struct model *model, struct track *track, struct cursor *cursor,
                const struct event *event)
{
    store(cursor, track);
    fold_rare(model, track, event);
    load(cursor, model, track);
}

/* Pushes that are no plain START: generators, coroutines, and what nobody knows. */
static __attribute__((noinline)) void push_other(struct model *model, struct track *track,
                                                 struct cursor *cursor, const struct event *event,
                                                 uint32_t handle)
{
    uint32_t kind = event_kind(event);
    struct push what = {
        .key = event->frame,
        .symbol = handle >> 1,
        .calls = kind != EVENT_RESUME,
        .resumes = kind == EVENT_RESUME,
    };
    if (handle & 1)
        what = push_of_suspendable(model, kind, event->frame, handle >> 1);
    push(model, track, cursor, what);
}

/* Pops that are no plain RETURN. */
static __attribute__((noinline)) void pop_other(struct model *model, struct track *track,
                                                struct cursor *cursor, const struct event *event)
{
    uint32_t kind = event_kind(event);
    if (kind == EVENT_UNWIND)
        model->symbols.symbols[symbols_handle(&model->symbols, event_id(event)) >> 1].raised++;
    pop(model, track, cursor, event->frame, kind == EVENT_UNWIND, kind == EVENT_YIELD);
}

static __attribute__((noinline)) void fold_c_return(struct model *model, struct track *track,
                                                    struct cursor *cursor,
                                                    const struct event *event)
{
    uint64_t key = event->frame | TRACK_C_CALL;
    if (event_kind(event) == EVENT_C_RAISE && cursor->top->key == key)
        model->symbols.symbols[cursor->top->symbol].raised++;
    pop(model, track, cursor, key, true, false);
}

/* Everything but START and RETURN. */
static __attribute__((noinline)) void fold_other(struct model *model, struct track *track,
                                                 struct cursor *cursor, const struct event *event,
                                                 uint64_t most_ticks)
{
    uint32_t kind = event_kind(event);
    if (kind - EVENT_START > EVENT_C_RAISE - EVENT_START) {
        leave(model, track, cursor, event);
        return;
    }
    pass(model, track, cursor, event->counter, kind, most_ticks);
    if (kind == EVENT_C_CALL) {
        uint32_t handle = symbols_handle(&model->symbols, event_id(event));
        track->c_pushes++;
        push(model, track, cursor,
             (struct push){.key = event->frame | TRACK_C_CALL, .symbol = handle >> 1, .calls = 1});
    } else if (kind > EVENT_C_CALL) {
        fold_c_return(model, track, cursor, event);
    } else if (kind <= EVENT_THROW) {
        cursor->python_pushes++;
        push_other(model, track, cursor, event, symbols_handle(&model->symbols, event_id(event)));
    } else {
        pop_other(model, track, cursor, event);
    }
}

INLINE void fold_start(struct model *model, struct track *track, struct cursor *cursor,
                       const struct event *event)
{
    uint32_t handle = symbols_handle(&model->symbols, event_id(event));
    cursor->python_pushes++;
    if (LIKELY(!(handle & 1))) {
        push(model, track, cursor,
             (struct push){.key = event->frame, .symbol = handle >> 1, .calls = 1});
        return;
    }
    struct cursor copy = *cursor;
    push_other(model, track, &copy, event, handle);
    *cursor = copy;
}

/* Pairs of integers are no faster in vector registers, and getting them there and back costs. */
#ifndef __clang__
__attribute__((optimize("no-tree-slp-vectorize")))
#endif
void fold_events(struct model *model, struct track *track, const struct event *events,
                 size_t count)
{
    uint64_t most_ticks = model->gap_ticks < FOLD_INTERVAL_MOST ? model->gap_ticks
                                                                : FOLD_INTERVAL_MOST;
    struct cursor cursor = {.nodes = model->nodes.nodes};
    load(&cursor, model, track);
    for (const struct event *event = events, *end = events + count; event < end; event++) {
        uint32_t kind = event_kind(event);
        if (kind == EVENT_START) {
            pass(model, track, &cursor, event->counter, EVENT_START, most_ticks);
            fold_start(model, track, &cursor, event);
        } else if (LIKELY(kind == EVENT_RETURN)) {
            pass(model, track, &cursor, event->counter, EVENT_RETURN, most_ticks);
            pop(model, track, &cursor, event->frame, true, false);
        } else {
            struct cursor copy = cursor;
            fold_other(model, track, &copy, event, most_ticks);
            cursor = copy;
        }
    }
    store(&cursor, track);
    model->events_read += count;
}

void fold_open_seeded(struct model *model, struct track *track, uint32_t frame, uint32_t symbol)
{
    struct cursor cursor = {.nodes = model->nodes.nodes};
    load(&cursor, model, track);
    push(model, track, &cursor,
         (struct push){.key = frame, .symbol = symbol, .prior_ticks = -TRACK_UNCERTAIN});
    store(&cursor, track);
}

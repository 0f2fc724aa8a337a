/* SPDX-License-Identifier: MIT */
/* The fold's primitives: time, push and pop, on values held in registers.
 * Why inline in a header: the hot loop (fold.c) and every source's fold are made of the same three
 * steps, and a call for each would cost more than the step. Some twenty million events a second and
 * thread may come, so the common case of each touches four cache lines: the event, the stack's entry,
 * the node, the symbol's octave. Everything rare is a function of fold_cursor.c.
 * Rules: fold_cursor_store before and fold_cursor_load after anything that may change the track. Time
 * is passed before the stack is changed. Counts come from pushes alone. */
#ifndef ULMA_MODEL_FOLD_CURSOR_H
#define ULMA_MODEL_FOLD_CURSOR_H

#include "model/fold.h"

#define FOLD_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define FOLD_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The compiler would rather share the code of the common events than keep values in registers. */
#define FOLD_INLINE static inline __attribute__((always_inline))

struct fold_cursor {
    struct entry *top;
    int64_t clock_ticks;
    uint64_t last;
    int64_t debt_ticks;
    uint64_t python_pushes;
    /* not changed here; anew after any call that may change them */
    uint64_t most_ticks;           /* an interval from here on is looked at with care */
    uint64_t hurdle;               /* of the track, or just after the latest counter that may be */
    struct entry *entries, *limit; /* limit: the last entry there is room for */
    uint32_t *buckets;
    uint32_t shift;
    struct node *nodes;
};

FOLD_INLINE void fold_cursor_load(struct fold_cursor *cursor, const struct model *model,
                                  const struct track *track)
{
    cursor->top = &track->entries[track->depth];
    cursor->clock_ticks = track->clock_ticks;
    cursor->last = track->last;
    cursor->debt_ticks = track->debt_ticks;
    cursor->python_pushes = track->python_pushes;
    cursor->most_ticks = model->gap_ticks < FOLD_INTERVAL_MOST ? model->gap_ticks
                                                               : FOLD_INTERVAL_MOST;
    cursor->hurdle = track->hurdle <= model->latest ? track->hurdle : model->latest + 1;
    cursor->entries = track->entries;
    cursor->limit = track->entries + track->entry_limit - 1;
    cursor->buckets = track->buckets;
    cursor->shift = track->bucket_shift;
    cursor->nodes = model->nodes.nodes;
}

FOLD_INLINE void fold_cursor_store(const struct fold_cursor *cursor, struct track *track)
{
    track->depth = (uint32_t)(cursor->top - track->entries);
    track->clock_ticks = cursor->clock_ticks;
    track->last = cursor->last;
    track->debt_ticks = cursor->debt_ticks;
    track->python_pushes = cursor->python_pushes;
}

/* --- the rare turns (fold_cursor.c) --------------------------------------------------------- */

/* Time passes the slow way: see track_pass. */
void fold_cursor_pass_slow(struct model *model, struct track *track, struct fold_cursor *cursor,
                           uint64_t counter, uint32_t kind);

/* The frame is open: that activation and all above it have ended unseen. */
void fold_cursor_close_open(struct model *model, struct track *track, struct fold_cursor *cursor,
                            uint64_t key);

/* Room for one more entry. False: there is none; the push is counted and not followed. */
bool fold_cursor_make_room(struct model *model, struct track *track, struct fold_cursor *cursor);

/* The node for a symbol called from the top: found by hash, or made. */
uint32_t fold_cursor_find_child(struct model *model, struct track *track,
                                const struct fold_cursor *cursor, uint32_t symbol);

/* The node changes for the first time in this second. */
void fold_cursor_mark(struct model *model, uint32_t node);

/* Brings the frame to the top, closing what is above; false: it is not open, which is counted, but for
 * one whose `id` (0: not told) is left out. */
bool fold_cursor_find_frame(struct model *model, struct track *track, struct fold_cursor *cursor,
                            uint64_t key, uint32_t id);

/* The top has waited: its node, and with `record` its activation, learn how long. */
void fold_cursor_add_waited(struct model *model, const struct track *track,
                            const struct entry *entry, int64_t running_ticks, bool record);

/* The top has just come, and begins at `line`; `entry` has just gone. Only where some function has lines. */
void fold_cursor_enter_line(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, uint32_t line);
void fold_cursor_leave_line(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, const struct entry *entry);

/* The top is a step of a task. `ended`: its activation has. */
void fold_cursor_leave_task(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, bool ended);

/* --- the steps ------------------------------------------------------------------------------ */

/* The copies: a cursor whose address is never given away may live in registers. */

FOLD_INLINE void fold_cursor_pass(struct model *model, struct track *track,
                                  struct fold_cursor *cursor, uint64_t counter, uint32_t kind)
{
    uint64_t ticks = counter - cursor->last;
    /* A counter that went back is a very long interval. */
    if (FOLD_UNLIKELY(ticks >= cursor->most_ticks) || FOLD_UNLIKELY(counter >= cursor->hurdle)) {
        struct fold_cursor copy = *cursor;
        fold_cursor_pass_slow(model, track, &copy, counter, kind);
        *cursor = copy;
        return;
    }
    int64_t net_ticks = (int64_t)ticks - cursor->debt_ticks - track->costs.pre_ticks[kind];
    cursor->clock_ticks += net_ticks > 0 ? net_ticks : 0;
    cursor->debt_ticks = track->costs.post_ticks[kind] + track_left_over(net_ticks);
    cursor->last = counter;
}

struct fold_push {
    uint64_t key; /* frame, and TRACK_C_CALL */
    uint32_t symbol;
    uint32_t calls, resumes;
    uint32_t task;                         /* whose step it is */
    int64_t prior_ticks, prior_wait_ticks; /* of its activation, before this */
    uint32_t line; /* that it was at when it was suspended (model/lines.h); 0: none known */
};

FOLD_INLINE bool fold_cursor_is_open(const struct fold_cursor *cursor, uint64_t key)
{
    uint32_t at = cursor->buckets[track_bucket(key, cursor->shift)];
    while (FOLD_UNLIKELY(at != 0) && cursor->entries[at].key != key)
        at = cursor->entries[at].below;
    return at != 0;
}

FOLD_INLINE uint32_t fold_cursor_child(struct model *model, struct track *track,
                                       struct fold_cursor *cursor, uint32_t symbol)
{
    uint32_t parent = cursor->top->node;
    uint32_t child = cursor->nodes[parent].last_child;
    if (cursor->nodes[child].symbol == symbol)
        return child;
    child = cursor->nodes[child].next;
    if (FOLD_LIKELY(cursor->nodes[child].symbol == symbol)) {
        cursor->nodes[parent].last_child = child;
        return child;
    }
    struct fold_cursor copy = *cursor;
    return fold_cursor_find_child(model, track, &copy, symbol);
}

FOLD_INLINE void fold_cursor_push(struct model *model, struct track *track,
                                  struct fold_cursor *cursor, struct fold_push what)
{
    if (FOLD_UNLIKELY(fold_cursor_is_open(cursor, what.key))) {
        struct fold_cursor copy = *cursor;
        fold_cursor_close_open(model, track, &copy, what.key);
        *cursor = copy;
    }
    uint32_t child = fold_cursor_child(model, track, cursor, what.symbol);
    struct node *node = &cursor->nodes[child];
    if (FOLD_UNLIKELY(!(node->parent_flags & NODE_MARKED)))
        fold_cursor_mark(model, child);
    node->calls += what.calls;
    node->resumes += what.resumes;
    if (FOLD_UNLIKELY(cursor->top == cursor->limit)) {
        struct fold_cursor copy = *cursor;
        bool room = fold_cursor_make_room(model, track, &copy);
        *cursor = copy;
        if (!room)
            return;
    }
    if (FOLD_UNLIKELY(track->depths != NULL))
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
    entry->task = what.task;
    entry->below = *bucket;
    *bucket = (uint32_t)(entry - cursor->entries);
    if (FOLD_UNLIKELY(track->begins != NULL))
        kept_push(model, track, entry, cursor->last);
    if (FOLD_UNLIKELY(track->lines.count != 0 || what.line != 0))
        fold_cursor_enter_line(model, track, cursor, what.line);
}

/* Brings the frame to the top, if it is open at all. */
FOLD_INLINE bool fold_cursor_reach(struct model *model, struct track *track,
                                   struct fold_cursor *cursor, uint64_t key, uint32_t id)
{
    if (FOLD_LIKELY(cursor->top->key == key))
        return true;
    struct fold_cursor copy = *cursor;
    bool open = fold_cursor_find_frame(model, track, &copy, key, id);
    *cursor = copy;
    return open;
}

/* Takes the top off. `record`: its activation has ended, as seen. Returns its running time. */
FOLD_INLINE int64_t fold_cursor_pop(struct model *model, struct track *track,
                                    struct fold_cursor *cursor, bool record)
{
    struct entry *entry = cursor->top;
    struct node *node = &cursor->nodes[entry->node];
    int64_t total_ticks = cursor->clock_ticks - entry->start_ticks;
    int64_t running_ticks = cursor->clock_ticks - entry->begin_ticks;
    if (FOLD_UNLIKELY(!(node->parent_flags & NODE_MARKED)))
        fold_cursor_mark(model, entry->node);
    if (FOLD_UNLIKELY(track->begins != NULL))
        kept_pop(model, track, entry, cursor->last);
    node->total_ticks += total_ticks;
    node->self_ticks += total_ticks - entry->child_ticks;
    entry[-1].child_ticks += total_ticks;
    if (FOLD_UNLIKELY(track->wait_ticks != entry->wait_begin_ticks))
        fold_cursor_add_waited(model, track, entry, running_ticks, record);
    else if (record)
        symbols_record(&model->symbols, &model->symbols.symbols[entry->symbol], running_ticks);
    if (FOLD_UNLIKELY(entry->task != 0))
        fold_cursor_leave_task(model, track, cursor, record);
    cursor->buckets[track_bucket(entry->key, cursor->shift)] = entry->below;
    if (FOLD_UNLIKELY(track->depths != NULL))
        track->depths[entry->symbol]--;
    cursor->top--;
    if (FOLD_UNLIKELY(track->lines.count != 0))
        fold_cursor_leave_line(model, track, cursor, entry);
    return running_ticks;
}

#endif

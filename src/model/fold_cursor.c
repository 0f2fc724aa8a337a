/* SPDX-License-Identifier: MIT */
/* The rare turns of the fold's primitives.
 * Why apart: see fold_cursor.h; here nothing is inline, so that the hot loop stays small.
 * Rules: each stores the cursor before it touches the track, and loads it after. */
#include "model/fold_cursor.h"

#include <stdlib.h>

/* --- time ----------------------------------------------------------------------------------- */

/* The stack was in doubt and events come without a seed: what is open is believed. */
static bool end_doubt(struct model *model, struct track *track, uint64_t counter, int64_t pre_ticks)
{
    track->seeding = false;
    if (!track->resync)
        return false;
    track_pass(model, track, counter, pre_ticks, 0);
    seed_end_resync(model, track);
    return true;
}

void fold_cursor_pass_slow(struct model *model, struct track *track, struct fold_cursor *cursor,
                           uint64_t counter, uint32_t kind)
{
    int64_t pre_ticks = track->costs.pre_ticks[kind];
    fold_cursor_store(cursor, track);
    if ((track->seeding || track->resync) && end_doubt(model, track, counter, pre_ticks))
        pre_ticks = 0; /* taken out of the time in doubt */
    track_pass(model, track, counter, pre_ticks, track->costs.post_ticks[kind]);
    bool pushes = (kind >= EVENT_START && kind <= EVENT_THROW) || kind == TRACK_START_FROM_C;
    if (track->spans.is_watched && pushes)
        span_steps_push(track);
    fold_cursor_load(cursor, model, track);
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

uint32_t fold_cursor_find_child(struct model *model, struct track *track,
                                const struct fold_cursor *cursor, uint32_t symbol)
{
    fold_cursor_store(cursor, track);
    return find_child(model, track, symbol);
}

void fold_cursor_close_open(struct model *model, struct track *track, struct fold_cursor *cursor,
                            uint64_t key)
{
    fold_cursor_store(cursor, track);
    uint32_t depth = track_find(track, key);
    if (depth)
        track_close(model, track, depth - 1);
    fold_cursor_load(cursor, model, track);
}

bool fold_cursor_make_room(struct model *model, struct track *track, struct fold_cursor *cursor)
{
    fold_cursor_store(cursor, track);
    uint32_t before = track->entry_limit;
    bool room = model->entries_left >= before && track_make_room(track);
    if (room)
        model->entries_left -= track->entry_limit - before;
    else
        model->too_deep++;
    fold_cursor_load(cursor, model, track);
    return room;
}

void fold_cursor_mark(struct model *model, uint32_t node)
{
    windows_mark(&model->windows, model->nodes.nodes, node);
}

/* --- pops ----------------------------------------------------------------------------------- */

/* A pop of a C call has its caller's frame and no id of that. */
static bool return_to(struct model *model, struct track *track, uint64_t key, uint32_t id)
{
    uint32_t symbol = id && !(key & TRACK_C_CALL) ? symbols_handle(&model->symbols, id) >> 1 : 0;
    return parked_return(model, track, (uint32_t)key, symbol);
}

bool fold_cursor_find_frame(struct model *model, struct track *track, struct fold_cursor *cursor,
                            uint64_t key, uint32_t id)
{
    fold_cursor_store(cursor, track);
    uint32_t depth = track_find(track, key);
    bool parked = !depth && track->parked.count && return_to(model, track, key, id);
    if (parked && !(key & TRACK_C_CALL)) /* a C call that switched is over */
        depth = track->depth;
    if (depth)
        track_close(model, track, depth);
    else if (!parked && (id ? !symbols_ends_alone(&model->symbols, id)
                            : !model->pops_untold || (key & TRACK_C_CALL)))
        model->unmatched_pops++;
    fold_cursor_load(cursor, model, track);
    return depth != 0;
}

void fold_cursor_add_waited(struct model *model, const struct track *track,
                            const struct entry *entry, int64_t running_ticks, bool record)
{
    model->nodes.nodes[entry->node].total_wait_ticks += track->wait_ticks - entry->wait_start_ticks;
    if (record)
        symbols_record_slow(&model->symbols, &model->symbols.symbols[entry->symbol], running_ticks,
                            track->wait_ticks - entry->wait_begin_ticks);
}

void fold_cursor_leave_task(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, bool ended)
{
    struct async_leave leave = {.counter = cursor->last,
                                .clock_ticks = cursor->clock_ticks,
                                .frame = (uint32_t)cursor->top->key,
                                .how = ended ? ASYNC_RETURNED : ASYNC_YIELDED};
    async_tasks_leave(model, track, cursor->top->task, &leave);
}

/* --- lines ---------------------------------------------------------------------------------- */

static struct line_time time_of(const struct track *track, const struct fold_cursor *cursor)
{
    return (struct line_time){cursor->clock_ticks, track->wait_ticks};
}

void fold_cursor_enter_line(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, uint32_t line)
{
    if (line)
        lines_go_to(&model->lines, &track->lines, cursor->top->key, line, time_of(track, cursor));
    else
        lines_call(&model->lines, &track->lines, time_of(track, cursor));
}

void fold_cursor_leave_line(struct model *model, struct track *track,
                            const struct fold_cursor *cursor, const struct entry *entry)
{
    lines_return(&model->lines, &track->lines, entry->key, cursor->top->key,
                 time_of(track, cursor));
}

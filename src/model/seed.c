/* SPDX-License-Identifier: MIT */
/* Seeds: a stack that is told, not followed.
 * Why: at a switch-on threads have stacks already, and after a gap nobody knows what happened. What
 * is open in both the old stack and the told one (same frame, same function, same depth) stays open;
 * nothing is counted again, since counts come from pushes alone.
 * Rules: between a GAP and the SEED_END that follows it the track's clock stands still and the time
 * gathers in resync_ticks; then it goes to a node `(resync)` below the deepest entry that stayed. */
#include "model/fold.h"

#include <stdlib.h>

/* --- the thread's own ring ------------------------------------------------------------------ */

static void begin_gap(struct model *model, struct track *track, const struct event *event)
{
    if (!track->on)
        track_pass(model, track, event->counter, 0, 0);
    track->resync = true;
    track->away_told = false;
    track->io.depth = 0; /* the end of what it was in may be among what was lost */
    span_steps_forget(track);
    /* The interval before the GAP is in doubt too: the lost events were in it. */
    track_pass(model, track, event->counter, 0, 0);
    model->gaps++;
}

static void add_frame(struct track *track, struct seed_frame frame)
{
    if (track->seed_count == track->seed_limit) {
        uint32_t limit = track->seed_limit ? track->seed_limit * 2 : 64;
        struct seed_frame *grown =
            limit <= TRACK_ENTRIES_MAX ? realloc(track->seed, limit * sizeof(*grown)) : NULL;
        if (!grown)
            return;
        track->seed = grown;
        track->seed_limit = limit;
    }
    track->seed[track->seed_count++] = frame;
}

void seed_event(struct model *model, struct track *track, const struct event *event)
{
    uint32_t kind = event_kind(event);
    if (kind == EVENT_GAP) {
        begin_gap(model, track, event);
    } else if (kind == EVENT_SEED_BEGIN) {
        track->seeding = true;
        track->seed_count = 0;
        track_set_hurdle(track);
    } else if (!track->seeding) {
        model->bad_events++;
    } else if (kind == EVENT_SEED_FRAME) {
        uint32_t symbol = symbols_handle(&model->symbols, event_id(event)) >> 1;
        if (!symbols_is_silent(&model->symbols, symbol))
            add_frame(track, (struct seed_frame){.frame = event->frame, .symbol = symbol});
        else if (track->seed_count && model->symbols.symbols[symbol].left_out)
            symbols_absorb(&model->symbols, track->seed[track->seed_count - 1].symbol);
    } else {
        track->seeding = false;
        seed_apply(model, track,
                   &(struct order){.counter = event->counter,
                                   .frames = track->seed,
                                   .frame_count = track->seed_count,
                                   .bottom = event->frame});
    }
}

/* --- putting it in place -------------------------------------------------------------------- */

/* Depth up to which the stack agrees with the frames; *ret_frames of them. C calls between two frames
 * that agree stay; one above the last does not. */
static uint32_t agreement(const struct track *track, const struct seed_frame *frames,
                          uint32_t count, uint32_t *ret_frames)
{
    uint32_t kept = 0, agreed = 0;
    for (uint32_t i = 1; i <= track->depth && agreed < count; i++) {
        const struct entry *entry = &track->entries[i];
        if (entry->key & TRACK_C_CALL)
            continue;
        if (entry->key != frames[agreed].frame || entry->symbol != frames[agreed].symbol)
            break;
        agreed++;
        kept = i;
    }
    *ret_frames = agreed;
    return kept;
}

void seed_end_resync(struct model *model, struct track *track)
{
    uint32_t parent = track->entries[track->depth].node;
    uint32_t index = nodes_pseudo(&model->nodes, parent, SYMBOL_RESYNC);
    if (!index)
        index = nodes_other(&model->nodes, SYMBOL_RESYNC, true);
    windows_touch(&model->windows, model->nodes.nodes, index);
    struct node *node = &model->nodes.nodes[index];
    node->self_ticks += track->resync_ticks;
    node->total_ticks += track->resync_ticks;
    node->self_wait_ticks += track->resync_wait_ticks;
    node->total_wait_ticks += track->resync_wait_ticks;
    track->clock_ticks += track->resync_ticks;
    track->wait_ticks += track->resync_wait_ticks;
    track->entries[track->depth].child_ticks += track->resync_ticks;
    track->resync_ticks = track->resync_wait_ticks = 0;
    track->resync = false;
    for (uint32_t i = 1; i <= track->depth; i++)
        track->entries[i].begin_ticks = TRACK_UNCERTAIN;
    track_set_hurdle(track);
}

/* Functions may have been left out or muted since their frames were told. */
static uint32_t drop_silent(const struct model *model, struct seed_frame *frames, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!symbols_is_silent(&model->symbols, frames[i].symbol))
            frames[kept++] = frames[i];
    return kept;
}

/* A greenlet has switched. That no entry agrees does not say so: those of the frames that are the same may be
 * of functions that were left out, or are. */
static bool is_another_stack(const struct model *model, const struct track *track, uint32_t bottom)
{
    uint32_t present = track_bottom(model, track);
    return bottom && present && bottom != present;
}

void seed_apply(struct model *model, struct track *track, const struct order *order)
{
    struct seed_frame *frames = order->frames;
    uint32_t agreed, count = drop_silent(model, frames, order->frame_count);
    uint64_t before = track->last;
    track_pass(model, track, order->counter, 0, 0);
    async_tasks_stay(track, before, track->last);
    if (track->resync)
        parked_clear(track);
    else
        parked_forget(track, order->bottom);
    if (!track->resync && is_another_stack(model, track, order->bottom))
        parked_leave(model, track);
    track->bottom = order->bottom;
    uint32_t kept = agreement(track, frames, count, &agreed);
    track_close(model, track, kept);
    if (track->resync)
        seed_end_resync(model, track);
    for (uint32_t i = agreed; i < count; i++)
        fold_open_seeded(model, track, frames[i].frame, frames[i].symbol);
}

/* --- orders: what the control ring says ----------------------------------------------------- */

void seed_add_order(struct track *track, const struct order *order)
{
    if (track->order_count == track->order_limit) {
        uint32_t limit = track->order_limit ? track->order_limit * 2 : 4;
        struct order *grown = realloc(track->orders, limit * sizeof(*grown));
        if (!grown) {
            free(order->frames);
            return;
        }
        track->orders = grown;
        track->order_limit = limit;
    }
    track->orders[track->order_count++] = *order;
    track_set_hurdle(track);
}

static void obey(struct model *model, struct track *track, const struct order *order)
{
    if (order->off)
        track_off(model, track, order->counter);
    else
        seed_apply(model, track, order);
    free(order->frames);
}

void seed_obey(struct model *model, struct track *track, uint64_t counter, uint64_t round)
{
    while (track->order_count &&
           (counter >= track->orders[0].counter || track->orders[0].round < round)) {
        struct order order = track->orders[0];
        track->order_count--;
        for (uint32_t i = 0; i < track->order_count; i++)
            track->orders[i] = track->orders[i + 1];
        obey(model, track, &order);
    }
    track_set_hurdle(track);
}

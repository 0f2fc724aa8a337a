/* SPDX-License-Identifier: MIT */
/* Tracks: time, closing and flushing.
 * Why: see track.h. What happens at every event is in fold.c, inline; here is the rest.
 * Rules: time is passed (track_pass) before the stack is changed, so that each interval goes to the
 * function that was on top during it. */
#include "model/track.h"

#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKET_BITS = 7 };

/* --- making --------------------------------------------------------------------------------- */

struct track *track_new(void)
{
    struct track *track = calloc(1, sizeof(*track));
    if (!track)
        return NULL;
    track->entries = calloc(TRACK_FIRST_ENTRIES, sizeof(*track->entries));
    track->buckets = calloc((size_t)1 << FIRST_BUCKET_BITS, sizeof(*track->buckets));
    if (!track->entries || !track->buckets) {
        track_free(track);
        return NULL;
    }
    track->entry_limit = TRACK_FIRST_ENTRIES;
    track->bucket_shift = 64 - FIRST_BUCKET_BITS;
    track->entries[0].key = UINT64_MAX; /* no event has this key */
    return track;
}

static void drop_orders(struct track *track)
{
    for (uint32_t i = 0; i < track->order_count; i++)
        free(track->orders[i].frames);
    free(track->orders);
    track->orders = NULL;
    track->order_count = track->order_limit = 0;
}

void track_free(struct track *track)
{
    if (!track)
        return;
    drop_orders(track);
    parked_clear(track);
    waits_done(&track->waits);
    line_stack_done(&track->lines);
    free(track->telling);
    escalations_free(track->io_told);
    free(track->depths);
    free(track->gaps);
    free(track->begins);
    free(track->seed);
    free(track->entries);
    free(track->buckets);
    free(track);
}

static bool grow_buckets(struct track *track)
{
    uint32_t bits = 64 - track->bucket_shift + 1;
    uint32_t *buckets = calloc((size_t)1 << bits, sizeof(*buckets));
    if (!buckets)
        return false;
    free(track->buckets);
    track->buckets = buckets;
    track->bucket_shift = 64 - bits;
    for (uint32_t i = 1; i <= track->depth; i++) {
        struct entry *entry = &track->entries[i];
        uint32_t *bucket = &buckets[track_bucket(entry->key, track->bucket_shift)];
        entry->below = *bucket;
        *bucket = i;
    }
    return true;
}

bool track_make_room(struct track *track)
{
    if (track->depth + 1 < track->entry_limit)
        return true;
    if (track->entry_limit >= TRACK_ENTRIES_MAX || !grow_buckets(track))
        return false;
    uint32_t limit = track->entry_limit * 2;
    struct entry *entries = realloc(track->entries, limit * sizeof(*entries));
    if (!entries)
        return false;
    track->entries = entries;
    track->entry_limit = limit;
    return true;
}

uint32_t track_find(const struct track *track, uint64_t key)
{
    uint32_t depth = track->buckets[track_bucket(key, track->bucket_shift)];
    while (depth && track->entries[depth].key != key)
        depth = track->entries[depth].below;
    return depth;
}

uint32_t track_bottom(const struct model *model, const struct track *track)
{
    if (track->bottom || !track->depth || model->modes_vary)
        return track
            ->bottom; /* where some frames have no entries the first may have one below it */
    uint64_t key = track->entries[1].key;
    return key & TRACK_C_CALL ? 0 : (uint32_t)key;
}

/* --- time ----------------------------------------------------------------------------------- */

void track_set_hurdle(struct track *track)
{
    uint64_t hurdle = 0;
    if (track->on && !track->resync && !track->seeding && !track->spans.is_watched) {
        hurdle = waits_next(&track->waits);
        if (track->order_count && track->orders[0].counter < hurdle)
            hurdle = track->orders[0].counter;
    }
    track->hurdle = hurdle;
}

static void begin_stretch(struct model *model, struct track *track, uint64_t counter)
{
    if (!track->seen)
        model->thread_count++;
    if (counter < model->earliest || counter > model->latest) {
        counter = counter < model->earliest ? model->earliest : model->latest;
        model->bad_events++;
    }
    if (model->first_counter == 0)
        model->first_counter = counter;
    track->on = track->seen = true;
    track->segment_start = track->last = counter;
    track->away_told = false;
    waits_take(&track->waits, 0, counter, true);
}

static void add_wait(struct model *model, struct track *track, int64_t off_ticks)
{
    if (off_ticks == 0)
        return;
    if (track->resync) {
        track->resync_wait_ticks += off_ticks;
        return;
    }
    track->wait_ticks += off_ticks;
    if (track->depth == 0) {
        track->outside_wait_ticks += off_ticks;
        return;
    }
    uint32_t node = track->entries[track->depth].node;
    windows_touch(&model->windows, model->nodes.nodes, node);
    model->nodes.nodes[node].self_wait_ticks += off_ticks;
}

/* Ticks from the last event to `counter`; 0 where the counter lies. */
static uint64_t interval(struct model *model, const struct track *track, uint64_t counter)
{
    uint64_t ticks = counter - track->last;
    if ((int64_t)ticks < 0)
        return 0;
    if (counter > model->latest) {
        model->bad_events++;
        return 0;
    }
    return ticks;
}

/* Returns what the interval was too short for. */
static int64_t pass(struct model *model, struct track *track, uint64_t ticks, int64_t taken_ticks,
                    bool running)
{
    int64_t net_ticks = (int64_t)ticks - taken_ticks;
    int64_t left_over = track_left_over(net_ticks);
    if (net_ticks < 0)
        net_ticks = 0;
    uint64_t to = track->last + ticks;
    int64_t off_ticks = (int64_t)waits_take(&track->waits, track->last, to, running);
    track->last = to;
    if (track->resync)
        track->resync_ticks += net_ticks;
    else
        track->clock_ticks += net_ticks;
    track->away_ticks += off_ticks;
    if (off_ticks > net_ticks)
        off_ticks = net_ticks;
    add_wait(model, track, off_ticks);
    if (track->spans.is_watched)
        span_steps_pass(model, track);
    if (ticks >= model->gap_ticks && net_ticks > off_ticks && model->on_gap)
        model->on_gap(model->on_gap_context, track, net_ticks - off_ticks);
    return left_over;
}

void track_pass(struct model *model, struct track *track, uint64_t counter, int64_t pre_ticks,
                int64_t post_ticks)
{
    if (track->order_count && counter >= track->orders[0].counter)
        seed_obey(model, track, counter, 0);
    int64_t left_over = 0;
    if (!track->on) {
        begin_stretch(model, track, counter);
    } else {
        bool back = counter < track->last;
        left_over = pass(model, track, interval(model, track, counter),
                         track->debt_ticks + pre_ticks, true);
        left_over = back ? 0 : left_over;
    }
    track->debt_ticks = post_ticks + left_over;
    track_set_hurdle(track);
}

/* The debt stays for the next event: what a function does between two events is not taken twice. */
void track_pass_quiet(struct model *model, struct track *track, uint64_t counter)
{
    uint64_t ticks = interval(model, track, counter);
    int64_t taken_ticks = track->debt_ticks < (int64_t)ticks ? track->debt_ticks : (int64_t)ticks;
    pass(model, track, ticks, taken_ticks, false);
    track->debt_ticks -= taken_ticks;
    track_set_hurdle(track);
}

void track_stall(struct model *model, struct track *track, uint64_t counter, uint64_t ticks)
{
    if (!track->on) {
        begin_stretch(model, track, counter);
        track_set_hurdle(track);
        return;
    }
    uint64_t all = interval(model, track, counter);
    uint64_t stalled = ticks < all ? ticks : all;
    track->stalled_ticks += (int64_t)stalled;
    int64_t away_ticks = track->away_ticks + (int64_t)stalled;
    pass(model, track, all, track->debt_ticks + (int64_t)stalled, true);
    if (track->away_ticks < away_ticks)
        track->away_ticks = away_ticks;
    track->debt_ticks = 0;
    track_set_hurdle(track);
}

int64_t track_profiled(const struct track *track)
{
    uint64_t ticks = track->profiled_ticks;
    if (track->on)
        ticks += track->last - track->segment_start;
    return (int64_t)ticks;
}

int64_t track_corrected_ticks(const struct track *track)
{
    return track_profiled(track) - track->clock_ticks - track->stalled_ticks - track->resync_ticks;
}

struct track_second track_sums(const struct track *track)
{
    return (struct track_second){
        .calls = track->python_pushes,
        .wall_ticks = track_profiled(track) - track->stalled_ticks,
        .wait_ticks = track->wait_ticks + track->late_wait_ticks,
    };
}

struct track_second track_since_tick(const struct track *track)
{
    struct track_second sums = track_sums(track);
    sums.calls -= track->history_mark.calls;
    sums.wall_ticks -= track->history_mark.wall_ticks;
    sums.wait_ticks -= track->history_mark.wait_ticks;
    return sums;
}

/* --- closing -------------------------------------------------------------------------------- */

static void close_top(struct model *model, struct track *track)
{
    struct entry *entry = &track->entries[track->depth];
    struct node *node = &model->nodes.nodes[entry->node];
    int64_t total_ticks = track->clock_ticks - entry->start_ticks;
    if (track->begins)
        kept_pop(model, track, entry, track->last);
    windows_touch(&model->windows, model->nodes.nodes, entry->node);
    node->total_ticks += total_ticks;
    node->self_ticks += total_ticks - entry->child_ticks;
    node->total_wait_ticks += track->wait_ticks - entry->wait_start_ticks;
    entry[-1].child_ticks += total_ticks;
    if (entry->task)
        async_tasks_leave(model, track, entry->task,
                          &(struct async_leave){.counter = track->last,
                                                .clock_ticks = track->clock_ticks,
                                                .frame = (uint32_t)entry->key,
                                                .how = ASYNC_UNSEEN});
    track->buckets[track_bucket(entry->key, track->bucket_shift)] = entry->below;
    if (track->depths)
        track->depths[entry->symbol]--;
    track->depth--;
    if (track->lines.count)
        lines_return(&model->lines, &track->lines, entry->key, entry[-1].key,
                     (struct line_time){track->clock_ticks, track->wait_ticks});
}

void track_close(struct model *model, struct track *track, uint32_t depth)
{
    while (track->depth > depth)
        close_top(model, track);
}

void track_off(struct model *model, struct track *track, uint64_t counter)
{
    if (!track->on)
        return;
    pass(model, track, interval(model, track, counter), track->debt_ticks, false);
    track_close(model, track, 0);
    parked_clear(track);
    span_steps_forget(track);
    track->bottom = 0;
    if (track->resync)
        seed_end_resync(model, track);
    track_flush(model, track);
    track->debt_ticks = 0;
    track->profiled_ticks += track->last - track->segment_start;
    track->on = false;
    track_set_hurdle(track);
}

/* --- flushing ------------------------------------------------------------------------------- */

void track_flush(struct model *model, struct track *track)
{
    struct entry *base = &track->entries[0];
    lines_settle(&model->lines, &track->lines,
                 (struct line_time){track->clock_ticks, track->wait_ticks});
    for (uint32_t i = 1; i <= track->depth; i++) {
        struct entry *entry = &track->entries[i];
        struct node *node = &model->nodes.nodes[entry->node];
        int64_t total_ticks = track->clock_ticks - entry->start_ticks;
        int64_t wait_ticks = track->wait_ticks - entry->wait_start_ticks;
        int64_t below_ticks =
            i < track->depth ? track->clock_ticks - track->entries[i + 1].start_ticks : 0;
        if (total_ticks == 0 && wait_ticks == 0)
            continue;
        windows_touch(&model->windows, model->nodes.nodes, entry->node);
        node->total_ticks += total_ticks;
        node->self_ticks += total_ticks - entry->child_ticks - below_ticks;
        node->total_wait_ticks += wait_ticks;
        if (i == 1)
            base->child_ticks += total_ticks;
        entry->child_ticks = 0;
        entry->start_ticks = track->clock_ticks;
        entry->wait_start_ticks = track->wait_ticks;
    }
    track->outside_ticks += track->clock_ticks - base->start_ticks - base->child_ticks;
    base->start_ticks = track->clock_ticks;
    base->child_ticks = 0;
}

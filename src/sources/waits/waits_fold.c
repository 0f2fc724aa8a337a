/* SPDX-License-Identifier: MIT */
/* Waits and holds, in the collector.
 * Why waits for the GIL are put together: a thread asks for it again every 5 ms, and is woken when another is quicker. To
 * whoever waits that is one wait, and nothing of the thread's lies between.
 * Rules: those of fold_source.h. */
#include "model/fold_source.h"
#include "model/wait_rooms.h"

static const unsigned char kinds[WAY_COUNT] = {
    [WAY_GIL] = WAIT_FOR_GIL,
    [WAY_LOCK] = WAIT_FOR_LOCK,
    [WAY_MUTEX] = WAIT_FOR_MUTEX,
    [WAY_CONDITION] = WAIT_FOR_CONDITION,
};

/* The wait has ended at `until`, and nothing has gone on with it. */
static void settle(struct model *model, struct track *track)
{
    struct wait_open *open = &track->waiting;
    uint64_t ticks = open->until - open->since;
    bool is_over = open->is_open && open->until >= open->since && ticks < FOLD_INTERVAL_MOST;
    open->is_open = false;
    if (!is_over)
        return;
    struct wait_done done = {.since = open->since,
                             .until = open->until,
                             .row = open->row,
                             .object = open->object,
                             .thread = track->number,
                             .is_gil = open->way == WAY_GIL};
    kept_note(model, track, open->way == WAY_GIL ? TIMELINE_GIL : TIMELINE_LOCK, open->since,
              open->until, open->kind);
    wait_sums_add(&model->waits, open->row, (int64_t)ticks);
    const struct wait_sums_row *row = &model->waits.rows[open->row];
    wait_rooms_tell(model,
                    &(struct wait_site){.symbol = row->symbol,
                                        .line = row->line,
                                        .kind = (enum wait_kind)open->kind,
                                        .node = open->node},
                    track->number, open->until, (int64_t)ticks);
    wait_sums_share(&model->waits, track->number, wait_sums_share_of((enum wait_kind)open->kind),
                    (int64_t)ticks);
    track->apart_ticks += (int64_t)ticks;
    if (open->kind == WAIT_FOR_GIL || open->kind == WAIT_FOR_LOCK ||
        open->kind == WAIT_FOR_SEMAPHORE)
        wait_sums_await(&track->process->waits, &done);
}

/* A lock was let go for whoever waits for it. */
static void woke(struct model *model, const struct track *track, const struct fold_cursor *cursor,
                 const struct event *event)
{
    struct wait_site site = wait_rooms_site(model, track, cursor, WAIT_FOR_HELD);
    site.kind = WAIT_FOR_HELD;
    site.in_task = false;
    struct wait_hold hold = {.until = event->counter,
                             .row = wait_sums_row(&model->waits, &site),
                             .object = event->frame,
                             .thread = track->number,
                             .tid = track->tid};
    wait_sums_hold(&track->process->waits, &hold);
}

/* `before`: the counter of the thread's event before this one. */
static void begin(struct model *model, struct track *track, const struct fold_cursor *cursor,
                  const struct event *event, uint64_t before)
{
    struct wait_open *open = &track->waiting;
    uint32_t way = event_id(event);
    if (way == WAY_GIL && open->is_open && open->way == WAY_GIL && open->until == before) {
        open->until = 0;
        return;
    }
    if (open->is_open && open->until)
        settle(model, track);
    struct wait_site site = wait_rooms_site(model, track, cursor, (enum wait_kind)kinds[way]);
    *open = (struct wait_open){.since = event->counter,
                               .row = wait_sums_row(&model->waits, &site),
                               .object = event->frame,
                               .node = site.node,
                               .way = (unsigned char)way,
                               .kind = (unsigned char)site.kind,
                               .is_open = true};
}

static void end(struct model *model, struct track *track, const struct event *event)
{
    struct wait_open *open = &track->waiting;
    if (!open->is_open || open->until)
        return;
    open->until = event->counter;
    if (open->way != WAY_GIL)
        settle(model, track);
}

/* One whose beginning was not seen has a running time below zero, and has been there for long. */
static bool was_open_for(const struct fold_cursor *cursor, const struct entry *entry, int64_t ticks)
{
    int64_t running_ticks = cursor->clock_ticks - entry->begin_ticks;
    return running_ticks < 0 || running_ticks >= ticks;
}

/* The deepest function that was open for at least half of the hold: whoever runs when the GIL is let go may just have been
 * called. */
static struct wait_site holder(struct model *model, const struct track *track,
                               const struct fold_cursor *cursor, int64_t ticks)
{
    struct wait_site site = {.kind = WAIT_FOR_HELD};
    const struct entry *entry = cursor->top;
    while (entry > cursor->entries &&
           (entry->key >= TRACK_C_CALL || !was_open_for(cursor, entry, ticks / 2)))
        entry--;
    if (entry > cursor->entries) {
        site.symbol = model->symbols.symbols[entry->symbol].row;
        site.line = wait_rooms_line(track, entry);
        site.node = entry->node;
    }
    return site;
}

static void held(struct model *model, struct track *track, const struct fold_cursor *cursor,
                 const struct event *event)
{
    uint64_t ticks = event_amount(event);
    if (track->waiting.is_open && track->waiting.until)
        settle(model, track);
    if (ticks > event->counter || ticks >= FOLD_INTERVAL_MOST)
        return;
    struct wait_site site = holder(model, track, cursor, (int64_t)ticks);
    struct wait_hold hold = {.since = event->counter - ticks,
                             .until = event->counter,
                             .row = wait_sums_row(&model->waits, &site),
                             .thread = track->number,
                             .tid = track->tid};
    wait_sums_add(&model->waits, hold.row, (int64_t)ticks);
    wait_rooms_tell(model, &site, track->number, event->counter, (int64_t)ticks);
    wait_sums_hold(&track->process->waits, &hold);
}

static void fold_waits(struct model *model, struct track *track, struct fold_cursor *cursor,
                       const struct event *event)
{
    uint32_t kind = event_kind(event);
    uint64_t before = cursor->last;
    model->waits.heard = true;
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_WAIT_END)
        end(model, track, event);
    else if (kind == EVENT_GIL_HELD)
        held(model, track, cursor, event);
    else if (event_id(event) == WAY_WOKE)
        woke(model, track, cursor, event);
    else if (event_id(event) < WAY_COUNT)
        begin(model, track, cursor, event, before);
}

const struct fold_source waits_fold = {
    .name = "waits",
    .bit = SOURCE_WAITS,
    .first_kind = EVENT_WAIT_BEGIN,
    .last_kind = EVENT_GIL_HELD,
    .fold = fold_waits,
};

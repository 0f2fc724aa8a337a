/* SPDX-License-Identifier: MIT */
/* Copying waits.
 * Why what is open is added here: a thread that has waited for an hour has told nothing but a begin.
 * Rules: those of moment.c. */
#include "model/moment.h"
#include "model/wait_rooms.h"

#include <string.h>

static int64_t p99_of(const struct wait_sums *sums, const struct wait_sums_row *row)
{
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    if (!row->durations)
        return row->max_ticks;
    histogram_sum(&sums->octaves, row->durations, counts);
    int64_t ticks = histogram_percentile(counts, 0.99);
    /* A bucket's middle may lie beyond what was seen. */
    return ticks < row->max_ticks ? ticks : row->max_ticks;
}

struct open_wait {
    uint32_t row;
    enum wait_kind kind;
    int64_t ticks;
    bool is_open;
};

static struct wait_shares *shares_of(struct moment *moment, uint32_t number)
{
    for (uint32_t i = 0; i < moment->thread_count; i++)
        if (moment->threads[i].sums.number == number)
            return &moment->threads[i].shares;
    return NULL;
}

static void add_open(struct moment *moment, const struct track *track, uint32_t row,
                     enum wait_kind kind, int64_t ticks)
{
    struct wait_shares *shares = shares_of(moment, track->number);
    struct wait_sums_row *sums = &moment->waits[row].sums;
    if (shares)
        shares->ticks[wait_sums_share_of(kind)] += ticks;
    if (!row || row >= moment->wait_count)
        return;
    sums->count++;
    sums->ticks += ticks;
    if (ticks > sums->max_ticks)
        sums->max_ticks = ticks;
}

static int64_t ticks_until(uint64_t since, uint64_t until)
{
    return until > since && until - since < FOLD_INTERVAL_MOST ? (int64_t)(until - since) : 0;
}

static bool is_socket(const struct model *model, const struct track *track, uint32_t fd)
{
    const struct io_fds *fds = &track->process->fds;
    uint32_t resource = fd < fds->limit ? fds->resources[fd] : 0;
    return resource && model->io.files.resources[resource].sort == IO_SORT_SOCKET;
}

/* The row of the call that a thread is in; 0: it is in none. */
static uint32_t row_of_call(struct model *model, const struct track *track,
                            enum wait_kind *ret_kind)
{
    const struct io_open_call *call = &track->io.calls[0];
    if (!track->io.depth || !model->waits.heard)
        return 0;
    struct wait_site site = {.symbol = call->wait_symbol,
                             .line = call->wait_line,
                             .kind = (enum wait_kind)call->wait_kind,
                             .in_task = call->in_task};
    if (site.kind == WAIT_FOR_FILE && is_socket(model, track, call->fd))
        site.kind = WAIT_FOR_SOCKET;
    *ret_kind = site.kind;
    return wait_sums_row(&model->waits, &site);
}

static void take_rows(struct moment *moment, const struct wait_sums *sums)
{
    moment->wait_count = sums->row_count;
    for (uint32_t i = 0; i < sums->row_count; i++)
        moment->waits[i] = (struct moment_wait){
            .sums = sums->rows[i],
            .p99_ticks = i ? p99_of(sums, &sums->rows[i]) : 0,
        };
    for (uint32_t i = 1; i < sums->holder_count; i++) {
        const struct wait_holder *holder = &sums->holders[i];
        struct moment_wait *wait = &moment->waits[holder->row];
        const struct wait_sums_row *of = &sums->rows[holder->holder];
        if (holder->ticks <= wait->held_ticks)
            continue;
        wait->held_ticks = holder->ticks;
        wait->holder_symbol = of->symbol;
        wait->holder_line = of->line;
        wait->holder_tid = holder->tid;
    }
}

static void take_shares(struct moment *moment, const struct wait_sums *sums)
{
    for (uint32_t i = 0; i < moment->thread_count; i++) {
        struct moment_thread *thread = &moment->threads[i];
        thread->shares = (struct wait_shares){0};
        if (thread->sums.number && thread->sums.number < sums->share_limit)
            thread->shares = sums->shares[thread->sums.number];
    }
}

/* What a thread waits in, up to `counter` or to where its recording ended; `row` 0: it waits in nothing. */
static struct open_wait open_wait(struct model *model, const struct track *track, uint64_t counter)
{
    const struct wait_open *open = &track->waiting;
    struct open_wait found = {.kind = WAIT_FOR_GIL};
    uint64_t now = track->on ? counter : track->last;
    found.row = row_of_call(model, track, &found.kind);
    if (open->is_open) {
        found.row = open->row;
        found.kind = (enum wait_kind)open->kind;
        found.ticks = ticks_until(open->since, open->until ? open->until : now);
        found.is_open = true;
    } else if (found.row) {
        found.ticks = ticks_until(track->io.calls[0].since, now);
        found.is_open = true;
    }
    return found;
}

void moment_settle_wait(struct model *model, struct track *track)
{
    struct open_wait open = open_wait(model, track, track->last);
    if (!open.is_open)
        return;
    wait_sums_share(&model->waits, track->number, wait_sums_share_of(open.kind), open.ticks);
    wait_sums_add(&model->waits, open.row, open.ticks);
    track->waiting.is_open = false;
    track->io.depth = 0;
}

void moment_take_waits(struct moment *moment, struct model *model, uint64_t counter)
{
    moment->waits_heard = model->waits.heard;
    /* Rows of what is open are made before they are copied. */
    for (const struct track *track = model->tracks; track; track = track->next)
        open_wait(model, track, counter);
    take_rows(moment, &model->waits);
    take_shares(moment, &model->waits);
    for (const struct track *track = model->tracks; track; track = track->next) {
        struct open_wait open = open_wait(model, track, counter);
        if (open.is_open)
            add_open(moment, track, open.row, open.kind, open.ticks);
    }
}

/* SPDX-License-Identifier: MIT */
/* Rows, holders, shares.
 * Why: see wait_sums.h. */
#include "model/wait_sums.h"

#include "model/wait_rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 2 * WAIT_ROWS_LIMIT,
    HOLDER_BUCKETS = 2 * WAIT_HOLDERS_LIMIT,
    OCTAVES = 1 << 15,
    HOLDS_LOOKED_AT = 4096, /* for one wait */
    HOLDS_KEPT = 4096,
    QUEUED_MOST = 1 << 20,
    SHARES_MOST = 1 << 20,
};

static const unsigned char share_of[WAIT_KIND_COUNT] = {
#define WAIT_KIND(name, text, share) SHARE_##share,
#include "wire/wait_kinds.def"
};

static const char *const names[WAIT_KIND_COUNT] = {
#define WAIT_KIND(name, text, share) text,
#include "wire/wait_kinds.def"
};

const char *wait_sums_name(enum wait_kind kind)
{
    return names[kind < WAIT_KIND_COUNT ? kind : WAIT_FOR_LOCK];
}

enum snapshot_share wait_sums_share_of(enum wait_kind kind)
{
    return (enum snapshot_share)share_of[kind];
}

int wait_sums_init(struct wait_sums *sums)
{
    *sums = (struct wait_sums){
        .rows = calloc(WAIT_ROWS_LIMIT, sizeof(*sums->rows)),
        .buckets = calloc(BUCKETS, sizeof(*sums->buckets)),
        .row_count = 1,
        .holders = calloc(WAIT_HOLDERS_LIMIT, sizeof(*sums->holders)),
        .holder_buckets = calloc(HOLDER_BUCKETS, sizeof(*sums->holder_buckets)),
        .holder_count = 1,
    };
    if (!sums->rows || !sums->buckets || !sums->holders || !sums->holder_buckets)
        return -ENOMEM;
    return histogram_pool_init(&sums->octaves, OCTAVES) ? -ENOMEM : 0;
}

static void free_rows(struct wait_sums *sums)
{
    for (uint32_t i = 1; sums->rows && i < sums->row_count; i++)
        free(sums->rows[i].durations);
}

void wait_sums_done(struct wait_sums *sums)
{
    free_rows(sums);
    free(sums->rows);
    free(sums->buckets);
    free(sums->holders);
    free(sums->holder_buckets);
    free(sums->shares);
    histogram_pool_done(&sums->octaves);
    *sums = (struct wait_sums){0};
}

/* Rows stay, since threads are in them; what they say begins anew. */
void wait_sums_reset(struct wait_sums *sums)
{
    for (uint32_t i = 1; i < sums->row_count; i++) {
        struct wait_sums_row *row = &sums->rows[i];
        row->count = 0;
        row->ticks = row->max_ticks = row->others_ticks = 0;
        if (row->durations)
            memset(row->durations, 0, sizeof(*row->durations));
    }
    memset(sums->octaves.octaves, 0, sums->octaves.used * sizeof(*sums->octaves.octaves));
    sums->octaves.used = 1; /* [0] is nobody's own */
    memset(sums->holder_buckets, 0, HOLDER_BUCKETS * sizeof(*sums->holder_buckets));
    sums->holder_count = 1;
    if (sums->shares)
        memset(sums->shares, 0, sums->share_limit * sizeof(*sums->shares));
}

void wait_queue_done(struct wait_queue *queue)
{
    free(queue->done);
    free(queue->holds);
    *queue = (struct wait_queue){0};
}

/* --- rows ----------------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct wait_sums *sums, const struct wait_site *site)
{
    uint64_t mixed = ((uint64_t)site->symbol << 32 | site->line) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (uint64_t)site->kind << 1 ^ site->in_task) * UINT64_C(0xff51afd7ed558ccd);
    return &sums->buckets[(mixed >> 32) % BUCKETS];
}

static uint32_t find_row(struct wait_sums *sums, const struct wait_site *site)
{
    for (uint32_t at = *bucket_of(sums, site); at; at = sums->rows[at].next) {
        const struct wait_sums_row *row = &sums->rows[at];
        if (row->symbol == site->symbol && row->line == site->line && row->kind == site->kind &&
            row->in_task == site->in_task)
            return at;
    }
    return 0;
}

uint32_t wait_sums_row(struct wait_sums *sums, const struct wait_site *site)
{
    struct wait_site key = *site;
    uint32_t at = find_row(sums, &key);
    /* The last rows are for what there is no row for: one of each kind. */
    if (!at && sums->row_count >= WAIT_ROWS_LIMIT - WAIT_KIND_COUNT) {
        key = (struct wait_site){.kind = site->kind};
        at = find_row(sums, &key);
    }
    if (at || sums->row_count == WAIT_ROWS_LIMIT)
        return at;
    at = sums->row_count++;
    struct wait_sums_row *row = &sums->rows[at];
    uint32_t *bucket = bucket_of(sums, &key);
    *row = (struct wait_sums_row){
        .symbol = key.symbol,
        .line = key.line,
        .kind = (unsigned char)key.kind,
        .in_task = key.in_task,
        .next = *bucket,
        .durations = calloc(1, sizeof(*row->durations)),
    };
    *bucket = at;
    return at;
}

void wait_sums_add(struct wait_sums *sums, uint32_t at, int64_t ticks)
{
    struct wait_sums_row *row = &sums->rows[at];
    if (!at)
        return;
    row->count++;
    row->ticks += ticks;
    if (ticks > row->max_ticks)
        row->max_ticks = ticks;
    uint32_t slot = histogram_slot(ticks);
    if (row->durations)
        histogram_octave(&sums->octaves, row->durations, slot / HISTOGRAM_SUBS)
            ->total[slot % HISTOGRAM_SUBS]++;
}

void wait_sums_share(struct wait_sums *sums, uint32_t thread, enum snapshot_share share,
                     int64_t ticks)
{
    if (thread >= sums->share_limit) {
        uint32_t limit = thread + thread / 2 + 64;
        struct wait_shares *grown =
            limit <= SHARES_MOST ? realloc(sums->shares, limit * sizeof(*grown)) : NULL;
        if (!grown)
            return;
        memset(grown + sums->share_limit, 0, (limit - sums->share_limit) * sizeof(*grown));
        sums->shares = grown;
        sums->share_limit = limit;
    }
    sums->shares[thread].ticks[share] += ticks;
}

/* --- holders -------------------------------------------------------------------------------- */

static void add_holder(struct wait_sums *sums, uint32_t row, const struct wait_hold *hold,
                       int64_t ticks)
{
    uint64_t mixed = ((uint64_t)row << 32 | hold->row) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ hold->thread) * UINT64_C(0xff51afd7ed558ccd);
    uint32_t *bucket = &sums->holder_buckets[(mixed >> 32) % HOLDER_BUCKETS];
    for (uint32_t at = *bucket; at; at = sums->holders[at].next) {
        struct wait_holder *holder = &sums->holders[at];
        if (holder->row == row && holder->holder == hold->row && holder->thread == hold->thread) {
            holder->ticks += ticks;
            return;
        }
    }
    if (sums->holder_count == WAIT_HOLDERS_LIMIT)
        return;
    sums->holders[sums->holder_count] = (struct wait_holder){.row = row,
                                                             .holder = hold->row,
                                                             .thread = hold->thread,
                                                             .tid = hold->tid,
                                                             .next = *bucket,
                                                             .ticks = ticks};
    *bucket = sums->holder_count++;
}

/* The first hold that ended after `counter`. */
static uint32_t first_after(const struct wait_queue *queue, uint64_t counter)
{
    uint32_t low = 0, high = queue->hold_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (queue->holds[middle].until > counter)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void blame_gil(struct wait_sums *sums, const struct wait_queue *queue,
                      const struct wait_done *done)
{
    uint32_t at = first_after(queue, done->since);
    for (uint32_t seen = 0; at < queue->hold_count && seen < HOLDS_LOOKED_AT; at++, seen++) {
        const struct wait_hold *hold = &queue->holds[at];
        uint64_t from = hold->since > done->since ? hold->since : done->since;
        uint64_t to = hold->until < done->until ? hold->until : done->until;
        if (hold->since >= done->until && hold->since != 0)
            return;
        if (hold->since == 0 || hold->thread == done->thread || to <= from)
            continue;
        add_holder(sums, done->row, hold, (int64_t)(to - from));
        sums->rows[hold->row].others_ticks += (int64_t)(to - from);
    }
}

/* Whoever gave it on last has had it until then. */
static void blame_lock(struct wait_sums *sums, const struct wait_queue *queue,
                       const struct wait_done *done)
{
    const struct wait_hold *last = NULL;
    uint32_t at = first_after(queue, done->since);
    for (uint32_t seen = 0; at < queue->hold_count && seen < HOLDS_LOOKED_AT; at++, seen++) {
        const struct wait_hold *hold = &queue->holds[at];
        if (hold->until > done->until)
            break;
        if (hold->since == 0 && hold->object == done->object && hold->thread != done->thread)
            last = hold;
    }
    if (last)
        add_holder(sums, done->row, last, (int64_t)(done->until - done->since));
}

/* --- the queue ------------------------------------------------------------------------------ */

static bool make_room(void *array_pointer, uint32_t count, uint32_t *limit, size_t size)
{
    void **array = array_pointer;
    if (count < *limit)
        return true;
    uint32_t more = *limit ? 2 * *limit : 256;
    void *grown = more <= QUEUED_MOST ? realloc(*array, more * size) : NULL;
    if (!grown)
        return false;
    *array = grown;
    *limit = more;
    return true;
}

void wait_sums_await(struct wait_queue *queue, const struct wait_done *done)
{
    if (make_room(&queue->done, queue->done_count, &queue->done_limit, sizeof(*done)))
        queue->done[queue->done_count++] = *done;
}

void wait_sums_hold(struct wait_queue *queue, const struct wait_hold *hold)
{
    if (make_room(&queue->holds, queue->hold_count, &queue->hold_limit, sizeof(*hold)))
        queue->holds[queue->hold_count++] = *hold;
}

static int by_end_of_wait(const void *a, const void *b)
{
    uint64_t one = ((const struct wait_done *)a)->until,
             other = ((const struct wait_done *)b)->until;
    return one < other ? -1 : one > other;
}

static int by_end_of_hold(const void *a, const void *b)
{
    uint64_t one = ((const struct wait_hold *)a)->until,
             other = ((const struct wait_hold *)b)->until;
    return one < other ? -1 : one > other;
}

/* What has come since is nearly always later than all that was there. */
static void sort_holds(struct wait_queue *queue)
{
    struct wait_hold *holds = queue->holds;
    uint32_t sorted = queue->hold_sorted, count = queue->hold_count;
    if (sorted == count)
        return;
    qsort(holds + sorted, count - sorted, sizeof(*holds), by_end_of_hold);
    if (sorted && holds[sorted].until < holds[sorted - 1].until)
        qsort(holds, count, sizeof(*holds), by_end_of_hold);
    queue->hold_sorted = count;
}

/* A hold stays as long as some thread may wait for the GIL since before it ended; and the last ones in any case, since a
 * thread that was let go on tells so a little later. */
static void forget_holds(struct wait_queue *queue, uint64_t kept_since)
{
    uint32_t gone = first_after(queue, kept_since);
    uint32_t most = queue->hold_count > HOLDS_KEPT ? queue->hold_count - HOLDS_KEPT : 0;
    if (gone > most)
        gone = most;
    queue->hold_count -= gone;
    queue->hold_sorted = queue->hold_count;
    memmove(queue->holds, queue->holds + gone, queue->hold_count * sizeof(*queue->holds));
}

void wait_sums_apply(struct wait_sums *sums, struct wait_queue *queue, uint64_t counter,
                     uint64_t kept_since)
{
    uint32_t count = 0;
    if (!queue->done_count && queue->hold_count <= HOLDS_KEPT)
        return;
    sort_holds(queue);
    if (queue->done_count)
        qsort(queue->done, queue->done_count, sizeof(*queue->done), by_end_of_wait);
    for (; count < queue->done_count && queue->done[count].until <= counter; count++) {
        const struct wait_done *done = &queue->done[count];
        if (done->is_gil)
            blame_gil(sums, queue, done);
        else
            blame_lock(sums, queue, done);
    }
    for (uint32_t i = count; i < queue->done_count; i++)
        if (queue->done[i].since < kept_since)
            kept_since = queue->done[i].since;
    queue->done_count -= count;
    if (count)
        memmove(queue->done, queue->done + count, queue->done_count * sizeof(*queue->done));
    if (queue->hold_count > 2 * HOLDS_KEPT)
        forget_holds(queue, kept_since < counter ? kept_since : counter);
}

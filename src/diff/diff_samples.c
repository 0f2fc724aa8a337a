/* SPDX-License-Identifier: MIT */
/* A function's numbers in each recording, and what its own recording says about their worth.
 * Why more than sums: with one recording a side nothing else tells a steady function from an erratic
 * one. Two things do: how its time varied from slice to slice of the recording, and, of one that
 * calls no other, how much of its time lay in calls that took longer than most.
 * Rules: absent functions have samples of zeros. */
#include "diff/diff_parts.h"

#include "diff/diff_median.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { SLICES_LEAST = 4, TAIL_CALLS_LEAST = 20, QUANTILE_CALLS_LEAST = 200 };

/* A slice counts where the function ran long enough in it to be timed. */
#define SLICE_SELF_LEAST 1e6

/* Percentiles come out of buckets up to this much wide. */
#define BUCKET_DOUBT 1.05

/* Of its own time a function waits that was made to, as a sleep is; and its shortest calls do so, too: what waits
 * for a lock or a busy CPU does not, most times. */
#define WAITER_SHARE 0.5

static double positive(int64_t number)
{
    return number > 0 ? (double)number : 0;
}

static void fill(struct sample *sample, const struct snapshot_function *function,
                 enum snapshot_clock clock)
{
    sample->present = true;
    sample->estimated |= !function->calls_exact;
    sample->activations += (double)function->calls;
    sample->calls += (double)function->calls + (double)function->resumes;
    sample->self_ns += positive(snapshot_self(function, clock));
    sample->total_ns += positive(snapshot_total(function, clock));
    sample->wait_ns += positive(function->self_wait_ns);
    sample->wall_ns += positive(function->self_ns);
    sample->total_wait_ns += positive(function->total_wait_ns);
    sample->total_wall_ns += positive(function->total_ns);
    sample->p99_ns = positive(function->p99_ns);
}

/* Only of leaves: percentiles are of total times. */
static double tail_of(const struct snapshot_function *function, enum snapshot_clock clock)
{
    double total = positive(snapshot_total(function, clock));
    if (total <= 0)
        return 0;
    double body = (double)function->calls * (double)function->p50_ns * BUCKET_DOUBT;
    return body < total ? 1 - body / total : 0;
}

/* What no function was open for is in the whole alone. */
static void sample_memory(struct making *making, size_t recording)
{
    const struct snapshot *whole = whole_of(making, recording);
    const int32_t *entry_of = making->entry_of[recording];
    for (size_t i = 0; i < whole->object_count; i++) {
        int32_t function = whole->objects[i].function;
        if (function != SNAPSHOT_NONE)
            sample_of(making, recording, (size_t)entry_of[function])->objects +=
                (double)whole->objects[i].births;
    }
    for (size_t i = 0; i < whole->memory_site_count; i++) {
        int32_t function = whole->memory_sites[i].function;
        if (function != SNAPSHOT_NONE)
            sample_of(making, recording, (size_t)entry_of[function])->bytes +=
                (double)whole->memory_sites[i].sums.bytes;
    }
}

static int sample_whole(struct making *making, size_t recording)
{
    const struct snapshot *whole = whole_of(making, recording);
    const struct snapshot *by_wall = making->request->recordings[recording].by_wall;
    const int32_t *entry_of = making->entry_of[recording];
    enum snapshot_clock clock = making->request->clock;
    if (by_wall && (!by_wall->quantiles || by_wall->function_count != whole->function_count))
        by_wall = NULL;
    bool *calls_others = arena_array(making->scratch, whole->function_count + 1, sizeof(bool));
    if (!calls_others)
        return -ENOMEM;
    for (size_t i = 0; i < whole->edge_count; i++) {
        const struct snapshot_edge *edge = &whole->edges[i];
        if (edge->caller == SNAPSHOT_NONE)
            continue;
        calls_others[edge->caller] = true;
        sample_of(making, recording, (size_t)entry_of[edge->caller])->probed += (double)edge->calls;
    }
    for (size_t i = 0; i < whole->function_count; i++) {
        struct sample *sample = sample_of(making, recording, (size_t)entry_of[i]);
        fill(sample, &whole->functions[i], clock);
        sample->probed += (double)whole->functions[i].calls + (double)whole->functions[i].resumes;
        sample->tail_known = !calls_others[i] && whole->functions[i].calls >= TAIL_CALLS_LEAST;
        if (!sample->tail_known)
            continue;
        sample->tail = tail_of(&whole->functions[i], clock);
        if (whole->quantiles && whole->functions[i].calls >= QUANTILE_CALLS_LEAST &&
            whole->quantiles[i].ns[0] > 0)
            sample->quantiles = whole->quantiles[i].ns;
        if (by_wall && by_wall->quantiles[i].ns[0] > 0 &&
            sample->wait_ns > WAITER_SHARE * sample->wall_ns &&
            by_wall->quantiles[i].ns[0] * (double)whole->functions[i].calls >
                WAITER_SHARE * sample->wall_ns)
            sample->waiting = by_wall->quantiles[i].ns;
    }
    return 0;
}

/* --- slices ----------------------------------------------------------------------------------- */

struct known {
    uint32_t pid, id;
    int32_t function; /* of the whole */
};

static int compare_known(const void *left, const void *right)
{
    const struct known *a = left, *b = right;
    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static struct known *make_known(struct arena *scratch, const struct snapshot *whole)
{
    struct known *known = arena_array(scratch, whole->function_count + 1, sizeof(*known));
    for (size_t i = 0; known && i < whole->function_count; i++)
        known[i] = (struct known){whole->functions[i].pid, whole->functions[i].id, (int32_t)i};
    if (known)
        qsort(known, whole->function_count, sizeof(*known), compare_known);
    return known;
}

/* The log of one call's time in each slice, less the slice's pace; NAN: too little. */
static int log_slices(struct making *making, const struct diff_recording *recording, double *logs)
{
    const struct snapshot *whole = recording->whole;
    struct known *known = make_known(making->scratch, whole);
    struct diff_weighed *weighed =
        arena_array(making->scratch, whole->function_count + 1, sizeof(*weighed));
    enum snapshot_clock clock = making->request->clock;
    if (!known || !weighed)
        return -ENOMEM;
    for (size_t i = 0; i < recording->slice_count * whole->function_count; i++)
        logs[i] = NAN;
    for (size_t s = 0; s < recording->slice_count; s++) {
        const struct snapshot *slice = recording->slices[s];
        double *row = logs + s * whole->function_count;
        size_t count = 0;
        for (size_t i = 0; i < slice->function_count; i++) {
            const struct snapshot_function *function = &slice->functions[i];
            struct known wanted = {function->pid, function->id, 0};
            const struct known *at =
                bsearch(&wanted, known, whole->function_count, sizeof(*known), compare_known);
            double self = positive(snapshot_self(function, clock));
            double calls = (double)function->calls + (double)function->resumes;
            if (!at || self < SLICE_SELF_LEAST || calls < 1)
                continue;
            const struct snapshot_function *all = &whole->functions[at->function];
            double all_calls = (double)all->calls + (double)all->resumes;
            double all_self = positive(snapshot_self(all, clock));
            if (all_calls < 1 || all_self <= 0)
                continue;
            row[at->function] = log(self / calls) - log(all_self / all_calls);
            weighed[count++] = (struct diff_weighed){row[at->function], sqrt(self)};
        }
        double pace = diff_weighed_median(weighed, count);
        for (size_t i = 0; i < whole->function_count; i++)
            row[i] -= pace;
    }
    return 0;
}

/* Slices stand beside each other: the doubt of their mean shrinks slower than if each were for
 * itself. Half as many count. */
static int sample_slices(struct making *making, size_t recording)
{
    const struct diff_recording *from = &making->request->recordings[recording];
    size_t functions = from->whole->function_count;
    if (from->slice_count < SLICES_LEAST)
        return 0;
    double *logs = arena_array(making->scratch, from->slice_count * functions + 1, sizeof(*logs));
    double *column = arena_array(making->scratch, from->slice_count, sizeof(*column));
    if (!logs || !column || log_slices(making, from, logs))
        return -ENOMEM;
    for (size_t i = 0; i < functions; i++) {
        size_t count = 0;
        for (size_t s = 0; s < from->slice_count; s++)
            if (!isnan(logs[s * functions + i]))
                column[count++] = logs[s * functions + i];
        if (count < SLICES_LEAST)
            continue;
        double spread = diff_spread(column, count);
        struct sample *sample =
            sample_of(making, recording, (size_t)making->entry_of[recording][i]);
        sample->jitter = spread * spread / ((double)count / 2);
    }
    return 0;
}

/* On a busy machine all functions wait for a CPU, each by about the same share of its time. */
static int set_waited(struct making *making, size_t recording)
{
    struct diff_weighed *weighed =
        arena_array(making->scratch, making->entry_count + 1, sizeof(*weighed));
    if (!weighed)
        return -ENOMEM;
    size_t count = 0;
    for (size_t e = 0; e < making->entry_count; e++) {
        const struct sample *sample = sample_of(making, recording, e);
        if (sample->wall_ns > 0)
            weighed[count++] =
                (struct diff_weighed){sample->wait_ns / sample->wall_ns, sample->self_ns};
    }
    making->waited[recording] = diff_weighed_median(weighed, count);
    return 0;
}

int diff_sample(struct making *making)
{
    making->samples = arena_array(making->arena, making->recording_count * making->entry_count + 1,
                                  sizeof(*making->samples));
    making->waited = arena_array(making->arena, making->recording_count, sizeof(*making->waited));
    if (!making->samples || !making->waited)
        return -ENOMEM;
    for (size_t i = 0; i < making->recording_count; i++) {
        if (sample_whole(making, i) || sample_slices(making, i) || set_waited(making, i))
            return -ENOMEM;
        sample_memory(making, i);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The points of the spark lines: one ring of points a function, all with one position. */
#include "tui/history.h"

#include <stdlib.h>
#include <string.h>

/* 12 bytes a point: at most 24 MB, and only for as many functions as have worked. */
enum { FUNCTION_LIMIT = 8192 };

struct point {
    float calls, self_share, total_share;
};

struct series {
    uint64_t calls; /* the sums at the last screen */
    int64_t self_ns, total_ns;
    struct point points[HISTORY_POINTS];
};

struct history {
    struct series **series; /* by function id; NULL: has not worked yet */
    size_t series_size;
    size_t series_count;
    float seconds[HISTORY_POINTS]; /* that each point spans */
    size_t next;                   /* position of the next point */
    size_t filled;
    bool has_sums;
    int64_t duration_ns; /* at the last screen */
};

struct history *history_new(void)
{
    return calloc(1, sizeof(struct history));
}

void history_clear(struct history *history)
{
    for (size_t id = 0; id < history->series_size; id++)
        free(history->series[id]);
    free(history->series);
    *history = (struct history){0};
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    history_clear(history);
    free(history);
}

/* NULL: no memory, or the limit is reached. */
static struct series *series_of(struct history *history, uint32_t id)
{
    if (id >= history->series_size) {
        size_t size = (size_t)id + 256;
        if (id >= 1U << 24)
            return NULL;
        struct series **grown = realloc(history->series, size * sizeof(struct series *));
        if (grown == NULL)
            return NULL;
        size_t added = size - history->series_size;
        memset(grown + history->series_size, 0, added * sizeof(struct series *));
        history->series = grown;
        history->series_size = size;
    }
    if (history->series[id] == NULL && history->series_count < FUNCTION_LIMIT) {
        history->series[id] = calloc(1, sizeof(struct series));
        history->series_count += history->series[id] != NULL;
    }
    return history->series[id];
}

/* Sums that shrank were reset: the new ones are all there is since then. */
static double grown_by(double now, double before)
{
    return now >= before ? now - before : now;
}

static void note_function(struct history *history, const struct snapshot_function *function,
                          enum snapshot_clock clock, double seconds)
{
    uint64_t calls = function->calls + function->resumes;
    struct series *series = calls > 0 ? series_of(history, function->id) : NULL;
    if (series == NULL)
        return;
    int64_t self_ns = snapshot_self(function, clock);
    int64_t total_ns = snapshot_total(function, clock);
    if (seconds > 0) {
        series->points[history->next] = (struct point){
            .calls = (float)(grown_by((double)calls, (double)series->calls) / seconds),
            .self_share =
                (float)(grown_by((double)self_ns, (double)series->self_ns) / seconds / 1e9),
            .total_share =
                (float)(grown_by((double)total_ns, (double)series->total_ns) / seconds / 1e9),
        };
    }
    series->calls = calls;
    series->self_ns = self_ns;
    series->total_ns = total_ns;
}

static void clear_points(struct history *history)
{
    for (size_t id = 0; id < history->series_size; id++) {
        if (history->series[id] != NULL)
            history->series[id]->points[history->next] = (struct point){0};
    }
}

void history_add(struct history *history, const struct snapshot *snapshot)
{
    int64_t duration_ns = snapshot->meta.duration_ns;
    double seconds = 0;
    if (history->has_sums)
        seconds = grown_by((double)duration_ns, (double)history->duration_ns) / 1e9;
    if (history->has_sums && seconds <= 0)
        return;
    if (seconds > 0)
        clear_points(history);
    for (size_t i = 0; i < snapshot->function_count; i++)
        note_function(history, &snapshot->functions[i], snapshot->meta.clock, seconds);
    if (seconds > 0) {
        history->seconds[history->next] = (float)seconds;
        history->next = (history->next + 1) % HISTORY_POINTS;
        history->filled += history->filled < HISTORY_POINTS;
    }
    history->has_sums = true;
    history->duration_ns = duration_ns;
}

static size_t first_point(const struct history *history, size_t count)
{
    return (history->next + HISTORY_POINTS - count) % HISTORY_POINTS;
}

size_t history_points(const struct history *history, uint32_t function_id, size_t count,
                      float *calls, float *self_share, float *total_share)
{
    if (count > history->filled)
        count = history->filled;
    if (function_id >= history->series_size || history->series[function_id] == NULL)
        return 0;
    const struct series *series = history->series[function_id];
    for (size_t i = 0; i < count; i++) {
        const struct point *point =
            &series->points[(first_point(history, count) + i) % HISTORY_POINTS];
        calls[i] = point->calls;
        self_share[i] = point->self_share;
        total_share[i] = point->total_share;
    }
    return count;
}

double history_span_s(const struct history *history, size_t count)
{
    double seconds = 0;
    if (count > history->filled)
        count = history->filled;
    for (size_t i = 0; i < count; i++)
        seconds += (double)history->seconds[(first_point(history, count) + i) % HISTORY_POINTS];
    return seconds;
}

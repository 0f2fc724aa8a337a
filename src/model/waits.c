/* SPDX-License-Identifier: MIT */
/* Spans off the CPU.
 * Why: see waits.h.
 * Rules: bounded: a thread whose events are never folded keeps WAITS_LIMIT spans, then the newest
 * ones are joined. */
#include "model/waits.h"

#include <stdlib.h>

enum { FIRST_SPANS = 16, WAITS_LIMIT = 1 << 16 };

void waits_done(struct waits *waits)
{
    free(waits->spans);
    *waits = (struct waits){0};
}

static struct wait_span *add_span(struct waits *waits)
{
    if (waits->first == waits->count)
        waits->first = waits->count = 0;
    if (waits->count < waits->limit)
        return &waits->spans[waits->count++];
    if (waits->first > waits->limit / 2) {
        uint32_t left = waits->count - waits->first;
        for (uint32_t i = 0; i < left; i++)
            waits->spans[i] = waits->spans[waits->first + i];
        waits->first = 0;
        waits->count = left;
        return &waits->spans[waits->count++];
    }
    uint32_t limit = waits->limit ? waits->limit * 2 : FIRST_SPANS;
    struct wait_span *spans = limit <= WAITS_LIMIT ? realloc(waits->spans, limit * sizeof(*spans))
                                                   : NULL;
    if (!spans)
        return NULL;
    waits->spans = spans;
    waits->limit = limit;
    return &waits->spans[waits->count++];
}

static struct wait_span *open_span(struct waits *waits)
{
    bool open = waits->first < waits->count && waits->spans[waits->count - 1].to == UINT64_MAX;
    return open ? &waits->spans[waits->count - 1] : NULL;
}

void waits_out(struct waits *waits, uint64_t counter)
{
    if (open_span(waits))
        return; /* a switch-in was lost: it is off as before */
    struct wait_span *span = add_span(waits);
    waits->since = counter;
    if (span)
        *span = (struct wait_span){.from = counter, .to = UINT64_MAX};
}

void waits_in(struct waits *waits, uint64_t counter)
{
    struct wait_span *span = open_span(waits);
    if (span && counter >= span->from)
        span->to = counter;
}

uint64_t waits_since(const struct waits *waits)
{
    bool open = waits->first < waits->count && waits->spans[waits->count - 1].to == UINT64_MAX;
    return open ? waits->since : 0;
}

uint64_t waits_take(struct waits *waits, uint64_t from, uint64_t to, bool running)
{
    uint64_t ticks = 0;
    while (waits->first < waits->count && waits->spans[waits->first].from < to) {
        struct wait_span *span = &waits->spans[waits->first];
        uint64_t begin = span->from > from ? span->from : from;
        uint64_t end = span->to < to ? span->to : to;
        if (end > begin)
            ticks += end - begin;
        if (span->to > to && !running) {
            span->from = to;
            break;
        }
        waits->first++;
    }
    return ticks;
}

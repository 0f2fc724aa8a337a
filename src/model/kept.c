/* SPDX-License-Identifier: MIT */
/* Keeping.
 * Why: see kept.h.
 * Rules: as there. Rings are touched as they fill, so that an idle program's are small. */
#include "model/kept.h"

#include "model/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A class is three octaves; the first is all that is shorter than 4,096 ticks. */
enum { FIRST_BITS = 12, CLASS_BITS = 3 };

static const uint32_t limits[TIMELINE_CLASSES] = {1 << 19, 1 << 19, 1 << 18, 1 << 17,
                                                  1 << 16, 1 << 16, 1 << 15, 1 << 15};

uint32_t kept_class(uint64_t ticks)
{
    uint32_t bits = 64 - (uint32_t)__builtin_clzll(ticks | 1);
    if (bits <= FIRST_BITS)
        return 0;
    uint32_t number = (bits - FIRST_BITS + CLASS_BITS - 1) / CLASS_BITS;
    return number < TIMELINE_CLASSES ? number : TIMELINE_CLASSES - 1;
}

uint64_t kept_least_ticks(uint32_t class_number)
{
    return class_number ? UINT64_C(1) << (FIRST_BITS + (class_number - 1) * CLASS_BITS) : 0;
}

struct kept *kept_new(void)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    if (!kept)
        return NULL;
    bool whole = true;
    for (int i = 0; i < TIMELINE_CLASSES; i++) {
        kept->rings[i].limit = limits[i];
        kept->rings[i].calls = calloc(limits[i], sizeof(struct kept_call));
        whole = whole && kept->rings[i].calls;
    }
    kept->floors = calloc(SYMBOLS_LIMIT, sizeof(*kept->floors));
    kept->slowest = calloc(SYMBOLS_LIMIT, sizeof(struct kept_slowest *));
    if (whole && kept->floors && kept->slowest)
        return kept;
    kept_free(kept);
    return NULL;
}

void kept_free(struct kept *kept)
{
    if (!kept)
        return;
    for (int i = 0; i < TIMELINE_CLASSES; i++)
        free(kept->rings[i].calls);
    for (uint32_t i = 0; kept->slowest && i < SYMBOLS_LIMIT; i++)
        free(kept->slowest[i]);
    free(kept->slowest);
    free(kept->floors);
    shape_done(&kept->shape);
    free(kept);
}

void kept_reset(struct kept *kept)
{
    if (!kept)
        return;
    for (int i = 0; i < TIMELINE_CLASSES; i++)
        kept->rings[i].count = 0;
    shape_reset(&kept->shape);
    memset(kept->floors, 0, SYMBOLS_LIMIT * sizeof(*kept->floors));
    for (uint32_t i = 0; i < SYMBOLS_LIMIT; i++)
        if (kept->slowest[i])
            kept->slowest[i]->count = 0;
}

int kept_start(struct model *model)
{
    model->kept = kept_new();
    return model->kept ? 0 : -ENOMEM;
}

static uint32_t task_of(const struct model *model, const struct track *track, uint32_t place)
{
    const struct entry *entry = &track->entries[place];
    if (entry->task && entry->task < model->tasks.count)
        return (uint32_t)model->tasks.tasks[entry->task].id;
    return place > 1 ? track->begins[place - 1].task : 0;
}

void kept_push(const struct model *model, struct track *track, const struct entry *entry,
               uint64_t counter)
{
    uint32_t place = (uint32_t)(entry - track->entries);
    if (__builtin_expect(model->kept->shape.count != 0, 0))
        shape_push(&model->kept->shape, model, track, place, counter);
    if (place >= track->begin_limit) {
        uint32_t limit = track->entry_limit;
        struct kept_begin *begins = realloc(track->begins, limit * sizeof(*begins));
        if (!begins)
            return; /* it begins where the last one at this depth did: it is not kept */
        track->begins = begins;
        track->begin_limit = limit;
    }
    track->begins[place].counter = counter;
    track->begins[place].task = task_of(model, track, place);
}

static void add(struct kept *kept, const struct kept_call *call)
{
    struct kept_ring *ring = &kept->rings[kept_class(call->end - call->begin)];
    ring->calls[ring->count++ & (ring->limit - 1)] = *call;
}

/* Takes the place of the shortest, once there are enough. */
static void add_slowest(struct kept *kept, uint32_t row, const struct kept_call *call)
{
    struct kept_slowest *slowest = kept->slowest[row];
    if (!slowest)
        slowest = kept->slowest[row] = calloc(1, sizeof(*slowest));
    if (!slowest)
        return;
    uint32_t at = slowest->count;
    if (at < KEPT_SLOWEST) {
        slowest->count++;
    } else {
        at = 0;
        for (uint32_t i = 1; i < KEPT_SLOWEST; i++)
            if (slowest->calls[i].end - slowest->calls[i].begin <
                slowest->calls[at].end - slowest->calls[at].begin)
                at = i;
    }
    slowest->calls[at] = *call;
    if (slowest->count < KEPT_SLOWEST)
        return;
    uint64_t floor = UINT64_MAX;
    for (uint32_t i = 0; i < KEPT_SLOWEST; i++) {
        uint64_t ticks = slowest->calls[i].end - slowest->calls[i].begin;
        floor = ticks < floor ? ticks : floor;
    }
    kept->floors[row] = floor;
}

void kept_pop(struct model *model, const struct track *track, const struct entry *entry,
              uint64_t counter)
{
    uint32_t place = (uint32_t)(entry - track->entries);
    if (place >= track->begin_limit || counter < track->begins[place].counter)
        return;
    const struct kept_begin *begin = &track->begins[place];
    struct kept_call call = {.begin = begin->counter,
                             .end = counter,
                             .what = entry->node,
                             .track = track->number,
                             .task = begin->task,
                             .depth = (uint16_t)(place - 1 < UINT16_MAX ? place - 1 : UINT16_MAX),
                             .kind = TIMELINE_CALL};
    uint32_t row = model->symbols.symbols[entry->symbol].row;
    add(model->kept, &call);
    if (__builtin_expect(call.end - call.begin > model->kept->floors[row], 0))
        add_slowest(model->kept, row, &call);
}

void kept_note(struct model *model, const struct track *track, enum timeline_kind kind,
               uint64_t begin, uint64_t end, uint32_t what)
{
    if (!model->kept || begin == 0 || end <= begin)
        return;
    struct kept_call call = {
        .begin = begin, .end = end, .what = what, .track = track->number, .kind = (uint16_t)kind};
    /* Of the switch records nobody knows where they stand between a thread's events. */
    if (kind != TIMELINE_OFF && track->depth && track->depth < track->begin_limit)
        call.task = track->begins[track->depth].task;
    add(model->kept, &call);
}

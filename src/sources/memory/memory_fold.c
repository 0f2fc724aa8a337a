/* SPDX-License-Identifier: MIT */
/* Allocations and frees, in the collector.
 * Why they wait: see model/memory_blocks.h.
 * Rules: those of fold_source.h. A ring without a thread (of calls without the GIL) has no time. */
#include "model/fold_source.h"

enum { ADDRESS_BITS = 44, LINE_LOW_BITS = 10, ID_BITS = 17 };

static void take_block(struct memory_told *told, const struct event *event)
{
    told->counter = event->counter;
    told->id = event_id(event) & ((1u << ID_BITS) - 1);
    told->line = event_id(event) >> ID_BITS << LINE_LOW_BITS;
    told->size = event->frame;
    told->is_told = true;
}

static uint32_t site_of(struct model *model, uint32_t id, uint32_t line)
{
    struct symbols *symbols = &model->symbols;
    uint32_t symbol = id ? symbols_handle(symbols, id) >> 1 : 0;
    uint32_t site = memory_site(&model->memory, symbol ? symbols->symbols[symbol].row : 0, line);
    bool left_out = symbol && symbols->symbols[symbol].left_out;
    return left_out && model->memory.sites ? MEMORY_LEFT_OUT : site;
}

/* Its BLOCK came just before; else the session lies. */
static bool take_alloc(struct model *model, struct track *track, const struct event *event,
                       struct memory_step *step)
{
    struct memory_told *told = &track->memory;
    bool is_large = told->size == UINT32_MAX;
    bool holds = told->is_told && told->counter == event->counter && (!is_large || told->is_large);
    uint64_t most = (UINT64_C(1) << 47) - 1;
    step->size = is_large ? told->large_bytes : told->size;
    if (step->size > most)
        step->size = most;
    if (holds)
        step->site = site_of(model, told->id,
                             told->line | (uint32_t)(event_amount(event) >> (ADDRESS_BITS + 2)));
    *told = (struct memory_told){0};
    return holds && model->memory.sites;
}

static void fold_memory(struct model *model, struct track *track, struct fold_cursor *cursor,
                        const struct event *event)
{
    uint32_t kind = event_kind(event);
    uint64_t amount = event_amount(event);
    struct memory_step step = {.counter = event->counter,
                               .address = amount & ((UINT64_C(1) << ADDRESS_BITS) - 1),
                               .domain = amount >> ADDRESS_BITS & 3,
                               .frees = kind == EVENT_MEMORY_FREE,
                               .thread = track->number};
    if (track->tid)
        fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_MEMORY_LARGE) {
        track->memory = (struct memory_told){.large_bytes = amount, .is_large = true};
    } else if (kind == EVENT_MEMORY_BLOCK) {
        take_block(&track->memory, event);
    } else if (step.domain >= MEMORY_DOMAINS || (!step.frees && !step.address) ||
               (!step.frees && !take_alloc(model, track, event, &step))) {
        model->bad_events++;
    } else {
        memory_add(model, &step);
    }
}

const struct fold_source memory_fold = {
    .name = "memory",
    .bit = SOURCE_MEMORY,
    .first_kind = EVENT_MEMORY_LARGE,
    .last_kind = EVENT_MEMORY_FREE,
    .fold = fold_memory,
};

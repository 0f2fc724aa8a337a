/* SPDX-License-Identifier: MIT */
/* Rounds over the rings.
 * Why: see drain.h.
 * Rules: everything that touches the mapping runs inside guard_run and leaves nothing behind when it
 * is cut short; a mapping that faulted once is not read again.
 * Barrier partners: acquire of state and head here, release of both in probe/writer.c; release of
 * tail here, acquire there; release of state FREE here, acq_rel compare-and-swap there. */
#include "model/drain.h"

#include "model/io_apply.h"

#include "model/methods.h"
#include "wire/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ring_copy {
    struct drain *drain;
    uint32_t index;
    uint32_t count; /* events to copy */
};

static int guarded(struct drain *drain, int (*run)(void *context), void *context)
{
    if (drain->unreadable)
        return -EFAULT;
    int result = guard_run(run, context);
    if (result == -EFAULT)
        drain->unreadable = true;
    return result;
}

static int define_guarded(void *context);

struct define_call {
    struct drain *drain;
    uint32_t id;
    char *buffer;
    struct definition_text *text;
};

static int define_guarded(void *context)
{
    struct define_call *call = context;
    return mapping_definition(call->drain->mapping, call->id, call->buffer, call->text);
}

static size_t add_text(char *packed, size_t used, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(packed + used, text, size);
    return used + size;
}

static void tell_definition(struct model *model, uint32_t id, const struct definition_text *text)
{
    char packed[sizeof(struct tap_definition) + DEFINITION_BUFFER_SIZE];
    struct tap_definition fixed = {text->fixed.line, text->fixed.kind, text->fixed.flags};
    size_t used = sizeof(fixed);
    memcpy(packed, &fixed, sizeof(fixed));
    used = add_text(packed, used, text->name);
    used = add_text(packed, used, text->qualname);
    used = add_text(packed, used, text->module);
    used = add_text(packed, used, text->file);
    tap_put(model->tap, TAP_DEFINE, id, 0, packed, used);
}

static int define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text)
{
    struct drain *drain = context;
    struct define_call call = {drain, id, buffer, ret_text};
    int result = guarded(drain, define_guarded, &call);
    if (drain->model->tap) {
        if (result)
            tap_say(drain->model->tap, TAP_DEFINE, id, 1);
        else
            tell_definition(drain->model, id, ret_text);
    }
    return result;
}

struct tell_call {
    struct drain *drain;
    uint32_t id;
    enum site_mode mode;
};

/* Pairs with nothing: the probe may read the old byte for a while, and what it writes then is dropped. */
static int tell_guarded(void *context)
{
    const struct tell_call *call = context;
    atomic_store_explicit(mapping_modes(call->drain->mapping) + call->id, (unsigned char)call->mode,
                          memory_order_relaxed);
    return 0;
}

static void tell(void *context, uint32_t id, enum site_mode mode)
{
    struct tell_call call = {context, id, mode};
    rules_slots_end(context, id);
    guarded(context, tell_guarded, &call);
}

struct tell_lines_call {
    struct drain *drain;
    uint32_t id;
    enum site_lines lines;
};

static int tell_lines_guarded(void *context)
{
    const struct tell_lines_call *call = context;
    atomic_store_explicit(mapping_lines(call->drain->mapping) + call->id,
                          (unsigned char)call->lines, memory_order_relaxed);
    return 0;
}

static void tell_lines(void *context, uint32_t id, enum site_lines lines)
{
    struct tell_lines_call call = {context, id, lines};
    guarded(context, tell_lines_guarded, &call);
}

int drain_init(struct drain *drain, struct mapping *mapping, struct model *model,
               enum clock_source clock)
{
    *drain = (struct drain){
        .mapping = mapping, .model = model, .process = model->process, .clock = clock};
    drain->rings = calloc(SESSION_RING_LIMIT, sizeof(*drain->rings));
    if (!drain->rings)
        return -ENOMEM;
    model->symbols.define = define;
    model->symbols.define_context = drain;
    model->symbols.tell = tell;
    model->symbols.tell_lines = tell_lines;
    model->symbols.tell_rule = rules_slots_tell;
    atomic_init(&drain->ring_count, mapping->rings_made);
    drain->joined = mapping->rings_made == 0;
    if (!drain->joined && !model->earliest)
        model->earliest = clock_counter(clock) - DRAIN_COUNTER_SLACK;
    tap_say(model->tap, TAP_EARLIEST, 0, model->earliest);
    return 0;
}

void drain_done(struct drain *drain)
{
    rules_slots_free(drain->rules);
    drain->rules = NULL;
    free(drain->rings);
    free(drain->seed);
    free(drain->told_seed);
    drain->told_seed = NULL;
    drain->rings = NULL;
    drain->seed = NULL;
}

/* --- reading the words ---------------------------------------------------------------------- */

void drain_enter(struct drain *drain)
{
    model_enter(drain->model, drain->process);
    drain->model->symbols.define_context = drain;
}

static void read_ring(struct drain *drain, uint32_t index)
{
    struct drain_ring *ring = &drain->rings[index];
    struct ring_shared *shared = mapping_ring(drain->mapping, index);
    ring->state = atomic_load_explicit(&shared->state, memory_order_acquire);
    ring->head = ring->tail;
    drain->free_rings += ring->state == RING_FREE;
    if (ring->state != RING_TAKEN && ring->state != RING_ENDED)
        return;
    if (ring->capacity == 0) {
        ring->events = mapping_ring_events(drain->mapping, index, &ring->capacity);
        if (!ring->events)
            ring->capacity = 0;
    }
    uint64_t head = atomic_load_explicit(&shared->head, memory_order_acquire);
    ring->tid = atomic_load_explicit(&shared->tid, memory_order_acquire);
    if (ring->capacity == 0 || head - ring->tail > ring->capacity) {
        if (head != ring->tail) /* a head that lies: what it counts is not there to read */
            drain->model->bad_events++;
        ring->tail = head;
    }
    ring->head = head;
    uint64_t share = ring->capacity ? (head - ring->tail) * 256 / ring->capacity : 0;
    if (share > drain->fullest)
        drain->fullest = (uint32_t)share;
}

static struct model_costs read_costs(const struct session_header *header)
{
    uint32_t sources = atomic_load_explicit(&header->sources_on, memory_order_relaxed);
    const struct session_cost *of = header->costs[sources & SOURCE_C_CALLS ? 1 : 0];
    /* As the probe chooses what is called at an end (probe/py/monitoring.c). */
    bool vary = atomic_load_explicit(&header->modes_vary, memory_order_relaxed) ||
                (sources & (SOURCE_METHODS | SOURCE_SPANS));
    struct model_costs costs = {
        .inner_ticks256 = of[COST_CALL].inner_ticks256,
        .outer_ticks256 = of[COST_CALL].outer_ticks256,
        .c_inner_ticks256 = header->cost_c_inner_ticks256,
        .c_outer_ticks256 = header->cost_c_outer_ticks256,
        .segment_inner_ticks256 = of[COST_SEGMENT].inner_ticks256,
        .segment_outer_ticks256 = of[COST_SEGMENT].outer_ticks256,
        .unwind_inner_ticks256 = of[COST_UNWIND].inner_ticks256,
        .unwind_outer_ticks256 = of[COST_UNWIND].outer_ticks256,
        .speed_ticks = header->cost_speed_ticks,
        .line_ticks256 = header->cost_line_ticks256,
        .generator_inner_ticks256 = of[COST_GENERATOR].inner_ticks256,
        .generator_outer_ticks256 = of[COST_GENERATOR].outer_ticks256,
        .coroutine_inner_ticks256 = of[COST_COROUTINE].inner_ticks256,
        .coroutine_outer_ticks256 = of[COST_COROUTINE].outer_ticks256,
        .from_c_inner_ticks256 = of[COST_FROM_C].inner_ticks256,
        .from_c_outer_ticks256 = of[COST_FROM_C].outer_ticks256,
        .asked_ticks256 = of[COST_ASKED].outer_ticks256,
        .made_ticks256 = of[COST_MADE].inner_ticks256 + of[COST_MADE].outer_ticks256,
        .chain_ticks = header->cost_chain_ticks,
        .own_ticks256 = header->cost_own_ticks256[vary],
    };
    if (costs.inner_ticks256 + (uint64_t)costs.outer_ticks256 == 0) {
        costs.inner_ticks256 = header->cost_inner_ticks256;
        costs.outer_ticks256 = header->cost_outer_ticks256;
    }
    return costs;
}

static int read_words(void *context)
{
    struct drain *drain = context;
    struct session_header *header = mapping_header(drain->mapping);
    struct drain_words *words = &drain->words;
    drain->fullest = 0;
    drain->free_rings = 0;
    words->gone_head = atomic_load_explicit(&header->gone_head, memory_order_acquire);
    words->children_made = atomic_load_explicit(&header->children_made, memory_order_acquire);
    words->target_pid = atomic_load_explicit(&header->target_pid, memory_order_relaxed);
    words->methods_listed = atomic_load_explicit(&header->methods_listed, memory_order_relaxed);
    words->files_asked = atomic_load_explicit(&header->files_asked, memory_order_relaxed);
    words->costs = read_costs(header);
    if (drain->joined) {
        uint32_t made = atomic_load_explicit(&header->rings_made, memory_order_acquire);
        atomic_store_explicit(&drain->ring_count,
                              made < SESSION_RING_LIMIT ? made : SESSION_RING_LIMIT,
                              memory_order_relaxed);
    }
    uint32_t count = atomic_load_explicit(&drain->ring_count, memory_order_acquire);
    for (uint32_t i = 1; i < count; i++)
        read_ring(drain, i);
    return 0;
}

static int read_control(void *context)
{
    struct drain *drain = context;
    if (atomic_load_explicit(&drain->ring_count, memory_order_acquire) > 0)
        read_ring(drain, 0);
    return 0;
}

/* --- events --------------------------------------------------------------------------------- */

/* Copies up to a batch and gives its room back at once. */
static int copy_batch(void *context)
{
    struct ring_copy *copy = context;
    struct drain *drain = copy->drain;
    struct drain_ring *ring = &drain->rings[copy->index];
    uint64_t left = ring->head - ring->tail;
    uint32_t at = (uint32_t)ring->tail & (ring->capacity - 1);
    uint32_t count = left < DRAIN_BATCH ? (uint32_t)left : DRAIN_BATCH;
    if (count > ring->capacity - at)
        count = ring->capacity - at;
    memcpy(drain->batch, ring->events + at, count * sizeof(struct event));
    ring->tail += count;
    struct ring_shared *shared = mapping_ring(drain->mapping, copy->index);
    atomic_store_explicit(&shared->tail, ring->tail, memory_order_release);
    copy->count = count;
    return 0;
}

/* Folds up to `most` events of one ring; returns how many. */
static uint64_t consume(struct drain *drain, uint32_t index, uint64_t most)
{
    struct drain_ring *ring = &drain->rings[index];
    uint64_t consumed = 0;
    while (ring->tail != ring->head && consumed < most) {
        struct ring_copy copy = {.drain = drain, .index = index};
        if (guarded(drain, copy_batch, &copy)) {
            ring->head = ring->tail;
            break;
        }
        consumed += copy.count;
        if (index == 0) {
            control_events(drain, drain->batch, copy.count);
            continue;
        }
        if (!ring->track)
            ring->track = model_add_track(drain->model, ring->tid);
        if (!ring->track)
            continue;
        fold_events(drain->model, ring->track, drain->batch, copy.count);
        tap_put(drain->model->tap, TAP_EVENTS, ring->track->number, copy.count, drain->batch,
                copy.count * sizeof(struct event));
    }
    return consumed;
}

static uint64_t consume_all(struct drain *drain, uint32_t count)
{
    uint64_t consumed = 0, step;
    do {
        step = 0;
        for (uint32_t i = 1; i < count; i++)
            step += consume(drain, i, DRAIN_QUANTUM);
        consumed += step;
    } while (step);
    return consumed;
}

/* --- ends ----------------------------------------------------------------------------------- */

static void read_name(struct track *track, const struct ring_shared *shared)
{
    uint32_t size = atomic_load_explicit(&shared->name_size, memory_order_acquire);
    if (size == 0)
        return;
    if (size > sizeof(track->name) - 1)
        size = sizeof(track->name) - 1;
    memcpy(track->name, shared->name, size);
    track->name[size] = '\0';
}

struct ring_visit {
    struct drain *drain;
    uint32_t index;
};

static int read_seldom(void *context)
{
    struct ring_visit *visit = context;
    struct drain_ring *ring = &visit->drain->rings[visit->index];
    struct ring_shared *shared = mapping_ring(visit->drain->mapping, visit->index);
    ring->track->lost = atomic_load_explicit(&shared->lost, memory_order_relaxed);
    ring->track->nested = atomic_load_explicit(&shared->nested, memory_order_relaxed);
    ring->track->tid = ring->tid;
    read_name(ring->track, shared);
    return 0;
}

static int give_back(void *context)
{
    struct ring_visit *visit = context;
    struct ring_shared *shared = mapping_ring(visit->drain->mapping, visit->index);
    atomic_store_explicit(&shared->head, 0, memory_order_relaxed);
    atomic_store_explicit(&shared->tail, 0, memory_order_relaxed);
    atomic_store_explicit(&shared->state, RING_FREE, memory_order_release);
    return 0;
}

static void end_track(struct drain *drain, uint32_t index)
{
    struct drain_ring *ring = &drain->rings[index];
    struct ring_visit visit = {drain, index};
    if (!ring->track)
        return;
    guarded(drain, read_seldom, &visit);
    drain->lost_of_ended += ring->track->lost;
    drain->nested_of_ended += ring->track->nested;
    model_end_track(drain->model, ring->track);
    ring->track = NULL;
}

static void end_ring(struct drain *drain, uint32_t index)
{
    struct ring_visit visit = {drain, index};
    end_track(drain, index);
    drain->rings[index].tail = drain->rings[index].head = 0;
    guarded(drain, give_back, &visit);
}

void drain_end(struct drain *drain, uint64_t counter)
{
    drain_enter(drain);
    rules_slots_settle(drain);
    io_apply(drain->model, drain->process, UINT64_MAX);
    spans_apply(drain->model, drain->process, UINT64_MAX);
    memory_settle(drain->model, UINT64_MAX);
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        struct track *track = drain->rings[i].track;
        if (!track)
            continue;
        tap_say(drain->model->tap, TAP_TRACK_OFF, track->number, counter);
        seed_obey(drain->model, track, UINT64_MAX, UINT64_MAX);
        track_off(drain->model, track, counter);
        end_track(drain, i);
    }
    drain->on_ticks = drain_on_ticks(drain, counter);
    drain->off_ticks = drain_off_ticks(drain, counter);
    drain->on = false;
    drain->on_counter = drain->off_counter = counter;
    tap_say(drain->model->tap, TAP_OFF, drain->process->number, counter);
}

static void finish_round(struct drain *drain, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct drain_ring *ring = &drain->rings[i];
        if (ring->track && ring->track->order_count) {
            tap_say(drain->model->tap, TAP_OBEY, ring->track->number, drain->round);
            seed_obey(drain->model, ring->track, 0, drain->round);
        }
        if (ring->state == RING_ENDED && ring->tail == ring->head && !drain->unreadable)
            end_ring(drain, i);
    }
}

struct gone_list {
    struct drain *drain;
    uint32_t ids[256];
    uint32_t count;
};

static int read_gone(void *context)
{
    struct gone_list *list = context;
    struct drain *drain = list->drain;
    list->count = 0;
    uint32_t left = drain->words.gone_head - drain->gone_acked;
    for (; list->count < left && list->count < 256; list->count++)
        list->ids[list->count] = mapping_gone_id(drain->mapping, drain->gone_acked + list->count);
    return 0;
}

static int ack_gone(void *context)
{
    struct drain *drain = context;
    atomic_store_explicit(&mapping_header(drain->mapping)->gone_acked, drain->gone_acked,
                          memory_order_release);
    return 0;
}

static void forget(struct model *model, uint32_t id)
{
    tap_say(model->tap, TAP_FORGET, id, 0);
    symbols_forget(&model->symbols, id);
    births_forget(model, id);
}

static void forget_gone(struct drain *drain)
{
    if (drain->words.gone_head - drain->gone_acked > SESSION_GONE_CAPACITY) {
        drain->model->bad_events++;
        drain->gone_acked = drain->words.gone_head;
    }
    if (drain->words.gone_head == drain->gone_acked)
        return;
    while (drain->words.gone_head != drain->gone_acked) {
        struct gone_list list = {.drain = drain};
        if (guarded(drain, read_gone, &list) || list.count == 0)
            return;
        for (uint32_t i = 0; i < list.count; i++)
            forget(drain->model, list.ids[i]);
        drain->gone_acked += list.count;
    }
    guarded(drain, ack_gone, drain);
}

/* --- the round ------------------------------------------------------------------------------ */

static int beat(void *context)
{
    struct drain *drain = context;
    atomic_fetch_add_explicit(&mapping_header(drain->mapping)->heartbeat, 1, memory_order_relaxed);
    return 0;
}

static int tell_limited(void *context)
{
    struct drain *drain = context;
    atomic_store_explicit(&mapping_header(drain->mapping)->types_limited, drain->types_limited,
                          memory_order_relaxed);
    return 0;
}

uint64_t drain_round(struct drain *drain)
{
    uint64_t begun = drain->past_now ? *drain->past_now : clock_counter(drain->clock);
    drain->round++;
    drain_enter(drain);
    uint64_t horizon = drain->past_now ? *drain->past_now : clock_counter(drain->clock);
    if (guarded(drain, read_words, drain))
        return 0;
    if (!drain->process->pid) {
        drain->process->pid = drain->words.target_pid;
        drain_enter(drain);
    }
    if (drain->words.methods_listed != drain->methods_decided)
        methods_decide(drain);
    if (drain->types_limited != drain->model->births.is_limited) {
        drain->types_limited = drain->model->births.is_limited;
        guarded(drain, tell_limited, drain);
    }
    uint32_t count = atomic_load_explicit(&drain->ring_count, memory_order_acquire);
    if (drain->before_events)
        drain->before_events(drain->before_events_context, drain);
    rules_slots_answer(drain);
    guarded(drain, read_control, drain);
    uint64_t now = drain->past_now ? *drain->past_now : clock_counter(drain->clock);
    drain->model->latest = now + DRAIN_COUNTER_SLACK;
    tap_say(drain->model->tap, TAP_LATEST, 0, drain->model->latest);
    births_round(drain->model, now);
    uint64_t consumed = consume(drain, 0, UINT64_MAX);
    control_obey_end(drain);
    consumed += consume_all(drain, count);
    memory_settle(drain->model, horizon);
    finish_round(drain, count);
    io_apply(drain->model, drain->process, begun);
    spans_apply(drain->model, drain->process, begun);
    forget_gone(drain);
    guarded(drain, beat, drain);
    return consumed;
}

static int look_for_more(void *context)
{
    struct drain *drain = context;
    uint32_t count = atomic_load_explicit(&drain->ring_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        const struct ring_shared *shared = mapping_ring(drain->mapping, i);
        uint32_t state = atomic_load(&shared->state);
        uint64_t used = atomic_load(&shared->head) - drain->rings[i].tail;
        uint32_t capacity = drain->rings[i].capacity;
        /* Below a quarter of the ring the producer will wake us in time. */
        if (state == RING_ENDED || (capacity && used >= capacity / 4))
            return 1;
    }
    return 0;
}

bool drain_has_more(struct drain *drain)
{
    return guarded(drain, look_for_more, drain) == 1;
}

struct track *drain_find_tid(const struct drain *drain, uint32_t tid)
{
    uint32_t count = atomic_load_explicit(&drain->ring_count, memory_order_relaxed);
    for (uint32_t i = 1; i < count; i++)
        if (drain->rings[i].track && drain->rings[i].tid == tid)
            return drain->rings[i].track;
    return NULL;
}

static int read_all_seldom(void *context)
{
    struct drain *drain = context;
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        struct ring_visit visit = {drain, i};
        if (drain->rings[i].track)
            read_seldom(&visit);
    }
    return 0;
}

void drain_losses(struct drain *drain, uint64_t *ret_lost, uint64_t *ret_nested)
{
    guarded(drain, read_all_seldom, drain);
    uint64_t lost = drain->lost_of_ended, nested = drain->nested_of_ended;
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        const struct track *track = drain->rings[i].track;
        lost += track ? track->lost : 0;
        nested += track ? track->nested : 0;
    }
    *ret_lost = lost;
    *ret_nested = nested;
}

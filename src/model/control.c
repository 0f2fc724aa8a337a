/* SPDX-License-Identifier: MIT */
/* The control ring: what the holder of the GIL says about all threads: ON, OFF, other threads' stacks.
 * Why: at a switch the threads that are blocked cannot write their own rings.
 * Rules: what it says of a thread becomes an order (track.h), carried out at its place among that
 * thread's own events. */
#include "model/drain.h"

#include <stdlib.h>
#include <string.h>

static void absorb(struct drain *drain, uint32_t at)
{
    tap_say(drain->model->tap, TAP_ABSORB, drain->told_seed[at].id, 0);
    symbols_absorb(&drain->model->symbols, drain->seed[at].symbol);
}

/* Frames in parts, so that no step is large. */
static void tell_seed(struct drain *drain, const struct track *track, uint64_t counter,
                      uint32_t bottom)
{
    enum { PART = 1024 };
    struct tap *tap = drain->model->tap;
    for (uint32_t at = 0; tap && at < drain->seed_count; at += PART) {
        uint32_t left = drain->seed_count - at;
        tap_put(tap, TAP_SEED_FRAMES, 0, 0, drain->told_seed + at,
                (left < PART ? left : PART) * sizeof(*drain->told_seed));
    }
    struct tap_order order = {.round = drain->round, .bottom = bottom};
    tap_put(tap, TAP_SEED, track->number, counter, &order, sizeof(order));
}

static void add_frame(struct drain *drain, const struct event *event)
{
    struct symbols *symbols = &drain->model->symbols;
    uint32_t symbol = symbols_handle(symbols, event_id(event)) >> 1;
    if (symbols_is_silent(symbols, symbol)) {
        if (drain->seed_count && symbols->symbols[symbol].left_out)
            absorb(drain, drain->seed_count - 1);
        return;
    }
    if (drain->seed_count == drain->seed_limit) {
        uint32_t limit = drain->seed_limit ? drain->seed_limit * 2 : 64;
        struct seed_frame *grown =
            limit <= TRACK_ENTRIES_MAX ? realloc(drain->seed, limit * sizeof(*grown)) : NULL;
        struct tap_frame *told = grown ? realloc(drain->told_seed, limit * sizeof(*told)) : NULL;
        if (grown)
            drain->seed = grown;
        if (!told)
            return;
        drain->told_seed = told;
        drain->seed_limit = limit;
    }
    drain->told_seed[drain->seed_count] = (struct tap_frame){event->frame, event_id(event)};
    drain->seed[drain->seed_count++] = (struct seed_frame){
        .frame = event->frame,
        .symbol = symbol,
    };
}

static void end_seed(struct drain *drain, uint64_t counter, uint32_t bottom)
{
    drain->seeding = false;
    if (drain->seed_ring == 0 || drain->seed_ring >= SESSION_RING_LIMIT) {
        drain->model->bad_events++;
        return;
    }
    struct drain_ring *ring = &drain->rings[drain->seed_ring];
    if (!ring->track)
        ring->track = model_add_track(drain->model, ring->tid);
    size_t size = drain->seed_count * sizeof(*drain->seed);
    struct seed_frame *frames = malloc(size ? size : 1);
    if (!frames || !ring->track) {
        free(frames);
        return;
    }
    if (size)
        memcpy(frames, drain->seed, size);
    tell_seed(drain, ring->track, counter, bottom);
    struct order order = {
        .counter = counter,
        .round = drain->round,
        .frames = frames,
        .frame_count = drain->seed_count,
        .bottom = bottom,
    };
    seed_add_order(ring->track, &order);
}

static void switch_on(struct drain *drain, uint64_t counter)
{
    if (drain->on)
        return;
    drain->on = true;
    drain->died_on = false;
    drain->on_counter = counter;
    if (drain->off_counter && counter > drain->off_counter)
        drain->off_ticks += counter - drain->off_counter;
    if (drain->model->first_counter == 0)
        drain->model->first_counter = counter;
    tap_say(drain->model->tap, TAP_ON, drain->process->number, counter);
    tap_say(drain->model->tap, TAP_FIRST, 0, drain->model->first_counter);
}

/* A thread whose first events come in this round has no track yet, and is to get the order too. */
static void add_tracks(struct drain *drain)
{
    uint32_t count = atomic_load_explicit(&drain->ring_count, memory_order_relaxed);
    for (uint32_t i = 1; i < count; i++) {
        struct drain_ring *ring = &drain->rings[i];
        if (!ring->track && ring->head != ring->tail)
            ring->track = model_add_track(drain->model, ring->tid);
    }
}

static void switch_off(struct drain *drain, uint64_t counter)
{
    add_tracks(drain);
    struct order order = {.counter = counter, .round = drain->round, .off = true};
    for (struct track *track = drain->model->tracks; track; track = track->next) {
        if (track->process != drain->process)
            continue;
        tap_put(drain->model->tap, TAP_ORDER_OFF, track->number, counter,
                &(struct tap_order){.round = drain->round}, sizeof(struct tap_order));
        seed_add_order(track, &order);
    }
    if (drain->on && counter > drain->on_counter)
        drain->on_ticks += counter - drain->on_counter;
    drain->on = false;
    drain->off_counter = counter;
    tap_say(drain->model->tap, TAP_OFF, drain->process->number, counter);
}

static void control_event(struct drain *drain, const struct event *event)
{
    uint32_t kind = event_kind(event);
    const struct model *model = drain->model;
    uint64_t counter = event->counter < model->latest ? event->counter : model->latest;
    if (counter < model->earliest)
        counter = model->earliest;
    if (kind == EVENT_ON) {
        switch_on(drain, counter);
    } else if (kind == EVENT_OFF) {
        switch_off(drain, counter);
    } else if (kind == EVENT_SEED_BEGIN) {
        drain->seeding = true;
        drain->seed_ring = event_id(event);
        drain->seed_count = 0;
    } else if (kind == EVENT_SEED_FRAME && drain->seeding) {
        add_frame(drain, event);
    } else if (kind == EVENT_SEED_END && drain->seeding) {
        end_seed(drain, counter, event->frame);
    } else {
        drain->model->bad_events++;
    }
}

void control_end(struct drain *drain, uint64_t counter, bool exec)
{
    drain->image_end = counter;
    drain->image_exec = exec;
}

void control_obey_end(struct drain *drain)
{
    if (drain->image_end && drain->on && drain->image_end > drain->on_counter) {
        switch_off(drain, drain->image_end);
        drain->execs += drain->image_exec;
        drain->died_on = !drain->image_exec;
    }
    drain->image_end = 0;
}

void control_events(struct drain *drain, const struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        control_event(drain, &events[i]);
    drain->model->events_read += count;
    tap_say(drain->model->tap, TAP_CONTROL, 0, count);
}

/* A stream without ON (a test, a session that was joined late) is on from its first event. */
uint64_t drain_on_ticks(const struct drain *drain, uint64_t counter)
{
    uint64_t since = drain->on_counter ? drain->on_counter : drain->model->first_counter;
    bool on = drain->on || drain->on_counter == 0;
    return drain->on_ticks + (on && since && counter > since ? counter - since : 0);
}

uint64_t drain_off_ticks(const struct drain *drain, uint64_t counter)
{
    bool off = !drain->on && drain->off_counter && counter > drain->off_counter;
    return drain->off_ticks + (off ? counter - drain->off_counter : 0);
}

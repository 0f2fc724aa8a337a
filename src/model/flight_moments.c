/* SPDX-License-Identifier: MIT */
/* One pass over a ring.
 * Why: see flight_moments.h.
 * Rules: a frame is looked for among the innermost ones only, so that no file makes this take long. */
#include "model/flight_moments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT = 512, FIRST_ROOM = 64 };

struct pass {
    struct flight_moments *moments;
    uint64_t next;             /* of the call list, which goes round */
    struct flight_frame *told; /* of a seed */
    uint32_t told_count, told_room;
    bool seeding, failed;
};

static bool grow(struct flight_frame **frames, uint32_t *room, uint32_t count)
{
    if (count < *room)
        return true;
    uint32_t wanted = *room ? *room * 2 : FIRST_ROOM;
    struct flight_frame *grown = realloc(*frames, wanted * sizeof(*grown));
    if (!grown)
        return false;
    *frames = grown;
    *room = wanted;
    return true;
}

/* Its depth, counted from 1; 0: it is not open. */
static uint32_t find(const struct flight_moments *moments, uint32_t frame, bool c_call)
{
    uint32_t lowest = moments->depth > LOOKED_AT ? moments->depth - LOOKED_AT : 0;
    for (uint32_t at = moments->depth; at > lowest; at--)
        if (moments->frames[at - 1].frame == frame && moments->frames[at - 1].c_call == c_call)
            return at;
    return 0;
}

static void note(struct pass *pass, const struct event *event, const struct flight_frame *frame,
                 enum flight_step step)
{
    struct flight_moments *moments = pass->moments;
    moments->calls[pass->next++ % FLIGHT_CALLS] = (struct flight_call){
        .counter = event->counter,
        .id = frame->id,
        .depth = moments->depth,
        .step = step,
        .c_call = frame->c_call,
        .timed = step >= FLIGHT_RETURNED && frame->begun,
        .begun = frame->since,
    };
}

static void push(struct pass *pass, const struct event *event, enum flight_step step, bool c_call)
{
    struct flight_moments *moments = pass->moments;
    struct flight_frame frame = {.id = event_function(event),
                                 .frame = event->frame,
                                 .c_call = c_call,
                                 .begun = true,
                                 .since = event->counter};
    uint32_t open = find(moments, event->frame, c_call);
    if (open)
        moments->depth = open - 1;
    if (!grow(&moments->frames, &moments->room, moments->depth)) {
        pass->failed = true;
        return;
    }
    note(pass, event, &frame, step);
    moments->frames[moments->depth++] = frame;
}

static void pop(struct pass *pass, const struct event *event, enum flight_step step, bool c_call)
{
    struct flight_moments *moments = pass->moments;
    uint32_t open = find(moments, event->frame, c_call);
    if (!open)
        return;
    moments->depth = open - 1;
    note(pass, event, &moments->frames[open - 1], step);
}

static void retop(struct flight_moments *moments, uint32_t frame)
{
    uint32_t open = frame ? find(moments, frame, false) : 0;
    moments->depth = open; /* another stack, of which nothing is known, if it is not open */
}

/* What was known of a frame that is told again stays known. */
static void end_seed(struct pass *pass)
{
    struct flight_moments *moments = pass->moments;
    uint32_t same = 0;
    while (same < pass->told_count && same < moments->depth &&
           moments->frames[same].frame == pass->told[same].frame &&
           moments->frames[same].id == pass->told[same].id)
        same++;
    moments->depth = same;
    for (uint32_t i = same; i < pass->told_count && !pass->failed; i++) {
        pass->failed = !grow(&moments->frames, &moments->room, moments->depth);
        if (!pass->failed)
            moments->frames[moments->depth++] = pass->told[i];
    }
}

static void seed(struct pass *pass, const struct event *event)
{
    switch (event_kind(event)) {
    case EVENT_SEED_BEGIN:
        pass->seeding = true;
        pass->told_count = 0;
        break;
    case EVENT_SEED_FRAME:
        if (!pass->seeding)
            break;
        pass->failed = !grow(&pass->told, &pass->told_room, pass->told_count);
        if (!pass->failed)
            pass->told[pass->told_count++] = (struct flight_frame){
                .id = event_id(event), .frame = event->frame, .since = event->counter};
        break;
    default:
        if (pass->seeding)
            end_seed(pass);
        pass->seeding = false;
    }
}

static void look_at(struct pass *pass, const struct event *event)
{
    switch (event_kind(event)) {
    case EVENT_START:
        push(pass, event, FLIGHT_CALLED, false);
        break;
    case EVENT_RESUME:
    case EVENT_THROW:
        push(pass, event, FLIGHT_RESUMED, false);
        break;
    case EVENT_C_CALL:
        push(pass, event, FLIGHT_CALLED, true);
        break;
    case EVENT_RETURN:
        pop(pass, event, FLIGHT_RETURNED, false);
        break;
    case EVENT_YIELD:
        pop(pass, event, FLIGHT_YIELDED, false);
        break;
    case EVENT_UNWIND:
    case EVENT_UNRUN:
        pop(pass, event, FLIGHT_RAISED, false);
        break;
    case EVENT_C_RETURN:
        pop(pass, event, FLIGHT_RETURNED, true);
        break;
    case EVENT_C_RAISE:
        pop(pass, event, FLIGHT_RAISED, true);
        break;
    case EVENT_RETOP:
        retop(pass->moments, event->frame);
        break;
    case EVENT_SEED_BEGIN:
    case EVENT_SEED_FRAME:
    case EVENT_SEED_END:
        seed(pass, event);
        break;
    default:
        break;
    }
}

/* The list went round: its oldest comes first. */
static int straighten(struct pass *pass)
{
    struct flight_moments *moments = pass->moments;
    moments->seen = pass->next;
    moments->call_count = pass->next < FLIGHT_CALLS ? (uint32_t)pass->next : FLIGHT_CALLS;
    uint32_t first = pass->next < FLIGHT_CALLS ? 0 : (uint32_t)(pass->next % FLIGHT_CALLS);
    struct flight_call *straight = calloc(FLIGHT_CALLS, sizeof(*straight));
    if (!straight)
        return -ENOMEM;
    for (uint32_t i = 0; i < moments->call_count; i++)
        straight[i] = moments->calls[(first + i) % FLIGHT_CALLS];
    free(moments->calls);
    moments->calls = straight;
    return 0;
}

int flight_moments_make(const struct flight_ring *ring, struct flight_moments *ret_moments)
{
    struct flight_moments moments = {.calls = calloc(FLIGHT_CALLS, sizeof(*moments.calls))};
    struct pass pass = {.moments = &moments, .failed = !moments.calls};
    for (uint32_t i = 0; i < ring->count && !pass.failed; i++)
        look_at(&pass, &ring->events[i]);
    free(pass.told);
    if (pass.failed || straighten(&pass)) {
        flight_moments_free(&moments);
        return -ENOMEM;
    }
    *ret_moments = moments;
    return 0;
}

void flight_moments_free(struct flight_moments *moments)
{
    free(moments->frames);
    free(moments->calls);
    *moments = (struct flight_moments){.frames = NULL};
}

/* SPDX-License-Identifier: MIT */
/* Suspended activations: a hash table with linear probing.
 * Why: see suspended.h. Removal shifts later entries back, so that no tombstones pile up in a server
 * that suspends for weeks.
 * Rules: at most half full. */
#include "model/suspended.h"

#include "model/shape.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1 << 10, DISPLACED_SLOTS = 1 << 10 };

struct suspended_displaced {
    uint32_t frame;
    uint64_t counter; /* 0: free */
};

int suspended_init(struct suspended *suspended)
{
    *suspended = (struct suspended){.mask = FIRST_SLOTS - 1};
    suspended->slots = calloc(FIRST_SLOTS, sizeof(*suspended->slots));
    suspended->displaced = calloc(DISPLACED_SLOTS, sizeof(*suspended->displaced));
    if (suspended->slots && suspended->displaced)
        return 0;
    suspended_done(suspended);
    return -ENOMEM;
}

void suspended_done(struct suspended *suspended)
{
    free(suspended->slots);
    free(suspended->displaced);
    *suspended = (struct suspended){0};
}

static uint32_t home_of(uint32_t frame, uint32_t mask)
{
    return (uint32_t)((frame * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
}

static uint32_t slot_of(const struct suspended_activation *slots, uint32_t mask, uint32_t frame)
{
    uint32_t slot = home_of(frame, mask);
    while (slots[slot].symbol && slots[slot].frame != frame)
        slot = (slot + 1) & mask;
    return slot;
}

static bool grow(struct suspended *suspended)
{
    uint32_t mask = suspended->mask * 2 + 1;
    struct suspended_activation *slots = calloc((size_t)mask + 1, sizeof(*slots));
    if (!slots)
        return false;
    for (uint32_t i = 0; i <= suspended->mask; i++) {
        const struct suspended_activation *old = &suspended->slots[i];
        if (old->symbol)
            slots[slot_of(slots, mask, old->frame)] = *old;
    }
    free(suspended->slots);
    suspended->slots = slots;
    suspended->mask = mask;
    return true;
}

void suspended_put(struct suspended *suspended, const struct suspended_activation *activation)
{
    uint32_t slot = slot_of(suspended->slots, suspended->mask, activation->frame);
    if (suspended->slots[slot].symbol == 0) {
        bool tight = suspended->used >= suspended->mask / 2;
        if (suspended->used >= SUSPENDED_LIMIT || (tight && !grow(suspended))) {
            suspended->refused++;
            return;
        }
        if (tight)
            slot = slot_of(suspended->slots, suspended->mask, activation->frame);
        suspended->used++;
    } else if ((int64_t)(activation->since - suspended->slots[slot].since) < 0) {
        return;
    } else if (suspended->shape) {
        shape_take(suspended->shape, &suspended->slots[slot]);
    }
    suspended->slots[slot] = *activation;
    if (suspended->shape)
        shape_add(suspended->shape, activation);
}

void suspended_displace(struct suspended *suspended, uint32_t frame, uint64_t counter)
{
    suspended->displaced[home_of(frame, DISPLACED_SLOTS - 1)] =
        (struct suspended_displaced){.frame = frame, .counter = counter};
}

static bool is_before_displacement(const struct suspended *suspended, uint32_t frame,
                                   uint64_t counter)
{
    const struct suspended_displaced *displaced =
        &suspended->displaced[home_of(frame, DISPLACED_SLOTS - 1)];
    return displaced->counter && displaced->frame == frame &&
           (int64_t)(counter - displaced->counter) < 0;
}

/* What stands behind the hole moves up. */
static void take_out(struct suspended *suspended, uint32_t hole)
{
    uint32_t mask = suspended->mask;
    struct suspended_activation *slots = suspended->slots;
    if (suspended->shape)
        shape_take(suspended->shape, &slots[hole]);
    for (uint32_t slot = (hole + 1) & mask; slots[slot].symbol; slot = (slot + 1) & mask) {
        uint32_t home = home_of(slots[slot].frame, mask);
        /* Only what may stand in the hole moves: its home is not between the hole and it. */
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            slots[hole] = slots[slot];
            hole = slot;
        }
    }
    slots[hole].symbol = 0;
    suspended->used--;
}

void suspended_forget(struct suspended *suspended,
                      bool (*is_gone)(const void *context, uint32_t symbol), const void *context)
{
    for (uint32_t i = 0; i <= suspended->mask;) {
        uint32_t symbol = suspended->slots[i].symbol;
        if (symbol && is_gone(context, symbol))
            take_out(suspended, i); /* another may stand here now */
        else
            i++;
    }
}

enum suspended_found suspended_take(struct suspended *suspended, uint32_t frame, uint64_t counter,
                                    struct suspended_activation *ret_activation)
{
    uint32_t mask = suspended->mask;
    struct suspended_activation *slots = suspended->slots;
    uint32_t hole = slot_of(slots, mask, frame);
    if (slots[hole].symbol == 0)
        return is_before_displacement(suspended, frame, counter) ? SUSPENDED_EARLIER
                                                                 : SUSPENDED_NONE;
    if ((int64_t)(counter - slots[hole].since) < 0)
        return SUSPENDED_EARLIER;
    *ret_activation = slots[hole];
    take_out(suspended, hole);
    return SUSPENDED_TAKEN;
}

void suspended_reset(struct suspended *suspended)
{
    for (uint32_t i = 0; i <= suspended->mask; i++)
        suspended->slots[i].total_ticks = suspended->slots[i].wait_ticks = 0;
}

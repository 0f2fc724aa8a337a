/* SPDX-License-Identifier: MIT */
/* Copying who is alive.
 * Why: see activations.h.
 * Rules: as there. */
#include "model/activations.h"

#include "model/fold.h"

#include <errno.h>
#include <stdlib.h>

int activations_prepare(struct activations *activations)
{
    if (!activations->list)
        activations->list = malloc(ACTIVATIONS_MOST * sizeof(*activations->list));
    return activations->list ? 0 : -ENOMEM;
}

void activations_done(struct activations *activations)
{
    free(activations->list);
    *activations = (struct activations){0};
}

static void add(struct activations *activations, struct activation activation)
{
    if (activations->count < ACTIVATIONS_MOST)
        activations->list[activations->count++] = activation;
    else
        activations->left_out++;
}

static uint32_t maker_of(const struct model *model, uint32_t task, uint32_t frame)
{
    if (task == 0 || task >= model->tasks.count || model->tasks.tasks[task].frame != frame)
        return 0;
    return model->tasks.tasks[task].maker;
}

static void take_stack(struct activations *activations, const struct model *model,
                       const struct track *track)
{
    for (uint32_t i = 1; i <= track->depth; i++) {
        const struct entry *entry = &track->entries[i];
        const struct entry *above = &track->entries[i - 1];
        int64_t age_ticks = track->clock_ticks - entry->begin_ticks;
        add(activations,
            (struct activation){
                .frame = (uint32_t)entry->key,
                .symbol = entry->symbol,
                .parent_frame = i > 1 ? (uint32_t)above->key : 0,
                .parent_symbol = i > 1 ? above->symbol : 0,
                .thread = track->number,
                .depth = i - 1,
                .maker = maker_of(model, entry->task, (uint32_t)entry->key),
                .is_active = true,
                .is_top = i == track->depth,
                /* One whose beginning was not seen is at least as old as its thread. */
                .age_ticks = age_ticks >= 0 ? age_ticks : track->clock_ticks,
            });
    }
}

static void take_suspended(struct activations *activations, const struct model *model,
                           const struct suspended *suspended, uint64_t counter)
{
    if (!suspended->slots)
        return;
    if (suspended->mask >= ACTIVATIONS_SLOTS_MOST) {
        activations->left_out += suspended->used;
        return;
    }
    for (uint32_t slot = 0; slot <= suspended->mask; slot++) {
        const struct suspended_activation *one = &suspended->slots[slot];
        int64_t age_ticks = (int64_t)(counter - one->since);
        if (one->symbol == 0)
            continue;
        add(activations, (struct activation){
                             .frame = one->frame,
                             .symbol = one->symbol,
                             .parent_frame = one->parent_frame,
                             .parent_symbol = one->parent_symbol,
                             .thread = one->thread,
                             .depth = one->depth,
                             .maker = maker_of(model, one->task, one->frame),
                             .awaiting = one->awaiting,
                             .age_ticks = age_ticks > 0 ? age_ticks : 0,
                         });
    }
}

/* No live track before this one is of its process. */
static bool is_first_of_process(const struct model *model, const struct track *track)
{
    const struct track *other = model->tracks;
    while (other != track && other->process != track->process)
        other = other->next;
    return other == track;
}

void activations_take(struct activations *activations, const struct model *model, uint64_t counter)
{
    activations->count = 0;
    activations->left_out = 0;
    for (const struct track *track = model->tracks; track; track = track->next)
        if (track->seen)
            take_stack(activations, model, track);
    /* What waits may outlive the thread that ran it: the present process's always. */
    take_suspended(activations, model, &model->suspended, counter);
    for (const struct track *track = model->tracks; track; track = track->next)
        if (track->process != model->process && is_first_of_process(model, track))
            take_suspended(activations, model, &track->process->suspended, counter);
}

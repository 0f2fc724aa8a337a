/* SPDX-License-Identifier: MIT */
/* What async_tasks.c (who is there) and async_steps.c (what they do) share.
 * Rules: for these two files only. */
#ifndef ULMA_MODEL_ASYNC_PARTS_H
#define ULMA_MODEL_ASYNC_PARTS_H

#include "model/fold.h"

/* Who had the frame at `counter`: of those that were heard of by then, the one last heard of. Rings are
 * read one after the other, so a later tenant may be known already. */
uint32_t async_find(const struct model *model, uint32_t frame, uint64_t counter);

/* Whose first step, in another thread's ring, was read before this telling of its making at `counter`. */
uint32_t async_find_made_late(const struct model *model, uint32_t frame, uint64_t counter,
                              uint32_t symbol);

/* 0: no room, or no memory. */
uint32_t async_add(struct model *model, const struct track *track, uint32_t frame,
                   uint64_t counter);

/* Without a trace: it never ran. */
void async_drop(struct async_tasks *tasks, uint32_t number);

#endif

/* SPDX-License-Identifier: MIT */
/* Walks a thread's Python frames from inside, without making frame objects.
 * Why: a SEED tells the whole present stack, also from within an event, where nothing may be
 * allocated.
 * Rules: the GIL is held, so that no thread but ours moves. Innermost first, as the chain is linked;
 * stacks_write turns it round by position. */
#ifndef ULMA_PROBE_PY_STACKS_H
#define ULMA_PROBE_PY_STACKS_H

#include "wire/event.h"

#include <stdbool.h>

struct stacks_walk {
    uint32_t most;     /* frames that have room; outer ones beyond it are left out */
    uint32_t excluded; /* frame key on top that is not to be told; 0: none */
    bool heard;        /* frames of functions that are off are not told */
    bool define;       /* unknown code objects may be defined now (not within an event) */
    uint32_t depth;    /* set by stacks_count */
    uint32_t bottom;   /* ... the outermost frame's key, told or not; 0: beyond what has room */
};

void stacks_count(void *tstate, struct stacks_walk *walk);

/* Writes walk->depth SEED_FRAMEs, outermost at ring position `first`. */
void stacks_write(void *tstate, const struct stacks_walk *walk, struct event *events, uint64_t mask,
                  uint64_t first, uint64_t counter);

#endif

/* SPDX-License-Identifier: MIT */
/* What a wait is called, and whose it is: by the stack.
 * Why: all that the C library knows is that a thread sleeps in a lock. That the lock is a queue's, or tells that a thread
 * has ended, is known from the function of the standard library that took it; and who wants to know who waits means
 * the function that called that one.
 * Rules: a function of the standard library is told by its path. What symbols say is hostile. */
#ifndef ULMA_MODEL_WAIT_ROOMS_H
#define ULMA_MODEL_WAIT_ROOMS_H

#include "model/fold_cursor.h"
#include "wire/wait_kind.h"

struct wait_site {
    uint32_t symbol; /* a row's first twin; 0: no Python function was open */
    uint32_t line;   /* 0: not known */
    enum wait_kind kind;
    bool in_task;  /* within a step of an asyncio task: its loop stands still */
    uint32_t node; /* the path that led to it; NODE_ROOT: not known */
};

/* The line that runs in this entry's function, as it was told last; 0: not known. */
uint32_t wait_rooms_line(const struct track *track, const struct entry *entry);

/* The innermost function that is not the standard library's; where there is none, the one that the wait is called after.
 * `kind`: what it is if the stack does not say better. */
struct wait_site wait_rooms_site(struct model *model, const struct track *track,
                                 const struct fold_cursor *cursor, enum wait_kind kind);

/* To whoever watches: what was waited for, or that the GIL was held (kind HELD), until `counter`. */
void wait_rooms_tell(const struct model *model, const struct wait_site *site, uint32_t thread,
                     uint64_t counter, int64_t ticks);

#endif

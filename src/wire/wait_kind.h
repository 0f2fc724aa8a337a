/* SPDX-License-Identifier: MIT */
/* What the source `waits` says in its events (wire/event.h has their kinds), and what its waits are called.
 * Why two lists: the probe knows which function of the C library a thread sleeps in; that a lock is a queue's, or that
 * of a thread that is joined, the stack says (model/wait_rooms.h). */
#ifndef ULMA_WIRE_WAIT_KIND_H
#define ULMA_WIRE_WAIT_KIND_H

/* In the id of a WAIT_BEGIN. WOKE is no wait and has no end: the thread lets somebody have the lock that waits
 * for it. */
enum wait_way { WAY_GIL, WAY_LOCK, WAY_MUTEX, WAY_CONDITION, WAY_WOKE, WAY_COUNT };

enum wait_kind {
#define WAIT_KIND(name, text, share) WAIT_FOR_##name,
#include "wire/wait_kinds.def"
    WAIT_KIND_COUNT
};

#endif

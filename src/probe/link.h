/* SPDX-License-Identifier: MIT */
/* The target's end of the session: the mapped file and what the probe remembers about it.
 * Why: the hot path needs a handful of addresses; they stand together here, read-mostly, apart from
 * the shared words.
 * Rules: link_open once, under the GIL. After a fork the child has no link (link_forget). Nothing of
 * the collector's is trusted: sizes are checked once, here. */
#ifndef ULMA_PROBE_LINK_H
#define ULMA_PROBE_LINK_H

#include "base/clock.h"
#include "wire/session.h"

#include <stdbool.h>
#include <stddef.h>

struct link {
    /* What every event reads, in one cache line. `serial` is the session's switch serial, and
     * `serial_seen` the one last obeyed; in a fork's child they are the same word, so that the hot path
     * needs no test for "no session". `modes` stays mapped there too. */
    _Alignas(64) const unsigned char *modes;
    const _Atomic uint32_t *serial;
    _Atomic uint32_t serial_seen;
    uint32_t generation; /* of the link; a value stored in a code object belongs to one */
    enum clock_source clock;
    uint32_t wait; /* on_full is ON_FULL_WAIT */

    unsigned char *base; /* NULL: no session */
    size_t size;
    struct session_header *header;
    uint32_t *gone;
    unsigned char *definitions;
    struct ring_shared *rings;
    char path[256]; /* to ask whether the collector lives */
};

extern struct link link_to;

/* Maps and claims the session at `path`. 0, or -1 with a sentence in `reason`. */
int link_open(const char *path, char *reason, size_t size);

/* In a fork's child: the session is the parent's; from here on there is none. Async-signal-safe. */
void link_forget(void);

/* Whether a collector still holds its lock on the session (one syscall). */
bool link_collector_lives(void);

static inline uint64_t link_counter(void)
{
    return clock_counter(link_to.clock);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The target's end of the session: the mapped file and what the probe remembers about it.
 * Why: the hot path needs a handful of addresses; they stand together here, read-mostly, apart from
 * the shared words.
 * Rules: under the GIL; one link at a time, each with a generation of its own. After a fork the child
 * has none (link_forget). Nothing of the collector's is trusted: sizes are checked once, here. */
#ifndef ULMA_PROBE_LINK_H
#define ULMA_PROBE_LINK_H

#include "base/clock.h"
#include "wire/session.h"

#include <stdbool.h>
#include <stddef.h>

struct link {
    /* What every event reads, in one cache line. `serial` is the session's switch serial, and
     * `serial_seen` the one last obeyed; without a session they are the same word, so that the hot path
     * needs no test for it. `modes` is never NULL: in a fork's child it stays mapped, and with nothing mapped
     * it has id 0 alone, off. */
    _Alignas(64) const unsigned char *modes;
    const unsigned char *lines; /* the same of enum site_lines */
    const uint16_t
        *rule_numbers; /* by id, and what they number; read where the mode says that there is one */
    struct session_rule *rules;
    const _Atomic uint32_t *serial;
    _Atomic uint32_t serial_seen;
    uint32_t generation; /* of the link; a value stored in a code object belongs to one */
    enum clock_source clock;
    uint32_t wait; /* on_full is ON_FULL_WAIT */
    bool flight;   /* a flight recorder's session: rings overwrite themselves, nobody reads */

    unsigned char *base; /* what is mapped; NULL: nothing */
    size_t size;
    struct session_header *header; /* NULL: no session, though its memory may be mapped still */
    uint32_t *gone;
    unsigned char *definitions;
    struct ring_shared *rings;
    uint32_t stacks_told; /* the stacks_wanted last obeyed */
    char path[256];       /* to ask whether the collector lives */

    /* of a process that ulma started, or a child of it (child_session.h) */
    char root[256];             /* the first process's session; "": no family */
    _Atomic uint32_t *sleeping; /* the collector's futex word: in the first process's session */
    int parent;                 /* of a fork's child: the PID of who made it */
    bool hooked;                /* of a fork's child: the hooks were in place */
    bool orphan; /* a fork's child that has not looked for a session of its own yet */
};

extern struct link link_to;

/* Maps and claims the session at `path`. 0, or -1 with a sentence in `reason`; LINK_TAKEN: it is
 * another process's. */
enum { LINK_TAKEN = -2 };
int link_open(const char *path, char *reason, size_t size);

/* The same of a file that this process has made; the descriptor is closed in any case, and its lock lives
 * as long as the mapping. */
int link_take(int fd, const char *path, char *reason, size_t size);

/* Whether a header, `size` bytes of its file, is of a format that this probe knows. */
bool link_header_is_sound(const struct session_header *header, size_t size);

/* Opens a session's file if it is this user's own; its descriptor and size, or -1 with a sentence. */
int link_open_file(const char *path, size_t *ret_length, char *reason, size_t size);

/* A session of this process alone, for calibration: no file, no rings. 0, or -1 with a sentence. */
int link_open_private(char *reason, size_t size);

/* Does as the session says for full rings. */
void link_obey_full(void);

/* No session any more, and nothing mapped. Whoever has pointers into it has let them go. */
void link_close(void);

/* In a fork's child: the session is the parent's; from here on there is none. Async-signal-safe. */
void link_forget(void);

/* Whether a collector still holds its lock on the session (one syscall). */
bool link_collector_lives(void);

static inline uint64_t link_counter(void)
{
    return clock_counter(link_to.clock);
}

#endif

/* SPDX-License-Identifier: MIT */
/* A source whose hooks are its own: switched on and off with the calls, heard without them.
 * Why: calls and C calls share one mechanism of the interpreter (switch.h); everything else is hooked where it
 * happens, and comes and goes by itself.
 * Rules: the GIL is held. make_ready may call Python's functions, in which the GIL may pass; on may not. off
 * leaves nothing in the interpreter, is allowed when nothing was on, and keeps a pending exception. */
#ifndef ULMA_PROBE_SOURCE_HOOKS_H
#define ULMA_PROBE_SOURCE_HOOKS_H

#include <stddef.h>
#include <stdint.h>

struct source_hooks {
    uint32_t bit; /* enum session_source */
    /* Before the program's first code: 0, or -1 with a sentence where this Python cannot. NULL: every one can. */
    int (*can_be_had)(char *reason, size_t size);
    /* 0, or -1 with a sentence: then it is refused. */
    int (*make_ready)(char *reason, size_t size);
    int (*on)(char *reason, size_t size);
    void (*off)(void);
    /* While on: the mode bytes, or what they are of, have changed. NULL: it does not go by them. */
    void (*rearm)(void);
    /* While on: a module has been imported, or the like. NULL: it does not care. */
    void (*imported)(void);
    /* While on, now and then: whether its hooks are still its own. NULL: nobody takes them. */
    void (*look)(void);
};

/* Whether this Python can tell all of `sources`: 0, or -1 with a sentence. */
int source_hooks_can_be_had(uint32_t sources, char *reason, size_t size);

/* Those of `sources`, in the order of sources.def. 0, or -1 with a sentence; then none of them is on. */
int source_hooks_make_ready(uint32_t sources, char *reason, size_t size);
int source_hooks_on(uint32_t sources, char *reason, size_t size);
void source_hooks_off(void); /* all, in the reverse order: what two replace is put back */
void source_hooks_rearm(uint32_t sources);

/* Whether somebody has taken hooks away. No exception is pending. */
void source_hooks_look(void);

/* importlib's function has returned, by a thread that may call Python's functions. A pending exception stays. */
void source_hooks_imported(void);

#endif

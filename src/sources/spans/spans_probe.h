/* SPDX-License-Identifier: MIT */
/* The source `spans` in the target: which request, or other named piece of work, a thread runs.
 * Why a context variable: a request of an asyncio server runs in steps between those of others, and parts of it in other
 * threads; the interpreter itself carries contexts along all these ways (tasks, callbacks, to_thread), so that one look at
 * the variable when a function begins tells whose work it is.
 * Rules: the GIL is held. Nothing is looked at, and no event written, while the source is off. */
#ifndef ULMA_SOURCES_SPANS_PROBE_H
#define ULMA_SOURCES_SPANS_PROBE_H

#include <stdbool.h>

extern bool spans_are_on;

/* Tells the thread's span if it is another one than the last that was told. */
void spans_look_now(void);

/* Before a push. */
static inline void spans_look(void)
{
    if (__builtin_expect(spans_are_on, 0))
        spans_look_now();
}

#endif

/* SPDX-License-Identifier: MIT */
/* What this thread allocates now is the probe's own.
 * Why: the source `memory` hears every allocation of the process; names that the probe reads, say, are none of
 * the program's, and an event of the probe's own work could come between two words of another one.
 * Rules: raised and lowered in pairs, by one thread. */
#ifndef ULMA_PROBE_OWN_MEMORY_H
#define ULMA_PROBE_OWN_MEMORY_H

#include <stdint.h>

/* 0: the program's. */
extern __thread uint32_t own_memory_depth __attribute__((tls_model("initial-exec")));

static inline void own_memory_begin(void)
{
    own_memory_depth++;
}

static inline void own_memory_end(void)
{
    own_memory_depth--;
}

#endif

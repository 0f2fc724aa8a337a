/* SPDX-License-Identifier: MIT */
/* The source `memory` in the target, as the rest of the probe sees it.
 * Why: a fork's child has one thread, and what the others held stays locked. */
#ifndef ULMA_SOURCES_MEMORY_PROBE_H
#define ULMA_SOURCES_MEMORY_PROBE_H

/* In a fork's child, before anything of it runs. Async-signal-safe. */
void memory_probe_forked(void);

#endif

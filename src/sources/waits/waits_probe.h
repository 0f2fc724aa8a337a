/* SPDX-License-Identifier: MIT */
/* The source `waits` in the target: what threads sleep for within the C library, by the tables that io changes.
 * Why there: CPython's locks, its GIL and what its runtime parks threads in are made of these few functions, on every
 * version, and so are an extension's own locks. Sleeps, polls and I/O are io's, which is always on with it.
 * Rules: those of io_probe.h. */
#ifndef ULMA_SOURCES_WAITS_PROBE_H
#define ULMA_SOURCES_WAITS_PROBE_H

#include "sources/io/io_probe.h"

#define WAITS_FUNCTION(symbol) io_function waits_wrap_##symbol;
#include "sources/waits/waits_functions.def"

/* waits_wrappers_probe.c: where the GIL is. The GIL is held, by this thread. */
void waits_find_gil(void);
void waits_begin_hold(void);

#endif

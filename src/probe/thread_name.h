/* SPDX-License-Identifier: MIT */
/* The name that Python code gave to the calling thread, into its ring's entry.
 * Why: before 3.14 the kernel does not know it, and `Thread-7 (worker)` says more than `python3`.
 * Rules: the GIL is held; no Python code is run (dictionary lookups by int and generic attribute
 * access only); a pending exception stays. */
#ifndef ULMA_PROBE_THREAD_NAME_H
#define ULMA_PROBE_THREAD_NAME_H

#include "wire/ring.h"

#include <stdbool.h>
#include <stddef.h>

/* True when the name is known and told; false: not yet (threading registers a thread late). */
bool thread_name_tell(struct ring_shared *ring);

/* Tells a name that is known otherwise: the first thread's, until `threading` says another. */
void thread_name_set(struct ring_shared *ring, const char *name, size_t size);

#endif

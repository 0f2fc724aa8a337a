/* SPDX-License-Identifier: MIT */
/* Looking up what descriptors are of, in /proc.
 * Why the keeper: it is I/O, and the fold does none.
 * Rules: the keeper's thread. What is looked up is handed over under the model's lock, and only if the descriptor is
 * still what was asked for. */
#ifndef ULMA_MODEL_IO_LOOKUP_H
#define ULMA_MODEL_IO_LOOKUP_H

#include <stdbool.h>

struct collector;
struct drain;

/* What the probes have asked for, and descriptors that turned up since. */
void io_lookup(struct collector *collector);

/* Under the lock: a probe waits for an answer, or there is much to look up. */
bool io_lookup_is_wanted(const struct collector *collector);

#endif

/* SPDX-License-Identifier: MIT */
/* The flight recorder: an armed process that nobody collects from keeps its last moments itself, in a
 * session of its own whose rings overwrite themselves (wire/ring.h).
 * Why in the armed process: it needs what arming has prepared, and makes room for a collector that comes:
 * that one's session takes its place, and when it leaves the recorder begins anew.
 * The budget: there is no collector to mute by it, so the probe does. What recording costs (events, at
 * their calibrated price) is held against the process's CPU time, with some allowance for bursts. When that
 * is used up, the functions that were called most in the last events of the thread that found it out fall
 * silent, those first that return at once. When the allowance is full again all are heard anew, at most
 * every ten seconds, and who is silent is decided afresh.
 * Rules: under the GIL. flight_look is within an event: no allocation, no Python call. */
#ifndef ULMA_PROBE_FLIGHT_H
#define ULMA_PROBE_FLIGHT_H

#include "probe/writer.h"

/* Recording from here on; `words` as in flight_file.h. Its file is in the control page's directory. 0, or -1
 * with a sentence; then all is as before. */
int flight_begin(const char *words, char *reason, size_t size);

/* Nobody collects: on again where it is wanted, else nothing. */
void flight_resume(void);

/* Not wanted any more; its file goes when it is no longer linked. */
void flight_end(void);

/* In a fork's child at its first event: a session of its own is linked. False: there is no room for one. */
bool flight_link_child(void);

/* ... and recording begins there. */
void flight_begin_child(void);

bool flight_is_wanted(void);

/* It keeps functions silent now. */
bool flight_mutes(void);

/* The slow path of a thread that records. */
void flight_look(struct writer *writer, uint64_t counter);

#endif

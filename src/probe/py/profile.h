/* SPDX-License-Identifier: MIT */
/* Calls and C calls together on 3.9-3.11: the profile function.
 * Why: see frame_eval.c.
 * Rules: the GIL is held. Refused where another profile function is set; one that comes later ends
 * ours in its thread, and the thread's frames then end unseen. */
#ifndef ULMA_PROBE_PY_PROFILE_H
#define ULMA_PROBE_PY_PROFILE_H

#include "probe/py/pyapi.h"

/* Begins; threads get it through profile_ensure. 0, or -1 with a sentence. */
int profile_on(uint32_t sources, char *reason, size_t size);

/* Sets it on this thread if it is not there yet. True: it was not. */
bool profile_ensure(PyThreadState *tstate);

/* Takes it from every thread. */
void profile_off(void);

#endif

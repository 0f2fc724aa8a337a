/* SPDX-License-Identifier: MIT */
/* The source `lines` in the target: LINE events of the functions that were chosen, and of no others.
 * Why local events: the interpreter instruments the lines of those code objects alone; all else runs as it did.
 * Why at first sight: which functions are chosen the collector says (wire/session.h, enum site_lines), and a function
 * may run for ever in its first call; so the lines of one that it has not decided yet are told, up to the first one
 * after it turns out that nobody wants them.
 * Rules: the GIL is held. Nothing here raises. */
#ifndef ULMA_SOURCES_LINES_PROBE_H
#define ULMA_SOURCES_LINES_PROBE_H

#include "probe/py/pyapi.h"

#include <stdbool.h>

/* A code object has just got this id. A pending exception has been put aside. */
void lines_defined(PyObject *code, uint32_t id);

/* Since the last time it was asked, the event came to code objects that had not had it: of what is open the collector
 * may not know. */
bool lines_told_anew(void);

/* The local events that the code object of this id is to keep. */
long lines_local_events(uint32_t id);

#endif

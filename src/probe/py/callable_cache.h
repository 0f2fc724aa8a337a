/* SPDX-License-Identifier: MIT */
/* The interpreter's shortcuts to isinstance, len and list.append (3.11 and newer).
 * Why: a call site that is specialised for one of them compares with a pointer that the interpreter keeps, and then
 * does the work by itself, past the function. With NULL there the comparison fails, and the site calls the function
 * again.
 * Rules: the GIL is held. The place is private, and so is found by what stands in it: the three, one after the
 * other. */
#ifndef ULMA_PROBE_PY_CALLABLE_CACHE_H
#define ULMA_PROBE_PY_CALLABLE_CACHE_H

#include <stdbool.h>

/* They are called as any other from here on. False: the shortcuts were not found, and stay. */
bool callable_cache_close(void);

/* As it was. */
void callable_cache_open(void);

/* Whether the interpreter has a shortcut past a method or function of this name. */
bool callable_cache_may_have(const char *name);

#endif

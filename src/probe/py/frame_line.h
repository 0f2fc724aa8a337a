/* SPDX-License-Identifier: MIT */
/* Which line a frame is at, without a frame object.
 * Why: an allocation is told with its line, from within an allocator, where nothing may be allocated.
 * Rules: the GIL is held. */
#ifndef ULMA_PROBE_PY_FRAME_LINE_H
#define ULMA_PROBE_PY_FRAME_LINE_H

#include "probe/py/pyapi.h"

/* Once: finds what it needs, and proves on a running frame where instructions stand. 0, or -1 with a sentence. */
int frame_line_prepare(char *reason, size_t size);

/* An address that stands for the code and where in it the frame is. */
const void *frame_line_place(void *frame, PyObject *code);

/* 0: not known. Looks through the code's table: the caller remembers what it says. */
uint32_t frame_line_of(PyObject *code, const void *place);

#endif

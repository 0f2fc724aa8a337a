/* SPDX-License-Identifier: MIT */
/* A row of numbers as a line of small bars. */
#ifndef ULMA_TUI_SPARK_H
#define ULMA_TUI_SPARK_H

#include <stddef.h>

/* The bars of `values` up to `scale` (0: the largest of them), one column each. Nothing at all is a
 * blank, anything at all at least the lowest bar: idle is still, and little is not nothing. */
void spark_text(const float *values, size_t count, float scale, char *text, size_t size);

float spark_max(const float *values, size_t count);

#endif

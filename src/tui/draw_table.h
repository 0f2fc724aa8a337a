/* SPDX-License-Identifier: MIT */
/* Any view's table on any width of screen.
 * Why: a view says what its columns are and which may go; how they are drawn is said once.
 * Rules: columns go by priority, highest first; the name never goes and gets what is left. Numbers
 * end where their titles end. */
#ifndef ULMA_TUI_DRAW_TABLE_H
#define ULMA_TUI_DRAW_TABLE_H

#include "tui/tui_state.h"

/* Titles in the first of `height` rows, then as many rows as fit. Scrolls the place's cursor into
 * view. */
void draw_table(struct tui_state *state, struct screen *screen, int row, int height);

#endif

/* SPDX-License-Identifier: MIT */
/* What a table does not have, and why: a source that the program refused, or all of them.
 * Why above the rows: such a sentence has no room in the header, and whoever asked for the source must read it whole.
 * Rules: nothing is drawn, and no row taken, where all that was asked for is on. */
#ifndef ULMA_TUI_NOTES_H
#define ULMA_TUI_NOTES_H

#include "tui/tui_state.h"

/* How many rows they take in so many columns. */
int notes_height(const struct tui_state *state, int columns);

/* At most `height` rows; returns how many it drew. */
int notes_draw(const struct tui_state *state, struct screen *screen, int row, int height);

#endif

/* SPDX-License-Identifier: MIT */
/* The keys and what the open view's columns mean. */
#ifndef ULMA_TUI_HELP_SCREEN_H
#define ULMA_TUI_HELP_SCREEN_H

#include "tui/tui_state.h"

/* From `row` on, `height` rows; scrolls by state->help_top, which is kept in bounds. */
void help_screen_draw(struct tui_state *state, struct screen *screen, int row, int height);

#endif

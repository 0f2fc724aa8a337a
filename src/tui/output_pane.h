/* SPDX-License-Identifier: MIT */
/* The end of what the target itself has printed. */
#ifndef ULMA_TUI_OUTPUT_PANE_H
#define ULMA_TUI_OUTPUT_PANE_H

#include "tui/tui_state.h"

/* A rule with the file's path, then the last lines, in `height` rows. */
void output_pane_draw(const struct tui_state *state, struct screen *screen, int row, int height);

#endif

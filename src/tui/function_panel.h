/* SPDX-License-Identifier: MIT */
/* The course of one function's calls and times, as spark lines above its table. */
#ifndef ULMA_TUI_FUNCTION_PANEL_H
#define ULMA_TUI_FUNCTION_PANEL_H

#include "tui/tui_state.h"

enum { FUNCTION_PANEL_HEIGHT = 3 };

/* As many of its lines as `height` allows. Returns the rows used. */
int function_panel_draw(const struct tui_state *state, struct screen *screen, int row, int height);

#endif

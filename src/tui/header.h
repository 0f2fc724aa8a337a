/* SPDX-License-Identifier: MIT */
/* The lines above the table: what runs, how busy it is, what seeing it costs, how exact it is. */
#ifndef ULMA_TUI_HEADER_H
#define ULMA_TUI_HEADER_H

#include "tui/tui_state.h"

enum { HEADER_HEIGHT = 4 };

/* The first `height` of its lines (the last of them always tells exactness), from row 0 on. */
void header_draw(const struct tui_state *state, struct screen *screen, int height);

/* The names of the views, the open one marked, and how many rows there are. */
void header_draw_tabs(const struct tui_state *state, struct screen *screen, int row);

#endif

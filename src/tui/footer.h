/* SPDX-License-Identifier: MIT */
/* The last line: the keys, or a message, or the filter being typed. */
#ifndef ULMA_TUI_FOOTER_H
#define ULMA_TUI_FOOTER_H

#include "tui/tui_state.h"

void footer_draw(const struct tui_state *state, struct screen *screen, int row);

#endif

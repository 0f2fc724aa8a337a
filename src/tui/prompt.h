/* SPDX-License-Identifier: MIT */
/* Lines that a person types into: the filter, and what is to be followed from here on.
 * Why apart from the keys: while such a line is open it has all keys but those that move the cursor.
 * Rules: nothing changes before Enter; Escape leaves it as it was. */
#ifndef ULMA_TUI_PROMPT_H
#define ULMA_TUI_PROMPT_H

#include "tui/tui_state.h"

/* What the key does to the text. */
void prompt_edit(char *text, size_t size, int key);

/* Asks for the patterns to keep, to leave out, for the budget: with what is in force in the line. */
void prompt_ask_only(struct tui_state *state);
void prompt_ask_skip(struct tui_state *state);
void prompt_ask_budget(struct tui_state *state);
void prompt_ask_rules(struct tui_state *state);

/* A key while it is open. */
void prompt_step(struct tui_state *state, int key);

/* The sources with C calls, or without. */
void prompt_switch_c_calls(struct tui_state *state);

void prompt_draw(const struct tui_state *state, struct screen *screen, int row, int columns);

#endif

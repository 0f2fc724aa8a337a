/* SPDX-License-Identifier: MIT */
/* What each key does, in one table.
 * Why: the help screen, the footer and the keys themselves cannot disagree when they are one list.
 * Rules: an entry without a label is another way to press the one before it. */
#ifndef ULMA_TUI_TUI_KEYS_H
#define ULMA_TUI_TUI_KEYS_H

#include "tui/tui_state.h"

struct tui_key {
    int key;
    const char *label; /* "q", "Enter"; NULL: an alias */
    const char *hint;  /* one word for the footer; NULL: not there */
    int rank;          /* in the footer: 1 is the last to be dropped */
    const char *help;
    void (*act)(struct tui_state *state);
};

extern const struct tui_key tui_key_list[]; /* key 0 ends it */

#endif

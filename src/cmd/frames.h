/* SPDX-License-Identifier: MIT */
/* Plain frames of top: text or one line of JSON each, on stdout.
 * Why: for pipes, logs and terminals that cannot move their cursor.
 * Rules: a text frame is what the screen would show of the view `functions`, without colours and
 * keys, and an empty line after it. */
#ifndef ULMA_CMD_FRAMES_H
#define ULMA_CMD_FRAMES_H

#include "tui/tui.h"

/* 0, or -errno (-EPIPE: nobody reads any more). */
int frames_text(const struct tui_host *host, const struct tui_options *options, int columns);
int frames_json(const struct tui_host *host, const struct tui_options *options);

#endif

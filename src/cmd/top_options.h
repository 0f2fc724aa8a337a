/* SPDX-License-Identifier: MIT */
/* Options of the command line, as the screen reads them.
 * Rules: in the reading half: no process, no probe. */
#ifndef ULMA_CMD_TOP_OPTIONS_H
#define ULMA_CMD_TOP_OPTIONS_H

#include "cmd/options.h"
#include "tui/tui.h"

void top_options_init(struct tui_options *wanted, const struct options *options,
                      enum snapshot_clock clock, int window_s);

#endif

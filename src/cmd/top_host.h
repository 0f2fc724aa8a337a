/* SPDX-License-Identifier: MIT */
/* What the terminal's screen wants of a job: numbers, the switch, the target's output.
 * Why: the tui knows views and one interface; here it meets the collector.
 * Rules: called from the screen's thread only. */
#ifndef ULMA_CMD_TOP_HOST_H
#define ULMA_CMD_TOP_HOST_H

#include "cmd/job.h"
#include "tui/tui.h"

void top_host_init(struct tui_host *host, struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* What a flight recorder's threads did last, for people.
 * Why: after a crash one asks for the stack first, and for what led there second.
 * Rules: names are the target's word: cleaned before they are shown. */
#ifndef ULMA_CMD_RESCUE_PRINT_H
#define ULMA_CMD_RESCUE_PRINT_H

#include "model/flight_copy.h"

#include <stdio.h>

/* Whose it is, how and when it ended, how much there is. */
int rescue_print_head(const struct flight *flight, FILE *stream);

/* Each thread's last stack and last calls. */
int rescue_print_threads(const struct flight *flight, FILE *stream);

#endif

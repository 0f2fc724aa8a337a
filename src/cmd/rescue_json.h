/* SPDX-License-Identifier: MIT */
/* What a flight recorder's threads did last, for scripts.
 * Why: see rescue_print.h; whoever collects crashes wants the stacks without reading a page.
 * Rules: the member `flight` of a rescue's JSON; its shape is docs/flight-recorder.md's. */
#ifndef ULMA_CMD_RESCUE_JSON_H
#define ULMA_CMD_RESCUE_JSON_H

#include "export/json_writer.h"
#include "model/flight_copy.h"

/* 0 or -ENOMEM. */
int rescue_json_write(const struct flight *flight, struct json_writer *writer);

#endif

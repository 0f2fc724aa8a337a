/* SPDX-License-Identifier: MIT */
/* From options to the screen's.
 * Why: see top_options.h.
 * Rules: as there. */
#include "cmd/top_options.h"

#include "cmd/report_stream.h"

#include <string.h>
#include <unistd.h>

/* The screen's column for a key of the report; NULL: its own order. */
static const char *column_of(const char *sort)
{
    static const struct {
        const char *key, *column;
    } columns[] = {
        {"calls", "calls_per_s"},
        {"ncalls", "calls_per_s"},
        {"pcalls", "calls_per_s"},
        {"time", "self"},
        {"tottime", "self"},
        {"cumulative", "total"},
        {"cumtime", "total"},
        {"p50", "p99"},
        {"p99", "p99"},
        {"max", "max"},
        {"wait", "wait"},
        {"file", "function"},
        {"filename", "function"},
        {"line", "function"},
        {"module", "function"},
        {"name", "function"},
        {"nfl", "function"},
        {"stdname", "function"},
    };
    for (size_t i = 0; sort && i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (strcmp(columns[i].key, sort) == 0)
            return columns[i].column;
    }
    return NULL;
}

void top_options_init(struct tui_options *wanted, const struct options *options,
                      enum snapshot_clock clock, int window_s)
{
    *wanted = (struct tui_options){
        .clock = clock,
        .interval_s = options->interval_ns == OPTIONS_UNSET ? 1.0
                                                            : (double)options->interval_ns / 1e9,
        .window_s = window_s,
        .sort = column_of(options->sort),
        .limit = options->limit == OPTIONS_UNSET ? 0 : (size_t)options->limit,
        .color = report_color(options, STDOUT_FILENO),
    };
}

/* SPDX-License-Identifier: MIT */
/* From a snapshot to the bytes of a report.
 * Why apart from report.h: a report on a recording has no job behind it.
 * Rules: in the reading half: no process, no probe. */
#ifndef ULMA_CMD_REPORT_STREAM_H
#define ULMA_CMD_REPORT_STREAM_H

#include "cmd/options.h"
#include "cmd/output.h"

/* A terminal's width: the descriptor's, else $COLUMNS, else 80. */
int report_columns(int fd);

/* Colours are wanted on this descriptor. */
bool report_color(const struct options *options, int fd);

/* Options of the command line, as exporters read them; for a stream of this width. */
struct export_options report_stream_wanted(const struct options *options, enum snapshot_clock clock,
                                           int columns, bool color);

/* The same for what a descriptor is. */
struct export_options report_stream_options(const struct options *options,
                                            enum snapshot_clock clock, int fd);

/* Whether the weight that is asked for can be told; else it is said why not. */
bool report_stream_fits(const struct options *options, const struct exporter *format,
                        const struct snapshot *snapshot);

/* NULL: not possible, `*ret_error` says why. */
char *report_stream_render(const struct snapshot *snapshot, const struct exporter *format,
                           const struct export_options *options, size_t *ret_size, int *ret_error);

/* The last line: what was written, and which command reads it. */
void report_stream_say_written(const struct output *output);

/* All of it: rendered, written, said. False: it is said why not. */
bool report_stream_write(const struct options *options, const struct snapshot *snapshot,
                         struct output *output);

#endif

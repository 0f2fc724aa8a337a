/* SPDX-License-Identifier: MIT */
/* The header of the reports for people, and colours.
 * Why: table, tree and markdown say the same things about the run in the same words.
 * Rules: for the files of this folder and of src/diff. Colours only where options->color. The words before
 * the colons are part of the contract: scripts look for `exact: yes` and `lost: 0`. */
#ifndef ULMA_EXPORT_EXPORT_STYLE_H
#define ULMA_EXPORT_EXPORT_STYLE_H

#include "base/arena.h"
#include "export/exporter.h"

enum export_style { STYLE_BOLD, STYLE_DIM, STYLE_WARNING };

void export_style_open(FILE *stream, const struct export_options *options, enum export_style style);
void export_style_close(FILE *stream, const struct export_options *options);

/* 0 or -ENOMEM. */
int export_style_header(FILE *stream, const struct snapshot *snapshot,
                        const struct export_options *options, struct arena *arena);

/* `yes`, or `no, ` and why. From the arena; NULL: no memory. */
const char *export_style_exact(const struct snapshot *snapshot, struct arena *arena);

#endif

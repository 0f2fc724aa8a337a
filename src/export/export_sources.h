/* SPDX-License-Identifier: MIT */
/* What other sources than the calls have told, in the report: their views' tables, one below the other.
 * Rules: for the files of this folder only. */
#ifndef ULMA_EXPORT_EXPORT_SOURCES_H
#define ULMA_EXPORT_EXPORT_SOURCES_H

#include "export/exporter.h"

/* Writes nothing where only calls were recorded. 0 or -ENOMEM. */
int export_sources_write(FILE *stream, const struct snapshot *snapshot,
                         const struct export_options *options);

#endif

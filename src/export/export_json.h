/* SPDX-License-Identifier: MIT */
/* Parts of the format `json` that the live page shows, too.
 * Why: what is named alike is the same, in the report and on the page.
 * Rules: members of an object that the caller has opened. */
#ifndef ULMA_EXPORT_EXPORT_JSON_H
#define ULMA_EXPORT_EXPORT_JSON_H

#include "export/json_writer.h"
#include "model/snapshot.h"

/* The members of `target`. */
void export_json_target(struct json_writer *writer, const struct snapshot_meta *meta);

/* The list `sources`. */
void export_json_sources(struct json_writer *writer, const struct snapshot_meta *meta);

#endif

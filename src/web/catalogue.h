/* SPDX-License-Identifier: MIT */
/* Every view that the page knows, whatever the target can show.
 * Why: tabs must not come and go; what cannot be shown says why. The ids are a contract (docs/cli.md).
 * Rules: tables come from src/views by their id; pictures are of src/web. */
#ifndef ULMA_WEB_CATALOGUE_H
#define ULMA_WEB_CATALOGUE_H

#include "export/json_writer.h"
#include "views/view.h"

struct catalogue_row {
    const char *id;
    const char *title;
    const char *source; /* that must be on for it; NULL: any */
};

extern const struct catalogue_row catalogue[];
extern const size_t catalogue_count;

/* NULL: no such view. */
const struct catalogue_row *catalogue_find(const char *id);

/* NULL: the snapshot has what it shows; else why not, one phrase. */
const char *catalogue_reason(const struct catalogue_row *row, const struct snapshot *snapshot);

/* The list of `/api/views`. `snapshot` may be NULL; `no_timeline`: why there is none, or NULL. */
void catalogue_write(struct json_writer *writer, const struct snapshot *snapshot,
                     const char *no_timeline);

#endif

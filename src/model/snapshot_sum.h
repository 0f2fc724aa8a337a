/* SPDX-License-Identifier: MIT */
/* The same function in several processes as one row.
 * Why: a model that is recorded keeps processes apart, since a recording must; whoever looks on wants one row each, as
 * everywhere else. So do several snapshots that were put together (snapshot_bytes.h).
 * Rules: a function is module, qualname, name, file, line and kind. Sums are exact. Percentiles are known (else 0) of
 * functions that ended in one process alone: two medians make none. */
#ifndef ULMA_MODEL_SNAPSHOT_SUM_H
#define ULMA_MODEL_SNAPSHOT_SUM_H

#include "model/snapshot.h"

/* Rows, paths and edges. 0 or -ENOMEM; then the snapshot is as it was. */
int snapshot_sum_processes(struct snapshot *snapshot);

/* Paths, edges and rows of the garbage collector that are alike are one; after functions of several trees were put together. 0 or -ENOMEM. */
int snapshot_sum_paths(struct snapshot *snapshot);

/* The meta data of one more snapshot: counts are summed, the first one's name and Python stay. */
void snapshot_sum_meta(struct snapshot *to, const struct snapshot *from);

#endif

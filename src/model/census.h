/* SPDX-License-Identifier: MIT */
/* How often each symbol, row and edge stands on the path that new nodes are being added to.
 * Why: a new node must know whether its function is open below it. Walking the path for each new node
 * is quadratic in deep recursion (100,000 levels, a leaf called at each); this walks only the part of
 * the path that changed since the last new node, which the events in between have paid for.
 * Rules: while the tree is not full a node determines its whole path, so two paths that have the same
 * node at a depth are the same up to there. */
#ifndef ULMA_MODEL_CENSUS_H
#define ULMA_MODEL_CENSUS_H

#include "model/nodes.h"
#include "model/track.h"

struct census;

struct census *census_new(void);
void census_free(struct census *census);

/* The flags (enum node_flags) of a new child for `symbol` of the track's top node. Without memory it
 * answers as if nothing were open. */
uint32_t census_flags(struct census *census, const struct nodes *nodes,
                      const struct symbols *symbols, const struct track *track, uint32_t symbol);

#endif

/* SPDX-License-Identifier: MIT */
/* What happened between two snapshots of the whole run.
 * Why: a scraper asks for the next N seconds, and the windows that the model keeps are of 1, 10 and 60.
 * Rules: paths only grow, so what a path had before is taken from what it has. The later one becomes the
 * difference; of it, paths and the header's times only: what a profile is made of. */
#ifndef ULMA_WEB_DIFFERENCE_H
#define ULMA_WEB_DIFFERENCE_H

#include "model/snapshot.h"

/* 0 or -ENOMEM. */
int difference_make(struct snapshot *later, const struct snapshot *earlier);

#endif

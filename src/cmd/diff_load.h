/* SPDX-License-Identifier: MIT */
/* The recordings of a comparison: opened, read whole and in slices, closed.
 * Why slices: with few recordings only what is within one tells a steady function from an erratic one.
 * Rules: prints nothing; what is wrong comes back as one sentence. */
#ifndef ULMA_CMD_DIFF_LOAD_H
#define ULMA_CMD_DIFF_LOAD_H

#include "diff/diff.h"

struct loaded; /* a recording's snapshots */

struct diff_load {
    struct diff_recording *recordings;
    struct loaded *loaded;
    size_t count;
};

enum { DIFF_LOAD_REASON_SIZE = 1024 };

/* `files` in the order of the request. 0 or -errno; then `reason` says why. diff_load_free in any case. */
int diff_load_all(struct diff_load *load, char **files, size_t count, enum snapshot_clock clock,
                  char *reason);
void diff_load_free(struct diff_load *load);

#endif

/* SPDX-License-Identifier: MIT */
/* What the files of this folder share while a diff is made.
 * Rules: for them only. An *entry* is a function of any recording, the same one in all of them; its
 * numbers in recording r are sample_of(making, r, entry). */
#ifndef ULMA_DIFF_DIFF_PARTS_H
#define ULMA_DIFF_DIFF_PARTS_H

#include "base/arena.h"
#include "diff/diff.h"

struct entry {
    const struct snapshot_function *sides[DIFF_SIDES]; /* in the latest recording of it */
    bool renamed;
};

/* A function's numbers in one recording. */
struct sample {
    double calls; /* calls and resumes */
    double activations;
    double self_ns, total_ns, wait_ns, wall_ns, p99_ns;
    double total_wait_ns, total_wall_ns;
    double objects, bytes; /* births, and what was asked of the allocators */
    double probed;         /* its calls and those that it made: each cost a probe */
    double tail;           /* share of its time in calls that took longer than most; 0: not known */
    double jitter; /* variance of the log of its time, by the recording's slices; 0: not known */
    const double *quantiles; /* of one call's time, where that is self time; NULL: not known */
    const double *waiting;   /* the same by the wall clock, of a function that mostly waits */
    bool present, estimated, tail_known;
};

struct making {
    const struct diff_request *request;
    struct arena *arena; /* the diff's */
    struct arena *scratch;
    size_t recording_count;
    struct entry *entries;
    size_t entry_count, entry_limit;
    int32_t **entry_of; /* by recording, by its function */
    struct sample *samples;
    double *waited; /* by recording: the share of its time that a function usually waits */
};

static inline enum diff_side side_of(const struct making *making, size_t recording)
{
    return recording < making->request->counts[DIFF_OLD] ? DIFF_OLD : DIFF_NEW;
}

static inline const struct snapshot *whole_of(const struct making *making, size_t recording)
{
    return making->request->recordings[recording].whole;
}

static inline struct sample *sample_of(const struct making *making, size_t recording, size_t entry)
{
    return &making->samples[recording * making->entry_count + entry];
}

/* diff_match.c: the entries of all recordings. 0 or -ENOMEM. */
int diff_match(struct making *making);

/* diff_rename.c: joins entries of one side alone that look like the same function. 0 or -ENOMEM. */
int diff_rename(struct making *making);

/* diff_samples.c: the numbers. 0 or -ENOMEM. */
int diff_sample(struct making *making);

/* diff_contexts.c: the joined tree. `function_of` is by entry. 0 or -ENOMEM. */
int diff_contexts(struct making *making, struct diff *diff, const int32_t *function_of);

/* diff_notes.c: what the reader must know. 0 or -ENOMEM. */
int diff_notes(struct diff *diff);

#endif

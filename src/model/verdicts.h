/* SPDX-License-Identifier: MIT */
/* What the numbers mean: uses of the interpreter and of the system that cost more than they have to.
 * Why from a snapshot: a verdict is said live, of a recording and of a slice of it alike, and whoever doubts it finds the
 * same numbers in the other views.
 * Rules: each has its evidence, in figures that were counted; where a source that would tell was off, nothing is said.
 * None below a hundredth of the threads' time or a millisecond. A cost is what mending the place would save at
 * least, not what the place takes. Thread safe but for verdicts_hide. */
#ifndef ULMA_MODEL_VERDICTS_H
#define ULMA_MODEL_VERDICTS_H

#include "base/arena.h"
#include "model/snapshot.h"

struct usage_verdict {
    const char *name; /* "many small writes" */
    int32_t function; /* the place; NONE: no Python function was open */
    uint64_t count;   /* how often */
    int64_t cost_ns;
    const char *evidence; /* a sentence without a full stop */
};

struct usage_verdicts {
    struct usage_verdict *rows; /* the dearest first */
    size_t count;
};

/* 0 or -ENOMEM. All of it is of the arena. */
int verdicts_find(const struct snapshot *snapshot, struct arena *arena,
                  struct usage_verdicts *ret_verdicts);

/* There is one at least. */
bool verdicts_any(const struct snapshot *snapshot);

/* From now on there is none (`--verdicts off`). Before other threads begin. */
void verdicts_hide(void);
bool verdicts_are_hidden(void);

#endif

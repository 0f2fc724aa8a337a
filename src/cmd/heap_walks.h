/* SPDX-License-Identifier: MIT */
/* Walks over a process's heap, one after the other, and what has grown between two.
 * Why apart from the verb: what is asked of the process, and what is shown, differ.
 * Rules: a walk is copied out of its file and checked before anyone reads it: it is the process's word. */
#ifndef ULMA_CMD_HEAP_WALKS_H
#define ULMA_CMD_HEAP_WALKS_H

#include "attach/armed.h"
#include "wire/heap_census.h"

#include <stdio.h>

struct heap_walk {
    struct heap_census_header header;
    struct heap_census_row *rows; /* header.row_count of them, by type's name; owned */
};

/* One that `before` (NULL: there was none) is taken from; both owned by the caller. */
struct heap_growth {
    const struct heap_walk *walk, *before;
    const char *about; /* the process, in words */
    uint32_t pid;
    const char *python;
    uint64_t number; /* of the walk; 1.. */
    size_t limit;    /* rows; 0: all */
};

/* Asks for one; `wanted`: whose referrers, or NULL. False: said on stderr. */
bool heap_walk_take(struct armed *armed, const char *wanted, int timeout_ms,
                    struct heap_walk *ret_walk);
void heap_walk_done(struct heap_walk *walk);

/* What is the largest first, or, with one before, what has grown most. 0 or -ENOMEM. */
int heap_growth_print(const struct heap_growth *growth, FILE *stream);
int heap_growth_json(const struct heap_growth *growth, bool compact, FILE *stream);

#endif

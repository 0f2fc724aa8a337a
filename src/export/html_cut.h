/* SPDX-License-Identifier: MIT */
/* What of a run goes into a page, so that its size is bounded.
 * Why: a page that a browser cannot open shows nothing; what is heavy is what people look for.
 * Rules: the heaviest functions by total time, and the contexts of these that have more than a share
 * of the time; the share grows until they fit. What is left out is summed at the context from which
 * it was cut, so totals stay what they are. Names are whole while they fit, else they are cut to one
 * length. All numbers are bounded, so the page is: see the constants. */
#ifndef ULMA_EXPORT_HTML_CUT_H
#define ULMA_EXPORT_HTML_CUT_H

#include "base/arena.h"
#include "export/exporter.h"

enum {
    /* A function takes at most 17 numbers beside its names; a context 5 numbers, and 6 more where
     * something was cut off it. */
    HTML_MOST_FUNCTIONS = 6000,
    HTML_MOST_NAME_BYTES = 1200 * 1000,
    HTML_MOST_NODES = 20000,
    HTML_MOST_LEVELS = 2000,
};

/* What was cut off a context. */
struct html_rest {
    uint64_t contexts;
    int64_t calls, wall_ns, cpu_ns, wait_ns;
};

struct html_cut {
    const struct snapshot *snapshot;
    int32_t *functions; /* indices, by total time */
    size_t function_count;
    int32_t *positions; /* of functions in `functions`; NONE: left out */
    int64_t cut_functions_ns;
    int limit; /* columns that a name may have */
    size_t names_cut;
    int32_t *nodes;   /* indices, parents first, heaviest first */
    int32_t *parents; /* positions in `nodes`; NONE for the root */
    struct html_rest *rests;
    size_t node_count;
};

/* 0 or -ENOMEM. */
int html_cut_make(struct arena *arena, const struct snapshot *snapshot, enum snapshot_clock clock,
                  struct html_cut *ret_cut);

/* Cleaned, and cut to the limit. NULL: no memory. */
const char *html_cut_name(const struct html_cut *cut, struct arena *arena, int32_t function);
const char *html_cut_file(const struct html_cut *cut, struct arena *arena, int32_t function);

#endif

/* SPDX-License-Identifier: MIT */
/* What the garbage collector did: pauses by generation, and by the function that triggered each.
 * Why bounded by what it is: three generations, and functions that there are rows for; beyond the limit a
 * trigger is counted under no function.
 * Rules: one owner, the fold. Ticks are of the counter, from the collector's begin to its end: what finalizers
 * and other callbacks take is in it, and in their functions' times too. */
#ifndef ULMA_MODEL_GC_PAUSES_H
#define ULMA_MODEL_GC_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

enum { GC_GENERATIONS = 3, GC_TRIGGERS_LIMIT = 1 << 12 };

struct gc_sums {
    uint64_t runs, collected, uncollectable;
    int64_t total_ticks, max_ticks;
};

/* Of one generation, triggered by one function. */
struct gc_trigger {
    struct gc_sums sums;
    uint32_t symbol; /* a row's first twin; 0: no function was open, or there are too many */
    uint32_t generation;
};

struct gc_pauses {
    struct gc_sums generations[GC_GENERATIONS];
    struct gc_trigger
        *triggers; /* GC_TRIGGERS_LIMIT; the first ones are of symbol 0, one a generation */
    uint32_t trigger_count;
    uint32_t *buckets; /* by symbol and generation: 1 + index, open addressing */
};

/* A thread that collects now. */
struct gc_open {
    uint64_t since; /* counter; 0: it does not */
    uint32_t generation, symbol;
};

struct gc_end {
    uint64_t counter;
    uint32_t collected, uncollectable;
};

/* 0 or -ENOMEM. */
int gc_pauses_init(struct gc_pauses *pauses);
void gc_pauses_done(struct gc_pauses *pauses);
void gc_pauses_reset(struct gc_pauses *pauses);

void gc_pauses_begin(struct gc_open *open, uint64_t counter, uint32_t generation, uint32_t symbol);

/* One whose begin was not seen counts nothing. */
void gc_pauses_end(struct gc_pauses *pauses, struct gc_open *open, const struct symbols *symbols,
                   const struct gc_end *end);

#endif

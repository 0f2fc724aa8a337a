/* SPDX-License-Identifier: MIT */
/* What Python's allocators gave out and took back: live blocks, and sums by line, size and domain.
 * Why an order of its own: one thread may free what another allocated, and the rings of the two are read one after
 * the other. So what is read waits in the process's queue until every ring has been read up to a time (the
 * horizon), and is then carried out by its counters. Peaks are those of that order.
 * Rules: one owner, the fold. A block that is allocated where another one was alive has taken its place (a
 * block that grew where it stood). Live blocks are a process's own, sums are the model's. */
#ifndef ULMA_MODEL_MEMORY_BLOCKS_H
#define ULMA_MODEL_MEMORY_BLOCKS_H

#include "wire/event.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;
struct process;

enum {
    MEMORY_SITES_LIMIT = 1 << 18,
    MEMORY_BLOCKS_LIMIT = 1 << 25, /* of one process */
    MEMORY_CLASSES = 64,
    MEMORY_HISTORY = 61,
    MEMORY_NOBODY = 0,  /* the site of what no Python function asked for, or of too many */
    MEMORY_LEFT_OUT = 1 /* of functions that are left out */
};

struct memory_sums {
    uint64_t allocations, bytes, frees, freed_bytes; /* since the last reset */
    uint64_t live_blocks, live_bytes, peak_bytes;
};

struct memory_site {
    struct memory_sums sums;
    uint64_t at_peak_bytes; /* at the peak numbered so; at a later one: what is live */
    uint64_t peak_number;
    /* Of blocks of 1 KiB or more that did not grow where they stood: all, and those that were a little longer than the one
     * before, of which nothing else was alive then. */
    uint64_t large, grown, grown_bytes, last_bytes;
    uint32_t symbol; /* a row's first twin; 0: none */
    uint32_t line;   /* 0: not known */
};

/* Of all processes. */
struct memory {
    struct memory_site *sites;
    uint32_t site_count, site_limit;
    uint32_t *buckets; /* by symbol and line: 1 + index, open addressing */
    uint32_t bucket_count;
    struct memory_sums total, domains[MEMORY_DOMAINS], classes[MEMORY_CLASSES];
    uint64_t peak_number;   /* rises with each new peak of the total */
    uint64_t unknown_frees; /* of blocks from before the source was on */
    uint64_t untracked;     /* blocks without room here: they are never seen to be freed */
    /* live bytes by site at the end of each second, as windows number them */
    struct memory_past {
        uint64_t *live_bytes;
        uint32_t count;
    } past[MEMORY_HISTORY];
};

/* A live block: bits 0..43 of its address (by 16), 44..61 its site; its size, and from bit 48 on its domain. */
struct memory_block {
    uint64_t address_site, size_domain;
};

/* A free of address 0: what is alive is not known any more. */
struct memory_step {
    uint64_t counter, size, address;
    uint32_t site, order;
    uint8_t domain;
    bool frees;
    uint32_t thread; /* number of its track; 0: of none */
};
static_assert(sizeof(struct memory_step) == 40, "millions of them may wait");

/* Of one process. */
struct memory_process {
    struct memory_step *steps; /* not carried out yet */
    size_t step_count, step_limit;
    bool unsorted;
    struct memory_block *blocks; /* open addressing; 0 address: empty */
    uint32_t block_count, block_shift;
};

/* What a track has told of a block, until its address comes. */
struct memory_told {
    uint64_t counter, large_bytes;
    uint32_t id, line, size;
    bool is_told, is_large;
};

void memory_done(struct memory *memory);
void memory_process_done(struct memory_process *process);

/* Numbers back to nothing; what is alive stays so. */
void memory_reset(struct memory *memory);

/* The site of a function's row and line. */
uint32_t memory_site(struct memory *memory, uint32_t symbol, uint32_t line);

/* Of the present process. */
void memory_add(struct model *model, const struct memory_step *step);

/* Carries out what was told up to the horizon, of the present process. */
void memory_settle(struct model *model, uint64_t horizon);

/* A child has ended, and its memory with it. */
void memory_end_process(struct memory *memory, struct memory_process *process);

/* A second of the windows has ended. */
void memory_tick(struct memory *memory, uint32_t second);

static inline uint64_t memory_at_peak(const struct memory *memory, const struct memory_site *site)
{
    return site->peak_number == memory->peak_number ? site->at_peak_bytes : site->sums.live_bytes;
}

/* The largest size of a class: the interpreter's own up to 512 bytes, then powers of two. */
uint64_t memory_class_bytes(uint32_t number);
uint32_t memory_class_of(uint64_t size);

#endif

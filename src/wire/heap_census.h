/* SPDX-License-Identifier: MIT */
/* What one walk over a process's heap has found: objects and bytes by type. One file.
 *
 *   offset 0                    struct heap_census_header
 *   HEAP_CENSUS_HEADER_SIZE     HEAP_CENSUS_ROWS x struct heap_census_row
 * Who asks makes and allocates the file beside the control page (wire/armed_page.h: ARMED_CENSUS), writes `magic`,
 * `format` and `wanted`; the process fills the rest, and takes the file's name away.
 *
 * Rules: who asks reads it by copy, checked: it is the process's word. Names are terminated UTF-8, cut where they are
 * longer. */
#ifndef ULMA_WIRE_HEAP_CENSUS_H
#define ULMA_WIRE_HEAP_CENSUS_H

#include <assert.h>
#include <stdint.h>

/* "ulmacens", little-endian. */
#define HEAP_CENSUS_MAGIC UINT64_C(0x736e6563616d6c75)

enum {
    HEAP_CENSUS_FORMAT = 1,
    HEAP_CENSUS_HEADER_SIZE = 4096,
    HEAP_CENSUS_ROWS = 1 << 14, /* types; those beyond are one row, `(other)`, the first */
    HEAP_CENSUS_NAME_SIZE = 104,
};

struct heap_census_row {
    uint64_t objects, bytes; /* bytes as sys.getsizeof counts them, headers with them */
    uint64_t referrers;      /* references from objects of this type to such of the wanted one */
    char type[HEAP_CENSUS_NAME_SIZE]; /* module.qualname, without the module for builtins */
};
static_assert(sizeof(struct heap_census_row) == 128, "a row is two cache lines");

struct heap_census_header {
    uint64_t magic;
    uint32_t format;
    uint32_t row_count;   /* 0: the walk has not begun */
    uint64_t duration_ns; /* for so long the walk held the interpreter's lock */
    uint64_t objects, bytes;
    uint64_t
        unsized; /* of these: objects whose size is asked of the program's own code, and was not */
    uint32_t is_wanted;                 /* a type of that name was met */
    uint32_t incomplete;                /* 1: there was no memory to follow all of it */
    char wanted[HEAP_CENSUS_NAME_SIZE]; /* whose referrers are asked for; "": nobody's */
};
static_assert(sizeof(struct heap_census_header) <= HEAP_CENSUS_HEADER_SIZE, "it has one page");

enum {
    HEAP_CENSUS_SIZE = HEAP_CENSUS_HEADER_SIZE +
                       HEAP_CENSUS_ROWS * (int)sizeof(struct heap_census_row)
};

#endif

/* SPDX-License-Identifier: MIT */
/* Sums of the C library's calls: by function, operation and resource.
 * Why bounded: a row is of what a program has, and beyond the limit calls are counted under no function and `(other)`.
 * Rules: one owner, the fold. Ticks are of the counter, from the call's begin to its end. */
#ifndef ULMA_MODEL_IO_CALLS_H
#define ULMA_MODEL_IO_CALLS_H

#include "model/histogram.h"
#include "model/io_files.h"

enum { IO_ROWS_LIMIT = 1 << 14, IO_OPEN_MOST = 4 };

struct io_sums {
    uint64_t calls, bytes, errors;
    int64_t ticks, max_ticks;
};

struct io_row {
    uint32_t symbol; /* a row's first twin; 0: no Python function was open */
    uint32_t line;   /* 0: not known */
    uint32_t operation, resource;
    uint32_t next; /* of its bucket */
    struct io_sums sums;
    struct histogram *durations; /* NULL: no memory for it */
};

struct io_calls {
    struct io_row *rows; /* IO_ROWS_LIMIT; [0] stands for none */
    uint32_t row_count;
    uint32_t *buckets;
    struct octave_pool octaves;
    struct io_files files;
};

/* Calls that a thread is in: one, and those of the signal handlers that interrupted it. */
struct io_open {
    struct io_open_call {
        uint64_t since;
        uint32_t operation, fd, symbol, line;
        uint32_t wait_symbol, wait_line, wait_node; /* whose wait it is (wait_rooms.h) */
        unsigned char wait_kind;
        bool in_task, is_ruled; /* is_ruled: it has no row */
    } calls[IO_OPEN_MOST];
    uint32_t depth;
    uint32_t name_size; /* of the innermost, as far as it has come */
    bool is_address;
    unsigned char name[IO_NAME_MOST + 8];
};

/* "write"; NULL: there is no such operation. */
const char *io_calls_operation(uint32_t operation);

/* 0 or -ENOMEM. */
int io_calls_init(struct io_calls *calls);
void io_calls_done(struct io_calls *calls);
void io_calls_reset(struct io_calls *calls);

struct io_key {
    uint32_t symbol, line, operation, resource;
};

/* The row of a key, made if need be. */
struct io_row *io_calls_row(struct io_calls *calls, struct io_key key);

void io_calls_add(struct io_calls *calls, struct io_row *row, int64_t ticks, uint64_t bytes,
                  bool failed);

/* Resources have turned out to be others: rows of one key become one. */
void io_calls_settle(struct io_calls *calls);

#endif

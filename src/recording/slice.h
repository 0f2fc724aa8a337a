/* SPDX-License-Identifier: MIT */
/* What a query of a recording works on: reader_snapshot.c, reader_tables.c. */
#ifndef ULMA_RECORDING_SLICE_H
#define ULMA_RECORDING_SLICE_H

#include "recording/reader_parts.h"

struct slice {
    struct recording *recording;
    const struct recording_query *query;
    struct snapshot *snapshot;
    int64_t from_ns, to_ns, middle_ns; /* middle: where the window at its end begins */
    struct recording_sums before, middle, upto;
    struct recording_function_sums functions; /* window: NULL when it is the slice */
    /* in the tables */
    size_t gc_rows, line_rows, object_rows, memory_rows, io_rows, wait_rows, split_rows,
        request_rows, escalation_rows;
    bool whole;           /* all windows of a recording that was not rolled */
    bool all;             /* of it, all threads and processes */
    bool *has_thread;     /* by index: it is wanted */
    bool *shared;         /* by function: what is not wanted called it too */
    int32_t *function_of; /* by recorded function: index into the snapshot's */
};

/* The row that a function is shown in. */
static inline uint32_t slice_row(const struct slice *slice, size_t function)
{
    return slice->query->by_process ? (uint32_t)function
                                    : slice->recording->functions[function].merged;
}

/* The function (1 + index; 0: none) is in the snapshot. */
static inline void slice_mark(const struct slice *slice, uint32_t function)
{
    if (function)
        slice->function_of[slice_row(slice, function - 1)] = 0;
}

static inline bool slice_is_at_end(const struct slice *slice)
{
    int64_t first_ns, last_ns;
    recording_extent(slice->recording, &first_ns, &last_ns);
    return slice->to_ns == last_ns;
}

/* reader_tables.c. 0 or -errno, with a reason. */
typedef int slice_taker(struct slice *slice, sqlite3_stmt *statement, size_t index);
int slice_take_rows(struct slice *slice, const char *sql, slice_taker *take);
int64_t slice_row_count(const struct recording *recording, const char *sql);

/* The recorded function (1 + index; 0: none) that a column names. */
uint32_t slice_recorded_function(const struct slice *slice, sqlite3_stmt *statement, int column);

/* The function that the first column names is in the snapshot (a slice_taker). */
int slice_mark_function(struct slice *slice, sqlite3_stmt *statement, size_t index);

/* A column's number, kept within 0 and 2^60: a file may say anything. */
int64_t slice_number(sqlite3_stmt *statement, int column);

/* It is of the whole recording, and that has the table `name` as `made` makes it. */
bool slice_has_table(struct slice *slice, const char *name, const char *made);
int slice_mark_tasks(struct slice *slice);
int slice_fill_tables(struct slice *slice);
int slice_copy_texts(struct slice *slice);
void slice_fill_meta(struct slice *slice);

#endif

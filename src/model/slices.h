/* SPDX-License-Identifier: MIT */
/* What a trace looks like to a format of timelines: functions that begin and end, one after the other.
 * Why an interface: formats write what they are handed and know no file; a trace is read from a recording,
 * and replayed, elsewhere.
 * Rules: slices come in the order in which a thread had them, threads one after the other by parts, so
 * that memory stays flat; each thread's times never go back, its ends close what began last, and what is
 * open at the end is closed. Times are the clock's, uncorrected, nanoseconds since the first event. */
#ifndef ULMA_MODEL_SLICES_H
#define ULMA_MODEL_SLICES_H

#include "model/snapshot.h"

enum slice_kind {
    SLICE_THREAD, /* a thread that was not told before, or by another name */
    SLICE_BEGIN,
    SLICE_END,
};

struct slice {
    enum slice_kind kind;
    uint32_t thread; /* its number, 1.., good for the whole trace */
    uint32_t pid, tid;
    const char *name;    /* THREAD: its own, "" none; BEGIN with a task: the task's, "" none */
    const char *command; /* THREAD: its process's, NULL: not known */
    int64_t at_ns;
    uint32_t function; /* BEGIN: a number, small, for slices_function; END: the same */
    uint64_t task;     /* the asyncio task that takes a step so; 0: none */
};

struct slice_function {
    const char *name, *qualname, *module, *file; /* module, file: NULL unknown */
    uint32_t line;
    enum snapshot_kind kind;
};

struct slices {
    /* 1; 0: that was the last; negative errno. Strings are good until the next call. */
    int (*next)(struct slices *slices, struct slice *ret_slice);
    const struct slice_function *(*function)(struct slices *slices, uint32_t number);
    const struct snapshot_meta *meta; /* what was recorded; may be NULL */
};

#endif

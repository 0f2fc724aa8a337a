/* SPDX-License-Identifier: MIT */
/* Where a trace's chunks come from, in their order.
 * Why an interface: a recording holds them in a table; a run that only exports a timeline holds them in a
 * file without a name.
 * Rules: one reader at a time. Bytes are good until the next call. */
#ifndef ULMA_RECORDING_TRACE_SOURCE_H
#define ULMA_RECORDING_TRACE_SOURCE_H

#include <stddef.h>

struct trace_source {
    /* 1; 0: there are no more; negative errno. */
    int (*next)(struct trace_source *source, const void **ret_bytes, size_t *ret_size);
    /* The last one of all, wherever the next one is. As next. */
    int (*last)(struct trace_source *source, const void **ret_bytes, size_t *ret_size);
    /* From the first one on again. 0 or negative errno. */
    int (*rewind)(struct trace_source *source);
    void (*close)(struct trace_source *source);
};

#endif

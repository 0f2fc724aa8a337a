/* SPDX-License-Identifier: MIT */
/* The strip above all views: what each thread uses, events, memory, the collector of garbage, the probe's cost.
 * Why from differences: any snapshot says what was used so far, so two of them, a moment apart, say what is used
 * now, whatever windows the clients look at.
 * Rules: the server's thread. What is not known is null in the page, and absent here. */
#ifndef ULMA_WEB_STRIP_H
#define ULMA_WEB_STRIP_H

#include "export/json_writer.h"
#include "model/snapshot.h"

enum { STRIP_THREADS = 64 };

struct strip_thread {
    uint32_t pid, number;
    char name[64];
    int64_t cpu_ns; /* so far */
    double pct;     /* of one CPU */
};

struct strip {
    uint64_t taken_ns; /* when; 0: never */
    struct strip_thread threads[STRIP_THREADS];
    size_t thread_count;
    uint64_t events_read, lost;
    int64_t gc_ns, duration_ns, lag_ns;
    double events_per_s, gc_pct, probe_pct;
    bool has_gc, has_rates, has_lag;
    int64_t rss_bytes; /* -1: not known */
};

/* Takes the snapshot in, when the last one lies far enough back to compare with. */
void strip_take(struct strip *strip, const struct snapshot *snapshot, int64_t rss_bytes,
                uint64_t now_ns);

/* A recording's: of the snapshot's own window. */
void strip_take_window(struct strip *strip, const struct snapshot *snapshot);

void strip_write(struct json_writer *writer, const struct strip *strip);

#endif

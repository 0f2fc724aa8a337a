/* SPDX-License-Identifier: MIT */
/* The collector of one session: a thread that drains the rings, folds the events and owns the model.
 * Why: the arithmetic happens here, on another CPU; the target only notes events.
 * Rules: the drain thread does no file I/O and holds no lock that I/O holds. Every function here may
 * be called from any thread of the collector's process, except where told. The session is hostile
 * input: whatever it holds, the worst that may happen is wrong numbers, counted. */
#ifndef ULMA_MODEL_COLLECTOR_H
#define ULMA_MODEL_COLLECTOR_H

#include "base/clock.h"
#include "model/shape.h"
#include "model/sites.h"
#include "model/snapshot.h"
#include "model/timeline.h"
#include "wire/mapping.h"

#include <sys/types.h>

struct collector;

/* A session that is over: its counter was another machine's, or another hour's. */
struct collector_past {
    uint64_t now; /* what is read of the clock; the caller's, moves on as events are told */
    struct clock_scale scale;
    uint64_t birth_counter, birth_time_ns; /* one moment, by the counter and CLOCK_REALTIME */
};

struct collector_options {
    struct tap *tap;           /* hears all that the model is told; NULL: nobody does */
    struct model_watch *watch; /* sees each event as it is folded; NULL: nobody does */
    const struct collector_past
        *past;            /* NULL: it runs now. Outlives the collector, which is not started */
    bool corrected;       /* take the probe's own cost out of times */
    int cpu;              /* pin the drain thread; -1: not */
    pid_t target;         /* the direct child, for switch records before it runs; 0: none */
    size_t node_limit;    /* tree nodes before `(other)`; 0: the default */
    bool no_perf;         /* tests: use schedstat */
    bool no_pids;         /* its PIDs are another namespace's: /proc here knows others by them */
    bool follow_children; /* read the sessions that the target's children make */
    bool by_process;      /* functions of each process are rows of their own */
    bool whole_only;      /* nobody asks for the last seconds: they are not kept */
    bool keeps_calls;     /* when things were is asked for, too (kept.h) */
    bool by_thread;       /* paths of each thread are its own: for a recording */
    struct sites
        *sites;        /* which functions are kept; the collector's until it is freed. NULL: all */
    double budget_pct; /* of the target's time, that the probe may cost; 0: no budget */
    uint32_t sources; /* that are asked for, where a budget has them come on one after the other; 0:
                        * those of the session */
    int (*signal_target)(
        void *context); /* makes an idle probe look at the session; NULL: nothing can */
    void *signal_context;
};

/* `mapping` must outlive the collector. NULL: out of memory. Does not start the thread. When
 * `target` is a child that has not run yet (stopped before exec), its switch records are complete. */
struct collector *collector_new(struct mapping *mapping, const struct collector_options *options);

int collector_start(struct collector *collector);

/* The target has ended: drains what is left, closes what is open at `end` (counter; 0: now), stops
 * the thread. Idempotent. */
void collector_finish(struct collector *collector, uint64_t end_counter);

/* The target has ended, though others of its family go on. */
void collector_note_end(struct collector *collector, uint64_t counter);

/* The CPU time that the target had used at its end; before collector_finish. */
void collector_note_cpu(struct collector *collector, uint64_t cpu_ns);

/* A consistent copy. window_s: 1, 10, 60 or 0 (since the start). meta fields that only cmd knows
 * (command, exit status, signal, host) are the caller's to fill, with the snapshot's arena.
 * NULL: out of memory. */
struct snapshot *collector_snapshot(struct collector *collector, int window_s,
                                    enum snapshot_clock clock);

/* The same since the start, with its detail: for a recording, of a collector with by_thread; by one
 * taker, since it begins the recent extremes anew. */
struct snapshot *collector_snapshot_detailed(struct collector *collector,
                                             enum snapshot_clock clock);

/* The shape lines (shape.h), of a collector that keeps when things were, as a copy that is given to shape_done. False: it does
 * not, or out of memory. */
bool collector_shape(struct collector *collector, struct shape *ret_shape);

/* Sets or takes away the one of a thread's number at a depth or a width. 0, -ENOTSUP, -ENOSPC or -ENOMEM. */
int collector_set_shape(struct collector *collector, enum shape_axis axis, uint32_t thread,
                        uint32_t most, bool on);

/* When things were (timeline.h), of a collector that keeps it. NULL: it does not, or out of memory. */
struct timeline *collector_timeline(struct collector *collector,
                                    const struct timeline_query *query);

/* Forgets all counts (open frames stay open, their time starts anew). */
void collector_reset(struct collector *collector);

/* Switch the sources: writes the session's wanted words; the caller then signals the target. */
void collector_want(struct collector *collector, bool on);

/* True when the probe has answered the last collector_want or collector_change. To be asked until it has:
 * what is taken in takes two turns. */
bool collector_switched(struct collector *collector);

/* What is followed from here on; what is not said stays as it is. */
struct collector_change {
    struct sites
        *sites; /* the collector's from then on, in place of the ones before; NULL: as it is */
    bool has_sources, has_on_full, has_budget;
    uint32_t sources;          /* bits of enum session_source */
    uint32_t on_full;          /* enum on_full */
    double budget_pct;         /* 0: none */
    bool matched[SITES_LIMIT]; /* out, with sites: some known function matches the pattern */
    uint32_t to_come;          /* out: sources that come on later, as the budget allows */
};

/* Changes it, in all of the family; the caller then signals the target. What functions are kept, and the
 * budget, is so when this returns; the rest when collector_switched. 0, -ENOMEM, -ESRCH (the profiling has
 * ended); then nothing is changed. */
int collector_change(struct collector *collector, struct collector_change *change);

/* Sources that the program could not switch on, of those that are asked for: they are so no more. To be asked when
 * it has answered. */
uint32_t collector_refusal(struct collector *collector);

/* A child that lives and is followed. */
struct collector_child {
    pid_t pid;
    int pid_fd;    /* the caller's to close; -1: none */
    bool switched; /* it has answered the last collector_want */
};

/* At most `most` of them; how many. */
size_t collector_children(struct collector *collector, struct collector_child *list, size_t most);

/* PIDs, as they say, of children that were made while recording was off. At most `most`; how many. */
size_t collector_waiting(const struct collector *collector, pid_t *list, size_t most);

/* From here on no child makes a session. */
void collector_close_family(struct collector *collector);

void collector_free(struct collector *collector); /* NULL is allowed; stops the thread first */

#endif

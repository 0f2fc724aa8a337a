/* SPDX-License-Identifier: MIT */
/* The inside of a collector, for the files that make it up: collector.c, keeper.c, snapshot_make.c.
 * Threads: the drain thread folds; the keeper does what needs the file system (rings, names,
 * schedstat) and holds no lock while it does; anyone may ask for a snapshot.
 * Locks: `lock` guards all below it. `gate` is held only to wait for `lock`, so that the drain thread,
 * which takes it again and again, lets others in between. */
#ifndef ULMA_MODEL_COLLECTOR_PARTS_H
#define ULMA_MODEL_COLLECTOR_PARTS_H

#include "model/budget.h"
#include "model/collector.h"
#include "model/drain.h"
#include "model/moment.h"
#include "model/off_cpu.h"
#include "model/reading.h"

#include <pthread.h>
#include <semaphore.h>

struct member;

/* What the header of one session counts. */
struct family_sums {
    uint64_t ringless_lost, definitions_refused, stack_guards, stack_guard_ticks, forks_unfollowed;
    uint32_t off_cause;
};

enum { COLLECTOR_FREE_RINGS = 4, COLLECTOR_IDLE_NS = 50 * 1000 * 1000 };
enum { COLLECTOR_JOIN_NS = 1000 * 1000 * 1000 };

struct collector {
    struct mapping *mapping;
    struct collector_options options;

    pthread_mutex_t gate, lock;
    struct model model;
    struct drain drain;
    struct off_cpu off_cpu;
    struct budget budget;
    struct clock_scale scale;
    uint64_t rss_bytes;
    struct timespec birth; /* CLOCK_REALTIME at birth_counter */
    uint64_t birth_counter;
    uint64_t next_tick;     /* counter */
    uint64_t start_counter; /* of what is counted: the last reset, else the first event */
    uint64_t end_counter;   /* 0: not finished */
    uint64_t lost_baseline, nested_baseline, events_baseline, gaps_baseline;
    uint64_t off_baseline_ticks, on_baseline_ticks;
    struct priced_calls priced_baseline;
    struct source_times source_times;
    uint64_t
        spans_since;    /* counter at which that source was switched on, where it was off before */
    _Atomic bool joins; /* functions are to be taken in (resite.h) */
    uint64_t joins_ns;  /* since then, monotonic */
    uint64_t end_target_cpu_ns, target_cpu_baseline_ns; /* of the target, see stolen.h */
    uint64_t cpu_ns, cpu_seen_ns; /* of our threads, in all and at the last tick */
    uint64_t cpu_seconds_ns[WINDOWS_SECONDS];

    /* the target's children (family.h): the list and the rows are changed under the lock, by the keeper */
    struct member *members;
    struct process **processes; /* of children, those that have ended too; FAMILY_PROCESSES */
    uint32_t process_count, processes_folded;
    struct process process_rest;    /* of those that are not among them */
    struct family_sums family_sums; /* of sessions given back */
    uint64_t family_lost, family_nested, family_execs;
    _Atomic uint32_t children_found; /* of the first session's children_made */

    pthread_t drain_thread, keeper_thread;
    _Atomic bool started; /* release after both threads' handles are there */
    _Atomic bool stop;
    sem_t keeper_wake;
    uint32_t first_rings;      /* that the target's threads take at once; the keeper's */
    pthread_mutex_t snapshots; /* one at a time; taken before gate and lock */
    struct moment scratch;     /* room kept from snapshot to snapshot; guarded by snapshots */
};

/* The model's lock, fairly. */
void collector_enter(struct collector *collector);
void collector_leave(struct collector *collector);

/* Under the lock: the last of a drain; where its process has died, its spans under way end, too. */
void collector_end_drain(struct collector *collector, struct drain *drain, uint64_t counter,
                         bool died);

/* Everything that has happened up to now is in the model; returns the counter of that moment. */
uint64_t collector_catch_up(struct collector *collector);

/* The target's CPU time while it was recorded; 0: not known. */
uint64_t collector_target_cpu_ns(const struct collector *collector);

/* What the processes that run have in memory, or had when they last were seen; 0: not known, or not asked for. */
uint64_t collector_see_rss(struct collector *collector);

/* Under the lock: events lost and nested, of all processes. */
void collector_losses(struct collector *collector, uint64_t *ret_lost, uint64_t *ret_nested);

/* Under the lock: all numbers beside the model's, as of `counter`. */
void collector_take_reading(struct collector *collector, uint64_t counter, struct reading *reading);

/* collector_tap.c, under the lock: how it begins; the patterns in force; the numbers beside the model's. */
void collector_tell_begin(struct collector *collector, uint64_t counter);
void collector_tell_sites(struct collector *collector);
void collector_tell_words(struct collector *collector, uint64_t counter);

/* Under the lock: other sources from `on_ticks` on; those of the beginning are the session's. */
void collector_note_sources(struct collector *collector, uint32_t sources, uint64_t on_ticks);

/* ... and the sessions say so: the program is to be signalled. */
void collector_say_sources(struct collector *collector, uint32_t sources, uint64_t counter);

/* What was before counts no more. */
void collector_forget_sources(struct collector *collector, uint64_t on_ticks);

/* The threads that a process has now, and 0 when that is not to be had: at the switch each of them takes a ring.
 */
uint32_t keeper_count_threads(pid_t pid);

/* The keeper's thread. */
void *keeper_run(void *collector);

#endif

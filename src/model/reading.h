/* SPDX-License-Identifier: MIT */
/* The numbers beside a moment that make it a snapshot: what the session counts, when recording was on,
 * whose model it is.
 * Why one struct: a live collector reads them of its session, a trace that is played has them in its file
 * (tap.h, WORDS); from there on both are the same.
 * Rules: knows no mapping and no thread. Strings that it points at outlive the call. */
#ifndef ULMA_MODEL_READING_H
#define ULMA_MODEL_READING_H

#include "base/clock.h"
#include "model/fold.h"
#include "model/moment.h"

/* Which sources were on when, in ticks of drain_on_ticks; by the number of their bit. */
enum { COLLECTOR_SOURCES = 16 };
struct source_times {
    uint32_t now, ever;              /* bits of enum session_source; ever: since the last reset */
    uint32_t unanswered;             /* of ever: asked for the first time, and not on yet */
    uint32_t to_come, held, refused; /* asked for, and not on: see steps.h */
    uint64_t absent_since[COLLECTOR_SOURCES], absent_ticks[COLLECTOR_SOURCES];
};

/* Words of the first session's header, and its children's with them. */
struct reading_header {
    char python[64], executable[512];
    uint32_t pid, sources_on, off_cause, hooks_taken, methods_unheard, objects_unseen,
        operators_unseen;
    uint64_t definitions_refused, ringless_lost, stack_guards, stack_guard_ticks;
    uint64_t memory_before_bytes;
    uint64_t forks_unfollowed;
};

struct reading {
    struct reading_header header;
    struct clock_scale scale;
    struct model_costs costs;
    uint64_t counter, start, lost, nested;
    uint64_t events_read, gaps, unmatched_pops, bad_events, too_deep, suspended_refused;
    uint64_t tasks_refused, lines_refused, spans_refused, rules_refused;
    uint64_t on_ticks, off_ticks;
    int64_t stolen_ticks;              /* that threads told themselves */
    struct source_times source_times;  /* absent_ticks up to now */
    char refusal[SESSION_REASON_SIZE]; /* why the program refused a source */
    uint64_t window_cpu_ns, window_from, window_events;
    uint64_t rss_bytes;     /* of all processes that run, or last did; 0: not known */
    uint64_t target_cpu_ns; /* as the kernel counts it; 0: not known */
    uint64_t execs;
    uint32_t thread_count, left_out;
    bool site_matched[SITES_LIMIT];
    enum snapshot_wait_source wait_source;
    uint64_t waits_lost;
    bool recording, ended;
    struct snapshot_process *processes;
    size_t process_count, processes_folded;

    /* whose it is */
    const struct sites *sites;
    struct timespec birth; /* CLOCK_REALTIME at birth_counter */
    uint64_t birth_counter;
    uint32_t target_pid; /* where the header has none yet */
    uint32_t own_pid;    /* the collector's: of the first process it is the parent */
    double budget_pct;
    bool corrected, by_process;
};

/* Past seconds that belong to a window beside the present one, so that it is nearest to window_s; -1: all. */
int reading_past_seconds(const struct model *model, const struct clock_scale *scale,
                         uint64_t counter, int window_s);

/* Where the window begins and how many events it has; `start` and `events_read` are known. */
void reading_take_window(const struct model *model, int seconds, struct reading *reading);

/* Calls and losses of a process's threads, those that have ended with them. */
void reading_take_process(const struct process *process, const struct model *model,
                          struct snapshot_process *row);

/* What the model counts itself; `counter`, baselines and the session's numbers are the caller's. */
void reading_take_model(const struct model *model, struct reading *reading);

/* reading_words.c: what the model does not know, as the tap tells it; baselines are the caller's. */
void reading_pack(const struct reading *reading, struct tap_words *words);
void reading_unpack(const struct tap_words *words, struct reading *reading);

/* The snapshot of a moment. 0 or negative. */
int reading_build(const struct reading *reading, const struct moment *moment,
                  const struct symbols *symbols, int window_s, enum snapshot_clock clock,
                  bool detailed, struct snapshot *snapshot);

#endif

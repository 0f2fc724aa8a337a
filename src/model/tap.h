/* SPDX-License-Identifier: MIT */
/* The tap: everything that the model is told, in the order in which it is told, for whoever keeps it.
 * Why: a trace that is played must come to the same numbers as the live model did, to the last digit. Events
 * alone do not do that: when time was flushed, which switch record came before which batch, what an id meant
 * then, all of it shows in the numbers. So what is handed on is not what the rings held but each step of
 * the model's owner; model/replay.h carries them out again.
 * Rules: the steps are told by the model's owner, under its lock, after they were carried out where they
 * may meet ids for the first time (EVENTS), so that a definition always comes before what needs it. What
 * follows from a step by itself (an order obeyed within a batch) is not told. Whoever listens copies and
 * returns: no I/O, no wait. Numbers of ops are append-only, they are in files. */
#ifndef ULMA_MODEL_TAP_H
#define ULMA_MODEL_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tap_op {
    TAP_NONE = 0,
    TAP_EVENTS = 1, /* subject: track; value: how many; payload: struct event of them */
    TAP_BEGIN = 2,  /* value: counter at which the windows begin; payload: struct tap_begin */
    TAP_SITES =
        3, /* payload: the target's stdlib, the folder of relative paths, what __main__ is called,
                            then the patterns, each after a byte + (only), - (skip) or = (lines); all terminated */
    TAP_PROCESS = 4, /* subject: a new process; payload: struct tap_process, then its command */
    TAP_ENTER =
        5, /* subject: the process that ids and frames are of from here on; value: its PID. Whoever
                            listens finds that out: the present one is model->process at each step */
    TAP_PROCESS_END = 6, /* subject */
    TAP_TRACK = 7,       /* subject: a new track, of the present process; value: its thread id */
    TAP_TRACK_WORDS =
        8, /* subject; value: thread id; payload: struct tap_track_words, then its name */
    TAP_TRACK_END = 9, /* subject */
    TAP_TRACK_OFF =
        10, /* subject; value: counter: all its orders are due, it is off from there on */
    TAP_DEFINE =
        11, /* subject: id; value: 0, or 1: nobody knows it; payload: struct tap_definition,
                        then name, qualname, module and file, each terminated */
    TAP_FORGET = 12, /* subject: id */
    TAP_COSTS = 13,  /* payload: struct model_costs */
    TAP_EARLIEST = 14,
    TAP_LATEST = 15, /* value: counter */
    TAP_FLUSH = 16,  /* value: counter */
    TAP_TICK = 17,
    TAP_RESET = 18,
    TAP_WAIT_OUT = 19, /* subject: track; value: counter */
    TAP_WAIT_IN = 20,
    TAP_UNTOLD = 21,    /* model->pops_untold from here on */
    TAP_SCHEDSTAT = 22, /* subject: track; payload: struct tap_schedstat */
    TAP_SEED_FRAMES =
        23,        /* payload: struct tap_frame, of the seed that is told next, outermost first */
    TAP_SEED = 24, /* subject: track; value: counter; payload: struct tap_order */
    TAP_ORDER_OFF = 25, /* the same, for an off */
    TAP_OBEY = 26,      /* subject: track; value: round */
    TAP_ABSORB = 27,    /* subject: id; its function has called one that is left out */
    TAP_ON = 28,        /* subject: process; value: counter; recording is on */
    TAP_OFF = 29,       /* ... and off */
    TAP_FIRST = 30,     /* value: model->first_counter */
    TAP_CONTROL = 31,   /* value: events of a control ring that were read */
    TAP_WORDS = 32,     /* payload: the numbers beside the model's, as reading.h has them */
    TAP_RESITE = 33,    /* subject: enum tap_resite */
    TAP_HOLE =
        34, /* subject: track; value: events that the trace does not have; its stack is the one told
                      by SEED_FRAMES before; payload: the counter, 8 bytes */
    TAP_VARY = 35,   /* frames may have no entries from here on (model_vary) */
    TAP_MEMORY = 36, /* subject: process; value: counter; see memory_settle */
    TAP_OP_COUNT
};

enum tap_resite { TAP_RESITE_ROWS, TAP_RESITE_IDS, TAP_RESITE_STACKS, TAP_RESITE_JOIN };

struct tap_begin {
    uint64_t gap_ticks; /* model->gap_ticks; UINT64_MAX: gaps were not noted */
    uint64_t node_limit;
    uint32_t by_process, corrected, by_thread, by_records;
};

struct tap_process {
    uint32_t pid, parent_pid;
};

struct tap_track_words {
    uint64_t lost, nested;
};

struct tap_definition {
    uint32_t line;
    uint16_t kind, flags;
};

/* A frame that is open, and the id of its function. */
struct tap_frame {
    uint32_t frame, id;
};

struct tap_order {
    uint64_t round;
    uint64_t bottom; /* as SEED_END has it */
};

struct tap_schedstat {
    uint64_t time_ns, running_ns;
    double ticks_per_ns;
};

enum { TAP_SOURCES = 16 };

/* What of a reading (reading.h) the model does not know itself. Append-only: `size` of the step tells how
 * much of it there is. */
struct tap_words {
    uint64_t counter, start, first_event, lost, nested, bad_events;
    uint64_t on_ticks, off_ticks, absent_since[TAP_SOURCES], absent_ticks[TAP_SOURCES], sources_now,
        sources_ever;
    uint64_t sources_on, off_cause, hooks_taken, methods_unheard, definitions_refused,
        ringless_lost;
    uint64_t stack_guards, stack_guard_ticks, forks_unfollowed, execs, waits_lost, wait_source;
    uint64_t cpu_ns, target_cpu_ns, recording, ended, corrected, processes_folded;
    uint64_t birth_s, birth_ns, birth_counter, pid, target_pid, own_pid;
    uint64_t clock, first_counter, first_ns, last_counter, last_ns;
    uint64_t cost_inner, cost_outer, cost_c_inner, cost_c_outer;
    double ns_per_tick;
    char python[64], executable[512];
    uint64_t cost_line;
    uint64_t objects_unseen;
    uint64_t memory_before_bytes, rss_bytes;
    uint64_t operators_unseen;
};

struct tap_step {
    uint32_t op, subject;
    uint64_t value;
    uint32_t size; /* bytes of payload */
};

struct model;

struct tap {
    const struct model *model; /* whose steps they are; set by who tells them */
    void (*put)(struct tap *tap, const struct tap_step *step, const void *payload);
    bool (*is_full)(
        struct tap *tap); /* whoever tells may wait, lest something is not kept. NULL: never */
};

static inline void tap_put(struct tap *tap, enum tap_op op, uint32_t subject, uint64_t value,
                           const void *payload, size_t size)
{
    if (__builtin_expect(tap != NULL, 0)) {
        struct tap_step step = {(uint32_t)op, subject, value, (uint32_t)size};
        tap->put(tap, &step, payload);
    }
}

static inline void tap_say(struct tap *tap, enum tap_op op, uint32_t subject, uint64_t value)
{
    tap_put(tap, op, subject, value, NULL, 0);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The fold: events of threads in, a model of what the program did out.
 * Why here and not in the collector: no thread, no mapping, no clock reading: everything follows from
 * the events and the numbers given, so tests and the bench feed it directly.
 * Rules: one owner at a time. Events of one thread come in the order of its ring. What an event may
 * say is hostile; every rule of wire/event.h is carried out here and in seed.c. */
#ifndef ULMA_MODEL_FOLD_H
#define ULMA_MODEL_FOLD_H

#include "model/async_tasks.h"
#include "model/births.h"
#include "model/escalations.h"
#include "model/gc_pauses.h"
#include "model/io_calls.h"
#include "model/lines.h"
#include "model/memory_blocks.h"
#include "model/nodes.h"
#include "model/spans.h"
#include "model/suspended.h"
#include "model/symbols.h"
#include "model/tap.h"
#include "model/track.h"
#include "model/watch.h"
#include "model/windows.h"

/* A longer interval is looked at with care: a counter that went back makes one. */
#define FOLD_INTERVAL_MOST (UINT64_C(1) << 52)

struct model_options {
    size_t node_limit; /* 0: the usual */
    symbols_define *define;
    void *define_context;
};

/* One process of the target. Ids and frames are its own: those of an event are of the present one. */
struct process {
    uint32_t number; /* as the tap has it; the first is 0 */
    uint32_t pid, parent_pid;
    char command[256];                /* "": not known */
    bool entered, shares_rows;        /* of a recording that has many rows already */
    uint64_t ended_calls, ended_lost; /* of its threads that are no more */
    struct io_fds fds;
    struct wait_queue waits;
    struct memory_process memory;
    /* while another one is present */
    struct symbols_ids ids;
    struct suspended suspended;

    struct births_of_process *births; /* NULL: none was heard of */
};

/* A thread that is no more, as snapshots show it. */
struct ended_thread {
    uint32_t pid, tid, number;
    char name[TRACK_NAME_SIZE];
    uint64_t calls, lost;
    int64_t profiled_ticks, wait_ticks, stalled_ticks, corrected_ticks, outside_ticks;
};

/* The cost of one push and pop in ticks x 256: within the callee's interval and the caller's. Those of
 * generators and of calls that an exception ends: 0 and 0 is as of any call. */
struct model_costs {
    uint32_t inner_ticks256, outer_ticks256;
    uint32_t c_inner_ticks256, c_outer_ticks256;
    uint32_t segment_inner_ticks256, segment_outer_ticks256;
    uint32_t unwind_inner_ticks256, unwind_outer_ticks256;
    uint32_t speed_ticks;   /* what EVENT_SPEED told when they were measured; 0: not known */
    uint32_t line_ticks256; /* of one LINE event */
    /* Of a call of a generator, of a coroutine, and by a C function: 0 and 0 is as of any call. Traces hold this struct: new
     * ones are last. */
    uint32_t generator_inner_ticks256, generator_outer_ticks256;
    uint32_t coroutine_inner_ticks256, coroutine_outer_ticks256;
    uint32_t from_c_inner_ticks256, from_c_outer_ticks256;
    uint32_t asked_ticks256; /* of an ASKED of id 1, with all of its call; 0: not measured */
    uint32_t made_ticks256;  /* of a class's call: its __init__'s and an ASKED of id 0 */
    uint32_t chain_ticks, own_ticks256; /* what EVENT_OWN_TIME told meanwhile; 0: not known */
};

/* What so many calls cost the probe, in ticks: as calibrated in their process, at the speed of their processors. */
struct priced_calls {
    double calls, ticks;
};

enum { MODEL_ENDED_MAX = 4096 };

struct model {
    struct tap *tap;              /* hears each step; NULL: nobody does */
    struct model_watch *watch;    /* sees each event; NULL: nobody does */
    uint32_t tap_processes;       /* numbers given out */
    struct model_costs tap_costs; /* as it was told */
    struct process *process;      /* the present one */
    struct process first;
    bool by_process; /* rows are of one process each */
    bool by_thread;  /* so are paths, of one thread each */
    struct nodes nodes;
    struct symbols symbols;
    struct suspended suspended;
    struct async_tasks tasks;
    struct gc_pauses gc;
    struct io_calls io;
    struct wait_sums waits;
    struct spans spans;
    struct lines lines;
    struct escalations escalations;
    struct births births;
    struct memory memory;
    struct kept *kept; /* NULL: nobody asks when things were */
    struct windows windows;
    struct track *tracks;       /* live ones, in order of first sight */
    struct ended_thread *ended; /* MODEL_ENDED_MAX, then one more: `(ended)`, all others */
    uint32_t ended_count;
    uint64_t ended_folded; /* threads in the last */
    uint32_t thread_count; /* that had an event */
    uint32_t numbered;     /* threads so far */
    uint64_t entries_left; /* of all stacks together */

    struct model_costs costs; /* zero when uncorrected */
    /* Intervals from here on, which are SCHEDSTAT_GAP_NS, are noted by the track's gap list (schedstat.h), in ticks. */
    uint64_t gap_ticks;
    void (*on_gap)(void *context, struct track *track, int64_t length_ticks);
    void *on_gap_context;
    /* The node did not run for so long, as is known now; `of_burst`: in the last burst, else before the present one
     * (mute.h). NULL: nobody asks. */
    void (*on_late_wait)(void *context, uint32_t node, int64_t ticks, bool of_burst);
    void *on_late_wait_context;
    bool by_records;        /* switch records tell of all waiting but what was stolen */
    int64_t stolen_ticks;   /* while threads had a processor, as these told themselves */
    uint64_t waits_told_to; /* the counter up to which gaps have got their waits; 0: not at all */

    /* Counters outside of these lie: the session is younger, or they have not come yet. */
    uint64_t earliest, latest;
    uint64_t first_counter; /* of the first event at all; 0: none yet */
    uint64_t events_read, gaps, unmatched_pops, bad_events, too_deep;
    bool counts_kinds; /* each event in kind_events, too: which source costs how much */
    uint64_t kind_events[UINT8_MAX + 1];
    struct priced_calls
        priced;      /* all up to the last SPEED of their threads; none when uncorrected */
    bool modes_vary; /* now or before: frames may have no entries */
    bool
        pops_untold; /* modes vary since lately: pops without an id are of frames taken off meanwhile */
};

/* 0 or -ENOMEM. */
int model_init(struct model *model, const struct model_options *options);
void model_done(struct model *model);

void model_set_costs(struct model *model, const struct model_costs *costs);

/* Functions have fallen silent, or are heard again. */
void model_renew_costs(const struct model *model);

/* From here on the processor that the track runs on takes `speed_ticks` for EVENT_SPEED's piece of work. */
void model_set_speed(struct model *model, struct track *track, uint32_t speed_ticks);

/* An EVENT_OWN_TIME of the track. */
void model_add_own_time(const struct model *model, struct track *track, uint32_t chain_ticks,
                        uint32_t count, uint32_t ticks256);

/* Ticks that one took in the mean since `before`; 0: there was none. */
double model_call_price(const struct model *model, struct priced_calls before);

/* 0 or -ENOMEM. model_end_process gives back what it holds. */
int model_init_process(struct process *process);

/* Modes may vary from here on: the first entry of a stack need not be of its outermost frame. */
void model_vary(struct model *model);

/* From here on events are of this process. */
void model_enter(struct model *model, struct process *process);

/* A new process of several: the tap is told. */
void model_tell_process(struct model *model, struct process *process);

/* It has ended, all its tracks have; the first one is present then. */
void model_end_process(struct model *model, struct process *process);

/* A new live track of the present process. NULL: no memory. */
struct track *model_add_track(struct model *model, uint32_t tid);

/* Its thread id, name and losses, for the tap, where they have changed. */
void model_tell_words(const struct model *model, struct track *track);

/* The thread has ended: closes what is open as of its last event; the track is freed. */
void model_end_track(struct model *model, struct track *track);

/* Adds what the thread has had since the last reset. */
void model_sum_thread(struct ended_thread *sums, const struct track *track);

/* Brings every live track's time up to `counter`, so that the sums hold all that has passed. */
void model_flush(struct model *model, uint64_t counter);

/* Ends a second of the windows. */
void model_tick(struct model *model, uint64_t counter);

/* Forgets all numbers. What is open stays open, its time starts anew. */
void model_reset(struct model *model, uint64_t counter);

/* Folds `count` events of one thread. */
void fold_events(struct model *model, struct track *track, const struct event *events,
                 size_t count);

/* Opens an entry that no event opened: a frame of a seed. Counts nothing. */
void fold_open_seeded(struct model *model, struct track *track, uint32_t frame, uint32_t symbol);

/* --- seed.c --------------------------------------------------------------------------------- */

/* GAP and SEED_* of a thread's own ring; any other event while a seed comes ends it unfinished. */
void seed_event(struct model *model, struct track *track, const struct event *event);

/* The stack is the order's from its counter on, but for frames whose functions are silent now. */
void seed_apply(struct model *model, struct track *track, const struct order *order);

/* Gives the time since a GAP to `(resync)` below what is now the top. */
void seed_end_resync(struct model *model, struct track *track);

/* Takes over order->frames. */
void seed_add_order(struct track *track, const struct order *order);

/* Carries out the orders up to `counter`; with `round`, also all that were read before that round. */
void seed_obey(struct model *model, struct track *track, uint64_t counter, uint64_t round);

#endif

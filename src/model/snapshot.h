/* SPDX-License-Identifier: MIT */
/* The model as one moment saw it: what every view and export reads.
 * Why: the model has one owner, the fold's thread. Readers get an immutable copy, made at one moment
 * under the model's lock, so that all numbers of a screen or file agree with each other and nobody
 * holds the fold up while drawing or writing.
 * Rules: a snapshot owns all that it points at; snapshot_free frees all at once; any one thread at a
 * time may read it. Times are nanoseconds. `self` and `total` are wall times (corrected unless
 * meta.corrected is false); cpu = wall - wait: use snapshot_self() and snapshot_total() with the
 * clock asked for. Indices are positions in the arrays of the same snapshot; NONE is "no such". */
#ifndef ULMA_MODEL_SNAPSHOT_H
#define ULMA_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAPSHOT_NONE = -1 };

enum snapshot_clock { CLOCK_WALL = 0, CLOCK_CPU = 1 };

enum snapshot_kind {
    KIND_PYTHON,
    KIND_C,
    KIND_GENERATOR,
    KIND_COROUTINE,
    KIND_ASYNC_GENERATOR,
    KIND_PSEUDO, /* `(other)`, `(resync)`, `(root)`: rows that are no function */
};

/* Where wait_ns comes from: perf switch records, schedstat, or nothing. */
enum snapshot_wait_source { WAIT_NONE, WAIT_SCHEDSTAT, WAIT_PERF };

struct snapshot_function {
    uint32_t pid; /* 0: summed over all processes */
    uint32_t id;  /* stable through the whole session, local to it; 1.. */
    enum snapshot_kind kind;
    const char *name;     /* co_name; for C as cProfile spells it: <built-in method builtins.len> */
    const char *qualname; /* equals name where nothing better is known */
    const char *module;   /* NULL: unknown */
    const char *file;     /* NULL for C */
    uint32_t line;        /* 0 for C */
    /* Over the whole run: */
    uint64_t calls; /* activations */
    uint64_t
        primitive_calls; /* calls + resumes with no activation of it open below on its thread */
    uint64_t resumes, yields, raised;
    int64_t self_ns, total_ns;
    int64_t self_wait_ns, total_wait_ns; /* of self and total, blocked or waiting for the GIL */
    /* Of one activation's total time; 0 when none has ended. The four follow meta.clock. */
    int64_t min_ns, max_ns, p50_ns, p99_ns;
    /* Over meta.window only (equal to the above for the window `all`): */
    struct {
        uint64_t calls, resumes;
        int64_t self_ns, total_ns, self_wait_ns, total_wait_ns;
        int64_t max_ns, p50_ns, p99_ns;
    } window;
    bool calls_exact, times_exact;
    uint64_t
        estimated;  /* of calls and resumes: those that nobody heard, since the budget muted it */
    bool is_muted;  /* its numbers hold such estimates */
    bool is_method; /* of the source `methods`: it was monitored itself */
    bool holds_left_out; /* it called functions that are left out: their time is in its self */
};

/* A node of the calling-context tree; nodes[0] is the root (function NONE); a parent stands before
 * its children. total includes what is still open. */
struct snapshot_node {
    int32_t parent;   /* NONE for the root */
    int32_t function; /* index into functions */
    uint64_t calls;   /* activations */
    uint64_t resumes;
    int64_t self_ns, total_ns, self_wait_ns, total_wait_ns;
    int64_t window_self_ns, window_total_ns;
};

/* One edge of the call graph. caller NONE: called from outside of any function. */
struct snapshot_edge {
    int32_t caller, callee;
    uint64_t calls; /* as cProfile: calls + resumes */
    uint64_t primitive_calls;
    int64_t self_ns, total_ns; /* of the callee, when called so; recursion counted once */
    int64_t self_wait_ns, total_wait_ns;
};

struct snapshot_thread {
    uint32_t pid, tid;
    uint32_t number; /* in order of first sight, through the session; 0: several that have ended */
    char name[64];
    bool ended;
    uint64_t calls;      /* activations and resumes of Python functions */
    int64_t profiled_ns; /* from its first event (or switch on) to its end, offs left out */
    int64_t cpu_ns, wait_ns;
    int64_t stalled_ns, corrected_ns; /* taken out of every function's time */
    int64_t outside_ns;               /* profiled, with no function open */
    int64_t window_cpu_ns, window_wait_ns;
    uint64_t window_calls;
    uint64_t lost;
    int32_t running; /* the function on top of its stack now, or NONE */
    uint32_t depth;
};

enum snapshot_task_state { TASK_PENDING, TASK_RUNNING, TASK_SUSPENDED, TASK_ENDED };

/* More tasks that are alive than these are summed by coroutine and maker, as ended ones are. */
enum { SNAPSHOT_TASKS_SHOWN = 1000 };

/* An asyncio task, or several of one coroutine that one function made. Over the whole run. */
struct snapshot_task {
    uint64_t count;    /* tasks in this row; with several, id, pid and tid are 0 */
    uint64_t id;       /* in order of first sight, local to the session; 1.. */
    uint32_t pid, tid; /* of the thread that runs its loop */
    const char *name;  /* NULL: not known, or several */
    enum snapshot_task_state state;
    int32_t coroutine; /* function, or NONE */
    int32_t maker;     /* that made it; NONE: not known */
    int32_t awaiting;  /* the innermost coroutine that it is suspended in */
    uint64_t steps;
    uint64_t raised;          /* ended by an exception; cancelled ones are */
    int64_t wall_ns, wait_ns; /* of its steps; cpu = wall - wait */
    int64_t suspended_ns;     /* between them */
    int64_t since_ns;         /* suspended, or made, for so long; 0: neither, or not known */
    int64_t longest_ns;       /* step */
    bool steps_exact;         /* nothing was lost, and its coroutine never muted */
};

/* What the garbage collector did in one generation, or, of that, when one function triggered it. Over the
 * whole run. Pauses are from its begin to its end, finalizers and other callbacks with it. */
struct snapshot_gc {
    uint32_t generation;
    int32_t function; /* that triggered it; NONE: of a trigger, no Python function was open */
    uint64_t runs, collected, uncollectable;
    int64_t total_ns, max_ns;
};

/* Durations in powers of two: [0] below SNAPSHOT_IO_LEAST_TICKS of the counter, each other up to twice as long. */
enum { SNAPSHOT_IO_DURATIONS = 44, SNAPSHOT_IO_LEAST_TICKS = 16 };

/* What one function had the C library do with one file, socket or pipe. Over the whole run. */
struct snapshot_io {
    const char *operation; /* "write" */
    const char *resource;  /* NULL: of none, as a sleep */
    int32_t function;      /* NONE: no Python function was open */
    uint32_t line;         /* that ran; 0: not known */
    uint64_t calls, bytes, errors;
    int64_t blocked_ns, p99_ns, max_ns;
    uint64_t
        durations[SNAPSHOT_IO_DURATIONS]; /* calls by how long they took; all 0 of a recording */
};

enum snapshot_request_sort { REQUEST_SPAN, REQUEST_REQUEST, REQUEST_TASK, REQUEST_SORTS };
enum {
    SNAPSHOT_REQUEST_FUNCTIONS = 20, /* shown of one of them, at most */
    SNAPSHOT_LABELS_MOST = 256,      /* bytes of all labels */
};

/* Requests of one route, method and status, or spans of one name. Over the whole run. */
struct snapshot_request {
    enum snapshot_request_sort sort;
    const char *name;            /* the route */
    const char *method, *status; /* NULL: none */
    uint64_t count, errors;
    int64_t wall_ns, p50_ns, p99_ns, max_ns;
    int64_t cpu_ns, wait_ns, suspended_ns; /* what wall is made of */
    int64_t socket_ns, file_ns;            /* in calls of the C library; 0 where io was not on */
    int64_t queued_ns;                     /* of tasks, before they began; not in wall */
    /* the slowest: wall is max_ns */
    int64_t slowest_at_ns; /* its begin, since the recording's */
    int64_t slowest_cpu_ns, slowest_wait_ns, slowest_suspended_ns;
    int32_t slowest_function;   /* with the most time of its own in it; or NONE */
    const char *slowest_labels; /* KEY=VALUE, one a line; NULL: none */
};

/* One of the functions that had the most time of their own in them. */
struct snapshot_request_function {
    uint32_t request; /* index */
    int32_t function;
    int64_t self_ns;
};

/* A call for which a predicate held. */
struct snapshot_witness {
    bool known;
    int64_t at_ns;   /* since the recording's beginning */
    int64_t took_ns; /* of `slower` and `raised`; else 0 */
    uint64_t value;  /* of the others: what was measured */
    uint32_t thread, pid;
    const char *arguments; /* TYPE, or TYPE[LENGTH], with a comma and a blank between; NULL: none */
    const char
        *stack;    /* FUNCTION tab FILE tab LINE, a line each, the innermost first; NULL: none */
    bool has_more; /* frames than these */
};

/* What a function under a rule did, by predicate. Over the whole run. */
struct snapshot_escalation {
    const char *function;
    const char *file; /* or NULL */
    uint32_t line;
    const char *rule; /* "slower 10ms"; "count" */
    bool is_count;    /* nothing is held against a predicate */
    bool is_time;     /* what it measures is one */
    uint64_t calls, held;
    struct snapshot_witness first, worst;
};

/* A line of a function whose lines were asked for. Over the whole run. */
struct snapshot_line {
    int32_t function;
    uint32_t line;
    uint64_t hits;
    int64_t self_ns, self_wait_ns;
    bool is_partial;  /* the budget left its function's lines out for a part of the time */
    const char *text; /* what stands there, without its indent; NULL: not known */
};

/* Objects of one type that one line of one function made, over the whole run. */
struct snapshot_object {
    const char *type; /* module.qualname */
    int32_t function; /* NONE: no Python function was open */
    uint32_t line;    /* that made them; 0: not known */
    bool before;      /* born before the source was on: deaths alone are known */
    uint64_t births, deaths, live;
    uint64_t bytes, live_bytes; /* of those born; of those that are alive: as they were made */
    int64_t median_life_ns;     /* from birth to death; -1: none has died */
};

/* One of `stride` births, for drawing; the objects' rows count all. Not in recordings. */
struct snapshot_birth {
    int64_t at_ns; /* since the start of the profiling */
    uint64_t bytes;
    uint64_t task;   /* snapshot_task's id; 0: in none */
    uint32_t thread; /* snapshot_thread's number */
    uint32_t object; /* index into objects; their count: it has no row any more */
    uint32_t stride;
};

struct snapshot_memory_sums {
    uint64_t allocations, bytes, frees, freed_bytes;
    uint64_t live_blocks, live_bytes, peak_bytes;
};

/* What Python's allocators gave out to one line of a function, or to all of it that is not known better. Over the
 * whole run; peak_bytes is the line's own. */
struct snapshot_memory_site {
    struct snapshot_memory_sums sums;
    int32_t function;       /* NONE: no Python function asked; or those that are left out */
    uint32_t line;          /* 0: not known */
    bool is_left_out;       /* all of the functions that patterns leave out */
    uint64_t at_peak_bytes; /* of it, when all together were at their peak */
    int64_t growth_bytes;   /* of what is live, over meta.window */
    /* Blocks of 1 KiB or more that did not grow where they stood; those that were a little longer than the one before,
     * which was there still; and their bytes. */
    uint64_t large, grown, grown_bytes;
};

struct snapshot_process {
    uint32_t pid, ppid;
    const char *command;
    uint64_t calls, lost;
};

/* A pattern of --only or --skip. */
struct snapshot_site {
    const char *text;
    bool skip;
    bool matched; /* some function, so far */
};

/* What a thread's time is spent on. COMPUTE is what is left of it: it wanted to run, whether there was a CPU for it or not. */
enum snapshot_share {
    SHARE_COMPUTE,
    SHARE_SOCKET,
    SHARE_FILE,
    SHARE_LOCK,
    SHARE_GIL,
    SHARE_GC,
    SHARE_IDLE,
    SHARE_COUNT
};
extern const char *const snapshot_share_names[SHARE_COUNT]; /* "compute" */

/* Of one thread, over the whole run; they add up to the wall time. */
struct snapshot_split {
    uint32_t pid, tid, number;
    char name[64];
    int64_t wall_ns;
    int64_t compute_ns, socket_ns, file_ns, lock_ns, gil_ns, gc_ns, idle_ns;
};

/* In the order of enum snapshot_share. */
static inline int64_t snapshot_split_ns(const struct snapshot_split *split,
                                        enum snapshot_share share)
{
    const int64_t ns[SHARE_COUNT] = {split->compute_ns, split->socket_ns, split->file_ns,
                                     split->lock_ns,    split->gil_ns,    split->gc_ns,
                                     split->idle_ns};
    return ns[share];
}

/* What a line of a function waited for, or how long it held the GIL. Over the whole run. */
struct snapshot_wait {
    const char *kind; /* "lock" */
    bool is_hold;     /* of the GIL, no wait */
    int32_t function; /* that waited, or held; NONE: no Python function was open */
    uint32_t line;    /* 0: not known */
    bool in_task;     /* within a step of an asyncio task: its event loop stood still */
    uint64_t count;
    int64_t total_ns, max_ns, p99_ns;
    int64_t others_ns;      /* of a hold: that other threads waited meanwhile, added up */
    int32_t holder;         /* function that held it longest meanwhile; NONE: not known */
    uint32_t holder_line;   /* 0: not known */
    uint32_t holder_thread; /* its tid; 0: not known */
    int64_t held_ns;        /* ... so long */
};

enum { SNAPSHOT_SOURCES_MOST = 16 };

/* A source that was asked for and is not on, since the budget takes them in one after the other (model/steps.h). */
enum snapshot_step { STEP_NONE, STEP_TO_COME, STEP_HELD_BACK, STEP_REFUSED };

enum { SNAPSHOT_MEMORY_DOMAINS = 3, SNAPSHOT_MEMORY_CLASSES = 64 };

/* All of it: raw, mem, obj; and by size of the block asked for, up to so many bytes. */
struct snapshot_memory {
    struct snapshot_memory_sums total, domains[SNAPSHOT_MEMORY_DOMAINS];
    struct snapshot_memory_class {
        struct snapshot_memory_sums sums;
        uint64_t most_bytes;
    } classes[SNAPSHOT_MEMORY_CLASSES];
    uint64_t unknown_frees; /* of blocks from before the source was on */
    uint64_t rss_bytes;     /* of all processes; 0: not known */
    uint64_t
        before_bytes; /* given out before the source was on, in blocks of 512 bytes at most: at most so
                             * much of it is there still; 0: not known */
    uint64_t untracked; /* blocks that there was no room for here: live figures are too small */
};

struct snapshot_meta {
    const char *command;    /* as typed, words quoted where needed */
    const char *python;     /* "3.12.4", NULL until a Python was seen */
    const char *executable; /* sys.executable of it */
    const char *host;
    uint32_t pid;
    int64_t start_time_ns; /* CLOCK_REALTIME */
    int64_t duration_ns;   /* of the profiling, to now or its end; of a slice: its length */
    int64_t
        slice_from_ns; /* of a slice of a recording: since its start. 0 of the whole, and live */
    bool is_slice;     /* less than all that a recording holds */
    bool ended;
    int exit_status; /* of the target; -1 while it runs */
    int signal;      /* that ended it; 0: none */
    bool recording;  /* the sources are on at this moment */
    bool refused;    /* the program cannot be followed: `inexact` is why */
    enum snapshot_clock clock;
    bool corrected;
    int64_t corrected_ns, waited_ns; /* taken out of times: the probe's own cost; full rings */
    enum snapshot_wait_source wait_source;
    int window_s;                         /* 1, 10, 60; 0: since the start */
    int64_t window_from_ns, window_to_ns; /* since the start of the profiling */
    uint64_t calls;                       /* activations and resumes of all functions */
    uint64_t events_read, lost, gaps, nested, unmatched_pops, bad_events;
    uint64_t waits_lost; /* of the switch records */
    uint64_t execs_unfollowed;
    uint64_t processes_folded; /* beside the one in which they stand */
    bool by_process;
    uint64_t definitions_refused, stack_guards, forks_unfollowed;
    int64_t stack_guard_ns, off_ns;
    int64_t stolen_ns;     /* a host took the CPU away; it is in the waiting times */
    uint32_t thread_count; /* that had an event */
    double events_per_s;   /* over the window */
    double ns_per_tick;    /* of the counter; 0 of a recording */
    double ns_per_call;    /* the probe's cost per call, at the mean speed */
    double ns_per_c_call;  /* the same of a C call */
    double cost_pct;       /* that cost's share of the profiled time */
    double collector_pct;  /* one CPU = 100 */
    double budget_pct;     /* that cost may have; 0: no budget */
    bool budget_is_held;   /* muting ends the cost: 3.12 and newer */
    uint32_t muted;        /* functions with estimates in their numbers */
    const char *inexact;   /* NULL: exact. Else why not, a short phrase */
    struct snapshot_source {
        const char *name; /* "calls", "c-calls" */
        int64_t on_ns;
        bool wanted; /* now: others were, since the start */
        enum snapshot_step step;
        bool complete;
        const char *reason; /* why it is not complete; NULL */
    } sources[SNAPSHOT_SOURCES_MOST];
    size_t source_count;
    struct snapshot_site *sites; /* in force */
    size_t site_count;
    uint32_t left_out; /* functions seen that the patterns leave out */
    /* asyncio */
    uint64_t tasks_live, tasks_refused;
    int64_t longest_step_ns;       /* that held a loop */
    int32_t longest_step_of;       /* its task's coroutine, or NONE */
    const char *longest_step_task; /* its name; NULL: not known */
    struct snapshot_memory memory;
};

/* What a recording keeps beyond what is shown; only where it was asked for. In whole ticks of the counter,
 * since these do not change when the counter's rate becomes known better. */

enum snapshot_path_flags {
    PATH_PRIMITIVE = 1, /* its calls are primitive */
    PATH_OUTERMOST = 2, /* its time counts in the function's total */
    PATH_EDGE_PRIMITIVE = 4,
    PATH_EDGE_OUTERMOST = 8,
    PATH_FLAGS = 15,
};

/* A path of functions from the bottom of one thread's stack. snapshot->nodes are these, joined. */
struct snapshot_path {
    uint32_t id;      /* stable through the session; 1.. */
    uint32_t parent;  /* id; 0: the root */
    int32_t function; /* NONE: the bottom of a thread */
    uint32_t thread;  /* number; 0: of several */
    uint32_t flags;
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
};

/* One counter of a function's histogram (model/histogram.h); those of the cpu clock are the difference
 * to the wall clock's. */
struct snapshot_slot {
    uint16_t slot;
    bool cpu;
    int64_t count;
};

/* Of one activation's total time; none has ended when max is negative. */
struct snapshot_extremes {
    int64_t min_ticks, max_ticks, min_cpu_ticks, max_cpu_ticks;
};

struct snapshot_durations {
    struct snapshot_extremes whole,
        recent; /* recent: since the detailed snapshot before this one */
    size_t slot_first, slot_count;
};

struct snapshot_thread_ticks {
    int64_t profiled, wait, stalled, corrected, outside;
};

struct snapshot_detail {
    double ns_per_tick;
    double stolen_share;         /* of the time on a CPU, that is waiting time */
    struct snapshot_path *paths; /* a parent before its children */
    size_t path_count;
    struct snapshot_durations *durations; /* by function */
    struct snapshot_slot *slots;
    size_t slot_count;
    struct snapshot_thread_ticks *threads; /* by thread */
};

/* Of one activation's total time, by meta.clock: below ns[i] lies SNAPSHOT_QUANTILE_STEP * (i + 1) of them,
 * the fastest three tenths in all: those that nothing disturbed. All 0 when none has ended or they are not known. */
#define SNAPSHOT_QUANTILE_STEP 0.03
enum { SNAPSHOT_QUANTILES = 10 };
struct snapshot_quantiles {
    double ns[SNAPSHOT_QUANTILES];
};

/* Who is alive now: open on a thread's stack, or suspended. Not in recordings. */
struct snapshot_activation {
    uint32_t frame, number; /* together they name it */
    uint32_t parent_frame, parent_number;
    int32_t function;
    int32_t awaiting; /* the innermost coroutine that it is suspended in, or NONE */
    int32_t maker;    /* who made the task whose coroutine it is, or NONE */
    uint32_t thread;  /* snapshot_thread's number */
    uint32_t depth;
    uint32_t count; /* of several that wait alike: how many, and the oldest's figures */
    bool is_active, is_top;
    int64_t
        age_ns; /* active: since its beginning, of a generator what it ran; else since its yield */
};

struct snapshot {
    struct snapshot_meta meta;
    struct snapshot_function *functions; /* order of first sight */
    size_t function_count;
    struct snapshot_node *nodes;
    size_t node_count;
    struct snapshot_edge *edges;
    size_t edge_count;
    struct snapshot_thread *threads;
    size_t thread_count;
    struct snapshot_process *processes;
    size_t process_count;
    struct snapshot_task *tasks; /* that are alive, by age; then those that have ended */
    size_t task_count;
    struct snapshot_gc *gc; /* by generation; those that ran. gc_triggers add up to them */
    size_t gc_count;
    struct snapshot_gc *gc_triggers;
    size_t gc_trigger_count;
    struct snapshot_io *io; /* the longest first */
    size_t io_count;
    struct snapshot_wait *waits; /* the longest first */
    size_t wait_count;
    struct snapshot_split *splits;
    size_t split_count;
    struct snapshot_request *requests; /* the longest first */
    size_t request_count;
    struct snapshot_request_function
        *request_functions; /* in the order of these, the heaviest first */
    size_t request_function_count;
    struct snapshot_escalation *escalations; /* those that held first, the worst first */
    size_t escalation_count;
    struct snapshot_line *lines; /* by function, then by line */
    size_t line_count;
    struct snapshot_object *objects;
    size_t object_count;
    struct snapshot_birth *births; /* the newest, the oldest first */
    size_t birth_count;
    uint64_t births_before;                    /* that were told before these */
    uint32_t birth_stride;                     /* of so many one is taken now */
    struct snapshot_memory_site *memory_sites; /* those with any number */
    size_t memory_site_count;
    struct snapshot_activation *activations; /* active ones first, whoever stands above before */
    size_t activation_count;
    uint64_t activations_left_out;
    struct snapshot_detail *detail;       /* NULL: not asked for */
    struct snapshot_quantiles *quantiles; /* by function; NULL: not asked for */
    struct arena *arena;                  /* owns all of the above */
};

static inline int64_t snapshot_self(const struct snapshot_function *function,
                                    enum snapshot_clock clock)
{
    return clock == CLOCK_CPU ? function->self_ns - function->self_wait_ns : function->self_ns;
}

static inline int64_t snapshot_total(const struct snapshot_function *function,
                                     enum snapshot_clock clock)
{
    return clock == CLOCK_CPU ? function->total_ns - function->total_wait_ns : function->total_ns;
}

/* `--only pkg --skip @stdlib`, cut with `…` where it is longer; with `unmatched` only the patterns that
 * have matched nothing. How many patterns these are. */
size_t snapshot_describe_sites(const struct snapshot_meta *meta, bool unmatched, char *text,
                               size_t size);

/* The type and the name of a monitored method: `dict` and `get`; of a module's function the module. False: its name
 * is of another form. */
enum { SNAPSHOT_METHOD_SIZE = 256 };
bool snapshot_method_name(const char *display, char whole[SNAPSHOT_METHOD_SIZE]); /* `dict.get` */
bool snapshot_operator_name(const char *display, char whole[SNAPSHOT_METHOD_SIZE]);
bool snapshot_read_operator(const struct snapshot_function *function,
                            char type[SNAPSHOT_METHOD_SIZE], char name[SNAPSHOT_METHOD_SIZE]);
bool snapshot_read_method(const struct snapshot_function *function, char type[SNAPSHOT_METHOD_SIZE],
                          char name[SNAPSHOT_METHOD_SIZE]);

/* The source was on at some time. */
bool snapshot_has_source(const struct snapshot_meta *meta, const char *name);

/* Frees the snapshot and all it points at. NULL is allowed. */
void snapshot_free(struct snapshot *snapshot);

/* A new empty snapshot with its arena, for makers (the model, tests). NULL: no memory. */
struct snapshot *snapshot_new(void);

#endif

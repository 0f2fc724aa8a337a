/* SPDX-License-Identifier: MIT */
/* The session: all memory that one target and one collector share. One file.
 *
 *   offset 0              struct session_header (SESSION_HEADER_SIZE bytes)
 *   modes_offset          one mode byte for each id (enum site_mode), SESSION_ID_LIMIT of them
 *   ... and behind them   one lines byte for each id (enum site_lines), the number of its rule for each id (16 bits; 0:
 *                         none), and SESSION_RULES x struct session_rule
 *   gone_offset           the gone ring: GONE_CAPACITY ids of 4 bytes (wire/definitions.h)
 *   definitions_offset    slot table (SESSION_ID_LIMIT x 4 bytes), then the record heap
 *   rings_offset          ring directory: SESSION_RING_LIMIT x struct ring_shared; ring 0 is the
 *                         control ring (its producer is the GIL's holder)
 *   events_offset         the rings' events, allocated by the collector as threads appear
 * The file is as long as header.size from the start; what is not allocated yet is a hole.
 *
 * Why one file in a tmpfs: what a killed target wrote can still be read, and the collector, which
 * made and allocated it, pays for it.
 * Rules: offsets only. Both sides check everything they read of the other's. The words of the
 * switch: `wanted` is written by the collector, `state` by the probe.
 *
 * A flight recorder's session is made, allocated and written by the target alone, with no collector: its
 * name is PID-RANDOM.flight, `flight` is 1, and its rings overwrite themselves (wire/ring.h). The mapping
 * is of a descriptor that holds the file's lock (flock, exclusive): as long as any process has it mapped
 * nobody else gets that lock, in whatever PID namespace, and when none has, its process is no more.
 *
 * Words from outside: `ulma set` has the collector that owns a session change what it follows. It takes
 * the record lock of byte SESSION_SETTER_LOCK, writes `set_text`, then raises `set_serial`; the collector
 * copies the text, checks all of it, obeys or refuses, writes `set_answer` and `set_result` and last
 * `set_done`. The text: the folder that `ulma set` was started in, then KEY=VALUE or KEY+=VALUE, each
 * ended by a newline, and a zero byte. Instead of settings one word may ask for what was counted (cmd/job_view.h):
 * then the answer is a file beside the session, which whoever asked reads and removes in his turn. Who can
 * write it owns the file; it is read as if by anybody. */
#ifndef ULMA_WIRE_SESSION_H
#define ULMA_WIRE_SESSION_H

#include "wire/definitions.h"
#include "wire/io_operation.h"
#include "wire/ring.h"

/* "ulmasess", little-endian. */
#define SESSION_MAGIC UINT64_C(0x73736573616d6c75)

enum {
    SESSION_FORMAT = 11,
    SESSION_HEADER_SIZE = 2 * 4096,
    SESSION_ID_LIMIT = 1 << 17, /* ids a session can have alive at once */
    SESSION_RING_LIMIT = 1024,
    SESSION_GONE_CAPACITY = 1 << 15,
    SESSION_DEFINITIONS_SIZE = 4 << 20, /* slot table and heap */
    SESSION_BOOT_ID_SIZE = 40,
    SESSION_REASON_SIZE = 240,
    SESSION_WAITING_LIMIT = 256,
    SESSION_SET_SIZE = 3072,
    SESSION_ANSWER_SIZE = 512,
};

/* Bytes of the file that record locks stand for. */
enum session_lock { SESSION_COLLECTOR_LOCK = 0, SESSION_SETTER_LOCK = 1 };

/* What a site does. The collector writes the byte, as soon as it has met the definition and before it
 * acknowledges the end of one; the probe reads it at each event.
 *   OFF     nothing is written (of a type: the source `objects` tells none of its instances), and from 3.12 on the interpreter is asked not to tell it again
 *   RECORD  pushes and pops are written
 *   HEARD   the same, of a function that the collector leaves out: it only looks who calls it
 *   CLOSING pops are written, pushes are not: what is open may end before it goes OFF (3.12+; before, a
 *           frame reads the byte once, at its entry)
 *   METHOD  of a C function: it is monitored by the source `methods`, and no C call
 *   COUNT   nothing is written: the calls are counted in the function's struct session_rule
 *   ESCALATE the same, and a call for which a predicate of that rule holds is told with its stack and arguments
 * From OFF or CLOSING back to RECORD: the byte first, then `switch_serial` rises, so that the probe has the
 * interpreter tell it again. */
enum site_mode {
    MODE_OFF = 0,
    MODE_RECORD = 1,
    MODE_HEARD = 2,
    MODE_CLOSING = 3,
    MODE_METHOD = 4,
    MODE_COUNT = 5,
    MODE_ESCALATE = 6
};

/* Whether the lines of a function are told, while the source `lines` is on. The collector writes the byte, at first
 * sight of the definition, and UNDECIDED again before it acknowledges the end of one. Until it has, they are told and
 * the collector drops what nobody wants: so a function's first call is whole. From NO to YES: the byte first, then
 * `switch_serial` rises. */
enum site_lines { LINES_UNDECIDED = 0, LINES_NO = 1, LINES_YES = 2 };

/* When a call escalates; several may be asked of one function, and each has a value of its own. */
enum rule_predicate {
    RULE_SLOWER, /* it, or a generator's part between two yields, took longer; ticks of the counter */
    RULE_LARGER, /* an argument's length is more; bytes or elements */
    RULE_DEEPER, /* more calls of the function are open in this thread; how many */
    RULE_EVERY,  /* every so many calls; the number of the call */
    RULE_RAISED, /* an exception ends it; the ticks that it took, 0: not known */
    RULE_PREDICATES
};

/* What one function does by its rule. The collector writes the first line before it writes the function's number and
 * mode byte, and takes it back before it acknowledges the function's end; the rest is the probe's, under the GIL (of the
 * C library's functions: without it, so that all threads count at once), but that `worst` goes back to 0 when the numbers
 * begin anew. */
struct session_rule {
    uint64_t slower_ns, larger;
    uint32_t deeper, every;
    uint32_t predicates; /* bits by enum rule_predicate */
    uint32_t id;
    _Atomic uint64_t counted;                /* calls, and resumes of generators */
    _Atomic uint64_t held[RULE_PREDICATES];  /* ... for which it held */
    _Atomic uint64_t worst[RULE_PREDICATES]; /* the greatest value that was told; 0: none */
};

enum { SESSION_RULES = 2048 }; /* [0] is nobody's */

/* Bytes of the modes, lines and rules of all ids. */
enum {
    SESSION_RULE_NUMBERS_AT = 2 * SESSION_ID_LIMIT,
    SESSION_RULES_AT = SESSION_RULE_NUMBERS_AT + 2 * SESSION_ID_LIMIT,
    SESSION_MODES_BYTES = SESSION_RULES_AT + SESSION_RULES * (int)sizeof(struct session_rule)
};

/* Sources, as bits of header.sources_wanted and sources_on. */
enum session_source {
    SOURCE_CALLS = 1,
    SOURCE_C_CALLS = 2,
    SOURCE_GC = 4,
    SOURCE_METHODS = 8,
    SOURCE_LINES = 16,
    SOURCE_OPERATORS = 32,
    SOURCE_OBJECTS = 64,
    SOURCE_MEMORY = 128,
    SOURCE_IO = 256,
    SOURCE_WAITS = 512,
    SOURCE_SPANS = 1024,
    /* Not a source of its own: with `operators`, none of them goes untold in the functions that lines would count. */
    SOURCE_OPERATORS_EVERY = 16384,
};

/* Rings of a child's session as the child makes it: the control ring, and one for its first thread. */
enum { SESSION_CHILD_CONTROL_BYTES = 1 << 16 };

static inline uint32_t session_child_ring_bytes(uint64_t buffer_bytes)
{
    return buffer_bytes >= 1 << 23 ? 1 << 20 : 1 << 18;
}

/* A flight recorder's rings are sized for so many events a second, which is a busy server. */
enum {
    FLIGHT_EVENTS_PER_S = 100 * 1000,
    FLIGHT_KEEP_MS = 5000,            /* unless said otherwise */
    FLIGHT_BUDGET_THOUSANDTHS = 2000, /* 2 % */
    FLIGHT_START_MS = 150,            /* of recording, beyond the budget, once */
    FLIGHT_LEAST_RING = 1 << 16,      /* bytes */
    FLIGHT_MOST_RING = 1 << 25,
    FLIGHT_FILES_MOST = 16,         /* of ended processes, in one directory */
    FLIGHT_FILES_BYTES = 256 << 20, /* ... and so much of them */
};
#define FLIGHT_SUFFIX ".flight"

enum session_set_result { SET_DONE = 1, SET_REFUSED = 2 };

enum session_wanted { WANTED_OFF = 0, WANTED_ON = 1 };

enum session_state {
    STATE_NEW = 0,     /* made by the collector, no target yet */
    STATE_CLAIMED = 1, /* a target's probe has mapped it */
    STATE_WAITING = 2, /* armed; counting starts with the first __main__ code */
    STATE_ON = 3,
    STATE_OFF = 4,     /* armed, everything off */
    STATE_REFUSED = 5, /* the probe cannot work here: `reason` says why */
    STATE_FORKED = 6,  /* unused in a parent's session; a child that is not followed is off */
};

enum on_full { ON_FULL_WAIT = 0, ON_FULL_DROP = 1 };

/* Why recording went off: header.off_cause. */
enum off_cause { OFF_WANTED = 0, OFF_COLLECTOR_DEAD = 1, OFF_COLLECTOR_STALE = 2 };

/* sys.setprofile's place (3.9-3.11); the tool id, its events or its callbacks (3.12+). */
enum hooks_taken { TAKEN_NONE = 0, TAKEN_PROFILE = 1, TAKEN_MONITORING = 2 };

/* What the source `objects` does not see, as bits of header.objects_unseen: containers whose end the interpreter
 * puts off, since they are nested deep, die untold (3.14 on); the program's own tracemalloc, or the like, has taken the
 * interpreter's one tracer; there are more places than are kept apart. */
enum objects_unseen { UNSEEN_DEEP = 1, UNSEEN_TAKEN = 2, UNSEEN_PLACES = 4 };

/* Why some wanted method is not monitored, as bits of header.methods_unheard: there are more than thunks; it stands
 * in memory that nobody may write; the interpreter has a shortcut past it
 * (len, isinstance, list.append, 3.11+). */
enum methods_unheard { UNHEARD_MANY = 1, UNHEARD_SEALED = 2, UNHEARD_INLINED = 4 };

enum clock_kind { CLOCK_KIND_TSC = 1, CLOCK_KIND_CNTVCT = 2, CLOCK_KIND_MONOTONIC = 3 };

/* Speeds that differ by less than one part in this many are one. Where its operands happen to lie makes EVENT_SPEED's
 * piece of work up to 20 % faster or slower from start to start, and the hooks not at all; a neighbour on the core
 * makes both slower by half and more. */
enum { SESSION_SPEED_NOISE = 4 };

/* A chain of EVENT_OWN_TIME in fewer ticks: the counter is too coarse to tell the clock by it, or what an end takes. */
enum { SESSION_CHAIN_LEAST = 128 };

/* Kinds of calls that cost the probe differently: to its return, a generator's from resume to yield, one
 * that an exception ends, a C function's, a generator's and a coroutine's with all that making it costs,
 * one that no call instruction makes (EVENT_FROM_C), one of what is told by no event (EVENT_ASKED),
 * one of a class, with that of its __init__. */
enum session_cost_kind {
    COST_CALL,
    COST_SEGMENT,
    COST_UNWIND,
    COST_C_CALL,
    COST_GENERATOR,
    COST_COROUTINE,
    COST_FROM_C,
    COST_ASKED,
    COST_MADE,
    COST_COUNT
};

/* Of one push and pop, in ticks of the counter x 256: within its own interval, and its caller's. */
struct session_cost {
    uint32_t inner_ticks256, outer_ticks256;
};

struct session_header {
    /* fixed at creation, by the collector */
    uint64_t magic;
    uint32_t format;
    uint32_t header_size;
    uint64_t size;
    uint64_t modes_offset, gone_offset, definitions_offset, rings_offset, events_offset;
    uint32_t id_limit, ring_limit, gone_capacity, definitions_size;
    uint32_t clock_kind;    /* enum clock_kind */
    uint64_t start_time_ns; /* CLOCK_REALTIME at creation */
    uint64_t start_counter; /* the counter at creation */
    uint32_t collector_pid;
    uint32_t collector_uid;
    char boot_id[SESSION_BOOT_ID_SIZE];
    uint64_t pid_namespace; /* inode of /proc/self/ns/pid, the collector's */
    /* these two by the collector while it runs, too; switch_serial rises with each change */
    _Atomic uint32_t on_full; /* enum on_full */
    _Atomic uint32_t
        modes_vary; /* 1, from then on: a mode may be other than RECORD; pops carry the id */

    /* written by the collector while it runs */
    _Alignas(64) _Atomic uint32_t wanted; /* enum session_wanted */
    _Atomic uint32_t sources_wanted;      /* bits of enum session_source */
    _Atomic uint32_t start_off;           /* 1: the first __main__ code does not switch on */
    _Atomic uint32_t
        stacks_wanted; /* rises when functions are taken in whose frames may be open: all
                                     * threads' stacks are to be told */
    _Atomic uint32_t switch_serial;          /* rises with each change of the above */
    _Alignas(64) _Atomic uint64_t heartbeat; /* rises with each drain */
    _Atomic uint32_t sleeping;               /* futex word: 1 while the collector sleeps */
    _Atomic uint32_t gone_acked;             /* consumed from the gone ring, free-running */
    _Atomic uint32_t rings_made;             /* rings that exist: 0 .. rings_made-1 */

    /* written by the probe (under the GIL) */
    _Alignas(64) _Atomic uint32_t state; /* enum session_state */
    _Atomic uint32_t
        target_pid; /* 0 until claimed by compare-and-swap; in the target's namespace */
    _Atomic uint32_t sources_on;
    _Atomic uint32_t off_cause;   /* enum off_cause, of the last off */
    _Atomic uint32_t switch_done; /* the switch_serial that `state` answers */
    _Atomic uint32_t exec_count;
    uint32_t python_version;           /* PY_VERSION_HEX */
    uint32_t tool_id;                  /* sys.monitoring's, on 3.12+ */
    _Atomic uint32_t definition_count; /* ids ever given out: 1 .. definition_count */
    _Atomic uint32_t gone_head;        /* ids that ended, free-running */
    _Atomic uint64_t definitions_refused;
    _Atomic uint64_t ringless_lost; /* events of threads that found no ring */
    _Atomic uint64_t stack_guards;  /* times that the stack guard tripped (3.9-3.11) */
    _Atomic uint64_t stack_guard_ticks;
    _Atomic uint64_t on_counter; /* counter at the last switch on, and off */
    _Atomic uint64_t off_counter;
    _Atomic uint64_t cpu_on_ns;       /* the process's CPU time at the last switch on; 0: off */
    _Atomic uint64_t cpu_recorded_ns; /* ... and what it used from on to off, before that */
    _Atomic uint64_t forks_unfollowed;
    _Atomic uint64_t
        claims_refused;           /* other Pythons of the target's family that found it claimed */
    _Atomic uint32_t hooks_taken; /* enum hooks_taken: the program has a hook of ours to itself */
    /* the probe's own cost, in ticks of the counter x 256, calibrated in the target */
    uint32_t cost_inner_ticks256;   /* of a Python call: within the callee's own interval */
    uint32_t cost_outer_ticks256;   /* ... and within the caller's */
    uint32_t cost_c_inner_ticks256; /* the same of a C call */
    uint32_t cost_c_outer_ticks256;
    char python[64];                  /* "3.12.4" */
    char reason[SESSION_REASON_SIZE]; /* STATE_REFUSED: one sentence, terminated */
    char executable[512];             /* sys.executable, terminated, cut if longer */
    char stdlib[512];                 /* its lib/pythonX.Y, terminated; "": too long */

    /* A family: a process and its children, or several processes that are followed together. The first one's
     * session has the words, the others read and raise them there; another's own session lies beside it, as
     * PID-RANDOM with the same RANDOM (and .N after it, when that PID has had one). That process makes and
     * allocates it, so that a child's first event is not lost; the collector finds it, owns it from then
     * on, and adds rings. */
    _Atomic uint32_t follow_children;  /* written by the collector; 1: others may make sessions */
    uint32_t follow_forks;             /* fixed at creation; 1: a fork's child does so by itself */
    _Atomic uint32_t children_made;    /* sessions that they have made, whole */
    _Atomic uint64_t children_refused; /* children that could not make one, and go on unprofiled */
    _Atomic uint32_t waiting_count;    /* children made while recording was off, ever */
    _Atomic uint32_t waiting[SESSION_WAITING_LIMIT]; /* ... the first of them: SIGURG wakes them */
    uint32_t parent_pid;                             /* of a child; 0: the first process */
    char command[256]; /* of a child: its command line, terminated, cut if longer */

    /* the flight recorder's; fixed at creation but for the last line */
    uint32_t flight;                    /* 1: it is one */
    uint32_t flight_budget_thousandths; /* of a percent of the process's time; 0: none */
    uint64_t flight_keep_ns;            /* the rings were asked to hold so much */
    uint64_t flight_kept_ns;     /* ... and are sized for so much: there was no memory for more */
    uint64_t flight_first_bytes; /* of the first thread's ring */
    uint64_t flight_ring_bytes;  /* that all rings may have together */
    uint64_t counter_hz;         /* of the counter, as measured in the target: good to a percent */
    _Atomic uint64_t pair_counter,
        pair_time_ns;              /* the last sign of life: counter and CLOCK_REALTIME */
    uint32_t flight_cleared;       /* files of ended processes that made room for this one */
    _Atomic uint32_t flight_muted; /* functions that its budget keeps silent now */
    _Atomic uint64_t flight_cost_ns,
        flight_busy_ns; /* what recording has cost, of the time it ran */

    /* words from outside: see above */
    _Alignas(64) _Atomic uint32_t set_serial; /* by whoever has the setter's lock */
    char set_text[SESSION_SET_SIZE];
    _Alignas(64) _Atomic uint32_t set_done; /* by the collector: the serial that it has answered */
    uint32_t set_result;                    /* enum session_set_result */
    char set_answer[SESSION_ANSWER_SIZE];   /* one sentence, terminated */

    /* The source `methods`: the probe defines every method that it could monitor and raises `methods_listed`; the
     * collector writes METHOD into the mode bytes of those that are wanted, RECORD into the others', and sets
     * `methods_decided` to what it answers. */
    _Alignas(64) _Atomic uint32_t methods_listed; /* by the probe */
    _Atomic uint32_t methods_unheard; /* wanted, and not monitored: see enum methods_unheard */
    /* The source `operators`, whose operators stand in the list of methods: those that are wanted and told in part
     * only, as bits by number (wire/operators.h). */
    _Atomic uint32_t operators_unseen;
    _Alignas(64) _Atomic uint32_t methods_decided; /* by the collector */
    /* the probe's cost of each kind of call: [0] where calls alone are recorded, [1] where C calls are,
     * too, which makes Python's calls dearer. All 0: not measured, those above hold for every call */
    struct session_cost costs[2][COST_COUNT];
    uint32_t cost_speed_ticks; /* what EVENT_SPEED's piece of work took meanwhile; 0: not known */
    uint32_t
        cost_line_ticks256; /* of one LINE event, in ticks of the counter x 256; 0: not measured */
    _Atomic uint32_t objects_unseen; /* by the probe: bits of enum objects_unseen */
    /* by the probe, when the source `memory` went on: what the interpreter's own allocator had given out, in blocks
     * of 512 bytes at most; 0: not known */
    _Atomic uint64_t memory_before_bytes;
    /* The source `io`: before it is heard, the probe raises `files_asked` and waits until the collector has looked up
     * which files, sockets and pipes the process has open, and set `files_known` to what it answers. */
    _Atomic uint32_t files_asked;              /* by the probe */
    _Alignas(64) _Atomic uint32_t files_known; /* by the collector */
    uint32_t
        sources_asked; /* fixed at creation: what sources_wanted may come to say; 0: no more than it does */
    _Atomic uint32_t
        types_limited; /* by the collector: some types' mode bytes are OFF; their objects are not to be told */
    /* Rules: while `rules_wanted` is 1 the probe, when it has defined a function, writes its id, raises `rule_asked` and
     * waits for a moment until the collector has written the function's mode and set `rule_answered` to that: so a
     * rule holds from the first call on. */
    _Atomic uint32_t rules_wanted;               /* by the collector */
    _Atomic uint32_t rule_id, rule_asked;        /* by the probe */
    _Alignas(64) _Atomic uint32_t rule_answered; /* by the collector */
    /* The source `io`: the ids of the C library's functions by enum io_operation, which no push ever has; 0: not heard. Their
     * mode bytes say whether calls are told, counted or watched. By the probe, before it asks for the rule of one. */
    _Atomic uint32_t operation_ids[IO_OPERATION_COUNT];
    /* What an EVENT_OWN_TIME would have told meanwhile; 0: not measured. An end's: [0] where all functions are recorded, [1]
     * where modes vary, or methods or spans are heard */
    uint32_t cost_chain_ticks;
    uint32_t cost_own_ticks256[2];
};
static_assert(sizeof(struct session_header) <= SESSION_HEADER_SIZE, "the header has two pages");

#endif

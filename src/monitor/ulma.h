/* SPDX-License-Identifier: MIT */
/* libulma: a monitor of your own, in C. A monitor reads the events of a Python program, of one that runs or of a
 * recording's trace, in a process beside it; docs/monitors.md shows a whole one.
 *
 * How: ulma_open starts the program `ulma monitor`, which follows the target, finds out what each event means, and
 * puts those that a monitor's mask asks for into shared memory of that monitor's own. The target never waits for a
 * monitor: what one is too slow for is dropped, and counted (ulma_lost). A recording waits instead, and nothing of
 * it is dropped.
 *
 * Units     times are nanoseconds; time_ns counts from the first event that was recorded, duration_ns is wall time
 *           without what the probe itself costs. Bytes are bytes.
 * Order     the events of one thread come in the order in which they happened. Those of several threads come in
 *           portions, thread by thread: time_ns tells how they lie.
 * Names     an event has numbers; ulma_function, ulma_context, ulma_thread and ulma_name say what they stand for.
 *           A number means the same as long as the session is open.
 * Ownership a session owns its monitors; ulma_close frees all of it. Strings live until then. Events that ulma_read
 *           lends are good until the next ulma_read of that monitor.
 * Threads   different monitors may be used by different threads at once; one monitor by one thread at a time, but
 *           for ulma_set_mask and ulma_set_slower, which any thread may call. ulma_open and ulma_close by one.
 * Errors    functions that can fail return a negative errno; ulma_open also says in words what happened. The library
 *           prints nothing, never exits, and leaves signals alone.
 * Version   ULMA_VERSION_API rises when something that stood here changes; additions at the end do not raise it.
 *           Unknown kinds of events are to be passed over: newer ones get higher numbers. */
#ifndef ULMA_H
#define ULMA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ULMA_VERSION_API 1

/* What happened; ULMA_BIT of it is its bit in a mask. */
enum ulma_kind {
    ULMA_CALL = 1,           /* a Python function begins */
    ULMA_RESUME = 2,         /* a generator or coroutine goes on */
    ULMA_THROW = 3,          /* ... goes on by throw() or close() */
    ULMA_RETURN = 4,         /* a function returns: duration_ns, a generator's without its pauses */
    ULMA_YIELD = 5,          /* a generator or coroutine pauses: duration_ns so far */
    ULMA_RAISE = 6,          /* an exception leaves a function: duration_ns */
    ULMA_C_CALL = 7,         /* a C function is called */
    ULMA_C_RETURN = 8,       /* ... returns: duration_ns */
    ULMA_C_RAISE = 9,        /* ... raises: duration_ns */
    ULMA_METHOD = 10,        /* a method of a built-in type, or a builtin function, is called */
    ULMA_METHOD_RETURN = 11, /* ... returns: duration_ns */
    ULMA_METHOD_RAISE = 12,  /* ... raises: duration_ns */
    ULMA_LINE = 13,          /* a line begins: detail = its number */
    ULMA_GC_START = 14,      /* a garbage collection begins: detail = its generation */
    ULMA_GC = 15,       /* ... ends: duration_ns, amount = objects collected, detail = generation */
    ULMA_IO = 16,       /* a call of the C library that may wait has ended: duration_ns, amount =
                              * bytes moved (0 where it moves none), detail = ulma_name of the operation,
                              * extra = errno, 0: it succeeded */
    ULMA_LOST = 17,     /* the target's probe dropped events just before this: amount */
    ULMA_OPERATOR = 18, /* an operator of a built-in type, at a line, is called */
    ULMA_OPERATOR_RETURN = 19, /* ... returns: duration_ns */
    ULMA_OPERATOR_RAISE = 20,  /* ... raises: duration_ns */
    /* What is known only when all threads have been read up to it. It is told late, in an order of its own, with
     * extra = the line, 0: not known. */
    ULMA_BIRTH = 21, /* an object is made by `function`: amount = its bytes, detail = ulma_name of
                      * its type */
    ULMA_DEATH = 22, /* ... ends: the same, and duration_ns, which it lived */
    ULMA_ALLOCATION = 23, /* memory is given out: amount = bytes, detail = enum ulma_domain */
    ULMA_FREE = 24,       /* ... is given back: the same, of whoever it was given to */
    ULMA_WAIT = 25,       /* a thread waited for duration_ns: detail = ulma_name of what for */
    ULMA_GIL_HELD = 26,   /* a thread let the GIL go, which it had for duration_ns */
    ULMA_SPAN = 27, /* a span, or request, has ended: duration_ns, amount = time on a CPU, detail =
                           * ulma_name of what it is called, function = where most of its time went, extra = 1: it
                           * failed */
    ULMA_KIND_COUNT = 28
};

#define ULMA_BIT(kind) (UINT64_C(1) << (kind))

struct ulma_event {
    uint64_t time_ns;
    uint64_t duration_ns; /* 0, too, where its beginning was not seen */
    uint64_t amount;
    uint32_t function; /* whose event it is; 0: no function was open, or it is one of too many */
    uint32_t context;  /* the path of calls that led there: ulma_context */
    uint32_t thread;
    uint32_t detail;
    uint16_t kind;
    uint16_t depth; /* calls that are open, this one too; 65535: that or more */
    uint32_t extra;
};

enum ulma_domain { ULMA_DOMAIN_RAW = 0, ULMA_DOMAIN_MEM = 1, ULMA_DOMAIN_OBJ = 2 };

enum ulma_function_kind {
    ULMA_PYTHON = 0,
    ULMA_C = 1,
    ULMA_GENERATOR = 2,
    ULMA_COROUTINE = 3,
    ULMA_ASYNC_GENERATOR = 4,
    ULMA_PSEUDO = 5 /* `(other)` and its like */
};

struct ulma_function_info {
    const char *name, *qualname, *module,
        *file; /* "" where there is none, as a C function's file */
    uint32_t line;
    uint32_t kind; /* enum ulma_function_kind */
};

struct ulma_thread_info {
    const char *name;
    uint32_t pid, tid;
};

struct ulma_session;
struct ulma_monitor;

struct ulma_options {
    size_t size;            /* sizeof(struct ulma_options), so that it can grow */
    const char *executable; /* the program; NULL: `ulma` on PATH */
    const char *const
        *options; /* of `ulma monitor` (--only, pkg, --duration, 5), NULL at the end; or NULL */
    const char *error_file;   /* where its messages go; NULL: this process's stderr */
    const char *const *names; /* of the monitors, for its messages; or NULL */
};

/* Opens a session with `count` monitors (1 to 16), whose masks are masks[i], on `what`: the words that would follow on
 * the command line (a PID; a program and its arguments; a recording), NULL at the end. 0, or a negative errno, and
 * then `error` (may be NULL) holds one sentence. The target has begun, or begins soon, when this returns. */
int ulma_open(const char *const *what, const uint64_t *masks, size_t count,
              const struct ulma_options *options, struct ulma_session **ret_session, char *error,
              size_t error_size);

/* The session's i-th monitor; NULL: it has no such one. */
struct ulma_monitor *ulma_session_monitor(struct ulma_session *session, size_t index);

/* Lends the events that are there, at most `most`, in *ret_events, and takes back those lent before. Waits up to
 * timeout_ms (-1: for ever) for the first one. How many; 0: none came in time; -ENODATA: it is over. */
long ulma_read(struct ulma_monitor *monitor, const struct ulma_event **ret_events, size_t most,
               int timeout_ms);

/* The same, copied into `events`. */
long ulma_take(struct ulma_monitor *monitor, struct ulma_event *events, size_t most,
               int timeout_ms);

/* From now on these kinds: what nobody asks for is switched off in the target. Events that are there already stay. */
void ulma_set_mask(struct ulma_monitor *monitor, uint64_t mask);

/* Of the kinds that have a duration (RETURN, RAISE, C_RETURN, ...) only those that took at least so long are told: the
 * others cost the monitor nothing. 0: all. */
void ulma_set_slower(struct ulma_monitor *monitor, uint64_t duration_ns);

/* Events that this monitor was too slow for. */
uint64_t ulma_lost(const struct ulma_monitor *monitor);

/* 1: what it reads is a recording's, and waits for it; 0: a program runs. */
int ulma_is_recorded(const struct ulma_monitor *monitor);

/* What numbers stand for. 0, or -ENOENT. */
int ulma_function(struct ulma_monitor *monitor, uint32_t function,
                  struct ulma_function_info *ret_info);
int ulma_thread(struct ulma_monitor *monitor, uint32_t thread, struct ulma_thread_info *ret_info);
/* A context is a function and the context that called it; 0: it is called by no other. */
int ulma_context(struct ulma_monitor *monitor, uint32_t context, uint32_t *ret_caller,
                 uint32_t *ret_function);
/* NULL: no such name. */
const char *ulma_name(struct ulma_monitor *monitor, uint32_t name);

/* This monitor wants no more, the others go on. */
void ulma_leave(struct ulma_monitor *monitor);

/* Ends the session and waits for `ulma monitor` to end: a PID is left as it was found and runs on; a program that was
 * started runs to its own end, which is waited for. The exit status of `ulma monitor`: that program's own, or 128 +
 * its signal, or 0; or a negative errno. */
int ulma_close(struct ulma_session *session);

/* The stream that `ulma monitor FILE.py` has made for a process that it starts: how python/ulma gets its monitor. The
 * name is for messages; the target begins when each monitor has called ulma_inherit_ready. */
int ulma_inherit(int fd, struct ulma_monitor **ret_monitor);
void ulma_inherit_ready(struct ulma_monitor *monitor, const char *name);

#ifdef __cplusplus
}
#endif

#endif

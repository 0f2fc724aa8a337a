/* SPDX-License-Identifier: MIT */
/* One event: what the probe writes and the fold reads. 16 bytes, written once, never changed.
 *
 *   bytes 0-7   counter   the cycle counter (base/clock.h) at the event
 *   byte  8     kind      enum event_kind
 *   bytes 9-11  id        definition id (wire/definitions.h); 0 is `(other)`
 *   bytes 12-15 frame     bits 3..34 of the frame's address; for some kinds an argument
 *
 * Why the frame: stacks are keyed by frame, never by position alone. A push of an open frame closes
 * it first; a pop closes its frame and all above it; a pop of a frame that is not open is ignored
 * and counted. That one rule repairs mutes, switches, gaps and tools that raise inside callbacks.
 * Greenlets switch to another stack without an event. A RETOP of frame 0 puts the whole stack aside, and so
 * does a seed of another stack; a RETOP or a pop of a frame that is open in a stack put aside changes the
 * two (model/parked.h). Which stack a seed is of, its outermost frame says: those above it may be others.
 * Rules: kinds are append-only. A C call has no frame of its own: it carries its caller's, and is
 * told apart by its kind, since one frame has at most one C call open. */
#ifndef ULMA_WIRE_EVENT_H
#define ULMA_WIRE_EVENT_H

#include <assert.h>
#include <stdint.h>

enum event_kind {
    EVENT_NONE = 0,        /* never written; a reader that meets it counts a bad event */
    EVENT_START = 1,       /* push: a function's first entry */
    EVENT_RESUME = 2,      /* push: a generator or coroutine goes on */
    EVENT_THROW = 3,       /* push: a generator goes on by throw() or close() */
    EVENT_RETURN = 4,      /* pop; id is 0 in pops, but for UNWIND and where modes vary */
    EVENT_YIELD = 5,       /* pop: the activation lives on */
    EVENT_UNWIND = 6,      /* pop: by an exception; id as in the push */
    EVENT_C_CALL = 7,      /* push: frame is the caller's */
    EVENT_C_RETURN = 8,    /* pop of the C call of that frame; id is 0 */
    EVENT_C_RAISE = 9,     /* pop of the C call of that frame; id is 0 */
    EVENT_RETOP = 10,      /* everything above `frame` has ended unseen; frame 0: see above */
    EVENT_GAP = 11,        /* events were lost just before this; amount = how many */
    EVENT_STALL = 12,      /* the producer slept for room until `counter`; amount = ticks slept */
    EVENT_SEED_BEGIN = 13, /* the present stack follows, outermost first; amount = frames.
                            * In the control ring, id = the ring index of the thread it is of */
    EVENT_SEED_FRAME = 14, /* one frame of it, id and frame as in a push */
    EVENT_SEED_END = 15,   /* the stack is known from `counter` on; frame = the outermost one of
                            * all, told or not, which says whose stack it is; 0: not known */
    EVENT_ON = 16,         /* control ring only: recording begins on all threads; SEEDs follow */
    EVENT_OFF = 17,        /* control ring only: recording ends on all threads at `counter`; what is
                            * open then ends unseen, and no time counts until ON */
    EVENT_UNRUN = 18, /* pop of a push that never ran (RecursionError at its entry, 3.9-3.11): it
                            * counts no more; id = the push's kind */
    EVENT_TASK =
        19, /* what is pushed next in the coroutine of `frame` is a step of an asyncio task;
                           * id = bytes of its name, told by the TASK_NAMEs that follow */
    EVENT_TASK_NAME =
        20, /* 7 bytes of UTF-8, the first in the low bits: of id three, of frame four */
    EVENT_TASK_MADE =
        21, /* create_task was called for the coroutine of `frame`, by what is on top; id as in a push */
    EVENT_GC_START = 22, /* a garbage collection begins; id = its generation */
    EVENT_GC_STOP =
        23, /* ... ends; frame = objects collected, id = uncollectable, both at most that */
    EVENT_METHOD_CALL =
        24, /* push: a monitored method of a type, or builtin function, begins; frame = bits
                             * 3..34 of an address that is its own while it is open */
    EVENT_METHOD_RETURN = 25, /* pop of it; id is 0 */
    EVENT_METHOD_RAISE = 26,  /* pop of it; id is 0 */
    /* The same of an operator of a builtin type (wire/operators.def), at the line that its definition has. */
    EVENT_OPERATOR_CALL = 32,
    EVENT_OPERATOR_RETURN = 33,
    EVENT_OPERATOR_RAISE = 34,
    /* The source `objects`. These pass no time: a birth may be told late, in the ring of whoever makes or frees the next
     * object, but with its own counter; and the births and deaths of all rings together, by their counters, are in the
     * order of what happened. Addresses are bits 4..35. */
    EVENT_OBJECT_PLACE =
        36, /* id = a place, which is what births say; frame = its type's id. The next one of this
                              * kind in the ring, with OBJECT_MORE: id = the function's, frame = line. */
    EVENT_OBJECT_SIZE =
        37, /* what is born at place id from here on has `frame` bytes (OBJECT_PAGES) */
    EVENT_OBJECT_BIRTH = 38, /* id = place; frame = address. OBJECT_MORE beside a place: it has died
                              * already, after `frame` ticks; alone: what has left last is here */
    EVENT_OBJECT_DEATH =
        39, /* id = its type's; frame = address. OBJECT_MORE: it leaves to another address */
    EVENT_SPEED = 27, /* how fast the processor is now: id = ticks that a fixed piece of work takes
                       * (session.h, cost_speed_ticks), frame = ticks that it took to find out */
    /* An allocation is a BLOCK and an ALLOC of one counter, neither without the other; before them,
     * where a block is of 4 GiB - 1 or more, a LARGE. A FREE comes alone. */
    EVENT_MEMORY_LARGE = 40, /* amount = the size of the block that is told next */
    EVENT_MEMORY_BLOCK = 41, /* bits 0..16 of id = whose code, 17..23 = bits 10..16 of the line;
                              * frame = its size, UINT32_MAX: as LARGE said */
    EVENT_MEMORY_ALLOC = 42, /* amount: bits 0..43 = bits 4..47 of the address, 44..45 = enum
                              * memory_domain, 46..55 = bits 0..9 of the line; line 0: not known */
    EVENT_MEMORY_FREE =
        43,          /* the same, without a line. Of address 0: from here on the source hears; what
                              * became of blocks that were told before is not known */
    EVENT_LINE = 28, /* a line of the function that `frame` is of begins; id = its number */
    EVENT_IO_BEGIN =
        44, /* a call of the C library that may wait: wire/io_operation.h, and the next */
    EVENT_IO_END = 45,     /* ... ends; amount = its result */
    EVENT_IO_NAME = 46,    /* 7 bytes of the path that it opened */
    EVENT_IO_ADDRESS = 47, /* 7 bytes of the sockaddr that it was given or gave */
    EVENT_PLACE =
        48, /* which line runs, when next something waits: id = line, frame; with PLACE_OUTER
                       * of the frame that called the one told before. Holds until the next one */
    EVENT_WAIT_BEGIN = 49, /* the thread is about to sleep: id = enum wait_way (wire/wait_kind.h),
                            * frame = bits 4..35 of the lock's address */
    EVENT_WAIT_END = 50,   /* ... goes on; amount = 1: it was called for nothing (a time-out) */
    EVENT_GIL_HELD = 51,   /* it lets the GIL go; amount = ticks for which it had it */
    /* The source `spans`. A span belongs to a context (contextvars), as all that runs in it does; frame = its number, from
     * 1 on in the order of beginning. */
    EVENT_SPAN_BEGIN =
        52, /* the thread goes on in a new span, inside of the one that was told last; id = enum span_sort, and
                            * SPAN_FIRST: the first since the switch-on */
    EVENT_SPAN_NOW =
        53, /* frame = the span, 0: none, of what is pushed from here on; id = 1: and of what is on top */
    EVENT_SPAN_TEXT =
        54, /* 7 bytes of the text of the span that begins or ends next: name, method, status and then labels of
                            * the form KEY=VALUE, each ended by a zero byte. An end's is in place of its begin's, which
                            * may have none */
    EVENT_SPAN_END = 55, /* id = 1: it failed. What the thread goes on in is told next */
    EVENT_ESCALATED =
        56, /* a predicate of the function's rule held (wire/session.h): id = the function, frame = enum rule_predicate.
             * Its parts follow, with the same counter, the last of them ESCALATED_END */
    EVENT_ESCALATED_PART =
        57, /* of it: amount = enum escalated_part above 48 bits of what it tells */
    EVENT_ASKED =
        58, /* a call instruction has ended whose callee is told by no event (a type, mostly); the interpreter has
             * asked the probe about it, which is all that this tells. id = 1: and nothing that it called has begun */
    EVENT_OWN_TIME =
        59, /* beside a SPEED of the same counter: id = ticks that a chain of multiplications takes now (session.h,
             * cost_chain_ticks); frame: event_own_time */
    EVENT_AWAY =
        60, /* beside a SPEED of the same counter: amount = ns since the thread's last one in which it had no processor; 0 of the first */
    EVENT_KIND_COUNT = 61
};

/* The parts of what escalated, in this order: the value; for each argument, the first ones, its length and the name of
 * its type; for each frame, the innermost first, its function and line. */
enum escalated_part {
    ESCALATED_VALUE = 1,
    ESCALATED_ARGUMENT =
        2, /* length + 1; 0: it has none that could be asked for without running code */
    ESCALATED_TEXT = 3,  /* 6 bytes of the type's name; the last ones may be zero bytes */
    ESCALATED_FRAME = 4, /* bits 0..16 = id, 17..40 = line, 0: not known */
    ESCALATED_END = 5,   /* 1: there were more frames than are told */
    /* Of a call of the C library, in place of frames, its arguments' types being `bytes`: bits 0..31 = the descriptor
     * (IO_NO_FD: none), 32..47 = errno, 0: it did not fail. Its stack is the thread's, as told by its calls */
    ESCALATED_DESCRIPTOR = 6,
};
enum {
    ESCALATED_PART_SHIFT = 48,
    ESCALATED_LINE_SHIFT = 17,
    ESCALATED_TEXT_BYTES = 6,
    ESCALATED_NAME_MOST = 48, /* bytes of a type's name */
    ESCALATED_FRAMES_MOST = 32,
    ESCALATED_ARGUMENTS_MOST = 8,
};
#define ESCALATED_LENGTH_MOST ((UINT64_C(1) << 48) - 2)

/* Python's three allocators (PyMem_RawMalloc, PyMem_Malloc, PyObject_Malloc). */
enum memory_domain { MEMORY_RAW = 0, MEMORY_MEM = 1, MEMORY_OBJ = 2, MEMORY_DOMAINS = 3 };
enum { MEMORY_LINE_LIMIT = 1 << 17 };

struct event {
    uint64_t counter;
    uint32_t kind_id; /* kind in the low 8 bits, id in the high 24 */
    uint32_t frame;
};
static_assert(sizeof(struct event) == 16, "an event is 16 bytes on the wire");

enum { EVENT_ID_LIMIT = 1 << 24, EVENT_NAME_BYTES = 7 };

/* In the id of an OBJECT event: see there. Places are below it. */
enum { OBJECT_MORE = 1 << 23 };

/* In the id of a START, beside the function's: no call instruction made the call; a C function did, or an instruction that
 * needs a property, a sort key, an operator. Told where such a call costs the probe something else: on 3.11, and where
 * C calls are heard. */
enum { EVENT_FROM_C = 1 << 23 };

/* In the id of a PLACE: see there. Lines are below it; 0: not known. */
enum { PLACE_OUTER = 1 << 23 };
/* What a span is of; SPAN_FIRST stands above it. */
enum span_sort { SPAN_PLAIN = 0, SPAN_REQUEST = 1, SPAN_TASK = 2, SPAN_SORTS = 3 };
enum { SPAN_FIRST = 1 << 8, SPAN_TEXT_MOST = 511 };

/* In the frame of an OBJECT_SIZE: the other bits count pages of 4096 bytes. */
#define OBJECT_PAGES (UINT32_C(1) << 31)

static inline uint32_t event_pack(enum event_kind kind, uint32_t id)
{
    return (uint32_t)kind | (id << 8);
}

/* The frame of an OWN_TIME: of how many ends of calls the probe has looked how long it took since the last one, and what it took
 * in the mean, in ticks x 256. */
enum {
    EVENT_OWN_BITS = 20,
    EVENT_OWN_MOST = (1 << EVENT_OWN_BITS) - 1,
    EVENT_OWN_COUNT_MOST = (1 << 12) - 1
};

static inline uint32_t event_own_time(uint32_t count, uint32_t ticks256)
{
    uint32_t most = count < EVENT_OWN_COUNT_MOST ? count : EVENT_OWN_COUNT_MOST;
    return most << EVENT_OWN_BITS | (ticks256 < EVENT_OWN_MOST ? ticks256 : EVENT_OWN_MOST);
}

static inline uint32_t event_kind(const struct event *event)
{
    return event->kind_id & 0xffu;
}

static inline uint32_t event_id(const struct event *event)
{
    return event->kind_id >> 8;
}

/* Of a push. */
static inline uint32_t event_function(const struct event *event)
{
    return event_id(event) & (EVENT_FROM_C - 1);
}

/* GAP, STALL, AWAY, SEED_BEGIN of an own ring, ON: a number of 56 bits in id (high) and frame (low). */
static inline uint64_t event_amount(const struct event *event)
{
    return ((uint64_t)event_id(event) << 32) | event->frame;
}

static inline struct event event_with_amount(uint64_t counter, enum event_kind kind,
                                             uint64_t amount)
{
    uint64_t most = (UINT64_C(1) << 56) - 1;
    uint64_t kept = amount < most ? amount : most;
    return (struct event){
        .counter = counter,
        .kind_id = event_pack(kind, (uint32_t)(kept >> 32)),
        .frame = (uint32_t)kept,
    };
}

#endif

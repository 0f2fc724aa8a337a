/* SPDX-License-Identifier: MIT */
/* Writing events: one writer for each thread, over a ring of the session.
 * Why: this is the path that every call of the target pays for: a thread-local pointer, one compare,
 * two stores and a release. All else (no ring yet, 4096 events or a quarter of a ring, full, forked, told to stop)
 * stands behind that one compare.
 * Rules: a writer belongs to one thread; the GIL is held. `limit` is the head at which the slow path
 * runs next; a writer that must not write has head == limit. */
#ifndef ULMA_PROBE_WRITER_H
#define ULMA_PROBE_WRITER_H

#include "probe/link.h"

enum { WRITER_GAPS = 8, WRITER_SEEDS = 16, WRITER_WOKEN = 8 };
#define WRITER_SPAN_UNKNOWN UINT32_MAX

struct writer {
    uint64_t head;
    uint64_t limit;
    struct event *events;
    uint64_t mask;
    struct ring_shared *ring; /* NULL: a writer that never writes */
    uint64_t
        unlocked_limit; /* so far may go who has not the GIL, whatever `limit` says (unlocked.h) */
    _Atomic uint32_t busy; /* this thread writes without the GIL (unlocked.h) */
    uint32_t
        woken[WRITER_WOKEN]; /* descriptors that a signal handler wrote a byte to, not told yet */
    _Atomic uint32_t woken_count;
    uint64_t place_told; /* which lines were told last (places.h); 0: none */
    void *
        place_frame; /* ... where it was one alone: its frame, and where that stood; NULL: look at place_told */
    uintptr_t place_word;
    uint64_t place_under; /* ... by this opening and line_generation */
    uint64_t gil_since;   /* counter; 0: it has it not, or nobody knows since when */
    uint32_t gil_epoch;   /* ... as of this opening of the gate */
    bool dropping;
    bool
        asked; /* 3.12+: at a call instruction, of what is no C function; nothing has begun since */
    uint64_t lost_since;             /* events dropped since dropping began */
    uint64_t next_resume;            /* counter before which no resume is tried */
    uint64_t stall_end, stall_ticks; /* a sleep that is not told yet: when it ended, how long */
    uint32_t name_tries;
    uint64_t speed_told;           /* counter at the last EVENT_SPEED */
    uint32_t own_ticks, own_count; /* of ends that were timed, not told yet (own_time.h) */
    uint64_t away_to_ns, ran_ns;   /* of the last EVENT_AWAY (away_time.h); 0: none yet */
    uint64_t step, paced; /* events until the slow path looks again; counter when it last did */
    uint64_t next_wake;   /* the head from which on the collector is woken */
    unsigned long thread; /* pthread_self() of the owner; 0: nobody, or it has ended */
    bool adopted;         /* the owner's writer_of_thread points here */
    uint32_t span_told;   /* the span that its events are of (sources/spans) */
    struct escalate_stack *escalate; /* escalate.c's; NULL: not needed yet */
    void *innermost;                 /* 3.9-3.11: the frame that the wrapper believes open */
    void *chunk;       /* 3.12+: where the frames lay at its last event; NULL: not known */
    void *chunk_below; /* the piece of the same stack that it has grown out of, or NULL */
    struct {
        void *frame, *below;
    } gaps[WRITER_GAPS]; /* 3.11: frames told above one that is not, and what is told below it */
    uint32_t gap_count;
    /* a ring that overwrites itself */
    uint64_t seeds
        [WRITER_SEEDS]; /* where its last seeds begin that a reader may begin at; free-running */
    uint32_t seed_count;
    uint64_t next_seed; /* the head at which the next one is due */
    uint64_t looked;    /* the head when the flight recorder last looked */
    uintptr_t
        stack_floor; /* below this address a quarter of the stack is left; 3.9-3.11: the stack guard trips */
};

/* Initial-exec: one instruction to read it; eight bytes fit the surplus that every libc keeps for
 * libraries that come later. */
extern __thread struct writer *writer_of_thread __attribute__((tls_model("initial-exec")));

/* Not 0 while the probe itself calls Python's functions in this thread: objects that it makes are not the program's. */
extern __thread uint32_t writer_is_at_work __attribute__((tls_model("initial-exec")));

/* Once, at load: what threads end by, what forks do. 0 or -1. */
int writer_init(void);

/* The slow path: a writer with room for this event, or NULL when the event is lost or must not be. */
struct writer *writer_make_room(struct writer *writer, uint64_t counter, uint32_t kind,
                                uint32_t frame);

/* This thread's writer, taking a ring if it has none; NULL: there is none to be had. */
struct writer *writer_take(void);

/* The same for a thread that may be without the GIL, at once or not; not open: `gate` is 0. With `last` an event is
 * lost where there is none. */
struct writer *writer_try_ring(const _Atomic uint32_t *gate, bool last, bool *ret_open);

/* Until no thread is inside of what was the gate. */
void writer_await_unlocked(void);

/* Up to `head` all is written; the next event takes the slow path. */
void writer_advance(struct writer *writer, uint64_t head);

/* From here on events are lost, until there is room for much. */
void writer_begin_drop(struct writer *writer, uint64_t counter);

/* Events of a thread that finds no ring are lost: counts them. */
void writer_count_ringless(uint64_t events);

/* A ring taken for another thread (by its pthread_self() and kernel id), which finds it at its next
 * event; NULL: there is none to be had. */
struct writer *writer_reserve(unsigned long thread, uint32_t tid);

/* The number of a writer's ring. */
static inline uint32_t writer_ring(const struct writer *writer)
{
    return (uint32_t)(writer->ring - link_to.rings);
}

/* Wakes a collector that sleeps. */
void writer_wake_collector(void);

/* The control ring's writer. */
struct writer *writer_control(void);

/* A private ring that wraps without a reader, for calibration; and back. */
void writer_begin_scratch(struct event *events, uint64_t capacity);
uint64_t writer_end_scratch(void);

/* The present stack of `tstate` into `writer` (SEED_BEGIN .. SEED_END), without the frame
 * `excluded` on top. False: no room. */
bool writer_seed(struct writer *writer, void *tstate, uint64_t counter, uint64_t begin_amount,
                 uint32_t excluded, bool define);

/* The present stack of the writer's own thread, all of it: waits for room, or begins to drop (what comes
 * after that tells the stack anyway). False: it is too deep to wait for. */
bool writer_seed_whole(struct writer *writer, void *tstate);

/* The link ends: no writer has a ring any more. Threads keep theirs and take a ring of the next link
 * at their next event. */
void writer_leave_all(void);

/* Nobody has a writer: before the first link. */
void writer_begin_anew(void);

/* Switch-on: whoever was dropping begins anew. */
void writer_resume_all(void);

/* writer_put where there is no room at once. Out of line and last, so that the fast path keeps
 * nothing across a call. */
void writer_put_slow(uint64_t counter, uint32_t kind, uint32_t id, uint32_t frame);

static inline void writer_store(struct writer *writer, uint64_t counter, uint32_t kind, uint32_t id,
                                uint32_t frame)
{
    uint64_t head = writer->head;
    struct event *event = &writer->events[head & writer->mask];
    event->counter = counter;
    event->kind_id = event_pack((enum event_kind)kind, id);
    event->frame = frame;
    writer->head = head + 1;
    /* Pairs with the collector's acquire of head. */
    atomic_store_explicit(&writer->ring->head, head + 1, memory_order_release);
}

/* `writer` is this thread's, just read: no call of the interpreter's lies between (it may fork). */
static inline void writer_put_to(struct writer *writer, uint64_t counter, uint32_t kind,
                                 uint32_t id, uint32_t frame)
{
    if (__builtin_expect(writer->head == writer->limit, 0))
        writer_put_slow(counter, kind, id, frame);
    else
        writer_store(writer, counter, kind, id, frame);
}

static inline void writer_put(uint64_t counter, uint32_t kind, uint32_t id, uint32_t frame)
{
    writer_put_to(writer_of_thread, counter, kind, id, frame);
}

#endif

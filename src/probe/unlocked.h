/* SPDX-License-Identifier: MIT */
/* Writing events without the GIL: what the C library is asked to do is asked after the GIL was let go.
 * Why a gate: whoever has the GIL may switch off and give the session's memory back while such a thread is on its way
 * to write. It closes the gate, and then waits for those that are inside; they are there for some twenty instructions.
 * Why no fence on the way in: a thread that marks itself and then looks whether the gate is open needs one between the two, each
 * time, of 5 to 10 ns. So who closes the gate has the kernel put it into all threads that run (membarrier), once.
 * Rules: any thread, with the GIL or without, in signal handlers too; it never waits while it is inside. The counter
 * of what is put is not older than that of the thread's last event. */
#ifndef ULMA_PROBE_UNLOCKED_H
#define ULMA_PROBE_UNLOCKED_H

#include "probe/writer.h"

/* The gate: 0 while closed, else a number that no earlier opening had. */
extern _Atomic uint32_t unlocked_epoch;

/* 1: this kernel has no membarrier, the program may not call it, or had threads already: there is a fence on the way in. */
extern _Atomic uint32_t unlocked_fences;

/* The GIL is held. */
void unlocked_open(void);
void unlocked_close(void);

/* In a fork's child: the threads that were inside are not here. */
void unlocked_forget(void);

/* What `busy` of a writer says. A vfork's child runs with its parent's memory, its thread's too: whoever finds the
 * mark looks whose process it is. */
enum { UNLOCKED_FREE = 0, UNLOCKED_INSIDE = 1, UNLOCKED_VFORKED = 2 };

/* Puts events that belong together, in their order. False: they are lost, which is counted where it has to be, or
 * are not wanted. */
bool unlocked_put_slow(struct event *events, uint32_t count);

/* This thread's writer, marked as inside, if need be with a ring that it has to wait for; NULL: the gate is closed, or the
 * call is not to be told. errno stays. */
struct writer *unlocked_enter_slow(void);

/* This thread's writer, marked as inside; NULL: not that easy. */
static inline struct writer *unlocked_enter(void)
{
    struct writer *writer = writer_of_thread;
    if (__builtin_expect(atomic_load_explicit(&writer->busy, memory_order_relaxed) != 0, 0))
        return NULL;
    atomic_store_explicit(&writer->busy, UNLOCKED_INSIDE, memory_order_relaxed);
    /* Pairs with unlocked_close: one of the two sees the other. */
    if (__builtin_expect(atomic_load_explicit(&unlocked_fences, memory_order_relaxed) != 0, 0))
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(
            atomic_load_explicit(&unlocked_epoch, memory_order_relaxed) != 0 && writer->ring, 1))
        return writer;
    atomic_store_explicit(&writer->busy, UNLOCKED_FREE, memory_order_release);
    return NULL;
}

static inline void unlocked_leave(struct writer *writer)
{
    atomic_store_explicit(&writer->busy, UNLOCKED_FREE, memory_order_release);
}

/* Between the two. False: there is no room at once. Past the limit it moves on with the head: whoever has the GIL next
 * finds it there. */
static inline bool unlocked_store(struct writer *writer, struct event event)
{
    uint64_t limit = writer->limit;
    bool is_past = writer->head == limit;
    if (__builtin_expect(is_past && limit >= writer->unlocked_limit, 0))
        return false;
    writer_store(writer, event.counter, event_kind(&event), event_id(&event), event.frame);
    if (__builtin_expect(is_past, 0))
        writer->limit = limit + 1;
    return true;
}

static inline bool unlocked_put(struct event event)
{
    struct writer *writer = unlocked_enter();
    bool done = false;
    if (__builtin_expect(writer != NULL, 1)) {
        done = unlocked_store(writer, event);
        unlocked_leave(writer);
    }
    return __builtin_expect(done, 1) || unlocked_put_slow(&event, 1);
}

#endif

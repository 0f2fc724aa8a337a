/* SPDX-License-Identifier: MIT */
/* The gate, and all that is rare of writing without the GIL.
 * Why the limit is left where it stops the next event: names of threads, seeds, the collector's pulse are looked after
 * by events whose thread has the GIL (writer.c); this here only goes on past it while there is room.
 * Rules: see unlocked.h. errno stays. */
#include "probe/unlocked.h"

#include "probe/py/pyapi.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_SLEEP_NS = 20 * 1000,
    MOST_SLEEP_NS = 1000 * 1000,
    MOST_STALL_NS = 1000 * 1000 * 1000,
    RING_WAIT_NS = 300 * 1000 * 1000,
    RESUME_STEP_NS = 10 * 1000 * 1000,
    RESERVED = 2, /* as in writer.c */
};

_Atomic uint32_t unlocked_epoch;
_Atomic uint32_t unlocked_fences = 1;
static uint32_t openings;
static pid_t opened_in;

static void pause_ns(long ns)
{
    struct timespec pause = {.tv_nsec = ns};
    nanosleep(&pause, NULL);
}

/* --- the gate ------------------------------------------------------------------------------- */

enum { BARRIER_GLOBAL = 1, BARRIER_PRIVATE = 8, BARRIER_REGISTER = 16 }; /* enum membarrier_cmd */

static bool barrier(int command)
{
    int kept = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = kept;
    return done;
}

/* A program may have forbidden itself the call meanwhile: what a thread has stored is seen long before. */
static void order_all_threads(void)
{
    enum { LONG_NS = 20 * 1000 * 1000 };
    if (!barrier(BARRIER_PRIVATE) && !barrier(BARRIER_GLOBAL))
        pause_ns(LONG_NS);
}

/* The kernel is told once that there will be barriers, which costs a process with threads some 15 ms, and one without
 * nothing: so of a program that has threads already there are fences. A fork's child is as its parent was. */
static bool has_barriers(void)
{
    static bool registered;
    const char *single = dlsym(RTLD_DEFAULT, "__libc_single_threaded"); /* glibc 2.32 */
    registered = (registered || (single && *single)) && barrier(BARRIER_REGISTER);
    return registered;
}

void unlocked_open(void)
{
    atomic_store_explicit(&unlocked_fences, !has_barriers(), memory_order_relaxed);
    opened_in = (pid_t)syscall(SYS_getpid);
    if (++openings == 0)
        openings = 1;
    atomic_store_explicit(&unlocked_epoch, openings, memory_order_release);
}

void unlocked_close(void)
{
    if (!atomic_exchange(&unlocked_epoch, 0))
        return;
    /* Pairs with unlocked_enter. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&unlocked_fences, memory_order_relaxed))
        order_all_threads();
    writer_await_unlocked();
}

void unlocked_forget(void)
{
    atomic_store(&unlocked_epoch, 0);
}

/* --- whose process, whose turn -------------------------------------------------------------- */

/* False: the writer is busy, or this is a vfork's child, whose calls are nobody's. */
static bool may_enter(struct writer *writer)
{
    uint32_t busy = atomic_load_explicit(&writer->busy, memory_order_relaxed);
    if (busy ==
        UNLOCKED_INSIDE) { /* in a signal handler: the event that it interrupted comes first */
        if (writer->ring)
            atomic_fetch_add_explicit(&writer->ring->nested, 1, memory_order_relaxed);
        return false;
    }
    if (busy == UNLOCKED_VFORKED || !writer->ring) {
        if (syscall(SYS_getpid) != opened_in)
            return false;
        if (busy == UNLOCKED_VFORKED)
            atomic_store_explicit(&writer->busy, UNLOCKED_FREE, memory_order_relaxed);
    }
    return true;
}

/* As the threads that have the GIL (writer.c, wait_for_ring): when one wait was in vain, others only look now and then. */
static bool take_ring(void)
{
    static _Atomic uint64_t look_again_ns;
    uint64_t begin_ns = clock_monotonic_ns();
    bool open = true, last = begin_ns < atomic_load(&look_again_ns) || !link_to.wait;
    for (long sleep_ns = FIRST_SLEEP_NS;; sleep_ns *= sleep_ns < MOST_SLEEP_NS ? 2 : 1) {
        if (writer_try_ring(&unlocked_epoch, last, &open))
            return true;
        if (!open || last)
            return false;
        pause_ns(sleep_ns);
        last = clock_monotonic_ns() - begin_ns >= RING_WAIT_NS;
        if (last)
            atomic_store(&look_again_ns, clock_monotonic_ns() + RESUME_STEP_NS);
    }
}

static struct writer *enter(void)
{
    if (!atomic_load_explicit(&unlocked_epoch, memory_order_relaxed) ||
        !may_enter(writer_of_thread))
        return NULL;
    struct writer *writer = unlocked_enter();
    if (writer || writer_of_thread->ring)
        return writer;
    return take_ring() ? unlocked_enter() : NULL;
}

struct writer *unlocked_enter_slow(void)
{
    int kept = errno;
    struct writer *writer = enter();
    errno = kept;
    return writer;
}

/* --- room ----------------------------------------------------------------------------------- */

/* The collector is looked after once in a quarter of the ring. */
static bool has_room(struct writer *writer, uint32_t count)
{
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    uint64_t used = writer->head - tail;
    if (used > writer->mask / 4)
        writer_wake_collector();
    if (used + count + RESERVED > writer->mask)
        return false;
    uint64_t quarter = writer->head + count + writer->mask / 4,
             end = tail + writer->mask - RESERVED;
    writer->unlocked_limit = quarter < end ? quarter : end;
    return true;
}

/* What does not reach the limit leaves it where it is: were the next event sent the slow way, each path that is told
 * would wake the collector, which costs the target a turn on its CPU. */
static void put(struct writer *writer, const struct event *events, uint32_t count)
{
    uint64_t head = writer->head + count;
    for (uint32_t i = 0; i < count; i++)
        writer->events[(writer->head + i) & writer->mask] = events[i];
    if (head >= writer->limit) {
        writer_advance(writer, head);
        return;
    }
    writer->head = head;
    atomic_store_explicit(&writer->ring->head, head, memory_order_release);
}

static void lose(struct writer *writer, const struct event *events, uint32_t count)
{
    if (!writer->dropping)
        writer_begin_drop(writer, events->counter);
    writer->lost_since += count;
    atomic_fetch_add_explicit(&writer->ring->lost, count, memory_order_relaxed);
}

/* A thread of C that never runs Python has no stack to tell: it goes on when there is room. Python's threads go on
 * with their next event that has the GIL. */
static bool goes_on(struct writer *writer, uint64_t counter)
{
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->head - tail > writer->mask / 4 || PyGILState_GetThisThreadState())
        return false;
    struct event gap = event_with_amount(counter, EVENT_GAP, writer->lost_since);
    writer->dropping = false;
    writer->lost_since = 0;
    put(writer, &gap, 1);
    return true;
}

enum outcome { OUTCOME_DONE, OUTCOME_LOST, OUTCOME_FULL };

static enum outcome try(struct writer *writer, struct event *events, uint32_t count,
                        uint64_t waited_since)
{
    if (writer->dropping && !goes_on(writer, events->counter)) {
        lose(writer, events, count);
        return OUTCOME_LOST;
    }
    if (!has_room(writer, count))
        return OUTCOME_FULL;
    if (waited_since) {
        uint64_t now = link_counter();
        writer->stall_ticks += now - waited_since;
        writer->stall_end = now;
        atomic_fetch_add_explicit(&writer->ring->stall_ticks, now - waited_since,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&writer->ring->stalls, 1, memory_order_relaxed);
        if (count == 1 && event_kind(events) == EVENT_IO_BEGIN)
            events->counter = now; /* what it waited for us is not its own */
    }
    put(writer, events, count);
    return OUTCOME_DONE;
}

/* Waits for room outside of the gate, so that nobody who closes it waits for us. */
static bool put_patiently(struct event *events, uint32_t count)
{
    uint64_t begin_ns = 0, since = 0;
    for (long sleep_ns = FIRST_SLEEP_NS;; sleep_ns *= sleep_ns < MOST_SLEEP_NS ? 2 : 1) {
        struct writer *writer = enter();
        if (!writer)
            return false;
        enum outcome outcome = try(writer, events, count, since);
        bool patient = outcome == OUTCOME_FULL && link_to.wait;
        if (patient && !begin_ns)
            begin_ns = clock_monotonic_ns();
        patient = patient && clock_monotonic_ns() - begin_ns < MOST_STALL_NS;
        if (outcome == OUTCOME_FULL && !patient)
            lose(writer, events, count);
        unlocked_leave(writer);
        if (outcome != OUTCOME_FULL || !patient)
            return outcome == OUTCOME_DONE;
        if (!since)
            since = link_counter();
        pause_ns(sleep_ns);
    }
}

bool unlocked_put_slow(struct event *events, uint32_t count)
{
    int kept = errno;
    bool done = put_patiently(events, count);
    errno = kept;
    return done;
}

/* SPDX-License-Identifier: MIT */
/* The slow path of writing: taking rings, quarters, full rings, gaps and seeds, forks.
 * Why: see writer.h.
 * Rules: the GIL is held (writers of other threads are only touched while their threads cannot run).
 * No allocation, no Python call. The only syscalls are the sleep of a full ring, the wake of a
 * sleeping collector, the question whether it lives at all, and that for the thread's CPU time. */
#include "probe/writer.h"

#include "probe/child_session.h"
#include "probe/control_page.h"
#include "probe/flight.h"
#include "probe/flight_file.h"
#include "probe/py/pyapi.h"
#include "probe/py/stacks.h"
#include "probe/ring_ahead.h"
#include "probe/speed_tell.h"
#include "probe/switch.h"
#include "probe/thread_name.h"
#include "probe/unlocked.h"
#include "probe/writer_overwrite.h"
#include "probe/writer_pace.h"
#include "probe/writer_quiet.h"
#include "sources/memory/memory_probe.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FIRST_SLEEP_NS = 20 * 1000,
    MOST_SLEEP_NS = 1000 * 1000,
    MOST_STALL_NS = 1000 * 1000 * 1000,
    STALE_ASK_NS = 100 * 1000 * 1000,  /* a heart that stood still so long: does it live at all? */
    STALE_WAIT_NS = 900 * 1000 * 1000, /* a stall through which it stood still ends with off */
    STALE_OFF_NS = 1500 * 1000 * 1000, /* so long is lost counted for a collector that is stopped */
    RING_WAIT_NS = 300 * 1000 * 1000,
    RESUME_STEP_NS = 10 * 1000 * 1000,
    RESERVED = 2, /* events that a full ring still has room for: STALL, and GAP */
    NAME_TRIES = 16,
    NAME_STEP = 4,   /* events */
    FIRST_STEP = 64, /* events */
    LEAST_STACK = 64 * 1024,
    LEAST_LATE_STACK = 256 * 1024, /* 3.14 and newer free late from 96 KiB on */
};

/* What a thread has before it has a ring, and what a fork's child has: always "full", and without
 * stack left, so that the fast paths end at once. */
static struct writer nobody = {.stack_floor = UINTPTR_MAX};
static struct writer forked = {.stack_floor = UINTPTR_MAX};
static struct writer scratch;
static struct ring_shared scratch_ring;

__thread struct writer *writer_of_thread __attribute__((tls_model("initial-exec"))) = &nobody;
__thread uint32_t writer_is_at_work __attribute__((tls_model("initial-exec")));

/* The first is the control ring's. The others are threads', each its own until that thread's end, since
 * its writer_of_thread points there; which ring one has may differ from link to link. */
static struct writer writers[SESSION_RING_LIMIT];
static pthread_key_t end_of_thread;

/* Threads end, and some take a ring, without the GIL: these and the link's end exclude each other. */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

/* The heartbeat as last seen, and when it last changed (monotonic ns). */
static uint64_t heartbeat_seen;
static uint64_t heartbeat_ns;

static bool is_child; /* of a fork, and its parent's writers are still there */

/* A wait for a ring was in vain: when to look again. */
static bool in_vain;
static uint64_t look_again;

static void on_thread_end(void *value)
{
    struct writer *writer = value;
    if (writer_of_thread != writer)
        return; /* a fork's child: it is the parent's */
    writer_of_thread = &nobody;
    if (writer == &scratch)
        return;
    pthread_mutex_lock(&ending);
    struct ring_shared *ring = writer->ring;
    writer->ring = NULL;
    writer->limit = writer->head;
    /* Pairs with the collector's acquire of state: all events are before it. */
    if (ring && link_to.header)
        atomic_store_explicit(&ring->state, RING_ENDED, memory_order_release);
    writer->adopted = false;
    __atomic_store_n(&writer->thread, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&ending);
}

static bool child_is_followed(const struct session_header *header)
{
    uint32_t state = atomic_load_explicit(&header->state, memory_order_relaxed);
    if (link_to.flight)
        return state == STATE_ON;
    return link_to.root[0] && header->follow_forks &&
           atomic_load_explicit(&header->follow_children, memory_order_relaxed) &&
           (state == STATE_ON || state == STATE_OFF);
}

static void on_fork_parent(void)
{
    struct session_header *header = link_to.header;
    if (header && !child_is_followed(header))
        atomic_fetch_add_explicit(&header->forks_unfollowed, 1, memory_order_relaxed);
}

static void on_fork_child(void)
{
    unlocked_forget();
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    control_page_forget();
    memory_probe_forked();
    memcpy(&ending, &unlocked, sizeof(ending)); /* a thread that is not here may have held it */
    is_child = true;
    link_to.parent = (int)getppid();
    if (link_to.header) {
        link_to.orphan = child_is_followed(link_to.header);
        link_to.hooked = atomic_load(&link_to.header->state) == STATE_ON;
    }
    if (link_to.orphan && !link_to.hooked)
        child_session_await(); /* no event will make it look */
    if (!link_to.header)
        return;
    link_forget();
    writer_of_thread = &forked;
}

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *);

int writer_init(void)
{
    if (pthread_key_create(&end_of_thread, on_thread_end))
        return -1;
    /* Not pthread_atfork: before glibc 2.34 that one lives in a static library. */
    return __register_atfork(NULL, on_fork_parent, on_fork_child, NULL) ? -1 : 0;
}

void writer_begin_anew(void)
{
    memset(writers, 0, sizeof(writers));
    writer_of_thread = &nobody;
}

void writer_leave_all(void)
{
    if (is_child) {
        is_child = false;
        writer_begin_anew();
    }
    pthread_mutex_lock(&ending);
    for (uint32_t i = 0; i < SESSION_RING_LIMIT; i++) {
        struct writer *writer = &writers[i];
        *writer = (struct writer){.escalate = writer->escalate,
                                  .thread = writer->adopted ? writer->thread : 0,
                                  .adopted = writer->adopted,
                                  .stack_floor = writer->stack_floor};
    }
    pthread_mutex_unlock(&ending);
    heartbeat_seen = heartbeat_ns = look_again = 0;
    in_vain = false;
}

void writer_resume_all(void)
{
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        writers[i].dropping = false;
        writers[i].innermost = writers[i].chunk = NULL;
        writers[i].span_told = 0;
        writers[i].limit = writers[i].head; /* the slow path looks afresh */
    }
}

/* --- taking a ring -------------------------------------------------------------------------- */

void writer_wake_collector(void)
{
    _Atomic uint32_t *sleeping = link_to.sleeping;
    if (atomic_load_explicit(sleeping, memory_order_relaxed) && atomic_exchange(sleeping, 0))
        syscall(SYS_futex, sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void set_limit(struct writer *writer, uint64_t tail)
{
    uint64_t capacity = writer->mask + 1;
    uint64_t end = tail + capacity - RESERVED;
    uint64_t quarter = (writer->head / (capacity / 4) + 1) * (capacity / 4);
    writer->limit = quarter < end ? quarter : end;
    if (link_to.flight) /* a seed that is late is tried at each event */
        writer->limit = writer->next_seed > writer->head ? writer->next_seed : writer->head + 1;
    /* threading registers a thread some twenty events after its first; one that then sleeps has no
     * more, so the first events look for its name every few. */
    uint64_t next_try = writer->head + NAME_STEP;
    if (writer->name_tries < NAME_TRIES && next_try < writer->limit)
        writer->limit = next_try;
    if (writer->head + writer->step < writer->limit)
        writer->limit = writer->head + writer->step;
    ring_ahead(writer);
}

/* --- taking a ring, again ------------------------------------------------------------------- */

static struct writer *set_up(struct writer *writer, uint32_t index, unsigned long thread,
                             uint32_t tid)
{
    struct ring_shared *ring = &link_to.rings[index];
    uint32_t capacity = ring->capacity;
    if (ring->offset + (uint64_t)capacity * sizeof(struct event) > link_to.size ||
        capacity < RING_MIN_CAPACITY || (capacity & (capacity - 1)))
        return NULL;
    *writer = (struct writer){
        .events = (struct event *)(link_to.base + ring->offset),
        .mask = capacity - 1,
        .ring = ring,
        .thread = thread,
        .adopted = writer->adopted,
        .escalate = writer->escalate,
        .stack_floor = writer->stack_floor,
        .step = FIRST_STEP,
        .paced = link_counter(),
    };
    atomic_store_explicit(&ring->lost, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->nested, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->stall_ticks, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->stalls, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->name_size, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->tid, tid, memory_order_release);
    ring->taken_counter = link_counter();
    if (link_to.flight) {
        /* Of a thread that has ended: its events are not this one's. */
        writer->head = writer->looked = writer->limit = writer->next_seed =
            atomic_load(&ring->head);
        writer_tell_safe(ring, writer->head);
    } else {
        set_limit(writer, 0);
    }
    return writer;
}

/* The thread's own writer, with a ring or without; else one that is nobody's. */
static struct writer *find_writer(unsigned long thread)
{
    struct writer *found = NULL;
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        unsigned long owner = __atomic_load_n(&writers[i].thread, __ATOMIC_ACQUIRE);
        if (owner == thread)
            return &writers[i];
        if (!owner && !found)
            found = &writers[i];
    }
    return found;
}

/* To RING_TAKEN. */
static bool change_state(uint32_t index, uint32_t from)
{
    return atomic_compare_exchange_strong_explicit(&link_to.rings[index].state, &from, RING_TAKEN,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* The ring whose thread had its last event before all others that have ended; 0: none has. */
static uint32_t longest_ended(uint32_t made)
{
    uint32_t found = 0;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 1; i < made && i < SESSION_RING_LIMIT; i++) {
        const struct ring_shared *ring = &link_to.rings[i];
        if (atomic_load_explicit(&ring->state, memory_order_acquire) != RING_ENDED)
            continue;
        uint64_t last = atomic_load_explicit(&ring->head, memory_order_relaxed) - 1;
        const struct event *events = (const struct event *)(link_to.base + ring->offset);
        if (events[last & (ring->capacity - 1)].counter < oldest) {
            oldest = events[last & (ring->capacity - 1)].counter;
            found = i;
        }
    }
    return found;
}

/* `ending` is held. */
static struct writer *find_ring(unsigned long thread, uint32_t tid)
{
    uint32_t made = atomic_load_explicit(&link_to.header->rings_made, memory_order_acquire);
    struct writer *writer = find_writer(thread);
    if (!writer || writer->ring)
        return writer;
    for (uint32_t i = 1; i < made && i < SESSION_RING_LIMIT; i++)
        if (change_state(i, RING_FREE))
            return set_up(writer, i, thread, tid);
    if (!link_to.flight)
        return NULL;
    if (flight_file_add_ring() && change_state(made, RING_FREE))
        return set_up(writer, made, thread, tid);
    uint32_t ended = longest_ended(made);
    return ended && change_state(ended, RING_ENDED) ? set_up(writer, ended, thread, tid) : NULL;
}

static struct writer *take_ring(unsigned long thread, uint32_t tid)
{
    pthread_mutex_lock(&ending);
    struct writer *writer = find_ring(thread, tid);
    pthread_mutex_unlock(&ending);
    return writer;
}

/* A burst of new threads is ahead of the collector's ring making: under `wait` they wait for it as
 * they would for room. But the budget has an end: when one wait was in vain, threads without a ring
 * only look for a free one now and then, until somebody got one again. */
static struct writer *wait_for_ring(unsigned long thread, uint32_t tid)
{
    uint64_t begin = clock_monotonic_ns();
    if (in_vain && begin < look_again)
        return NULL;
    look_again = begin + RESUME_STEP_NS;
    struct writer *writer = take_ring(thread, tid);
    long sleep_ns = FIRST_SLEEP_NS;
    if (!writer)
        writer_wake_collector(); /* it adds some */
    while (!writer && !in_vain && link_to.wait && clock_monotonic_ns() - begin < RING_WAIT_NS) {
        writer_wake_collector();
        struct timespec pause = {.tv_nsec = sleep_ns};
        nanosleep(&pause, NULL);
        sleep_ns = sleep_ns * 2 < MOST_SLEEP_NS ? sleep_ns * 2 : MOST_SLEEP_NS;
        writer = take_ring(thread, tid);
    }
    in_vain = !writer;
    return writer;
}

/* Where the stack guard trips: a quarter of the stack left, some KiB at least. */
static uintptr_t find_stack_floor(void)
{
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes))
        return 0;
    int failed = pthread_attr_getstack(&attributes, &lowest, &size);
    pthread_attr_destroy(&attributes);
    if (failed)
        return 0;
    size_t least = pyapi.minor <= 11 ? LEAST_STACK : LEAST_LATE_STACK;
    size_t kept = size / 4 > least ? size / 4 : least;
    return (uintptr_t)lowest + (kept < size ? kept : size);
}

/* It is the calling thread's from now on. */
static struct writer *adopt(struct writer *writer, uint32_t tid)
{
    atomic_store_explicit(&writer->ring->tid, tid, memory_order_release);
    if (tid == (uint32_t)getpid())
        thread_name_set(writer->ring, "MainThread", sizeof("MainThread") - 1);
    if (writer->adopted)
        return writer;
    writer->stack_floor = find_stack_floor();
    writer->adopted = true;
    writer_of_thread = writer;
    pthread_setspecific(end_of_thread, writer);
    return writer;
}

struct writer *writer_take(void)
{
    struct writer *writer = writer_of_thread;
    if (writer->ring || writer == &forked)
        return writer;
    if (!link_to.header)
        return NULL;
    unsigned long thread = (unsigned long)pthread_self();
    uint32_t tid = (uint32_t)syscall(SYS_gettid);
    writer = find_writer(thread);
    if (writer && !writer->ring) /* else: reserved for it by a seed */
        writer = wait_for_ring(thread, tid);
    return writer ? adopt(writer, tid) : NULL;
}

struct writer *writer_try_ring(const _Atomic uint32_t *gate, bool last, bool *ret_open)
{
    struct writer *writer = NULL;
    pthread_mutex_lock(&ending);
    *ret_open = atomic_load(gate) && link_to.header && writer_of_thread != &forked;
    uint32_t tid = *ret_open ? (uint32_t)syscall(SYS_gettid) : 0;
    if (*ret_open)
        writer = find_ring((unsigned long)pthread_self(), tid);
    if (writer)
        adopt(writer, tid);
    else if (*ret_open)
        writer_wake_collector(); /* it adds some */
    if (*ret_open && !writer && last)
        writer_count_ringless(1);
    pthread_mutex_unlock(&ending);
    return writer;
}

void writer_await_unlocked(void)
{
    /* Whoever takes a ring has seen the gate closed, or has taken it by now. */
    pthread_mutex_lock(&ending);
    pthread_mutex_unlock(&ending);
    for (uint32_t i = 0; i < SESSION_RING_LIMIT; i++)
        while (atomic_load_explicit(&writers[i].busy, memory_order_acquire) == UNLOCKED_INSIDE)
            sched_yield();
}

struct writer *writer_reserve(unsigned long thread, uint32_t tid)
{
    return take_ring(thread, tid);
}

struct writer *writer_control(void)
{
    struct writer *writer = &writers[0];
    if (!writer->ring && !set_up(writer, 0, 0, 0))
        return NULL;
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    writer->limit = tail + writer->mask + 1;
    return writer;
}

/* --- calibration's ring --------------------------------------------------------------------- */

void writer_begin_scratch(struct event *events, uint64_t capacity)
{
    scratch = (struct writer){
        .events = events, .mask = capacity - 1, .ring = &scratch_ring, .limit = UINT64_MAX};
    writer_of_thread = &scratch;
}

uint64_t writer_end_scratch(void)
{
    writer_of_thread = &nobody;
    return scratch.head;
}

/* --- events of the writer's own ------------------------------------------------------------- */

/* These do not look at `limit` and may pass it: the next event takes the slow path, which sets it anew. */
void writer_advance(struct writer *writer, uint64_t head)
{
    writer->head = writer->limit = head;
    atomic_store_explicit(&writer->ring->head, head, memory_order_release);
}

static bool put_raw(struct writer *writer, struct event event)
{
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->head - tail > writer->mask)
        return false;
    writer->events[writer->head & writer->mask] = event;
    writer_advance(writer, writer->head + 1);
    return true;
}

static uint64_t seed_room(struct writer *writer)
{
    if (!link_to.flight) {
        uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
        return writer->mask + 1 - (writer->head - tail);
    }
    if (writer->head >= writer->next_seed)
        writer_begin_eighth(writer);
    return writer_eighth(writer) / 2;
}

bool writer_seed(struct writer *writer, void *tstate, uint64_t counter, uint64_t begin_amount,
                 uint32_t excluded, bool define)
{
    uint64_t room = seed_room(writer);
    if (room < 4)
        return false;
    struct stacks_walk walk = {.most = (uint32_t)(room - 3),
                               .excluded = excluded,
                               .define = define,
                               .heard = link_to.flight};
    stacks_count(tstate, &walk);
    uint64_t first = writer->head + 1;
    struct event begin =
        begin_amount
            ? (struct event){.counter = counter,
                             .kind_id = event_pack(EVENT_SEED_BEGIN, (uint32_t)begin_amount),
                             .frame = walk.depth}
            : event_with_amount(counter, EVENT_SEED_BEGIN, walk.depth);
    writer->events[writer->head & writer->mask] = begin;
    stacks_write(tstate, &walk, writer->events, writer->mask, first, counter);
    uint64_t end = first + walk.depth;
    writer->events[end & writer->mask] = (struct event){
        .counter = counter, .kind_id = event_pack(EVENT_SEED_END, 0), .frame = walk.bottom};
    writer_advance(writer, end + 1);
    return true;
}

/* --- a full ring ---------------------------------------------------------------------------- */

/* Nanoseconds since the collector's heart was last seen beating. */
static uint64_t heartbeat_age_ns(void)
{
    uint64_t beat = atomic_load_explicit(&link_to.header->heartbeat, memory_order_relaxed);
    uint64_t now = clock_monotonic_ns();
    if (beat != heartbeat_seen || heartbeat_ns == 0) {
        heartbeat_seen = beat;
        heartbeat_ns = now;
    }
    return now - heartbeat_ns;
}

static void tell_stall(struct writer *writer)
{
    struct event event = event_with_amount(writer->stall_end, EVENT_STALL, writer->stall_ticks);
    if (writer->stall_ticks && put_raw(writer, event))
        writer->stall_ticks = 0;
}

/* Whether the collector gets no more of the target's time, and why: it is dead (asked at most every
 * 100 ms of its silence), or has been silent for `most_ns`. */
static bool is_lost(uint64_t most_ns, enum off_cause *ret_cause)
{
    static uint64_t asked_ns;
    uint64_t age = heartbeat_age_ns();
    *ret_cause = OFF_COLLECTOR_DEAD;
    if (age < STALE_ASK_NS) {
        asked_ns = 0;
        return false;
    }
    if (age - asked_ns >= STALE_ASK_NS) {
        asked_ns = age;
        if (!link_collector_lives())
            return true;
    }
    *ret_cause = OFF_COLLECTOR_STALE;
    return age >= most_ns;
}

/* Sleeps for room. The target stands still meanwhile: the GIL is held. True: there is room. */
static bool wait_for_room(struct writer *writer)
{
    uint64_t begin = link_counter();
    uint64_t begin_ns = clock_monotonic_ns();
    long sleep_ns = FIRST_SLEEP_NS;
    enum off_cause cause;
    bool room = false;
    bool lost = false;
    while (!room && !lost && clock_monotonic_ns() - begin_ns < MOST_STALL_NS) {
        writer_wake_collector();
        struct timespec pause = {.tv_nsec = sleep_ns};
        nanosleep(&pause, NULL);
        sleep_ns = sleep_ns * 2 < MOST_SLEEP_NS ? sleep_ns * 2 : MOST_SLEEP_NS;
        uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
        /* An eighth at least, so that a producer in full flight does not sleep for each event. */
        room = writer->head - tail <= writer->mask - writer->mask / 8;
        lost = !room && is_lost(STALE_WAIT_NS, &cause);
    }
    writer->stall_end = link_counter();
    writer->stall_ticks += writer->stall_end - begin;
    struct ring_shared *ring = writer->ring;
    atomic_fetch_add_explicit(&ring->stall_ticks, writer->stall_end - begin, memory_order_relaxed);
    atomic_fetch_add_explicit(&ring->stalls, 1, memory_order_relaxed);
    if (!room)
        tell_stall(writer); /* in the room that is kept for it */
    if (lost)
        writer_go_off(cause);
    return room;
}

void writer_begin_drop(struct writer *writer, uint64_t counter)
{
    writer->dropping = true;
    writer->span_told = WRITER_SPAN_UNKNOWN;
    writer->unlocked_limit = 0;
    writer->lost_since = 0;
    writer->next_resume = counter + switch_ticks_of_ns(RESUME_STEP_NS);
    writer->limit = writer->head;
}

bool writer_seed_whole(struct writer *writer, void *tstate)
{
    struct stacks_walk walk = {.most = UINT32_MAX};
    stacks_count(tstate, &walk);
    uint64_t needed = (uint64_t)walk.depth + 2 + RESERVED;
    if (link_to.flight)
        return needed <= writer_eighth(writer) / 2 &&
               writer_seed(writer, tstate, link_counter(), 0, 0, true);
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->mask + 1 - (writer->head - tail) < needed) {
        if (needed > writer->mask / 8)
            return false; /* more than waiting makes room for */
        if (!link_to.wait || !wait_for_room(writer)) {
            writer_begin_drop(writer, link_counter());
            return true;
        }
        tell_stall(writer);
    }
    return writer_seed(writer, tstate, link_counter(), 0, 0, true);
}

static void count_lost(struct writer *writer)
{
    writer->lost_since++;
    /* One producer: no read-modify-write is needed. */
    uint64_t lost = atomic_load_explicit(&writer->ring->lost, memory_order_relaxed);
    atomic_store_explicit(&writer->ring->lost, lost + 1, memory_order_relaxed);
    enum off_cause cause;
    if ((writer->lost_since & 0xfff) == 0 && is_lost(STALE_OFF_NS, &cause))
        writer_go_off(cause);
}

static bool is_push(uint32_t kind)
{
    return kind == EVENT_START || kind == EVENT_RESUME || kind == EVENT_THROW;
}

/* GAP, the present stack, on again: when three quarters are free, at most once in 10 ms. */
static bool resume(struct writer *writer, uint64_t counter, uint32_t kind, uint32_t frame)
{
    if ((int64_t)(counter - writer->next_resume) < 0)
        return false;
    writer->next_resume = counter + switch_ticks_of_ns(RESUME_STEP_NS);
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->head - tail > writer->mask / 4)
        return false;
    tell_stall(writer); /* the one that ended in the gap */
    put_raw(writer, event_with_amount(counter, EVENT_GAP, writer->lost_since));
    if (!writer_seed(writer, pyapi.thread_state(), counter, 0, is_push(kind) ? frame : 0, false))
        return false;
    writer->dropping = false;
    writer->lost_since = 0;
    set_limit(writer, tail);
    return writer->head != writer->limit;
}

static bool room_or_drop(struct writer *writer, uint64_t counter, uint32_t kind, uint32_t frame)
{
    if (writer->dropping) {
        if (resume(writer, counter, kind, frame))
            return true;
        count_lost(writer);
        return false;
    }
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->head - tail + RESERVED > writer->mask) {
        if (!link_to.wait || !wait_for_room(writer)) {
            writer_begin_drop(writer, counter);
            count_lost(writer);
            return false;
        }
        tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    }
    set_limit(writer, tail);
    return true;
}

void writer_count_ringless(uint64_t events)
{
    if (link_to.header)
        atomic_fetch_add_explicit(&link_to.header->ringless_lost, events, memory_order_relaxed);
}

struct writer *writer_make_room(struct writer *writer, uint64_t counter, uint32_t kind,
                                uint32_t frame)
{
    if (writer == &forked) {
        switch_off_in_child();
        return NULL;
    }
    if (!writer->ring) {
        writer = writer_take();
        if (!writer) {
            writer_count_ringless(1);
            return NULL;
        }
        return writer->head != writer->limit ? writer
                                             : writer_make_room(writer, counter, kind, frame);
    }
    if (!link_to.header)
        return NULL;
    if (writer->name_tries < NAME_TRIES) {
        writer->name_tries++;
        if (thread_name_tell(writer->ring))
            writer->name_tries = NAME_TRIES;
    }
    writer_set_pace(writer, counter);
    if (link_to.flight) {
        flight_look(writer, counter);
        writer_seed_when_due(writer, counter, kind, frame);
        set_limit(writer, 0);
        return writer;
    }
    writer_wake_when_due(writer);
    enum off_cause cause;
    if (is_lost(UINT64_MAX, &cause)) {
        writer_go_off(cause);
        return NULL;
    }
    do {
        if (!room_or_drop(writer, counter, kind, frame))
            return NULL;
        tell_stall(writer); /* may itself end a quarter, or the room */
    } while (writer->head == writer->limit);
    return writer;
}

/* --- for writer_quiet.c --------------------------------------------------------------------- */

bool writer_is_forked(void)
{
    return writer_of_thread == &forked;
}

/* The room is there, whatever the limit said: what is beyond it is due only a little later. */
static bool has_room(struct writer *writer, uint32_t count)
{
    uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
    if (writer->head - tail + RESERVED + count > writer->mask + 1)
        return false;
    uint32_t name_tries = writer->name_tries;
    writer->name_tries = NAME_TRIES; /* its name is not asked for here */
    set_limit(writer, tail);
    writer->name_tries = name_tries;
    if (writer->limit - writer->head < count)
        writer->limit = writer->head + count;
    return true;
}

bool writer_make_room_for(struct writer *writer, uint64_t counter, uint32_t count)
{
    enum off_cause cause;
    writer_set_pace(writer, counter);
    writer_wake_when_due(writer);
    if (is_lost(UINT64_MAX, &cause)) {
        writer_go_off(cause);
        return false;
    }
    if (writer->dropping)
        resume(writer, counter, EVENT_NONE, 0);
    while (!writer->dropping) {
        if (!has_room(writer, count) && (!link_to.wait || !wait_for_room(writer)))
            writer_begin_drop(writer, counter);
        else if (writer->limit - writer->head >= count && !writer->stall_ticks)
            return true;
        else
            tell_stall(writer);
    }
    for (uint32_t i = 0; i < count; i++)
        count_lost(writer);
    return false;
}

void writer_put_slow(uint64_t counter, uint32_t kind, uint32_t id, uint32_t frame)
{
    if (link_to.orphan && switch_follow_child(0))
        counter = link_counter(); /* none is older than the session */
    writer_is_at_work++;
    struct writer *writer = writer_make_room(writer_of_thread, counter, kind, frame);
    if (writer) {
        writer_store(writer, counter, kind, id, frame);
        speed_tell(writer);
    }
    writer_is_at_work--;
}

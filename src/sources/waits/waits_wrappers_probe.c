/* SPDX-License-Identifier: MIT */
/* The wrappers of functions that sleep.
 * Why a lock is tried first: one that is free is taken without an event, so that only waits cost anything.
 * How the GIL is known: its two conditions lie within the interpreter's runtime state, and nothing else there is one.
 * Whoever lets it go signals the one, and whoever has got it the other, which lies behind it. So each hold has a begin and
 * an end, on every version from 3.9 on, though no function of the interpreter's is ours.
 * Rules: those of io_probe.h. errno is what the function left. */
#include "sources/waits/waits_probe.h"

#include "probe/places.h"
#include "wire/wait_kind.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

static uintptr_t runtime_from, runtime_to; /* the interpreter's */
static _Atomic uintptr_t gil_let_go;       /* the condition; 0: not known yet */

void waits_find_gil(void)
{
    void *runtime = dlsym(RTLD_DEFAULT, "_PyRuntime");
    Dl_info info;
    ElfW(Sym) *symbol = NULL;
    if (runtime && dladdr1(runtime, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol) {
        runtime_from = (uintptr_t)runtime;
        runtime_to = runtime_from + symbol->st_size;
    }
}

static inline bool is_of_gil(long condition)
{
    return (uintptr_t)condition - runtime_from < runtime_to - runtime_from;
}

static inline uint32_t epoch_now(void)
{
    return atomic_load_explicit(&unlocked_epoch, memory_order_relaxed);
}

/* --- waits ---------------------------------------------------------------------------------- */

static inline uint32_t key_of(long address)
{
    return (uint32_t)((uintptr_t)address >> 4);
}

static inline long call(enum io_entry_number number, const long words[4])
{
    return io_entries[number].real(words[0], words[1], words[2], words[3], 0, 0);
}

/* An end that was cut short, by a time-out, is told as such. */
static long wait_in(enum io_entry_number number, enum wait_way way, const long words[4])
{
    uint32_t epoch = epoch_now();
    if (!epoch || !places_put(epoch, EVENT_WAIT_BEGIN, (uint32_t)way, key_of(words[0])))
        return call(number, words);
    long result = call(number, words);
    uint64_t counter = link_counter();
    bool timed_out = (int)result == ETIMEDOUT || ((int)result == -1 && errno == ETIMEDOUT);
    if (epoch == epoch_now())
        unlocked_put(event_with_amount(counter, EVENT_WAIT_END, timed_out));
    return result;
}

static sem_t *semaphore(long word)
{
    return (sem_t *)word; /* NOLINT(performance-no-int-to-ptr) */
}

static long wait_for_semaphore(enum io_entry_number number, const long words[4])
{
    int kept = errno;
    if (!epoch_now())
        return call(number, words);
    if (sem_trywait(semaphore(words[0])) == 0)
        return 0;
    errno = kept;
    return wait_in(number, WAY_LOCK, words);
}

static long wait_for_condition(enum io_entry_number number, const long words[4])
{
    return wait_in(number, is_of_gil(words[0]) ? WAY_GIL : WAY_CONDITION, words);
}

#define WRAPPER(symbol, wait)                                                \
    long waits_wrap_##symbol(long a, long b, long c, long d, long e, long f) \
    {                                                                        \
        (void)e;                                                             \
        (void)f;                                                             \
        return wait(ENTRY_##symbol, (const long[4]){a, b, c, d});            \
    }
WRAPPER(sem_wait, wait_for_semaphore)
WRAPPER(sem_timedwait, wait_for_semaphore)
WRAPPER(sem_clockwait, wait_for_semaphore)
WRAPPER(pthread_cond_wait, wait_for_condition)
WRAPPER(pthread_cond_timedwait, wait_for_condition)
WRAPPER(pthread_cond_clockwait, wait_for_condition)

long waits_wrap_pthread_mutex_lock(long a, long b, long c, long d, long e, long f)
{
    (void)e;
    (void)f;
    const long words[4] = {a, b, c, d};
    if (!epoch_now())
        return call(ENTRY_pthread_mutex_lock, words);
    int result =
        pthread_mutex_trylock((pthread_mutex_t *)a); /* NOLINT(performance-no-int-to-ptr) */
    enum wait_way way = is_of_gil(a) ? WAY_GIL : WAY_MUTEX;
    return result == EBUSY ? wait_in(ENTRY_pthread_mutex_lock, way, words) : result;
}

/* --- who lets others go on ------------------------------------------------------------------ */

/* How many threads wait, in the upper half of glibc's semaphores of 64 bits (2.21 and newer). */
static bool has_waiters(long word)
{
    uint64_t state;
    memcpy(&state, semaphore(word), sizeof(state));
    return state >> 32 != 0;
}

long waits_wrap_sem_post(long a, long b, long c, long d, long e, long f)
{
    (void)e;
    (void)f;
    uint32_t epoch = epoch_now();
    if (epoch && has_waiters(a))
        places_put(epoch, EVENT_WAIT_BEGIN, WAY_WOKE, key_of(a));
    return call(ENTRY_sem_post, (const long[4]){a, b, c, d});
}

/* --- the GIL -------------------------------------------------------------------------------- */

void waits_begin_hold(void)
{
    if (!writer_of_thread->ring)
        return; /* it is told from its next hold on */
    writer_of_thread->gil_since = link_counter();
    writer_of_thread->gil_epoch = epoch_now();
}

/* Of the two that are signalled the one that lies first. */
static bool lets_go(uintptr_t condition)
{
    static _Atomic uintptr_t first_seen;
    uintptr_t known = atomic_load_explicit(&gil_let_go, memory_order_relaxed), none = 0;
    if (known)
        return condition == known;
    uintptr_t other = atomic_load_explicit(&first_seen, memory_order_relaxed);
    if (!other)
        atomic_compare_exchange_strong(&first_seen, &none, condition);
    else if (other != condition)
        atomic_store_explicit(&gil_let_go, other < condition ? other : condition,
                              memory_order_relaxed);
    return other && condition < other;
}

static void tell_hold(uint32_t epoch)
{
    struct writer *writer = unlocked_enter();
    if (!writer)
        return;
    uint64_t since = writer->gil_epoch == epoch ? writer->gil_since : 0;
    bool are_told = !since || places_are_told(writer, epoch);
    writer->gil_since = 0;
    unlocked_leave(writer);
    if (!are_told)
        places_tell(epoch);
    uint64_t now = link_counter();
    if (since && since <= now)
        unlocked_put(event_with_amount(now, EVENT_GIL_HELD, now - since));
}

static void note_hold(uint32_t epoch)
{
    struct writer *writer = writer_of_thread;
    if (!writer->ring)
        return;
    writer->gil_since = link_counter();
    writer->gil_epoch = epoch;
}

long waits_wrap_pthread_cond_signal(long a, long b, long c, long d, long e, long f)
{
    (void)e;
    (void)f;
    uint32_t epoch = epoch_now();
    if (epoch && is_of_gil(a)) {
        if (lets_go((uintptr_t)a))
            tell_hold(epoch);
        else
            note_hold(epoch);
    }
    return call(ENTRY_pthread_cond_signal, (const long[4]){a, b, c, d});
}

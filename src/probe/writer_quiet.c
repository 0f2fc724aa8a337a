/* SPDX-License-Identifier: MIT */
/* The slow path of writing where nothing of the interpreter may be called.
 * Why: see writer_quiet.h.
 * Rules: the GIL is held, but in writer_put_foreign. */
#include "probe/writer_quiet.h"

#include "probe/py/pyapi.h"
#include "probe/switch.h"

enum { STEP_NS = 20 * 1000, MOST_STALL_NS = 1000 * 1000 * 1000 };

/* Who is to be switched off, or followed, waits for a pending call. */
static bool is_quiet, settle_due, off_due;
static enum off_cause due_cause;

static int settle(void *unused)
{
    (void)unused;
    bool off = off_due;
    settle_due = off_due = false;
    if (link_to.orphan)
        switch_follow_child(0);
    else if (writer_is_forked())
        switch_off_in_child();
    else if (off)
        switch_off(due_cause);
    return 0;
}

static void ask_to_settle(void)
{
    if (!settle_due)
        settle_due = Py_AddPendingCall(settle, NULL) == 0;
}

void writer_go_off(enum off_cause cause)
{
    if (!is_quiet) {
        switch_off(cause);
        return;
    }
    off_due = true;
    due_cause = cause;
    ask_to_settle();
}

struct writer *writer_room_quietly(uint64_t counter, uint32_t count)
{
    struct writer *writer = writer_of_thread;
    if (writer_is_forked() || link_to.orphan)
        ask_to_settle();
    if (writer_is_forked() || link_to.orphan || !link_to.header || link_to.flight)
        return NULL;
    is_quiet = true;
    if (!writer->ring)
        writer = writer_take();
    if (!writer)
        writer_count_ringless(count);
    else if (writer->limit - writer->head < count && !writer_make_room_for(writer, counter, count))
        writer = NULL;
    is_quiet = false;
    return writer;
}

/* Without the GIL, so that nothing but the ring is looked at. */
static bool wait_quietly(struct writer *writer, uint32_t count)
{
    uint64_t begin_ns = clock_monotonic_ns();
    while (clock_monotonic_ns() - begin_ns < MOST_STALL_NS) {
        writer_wake_collector();
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
        uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
        writer->limit = tail + writer->mask + 1;
        if (writer->limit - writer->head >= count)
            return true;
    }
    return false;
}

void writer_put_foreign(struct writer *writer, const struct event *events, uint32_t count)
{
    uint64_t head = writer->head;
    if (writer->limit - head < count) {
        uint64_t tail = atomic_load_explicit(&writer->ring->tail, memory_order_acquire);
        bool moved = writer->limit != tail + writer->mask + 1; /* after a wait in vain only then */
        writer->limit = tail + writer->mask + 1;
        writer_wake_collector();
        if (writer->limit - head < count &&
            (!link_to.wait || !moved || !wait_quietly(writer, count))) {
            atomic_fetch_add_explicit(&writer->ring->lost, count, memory_order_relaxed);
            return;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        writer->events[(head + i) & writer->mask] = events[i];
    writer->head = head + count;
    /* Pairs with the collector's acquire of head. */
    atomic_store_explicit(&writer->ring->head, head + count, memory_order_release);
}

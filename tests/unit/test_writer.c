/* SPDX-License-Identifier: MIT */
/* Both ends of the ring in one process: the probe's own writer on several threads, the real collector
 * on its own, one mapping, so that ThreadSanitizer sees every access of either (it cannot see races
 * between processes).
 * No interpreter runs here (writer_stubs.h), and a mutex is the GIL. */
#include "model/collector.h"
#include "probe/away_time.h"
#include "probe/own_time.h"
#include "probe/switch.h"
#include "probe/unlocked.h"
#include "wire/guard.h"
#include "writer_stubs.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, PAIRS = 60000, TURN = 100 };

/* --- a session with both ends here ---------------------------------------------------------- */

struct both_ends {
    char directory[32];
    struct mapping mapping;
    struct collector *collector;
};

static pthread_mutex_t gil = PTHREAD_MUTEX_INITIALIZER;

static void link_here(const struct mapping *mapping)
{
    struct session_header *header = mapping_header(mapping);
    link_to.base = mapping->base;
    link_to.size = mapping->size;
    link_to.header = header;
    link_to.modes = mapping->base + mapping->modes_offset;
    link_to.rings = (struct ring_shared *)(mapping->base + mapping->rings_offset);
    link_to.clock = (enum clock_source)header->clock_kind;
    link_to.wait = header->on_full == ON_FULL_WAIT;
    link_to.serial = &header->switch_serial;
    link_to.sleeping = &header->sleeping;
    writer_begin_anew();
}

static struct both_ends *open_both(enum on_full on_full)
{
    struct both_ends *both = calloc(1, sizeof(*both));
    assert_non_null(both);
    strcpy(both->directory, "/tmp/ulma-test-XXXXXX");
    assert_non_null(mkdtemp(both->directory));
    struct mapping_options options = {
        .directory = both->directory,
        .buffer_bytes = 32 << 20,
        .on_full = (uint32_t)on_full,
        .sources = SOURCE_CALLS,
        .clock_kind = (uint32_t)clock_choose(),
        .owner = geteuid(),
    };
    assert_int_equal(mapping_create(&options, "session", &both->mapping), 0);
    struct collector_options plain = {.cpu = -1, .no_perf = true};
    both->collector = collector_new(&both->mapping, &plain);
    assert_non_null(both->collector);
    link_here(&both->mapping);
    return both;
}

static void close_both(struct both_ends *both)
{
    collector_free(both->collector);
    mapping_unlink(&both->mapping);
    mapping_close(&both->mapping);
    rmdir(both->directory);
    free(both);
}

/* Calls and returns of one frame per thread, a few at a time under the "GIL". */
static void *produce(void *argument)
{
    uint32_t frame = 0x1000u + (uint32_t)(uintptr_t)argument;
    for (int done = 0; done < PAIRS; done += TURN) {
        pthread_mutex_lock(&gil);
        for (int i = 0; i < TURN; i++) {
            writer_put(link_counter(), EVENT_START, 0, frame);
            writer_put(link_counter(), EVENT_RETURN, 0, frame);
        }
        pthread_mutex_unlock(&gil);
    }
    return NULL;
}

static void produce_on_threads(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static int set_up(void **state)
{
    (void)state;
    pyapi.thread_state = stub_thread_state;
    pyapi.minor = 13;
    return guard_install() || writer_init();
}

/* --- the tests ------------------------------------------------------------------------------ */

static void wait_loses_nothing(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_WAIT);
    assert_int_equal(collector_start(both->collector), 0);
    produce_on_threads();
    collector_finish(both->collector, 0);
    struct snapshot *snapshot = collector_snapshot(both->collector, 0, CLOCK_WALL);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->meta.lost, 0);
    assert_int_equal(snapshot->meta.calls, THREADS * PAIRS);
    assert_int_equal(snapshot->meta.bad_events, 0);
    assert_int_equal(snapshot->meta.unmatched_pops, 0);
    assert_int_equal(snapshot->thread_count, THREADS);
    snapshot_free(snapshot);
    close_both(both);
}

/* The collector comes late: what did not fit is counted to the last event, and what comes after is
 * right again. */
static void drop_counts_what_it_lost(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_DROP);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
    /* Until one ring at least is full. */
    uint64_t lost = 0;
    while (!lost) {
        for (uint32_t i = 1; i < both->mapping.rings_made; i++)
            lost += atomic_load(&mapping_ring(&both->mapping, i)->lost);
        sched_yield();
    }
    assert_int_equal(collector_start(both->collector), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    collector_finish(both->collector, 0);
    struct snapshot *snapshot = collector_snapshot(both->collector, 0, CLOCK_WALL);
    assert_non_null(snapshot);
    const struct snapshot_meta *meta = &snapshot->meta;
    uint64_t of_gaps = meta->gaps * 3; /* GAP, SEED_BEGIN, SEED_END of an empty stack */
    assert_true(meta->lost > 0);
    assert_int_equal(meta->events_read - of_gaps + meta->lost, 2 * THREADS * PAIRS);
    snapshot_free(snapshot);
    close_both(both);
}

/* A seed may end anywhere, also past where the writer would have looked for room next. */
static void a_seed_does_not_overrun_the_ring(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_DROP);
    enum { present_frames = 100 };
    stub_depth = present_frames;
    struct writer *writer = writer_take();
    assert_non_null(writer);
    assert_true(writer_seed(writer, NULL, link_counter(), 0, 0, false));
    stub_depth = 0;
    uint64_t capacity = writer->mask + 1;
    for (uint64_t i = 0; i < 2 * capacity; i++)
        writer_put(link_counter(), i % 2 ? EVENT_RETURN : EVENT_START, 0, 0x1000);
    uint64_t head = atomic_load(&writer->ring->head);
    assert_true(head <= capacity);
    assert_int_equal(head + atomic_load(&writer->ring->lost), 2 * capacity + present_frames + 2);
    collector_finish(both->collector, 0);
    close_both(both);
}

/* A stack is told whole or not at all: half a one would be taken for all that is open. */
static void a_stack_that_does_not_fit_is_a_gap(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_DROP);
    struct writer *writer = writer_take();
    assert_non_null(writer);
    uint64_t capacity = writer->mask + 1;
    enum { present_frames = 100, room = 50 };
    for (uint64_t i = 0; i < capacity - room; i++)
        writer_put(link_counter(), i % 2 ? EVENT_RETURN : EVENT_START, 0, 0x1000);
    uint64_t head = writer->head;
    assert_int_equal(head, capacity - room);
    stub_depth = present_frames;
    assert_true(writer_seed_whole(writer, NULL));
    assert_int_equal(writer->head, head);
    assert_true(writer->dropping);
    stub_depth = 10;
    writer->dropping = false;
    assert_true(writer_seed_whole(writer, NULL));
    assert_int_equal(writer->head, head + stub_depth + 2);
    stub_depth = 0;
    collector_finish(both->collector, 0);
    close_both(both);
}

/* A wake-up costs the target a turn on its CPU: what is told without the GIL may not lead to one each time. */
static void a_path_does_not_wake_the_collector(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_WAIT);
    struct writer *writer = writer_take();
    assert_non_null(writer);
    unlocked_open();
    enum { opened = 1000, pieces = 5 };
    int wakes = 0;
    for (int i = 0; i < opened; i++) {
        struct event path[pieces];
        for (int j = 0; j < pieces; j++)
            path[j] =
                (struct event){.counter = link_counter(), .kind_id = event_pack(EVENT_IO_NAME, 0)};
        atomic_store(link_to.sleeping, 1);
        assert_true(unlocked_put_slow(path, pieces));
        writer_put(link_counter(), i % 2 ? EVENT_RETURN : EVENT_START, 0, 0x1000);
        wakes += !atomic_load(link_to.sleeping);
    }
    assert_int_equal(writer->head, opened * (pieces + 1));
    assert_true(wakes < opened / 10); /* some: its pulse is looked after, more often at first */
    unlocked_close();
    collector_finish(both->collector, 0);
    close_both(both);
}

/* A processor changes its speed within a few milliseconds, long before a thread that does little but call has
 * filled a quarter of its ring. What only looks at the speed wakes nobody. */
static void the_speed_is_told_every_few_events(void **state)
{
    (void)state;
    enum { most_events = 4096, looks = 3, few = 64, slept_ns = 2000000 };
    struct both_ends *both = open_both(ON_FULL_DROP);
    struct writer *writer = writer_take();
    assert_non_null(writer);
    assert_true((looks + 2) * most_events < (writer->mask + 1) / 4);
    uint64_t counter =
        link_counter(); /* of our own from here on: a pause of the machine's is none */
    for (int i = 0; i < 2 * most_events; i++) /* at first it looks more often */
        writer_put(counter += 10, i % 2 ? EVENT_RETURN : EVENT_START, 0, 0x1000);
    uint64_t first = writer->head;
    stub_speed = 1000;
    atomic_store(link_to.sleeping, 1);
    for (int look = 0; look < looks; look++) {
        writer->speed_told = 0; /* long ago */
        nanosleep(&(struct timespec){.tv_nsec = slept_ns}, NULL);
        own_time_note(counter, counter + 30);
        own_time_note(counter, counter + 31);
        own_time_note(counter, counter + switch_ticks_of_ns(1000)); /* it was interrupted */
        for (int i = 0; i < most_events; i++)
            writer_put(counter += 10, i % 2 ? EVENT_RETURN : EVENT_START, 0, 0x1000);
    }
    stub_speed = 0;
    int told = 0, own_told = 0, away_told = 0;
    for (uint64_t i = first; i < writer->head; i++) {
        const struct event *event = &writer->events[i & writer->mask];
        told += event_kind(event) == EVENT_SPEED;
        if (event_kind(event) == EVENT_AWAY) {
            assert_true(away_told > 0 ? event_amount(event) >= slept_ns : event_amount(event) == 0);
            away_told++;
        }
        if (event_kind(event) != EVENT_OWN_TIME)
            continue;
        own_told++;
        assert_int_equal(event->frame, event_own_time(2, 30 * 256 + 128));
    }
    assert_int_equal(told, looks);
    assert_int_equal(own_told, looks);
    assert_int_equal(away_told, looks);
    assert_int_equal(atomic_load(link_to.sleeping), 1);
    while (writer->head < (writer->mask + 1) / 4 + few)
        writer_put(counter += 10, EVENT_NONE, 0, 0x1000);
    assert_int_equal(atomic_load(link_to.sleeping), 0);
    collector_finish(both->collector, 0);
    close_both(both);
}

/* Where the kernel counts a thread's time in ticks, it stands still and leaps. */
static void a_coarse_clock_tells_nothing(void **state)
{
    (void)state;
    struct both_ends *both = open_both(ON_FULL_DROP);
    struct writer *writer = writer_take();
    assert_non_null(writer);
    enum { told_for_ms = 40 };
    struct away_time time = {.now_ns = 1000000000, .ran_ns = 1000000};
    uint64_t before = writer->head;
    for (int ms = 1; ms <= told_for_ms; ms++) {
        writer_put(link_counter(), EVENT_NONE, 0, 0x1000); /* which makes room */
        time.now_ns += 1000000;
        time.ran_ns += ms % 4 ? 0 : 4000000;
        away_time_tell(writer, link_counter(), &time);
    }
    assert_int_equal(writer->head - before,
                     told_for_ms + 3 * 4 - 1); /* until it has leapt three times */
    collector_finish(both->collector, 0);
    close_both(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_loses_nothing),
        cmocka_unit_test(drop_counts_what_it_lost),
        cmocka_unit_test(a_seed_does_not_overrun_the_ring),
        cmocka_unit_test(a_stack_that_does_not_fit_is_a_gap),
        cmocka_unit_test(a_path_does_not_wake_the_collector),
        cmocka_unit_test(the_speed_is_told_every_few_events),
        cmocka_unit_test(a_coarse_clock_tells_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A ring that overwrites itself, written by the probe's own writer at full speed and read meanwhile by what
 * `ulma rescue` reads with.
 * Why: what is read must be whole and in order however often the ring has gone round in between; the
 * counters of the events say so, since each event has the next one.
 * Rules: no interpreter runs here (writer_stubs.h). Under ThreadSanitizer this is not built: the reader copies
 * what the writer may be overwriting, on purpose, and throws that away; test_ring_model.c has the proof. */
#include "model/flight_copy.h"
#include "writer_stubs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RINGS = 3, RING_BYTES = FLIGHT_LEAST_RING, READINGS = 2000, DEPTH = 20 };
enum { CAPACITY = RING_BYTES / (int)sizeof(struct event) };

struct recorder {
    unsigned char *bytes;
    size_t size;
    struct mapping mapping;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint64_t written;
};

static void begin(struct recorder *recorder)
{
    char directory[] = "/dev/shm/ulma-flight-XXXXXX";
    assert_non_null(mkdtemp(directory));
    struct mapping_options options = {.directory = directory,
                                      .buffer_bytes = RINGS * RING_BYTES,
                                      .on_full = ON_FULL_DROP,
                                      .sources = SOURCE_CALLS,
                                      .clock_kind = CLOCK_KIND_MONOTONIC,
                                      .owner = geteuid()};
    *recorder = (struct recorder){.bytes = NULL};
    assert_int_equal(mapping_create(&options, "1-0000000000000000", &recorder->mapping), 0);
    struct session_header *header = mapping_header(&recorder->mapping);
    header->flight = 1;
    header->counter_hz = UINT64_C(1000000000);
    recorder->bytes = recorder->mapping.base;
    recorder->size = recorder->mapping.size;
    mapping_unlink(&recorder->mapping);
    rmdir(directory);
    for (uint32_t i = 1; i < recorder->mapping.rings_made; i++)
        mapping_ring(&recorder->mapping, i)->kind = RING_OVERWRITE;
    pyapi.minor = 12;
    pyapi.thread_state = stub_thread_state;
    stub_depth = DEPTH;
    writer_begin_anew();
    link_to = (struct link){.modes = recorder->bytes + header->modes_offset,
                            .serial = &header->switch_serial,
                            .clock = CLOCK_MONOTONIC_NS,
                            .flight = true,
                            .base = recorder->bytes,
                            .size = recorder->size,
                            .header = header,
                            .rings = mapping_ring(&recorder->mapping, 0),
                            .sleeping = &header->sleeping};
}

static void end(struct recorder *recorder)
{
    writer_leave_all();
    link_to.header = NULL;
    mapping_close(&recorder->mapping);
}

/* Calls and returns of two frames, each event with the next counter. */
static void *write_for_ever(void *context)
{
    struct recorder *recorder = context;
    uint64_t counter = 1;
    while (!atomic_load_explicit(&recorder->stop, memory_order_relaxed)) {
        bool push = counter & 1;
        writer_put(counter, push ? EVENT_START : EVENT_RETURN, push ? 1 : 0,
                   (uint32_t)(counter >> 1) + 1);
        atomic_store_explicit(&recorder->written, counter, memory_order_relaxed);
        counter++;
    }
    return NULL;
}

/* A seed at its start, and from there on each event the next one, but for seeds between them. A reader that was slow
 * may have a seed alone. */
static void check(const struct flight_ring *ring)
{
    uint64_t next = 0;
    assert_int_equal(event_kind(&ring->events[0]), EVENT_SEED_BEGIN);
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct event *event = &ring->events[i];
        uint32_t kind = event_kind(event);
        if (kind >= EVENT_SEED_BEGIN && kind <= EVENT_SEED_END)
            continue;
        assert_true(next == 0 || event->counter == next);
        assert_int_equal(kind, event->counter & 1 ? EVENT_START : EVENT_RETURN);
        assert_int_equal(event->frame, (uint32_t)(event->counter >> 1) + 1);
        next = event->counter + 1;
    }
}

static void what_is_read_is_whole(void **state)
{
    (void)state;
    struct recorder recorder;
    uint64_t kept = 0, rounds = 0, readings = 0;
    begin(&recorder);
    assert_int_equal(pthread_create(&recorder.thread, NULL, write_for_ever, &recorder), 0);
    while (atomic_load(&recorder.written) < 2 * CAPACITY)
        usleep(100);
    for (int i = 0; i < READINGS; i++) {
        struct flight flight;
        assert_int_equal(flight_of_memory(recorder.bytes, recorder.size, &flight), 0);
        if (flight.ring_count == 1) {
            check(&flight.rings[0]);
            kept += flight.rings[0].count;
            rounds = flight.rings[0].overwritten / flight.rings[0].count;
            readings++;
        }
        flight_close(&flight);
    }
    atomic_store(&recorder.stop, true);
    pthread_join(recorder.thread, NULL);
    print_message("%d readings, %d%% of them found something, %d events each, %d times round\n",
                  READINGS, (int)(readings * 100 / READINGS), (int)(kept / (readings + 1)),
                  (int)rounds);
    assert_true(readings > READINGS / 2);
    assert_true(rounds > 10);
    end(&recorder);
}

/* Nothing moves: the promise of wire/ring.h holds to the letter. */
static void six_eighths_are_kept(void **state)
{
    (void)state;
    struct recorder recorder;
    struct flight flight;
    begin(&recorder);
    for (uint64_t counter = 1; counter < 20 * CAPACITY; counter++) {
        bool push = counter & 1;
        writer_put(counter, push ? EVENT_START : EVENT_RETURN, push ? 1 : 0,
                   (uint32_t)(counter >> 1) + 1);
        if (counter < 2 * CAPACITY || counter % 97)
            continue;
        assert_int_equal(flight_of_memory(recorder.bytes, recorder.size, &flight), 0);
        assert_int_equal(flight.ring_count, 1);
        check(&flight.rings[0]);
        assert_int_equal(flight.rings[0].last_counter, counter);
        assert_true(flight.rings[0].count >= CAPACITY / 8 * 6);
        flight_close(&flight);
    }
    end(&recorder);
}

static void *write_a_few(void *context)
{
    uint64_t from = *(uint64_t *)context;
    for (uint64_t counter = from; counter < from + 100; counter++)
        writer_put(counter, counter & 1 ? EVENT_START : EVENT_RETURN, counter & 1 ? 1 : 0,
                   (uint32_t)(counter >> 1) + 1);
    return NULL;
}

/* Threads come and go, more than there are rings: the last ones to end are there, each alone. */
static void rings_of_ended_threads_are_taken_again(void **state)
{
    (void)state;
    struct recorder recorder;
    struct flight flight;
    enum { THREADS = 20 };
    begin(&recorder);
    uint32_t rings = recorder.mapping.rings_made - 1;
    for (uint64_t i = 0; i < THREADS; i++) {
        uint64_t from = 1 + i * 1000;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, write_a_few, &from), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(flight_of_memory(recorder.bytes, recorder.size, &flight), 0);
    assert_int_equal(flight.ring_count, rings);
    for (uint32_t i = 0; i < rings; i++) {
        check(&flight.rings[i]);
        assert_true(flight.rings[i].ended);
        assert_int_equal(flight.rings[i].count, 100 + DEPTH + 2);
        assert_true(flight.rings[i].first_counter > (THREADS - rings) * 1000);
    }
    flight_close(&flight);
    end(&recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_eighths_are_kept),
        cmocka_unit_test(rings_of_ended_threads_are_taken_again),
        cmocka_unit_test(what_is_read_is_whole),
    };
    if (writer_init()) /* threads tell their end */
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

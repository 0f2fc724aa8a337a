/* SPDX-License-Identifier: MIT */
/* Ring throughput: the probe's own writer_put in one thread, a consumer in another.
 * Why: how many events the ring carries when neither Python nor the fold is in the way; the producer's
 * figure is the floor under every event that the probe writes, the counter's read included or not.
 * Rules: the writer and the ring's layout are the product's; only the slow path is written anew here,
 * since the probe's own speaks to an interpreter. Prints `name value` lines, for bench/run. */
#include "base/clock.h"
#include "probe/writer.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY = 1 << 16, BATCH = 4096 };

static struct ring_shared ring;
static struct event events[CAPACITY];
static struct writer the_writer;
static uint64_t total;
static uint64_t stalls;
static uint64_t bad_events;

__thread struct writer *writer_of_thread __attribute__((tls_model("initial-exec")));

/* Full, or a quarter done: reads tail anew, and lets the consumer run while there is no room. */
void writer_put_slow(uint64_t counter, uint32_t kind, uint32_t id, uint32_t frame)
{
    struct writer *writer = writer_of_thread;
    uint64_t tail = atomic_load_explicit(&ring.tail, memory_order_acquire);
    while (writer->head - tail > writer->mask) {
        stalls++;
        sched_yield();
        tail = atomic_load_explicit(&ring.tail, memory_order_acquire);
    }
    writer->limit = tail + CAPACITY;
    writer_store(writer, counter, kind, id, frame);
}

static void produce(bool read_counter, uint64_t count)
{
    writer_of_thread = &the_writer;
    uint64_t counter = 0;
    for (uint64_t i = 0; i < count; i++) {
        counter = read_counter ? clock_counter(CLOCK_TSC) : counter + 1;
        writer_put(counter, i & 1 ? EVENT_RETURN : EVENT_START, 1, (uint32_t)i);
    }
}

/* As the collector does: copies a batch, gives the room back, then looks at each event. */
static void *consume(void *unused)
{
    (void)unused;
    static struct event batch[BATCH];
    uint64_t tail = 0;
    while (tail < total) {
        uint64_t head = atomic_load_explicit(&ring.head, memory_order_acquire);
        uint64_t count = head - tail < BATCH ? head - tail : BATCH;
        if (count == 0) {
            sched_yield();
            continue;
        }
        for (uint64_t i = 0; i < count; i++)
            batch[i] = events[(tail + i) & (CAPACITY - 1)];
        atomic_store_explicit(&ring.tail, tail + count, memory_order_release);
        for (uint64_t i = 0; i < count; i++)
            bad_events += batch[i].frame != (uint32_t)(tail + i);
        tail += count;
    }
    return NULL;
}

static void run(const char *name, bool read_counter, uint64_t count)
{
    pthread_t consumer;
    atomic_store(&ring.head, 0);
    atomic_store(&ring.tail, 0);
    the_writer =
        (struct writer){.limit = CAPACITY, .events = events, .mask = CAPACITY - 1, .ring = &ring};
    total = count;
    stalls = 0;
    uint64_t begin_ns = clock_monotonic_ns();
    if (pthread_create(&consumer, NULL, consume, NULL)) {
        fprintf(stderr, "ring_bench: a thread could not be started; try again with less running\n");
        exit(1);
    }
    produce(read_counter, count);
    pthread_join(consumer, NULL);
    double seconds = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
    printf("%s_events_per_s %.0f\n", name, (double)count / seconds);
    printf("%s_waits %llu\n", name, (unsigned long long)stalls);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100 * 1000 * 1000;
    run("with_counter", true, count);
    run("without_counter", false, count);
    printf("bad_events %llu\n", (unsigned long long)bad_events);
    return bad_events != 0;
}

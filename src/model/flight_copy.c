/* SPDX-License-Identifier: MIT */
/* Copying, and what the copy shows.
 * Why: see flight_copy.h.
 * Rules: definitions are copied after the events, so that what an event names is there. Barrier partners:
 * the acquire of head here, its release in probe/writer.h; the acquire fence here, the release fence in
 * probe/writer.c, after the tail and before what it gives up is overwritten. */
#include "model/flight_copy.h"

#include "wire/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 4, SIZE_MOST = 1 << 28 };

struct copy {
    struct flight *flight;
    const unsigned char *from;
    unsigned char *to;
    size_t size;
    struct ring_shared *ring; /* in the copy */
    uint32_t index;
};

/* --- the rings ------------------------------------------------------------------------------ */

/* Events number `tail` up to `head`, to the start of the ring's place. */
static void copy_events(const struct copy *copy, const struct event *events, uint64_t tail,
                        uint64_t head)
{
    struct event *to = (struct event *)(copy->to + copy->ring->offset);
    uint64_t mask = copy->ring->capacity - 1;
    while (tail != head) {
        uint64_t at = tail & mask, count = head - tail;
        if (count > mask + 1 - at)
            count = mask + 1 - at;
        memcpy(to, events + at, count * sizeof(*to));
        to += count;
        tail += count;
    }
}

/* What was safe when it began and still is when it ended. *ret_first: its number; how many. */
static uint32_t copy_once(const struct copy *copy, const struct ring_shared *live,
                          uint64_t *ret_first)
{
    const struct event *events = (const struct event *)(copy->from + copy->ring->offset);
    uint64_t head = atomic_load_explicit(&live->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&live->tail, memory_order_relaxed);
    if (head - tail > copy->ring->capacity)
        return 0;
    copy_events(copy, events, tail, head);
    atomic_thread_fence(memory_order_acquire);
    uint64_t safe = atomic_load_explicit(&live->tail, memory_order_relaxed);
    if (safe - tail > head - tail)
        return 0; /* all of it was overwritten meanwhile, or it lies */
    struct event *to = (struct event *)(copy->to + copy->ring->offset);
    memmove(to, to + (safe - tail), (head - safe) * sizeof(*to));
    *ret_first = safe;
    return (uint32_t)(head - safe);
}

static int copy_ring(void *context)
{
    struct copy *copy = context;
    size_t at = (size_t)((const unsigned char *)copy->ring - copy->to);
    const struct ring_shared *live = (const struct ring_shared *)(copy->from + at);
    uint32_t count = 0;
    uint64_t first = 0;
    for (int try = 0; try < TRIES && count == 0; try++)
        count = copy_once(copy, live, &first);
    /* Whose ring it is may have changed up to here. */
    uint32_t state = atomic_load_explicit(&live->state, memory_order_acquire);
    uint32_t tid = atomic_load_explicit(&live->tid, memory_order_acquire);
    uint32_t name_size = atomic_load_explicit(&live->name_size, memory_order_acquire);
    struct flight_ring ring = {.index = copy->index,
                               .tid = tid,
                               .ended = state == RING_ENDED,
                               .events = (const struct event *)(copy->to + copy->ring->offset),
                               .count = count,
                               .overwritten = first};
    memcpy(ring.name, live->name, name_size < RING_NAME_SIZE ? name_size : RING_NAME_SIZE);
    atomic_store(&copy->ring->tid, tid);
    atomic_store(&copy->ring->head, 0);
    atomic_store(&copy->ring->tail, 0);
    if (count)
        copy->flight->rings[copy->flight->ring_count++] = ring;
    return 0;
}

/* Rings of a hostile file may lie over each other; then the events are what was copied last. */
static void look_at_events(struct flight *flight)
{
    for (uint32_t i = 0; i < flight->ring_count; i++) {
        struct flight_ring *ring = &flight->rings[i];
        ring->first_counter = ring->events[0].counter;
        ring->last_counter = ring->events[ring->count - 1].counter;
        if (i == 0 || ring->first_counter < flight->first_counter)
            flight->first_counter = ring->first_counter;
        if (ring->last_counter > flight->end_counter)
            flight->end_counter = ring->last_counter;
    }
}

/* --- the rest of it ------------------------------------------------------------------------- */

static int copy_start(void *context)
{
    struct copy *copy = context;
    const struct session_header *header = (const struct session_header *)copy->from;
    if (header->events_offset > copy->size)
        return -EINVAL;
    memcpy(copy->to, copy->from, SESSION_HEADER_SIZE);
    header = (const struct session_header *)copy->to;
    if (header->rings_offset + SESSION_RING_LIMIT * sizeof(struct ring_shared) > copy->size)
        return -EINVAL;
    memcpy(copy->to + header->rings_offset, copy->from + header->rings_offset,
           SESSION_RING_LIMIT * sizeof(struct ring_shared));
    return 0;
}

static int copy_definitions(void *context)
{
    struct copy *copy = context;
    const struct mapping *mapping = &copy->flight->mapping;
    size_t from = mapping->modes_offset, to = mapping->rings_offset;
    memcpy(copy->to + from, copy->from + from, to - from);
    const struct session_header *live = (const struct session_header *)copy->from;
    struct session_header *header = mapping_header(mapping);
    atomic_store(&header->pair_counter, atomic_load(&live->pair_counter));
    atomic_store(&header->pair_time_ns, atomic_load(&live->pair_time_ns));
    atomic_store(&header->definition_count, atomic_load(&live->definition_count));
    return 0;
}

static int copy_rings(struct copy *copy)
{
    struct flight *flight = copy->flight;
    uint32_t made = atomic_load(&mapping_header(&flight->mapping)->rings_made);
    for (uint32_t i = 0; i < SESSION_RING_LIMIT; i++) {
        uint32_t capacity;
        copy->index = i;
        copy->ring = mapping_ring(&flight->mapping, i);
        uint32_t state = atomic_load(&copy->ring->state);
        bool taken = state == RING_TAKEN || state == RING_ENDED;
        bool is_told = i > 0 && i < made && taken && copy->ring->kind == RING_OVERWRITE &&
                       mapping_ring_events(&flight->mapping, i, &capacity) &&
                       copy->ring->capacity == capacity;
        int result = is_told ? guard_run(copy_ring, copy) : 0;
        if (result)
            return result;
        /* The control ring is left out: it tells when recording went on, long before. */
        atomic_store(&copy->ring->state, i == 0 ? RING_TAKEN : RING_ABSENT);
        copy->ring->kind = RING_DRAIN;
        atomic_store(&copy->ring->head, 0);
        atomic_store(&copy->ring->tail, 0);
    }
    return 0;
}

static void read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static uint64_t real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The counter's rate: from the two pairs in the file, where they are far enough apart and agree with what
 * the target measured at its start (which is good to a percent); else that. Not this machine's: it may be
 * another one. */
static void find_scale(struct flight *flight)
{
    const struct session_header *header = mapping_header(&flight->mapping);
    uint64_t from = header->start_counter, from_ns = header->start_time_ns;
    uint64_t to = atomic_load(&header->pair_counter), to_ns = atomic_load(&header->pair_time_ns);
    double hz = (double)header->counter_hz;
    double rate = hz >= 1e5 && hz <= 1e11 ? 1e9 / hz : 1;
    if (to > from && to_ns > from_ns && header->clock_kind != CLOCK_KIND_MONOTONIC) {
        double found = (double)(to_ns - from_ns) / (double)(to - from);
        if (found > rate * 0.95 && found < rate * 1.05)
            rate = found;
    }
    flight->scale = (struct clock_scale){.source = (enum clock_source)header->clock_kind,
                                         .first_counter = from,
                                         .first_ns = from_ns,
                                         .last_counter = to > from ? to : from,
                                         .last_ns = to > from ? to_ns : from_ns,
                                         .ns_per_tick = rate};
}

uint64_t flight_time_ns(const struct flight *flight, uint64_t counter)
{
    return clock_counter_to_ns(&flight->scale, counter);
}

static void find_end(struct flight *flight)
{
    const struct session_header *header = mapping_header(&flight->mapping);
    char boot[SESSION_BOOT_ID_SIZE];
    read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
    flight->of_this_boot = strncmp(boot, header->boot_id, sizeof(boot)) == 0;
    uint64_t pair = atomic_load(&header->pair_counter);
    if (pair > flight->end_counter)
        flight->end_counter = pair;
    if (flight->lives && flight->of_this_boot) {
        uint64_t now = clock_counter(flight->scale.source);
        if (now > flight->end_counter)
            flight->end_counter = now;
    }
    flight->end_time_ns = flight->lives && flight->of_this_boot
                              ? real_ns()
                              : flight_time_ns(flight, flight->end_counter);
    if (flight->ring_count == 0)
        flight->first_counter = flight->end_counter;
}

static int take(struct copy *copy)
{
    struct flight *flight = copy->flight;
    int result = guard_run(copy_start, copy);
    if (result)
        return result == -EFAULT ? FLIGHT_TRUNCATED : FLIGHT_NO_SESSION;
    if (mapping_of_memory(copy->to, copy->size, &flight->mapping))
        return FLIGHT_NO_SESSION;
    if (!mapping_header(&flight->mapping)->flight)
        return FLIGHT_NO_FLIGHT;
    if (copy_rings(copy) || guard_run(copy_definitions, copy))
        return FLIGHT_TRUNCATED;
    look_at_events(flight);
    find_scale(flight);
    return 0;
}

int flight_of_memory(const void *bytes, size_t size, struct flight *ret_flight)
{
    struct flight flight = {.bytes = size, .mapping = {.fd = -1}};
    if (size < SESSION_HEADER_SIZE)
        return FLIGHT_NO_SESSION;
    if (size > SIZE_MOST)
        return FLIGHT_TOO_LARGE;
    guard_install();
    unsigned char *to = mmap(NULL, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    flight.rings = calloc(SESSION_RING_LIMIT, sizeof(*flight.rings));
    if (to == MAP_FAILED || !flight.rings) {
        if (to != MAP_FAILED)
            munmap(to, size);
        free(flight.rings);
        return -ENOMEM;
    }
    struct copy copy = {.flight = &flight, .from = bytes, .to = to, .size = size};
    int result = take(&copy);
    if (result) {
        munmap(to, size);
        free(flight.rings);
        return result;
    }
    find_end(&flight);
    *ret_flight = flight;
    return 0;
}

int flight_open(const char *path, struct flight *ret_flight)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = 0;
    void *base = MAP_FAILED;
    if (fstat(fd, &status))
        result = -errno;
    else if (!S_ISREG(status.st_mode) || status.st_size < SESSION_HEADER_SIZE)
        result = FLIGHT_NO_SESSION;
    else if (status.st_size > SIZE_MOST)
        result = FLIGHT_TOO_LARGE;
    else if ((base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0)) ==
             MAP_FAILED)
        result = -errno;
    bool lives = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    if (result == 0)
        result = flight_of_memory(base, (size_t)status.st_size, ret_flight);
    if (base != MAP_FAILED)
        munmap(base, (size_t)status.st_size);
    if (result)
        return result;
    ret_flight->lives = lives;
    find_end(ret_flight);
    return 0;
}

void flight_close(struct flight *flight)
{
    if (flight->mapping.base)
        munmap(flight->mapping.base, flight->bytes);
    free(flight->rings);
    *flight = (struct flight){.mapping = {.fd = -1}};
}

/* --- playing -------------------------------------------------------------------------------- */

void flight_play(struct flight *flight, uint64_t counter)
{
    for (uint32_t i = 0; i < flight->ring_count; i++) {
        struct flight_ring *ring = &flight->rings[i];
        struct ring_shared *shared = mapping_ring(&flight->mapping, ring->index);
        if (ring->over)
            continue;
        while (ring->told < ring->count && ring->events[ring->told].counter <= counter)
            ring->told++;
        if (counter == UINT64_MAX)
            ring->told = ring->count;
        atomic_store(&shared->head, ring->told);
        ring->over = ring->ended && ring->told == ring->count;
        atomic_store(&shared->state, ring->over ? RING_ENDED : RING_TAKEN);
    }
}

/* SPDX-License-Identifier: MIT */
/* A hostile session: whatever a target writes, the collector may count wrongly but not fall.
 * The input is a list of writes into a sound session that holds a few calls: each is
 *   where (1 byte, enum where), position (2 bytes), size (1 byte), that many bytes
 * and ROUND lets the collector read in between, so that heads, tails and records may also change
 * under it. At the end come a snapshot, every view and every format. The same writes go into a flight
 * recorder's session, whose rings overwrite themselves, and that is rescued.
 * Why so: random bytes would fail the first check of the header and try nothing behind it.
 * Rules: one thread, no clock in what is decided; the sound session is made once, and each run gets
 * a private copy of its pages. */
#include "export/exporter.h"
#include "model/collector_parts.h"
#include "model/flight_moments.h"
#include "views/view.h"
#include "wire/mapping.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum where { HEADER, DIRECTORY, EVENTS, SLOTS, HEAP, GONE, MODES, ROUND, WHERE_COUNT };
enum { RINGS = 4, IDS = 6, CALLS = 40, BUFFER_BYTES = 1 << 20, WRITE_HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sound {
    int fd; /* the session's file, without a name */
    size_t size;
};

static void need(bool held)
{
    if (!held)
        abort();
}

static void define(struct mapping *mapping, uint32_t id)
{
    static const char strings[] = "name<locals>.name;\nmodule/path/file.py";
    unsigned char *area = mapping->base + mapping->definitions_offset;
    uint32_t at = SESSION_ID_LIMIT * (uint32_t)sizeof(uint32_t) + id * 128;
    struct definition fixed = {.id = id,
                               .generation = 1,
                               .line = id,
                               .kind = id % 3 ? DEFINITION_FUNCTION : DEFINITION_C_FUNCTION,
                               .flags = (uint16_t)(id % 4),
                               .name_size = 4,
                               .qualname_size = 12,
                               .module_size = 6,
                               .file_size = 8};
    memcpy(area + at, &fixed, sizeof(fixed));
    memcpy(area + at + sizeof(fixed), strings, sizeof(strings));
    atomic_store(&((_Atomic uint32_t *)area)[id], at / 8);
}

/* Nested calls, a generator and a gap, as the probe would have written them. */
static void fill_ring(struct mapping *mapping, uint32_t index)
{
    static const enum event_kind kinds[] = {EVENT_START,  EVENT_START, EVENT_C_CALL, EVENT_C_RETURN,
                                            EVENT_RESUME, EVENT_YIELD, EVENT_RETURN, EVENT_UNWIND};
    uint32_t capacity;
    struct ring_shared *ring = mapping_ring(mapping, index);
    const struct event *found = mapping_ring_events(mapping, index, &capacity);
    need(ring && found && capacity > CALLS);
    struct event *events = (struct event *)(mapping->base + ring->offset);
    for (uint32_t i = 0; i < CALLS; i++) {
        uint32_t kind = kinds[i % 8];
        uint64_t counter = mapping_header(mapping)->start_counter + i * 1000;
        events[i] = (struct event){counter, event_pack(kind, 1 + i % IDS), (i % 8) * 8};
    }
    if (index == 0) {
        uint64_t counter = mapping_header(mapping)->start_counter;
        events[0] = event_with_amount(counter, EVENT_ON, 0);
        events[1] = (struct event){counter, event_pack(EVENT_SEED_BEGIN, 1), 2};
        events[2] = (struct event){counter, event_pack(EVENT_SEED_FRAME, 1), 8};
        events[3] = (struct event){counter, event_pack(EVENT_SEED_FRAME, 2), 16};
        events[4] = (struct event){counter, event_pack(EVENT_SEED_END, 1), 0};
    }
    atomic_store(&ring->tid, 100 + index);
    atomic_store(&ring->state, RING_TAKEN);
    atomic_store(&ring->head, index == 0 ? 5 : CALLS);
}

static struct sound make_sound(void)
{
    char directory[] = "/dev/shm/ulma-fuzz-XXXXXX";
    need(mkdtemp(directory) != NULL);
    struct mapping_options options = {.directory = directory,
                                      .buffer_bytes = BUFFER_BYTES,
                                      .on_full = ON_FULL_WAIT,
                                      .sources = SOURCE_CALLS | SOURCE_C_CALLS,
                                      .clock_kind = CLOCK_KIND_MONOTONIC,
                                      .owner = geteuid()};
    struct mapping mapping;
    need(mapping_create(&options, "session", &mapping) == 0);
    while (mapping.rings_made < RINGS && mapping_add_ring(&mapping) == 0)
        continue;
    for (uint32_t id = 1; id <= IDS; id++)
        define(&mapping, id);
    for (uint32_t i = 0; i < mapping.rings_made && i < RINGS; i++)
        fill_ring(&mapping, i);
    struct session_header *header = mapping_header(&mapping);
    atomic_store(&header->state, STATE_ON);
    atomic_store(&header->definition_count, IDS);
    struct sound sound = {dup(mapping.fd), mapping.size};
    need(sound.fd >= 0);
    mapping_unlink(&mapping);
    mapping_close(&mapping);
    rmdir(directory);
    return sound;
}

/* Where a write goes, and how much may be written there. */
static unsigned char *place(unsigned char *base, size_t size, const struct mapping *offsets,
                            enum where where, uint32_t position, size_t *ret_room)
{
    uint64_t at = 0;
    if (where == HEADER)
        at = position % SESSION_HEADER_SIZE;
    else if (where == DIRECTORY)
        at = offsets->rings_offset + position % (2 * RINGS * sizeof(struct ring_shared));
    else if (where == EVENTS)
        at = offsets->events_offset + (uint64_t)position * 16;
    else if (where == SLOTS)
        at = offsets->definitions_offset + (uint64_t)position * 4;
    else if (where == HEAP)
        at = offsets->definitions_offset + SESSION_ID_LIMIT * 4 + (uint64_t)position * 8;
    else if (where == GONE)
        at = offsets->gone_offset + (uint64_t)position * 4;
    else
        at = offsets->modes_offset + position;
    *ret_room = at < size ? size - at : 0;
    return base + at;
}

static void read_everything(struct collector *collector)
{
    struct snapshot *snapshot = collector_snapshot(collector, 0, CLOCK_CPU);
    need(snapshot != NULL);
    for (const struct view *const *view = view_list; *view; view++) {
        struct view_query query = {.function = snapshot->function_count ? 0 : SNAPSHOT_NONE};
        struct view_table table;
        if (((*view)->needs_function && query.function == SNAPSHOT_NONE) ||
            view_table_make(*view, snapshot, &query, &table))
            continue;
        view_table_free(&table);
    }
    for (const struct exporter *const *exporter = exporter_list; *exporter; exporter++) {
        struct export_options options = {.columns = 80};
        char *text = NULL;
        size_t length = 0;
        FILE *stream = open_memstream(&text, &length);
        need(stream != NULL);
        (*exporter)->write(snapshot, &options, stream);
        fclose(stream);
        free(text);
    }
    snapshot_free(snapshot);
}

static void read_definitions(const struct mapping *mapping)
{
    static char buffer[DEFINITION_BUFFER_SIZE];
    struct definition_text text;
    for (uint32_t id = 0; id < IDS + 10; id++)
        mapping_definition(mapping, id, buffer, &text);
    mapping_definition(mapping, SESSION_ID_LIMIT, buffer, &text);
    mapping_definition(mapping, UINT32_MAX, buffer, &text);
}

/* Applies the writes; the collector reads where the input says so. */
static void play(unsigned char *base, struct mapping *mapping, struct collector *collector,
                 const uint8_t *data, size_t size)
{
    while (size >= WRITE_HEAD) {
        enum where where = data[0] % WHERE_COUNT;
        uint32_t position = (uint32_t)data[1] | (uint32_t)data[2] << 8;
        size_t length = data[3], room;
        data += WRITE_HEAD;
        size -= WRITE_HEAD;
        if (where == ROUND) {
            if (collector)
                collector_catch_up(collector);
            continue;
        }
        if (length > size)
            length = size;
        unsigned char *at = place(base, mapping->size, mapping, where, position, &room);
        memcpy(at, data, length < room ? length : room);
        data += length;
        size -= length;
    }
}

/* Opened only after the writes: the header's checks, for a session that someone else made. */
static void open_late(const struct sound *sound, const struct mapping *offsets, const uint8_t *data,
                      size_t size)
{
    void *base = mmap(NULL, sound->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, sound->fd, 0);
    need(base != MAP_FAILED);
    struct mapping late, where = *offsets;
    where.base = base;
    play(base, &where, NULL, data, size);
    if (mapping_of_memory(base, sound->size, &late) == 0) {
        struct collector_options options = {.corrected = true, .cpu = -1, .no_perf = true};
        struct collector *collector = collector_new(&late, &options);
        need(collector != NULL);
        collector_finish(collector, 0);
        read_definitions(&late);
        read_everything(collector);
        collector_free(collector);
        mapping_close(&late);
    }
    munmap(base, sound->size);
}

/* Rings that have gone round, with a seed at their tail. */
static void make_flight(unsigned char *base, struct mapping *mapping)
{
    struct session_header *header = (struct session_header *)base;
    header->flight = 1;
    header->counter_hz = UINT64_C(1000000000);
    header->flight_keep_ns = UINT64_C(1000000000);
    for (uint32_t i = 1; i < RINGS; i++) {
        struct ring_shared *ring = mapping_ring(mapping, i);
        uint64_t from = ring->capacity - CALLS / 2;
        struct event *events = (struct event *)(base + ring->offset);
        memcpy(events + from, events, CALLS / 2 * sizeof(*events));
        events[from] = event_with_amount(header->start_counter, EVENT_SEED_BEGIN, 1);
        events[from + 1] =
            (struct event){header->start_counter, event_pack(EVENT_SEED_FRAME, 1), 8};
        events[from + 2] = (struct event){header->start_counter, event_pack(EVENT_SEED_END, 0), 0};
        ring->kind = RING_OVERWRITE;
        atomic_store(&ring->tail, from);
        atomic_store(&ring->head, from + CALLS);
        atomic_store(&ring->state, i % 2 ? RING_TAKEN : RING_ENDED);
    }
}

static void read_flight(struct flight *flight)
{
    struct collector_past past = {.now = flight->first_counter, .scale = flight->scale};
    struct collector_options options = {
        .past = &past, .corrected = true, .cpu = -1, .no_perf = true, .no_pids = true};
    struct collector *collector = collector_new(&flight->mapping, &options);
    need(collector != NULL);
    for (uint32_t i = 0; i < flight->ring_count; i++) {
        struct flight_moments moments;
        need(flight_moments_make(&flight->rings[i], &moments) == 0);
        flight_moments_free(&moments);
    }
    for (int step = 0; step < 3; step++) {
        past.now = flight->first_counter +
                   (flight->end_counter - flight->first_counter) / 3 * (uint64_t)step;
        flight_play(flight, past.now);
        if (step == 0)
            collector_reset(collector);
        else
            snapshot_free(collector_snapshot(collector, 0, CLOCK_WALL));
    }
    past.now = flight->end_counter;
    flight_play(flight, UINT64_MAX);
    collector_finish(collector, flight->end_counter);
    read_definitions(&flight->mapping);
    read_everything(collector);
    collector_free(collector);
}

static void rescue(const struct sound *sound, const struct mapping *offsets, const uint8_t *data,
                   size_t size)
{
    void *base = mmap(NULL, sound->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, sound->fd, 0);
    need(base != MAP_FAILED);
    struct mapping where = *offsets;
    struct flight flight;
    where.base = base;
    make_flight(base, &where);
    play(base, &where, NULL, data, size);
    if (flight_of_memory(base, sound->size, &flight) == 0) {
        read_flight(&flight);
        flight_close(&flight);
    }
    munmap(base, sound->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sound sound = {.fd = -1};
    if (sound.fd < 0)
        sound = make_sound();
    void *base = mmap(NULL, sound.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, sound.fd, 0);
    need(base != MAP_FAILED);
    struct mapping mapping;
    need(mapping_of_memory(base, sound.size, &mapping) == 0);
    struct collector_options options = {.corrected = true, .cpu = -1, .no_perf = true};
    struct collector *collector = collector_new(&mapping, &options);
    need(collector != NULL);
    play(base, &mapping, collector, data, size);
    collector_finish(collector, 0);
    read_definitions(&mapping);
    read_everything(collector);
    collector_free(collector);
    open_late(&sound, &mapping, data, size);
    rescue(&sound, &mapping, data, size);
    mapping_close(&mapping);
    munmap(base, sound.size);
    return 0;
}

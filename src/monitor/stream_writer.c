/* SPDX-License-Identifier: MIT */
/* Writing a stream.
 * Why: see stream_writer.h.
 * Rules: as there. */
#include "monitor/stream_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PUBLISH_EACH = 256, TOLD_FIRST = 64, ROOM_PART = 8 };

bool told_add(struct told *told, uint32_t number)
{
    if (number / 64 >= told->count) {
        uint32_t count = told->count ? told->count : TOLD_FIRST;
        while (number / 64 >= count)
            count *= 2;
        uint64_t *words = realloc(told->words, count * sizeof(*words));
        if (!words)
            return false;
        memset(words + told->count, 0, (count - told->count) * sizeof(*words));
        told->words = words;
        told->count = count;
    }
    told->words[number / 64] |= UINT64_C(1) << (number % 64);
    return true;
}

int stream_open(struct stream *stream, int fd)
{
    *stream = (struct stream){.fd = -1, .published = true};
    int result = stream_map(fd, &stream->header);
    if (result)
        return result;
    stream_lock(fd, STREAM_LOCK_WRITER);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    stream->fd = fd;
    stream->slots = stream_slots(stream->header);
    stream->definitions = stream_definitions(stream->header);
    return 0;
}

void stream_close(struct stream *stream)
{
    stream_unmap(stream->header);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->functions.words);
    free(stream->contexts.words);
    free(stream->threads.words);
    free(stream->names.words);
    *stream = (struct stream){.fd = -1};
}

/* Pairs with the reader's release: what it has read may be overwritten. */
static void look_at_tail(struct stream *stream)
{
    uint64_t tail = atomic_load_explicit(&stream->header->tail, memory_order_acquire);
    if (stream->head - tail <= STREAM_SLOTS)
        stream->tail = tail;
}

void stream_look(struct stream *stream)
{
    stream->mask = stream_wants(stream);
    stream->slower_ns = atomic_load_explicit(&stream->header->slower_ns, memory_order_relaxed);
    if (stream->full) {
        look_at_tail(stream);
        stream->full = stream->head - stream->tail > STREAM_SLOTS - STREAM_SLOTS / ROOM_PART;
    }
}

struct ulma_event *stream_reserve(struct stream *stream)
{
    if (stream->head - stream->tail >= STREAM_SLOTS) {
        look_at_tail(stream);
        stream->full = stream->head - stream->tail >= STREAM_SLOTS;
        if (stream->full) {
            stream_publish(stream);
            return NULL;
        }
    }
    return &stream->slots[stream->head % STREAM_SLOTS];
}

void stream_commit(struct stream *stream)
{
    stream->published = false;
    if (++stream->head % PUBLISH_EACH == 0)
        stream_publish(stream);
}

void stream_publish(struct stream *stream)
{
    atomic_store_explicit(&stream->header->lost, stream->lost, memory_order_relaxed);
    if (stream->published)
        return;
    stream->published = true;
    /* Pairs with the acquire in ulma_read: events and definitions are there before they are told of. */
    atomic_store_explicit(&stream->header->head, stream->head, memory_order_release);
}

bool stream_define(struct stream *stream, enum stream_definition_type type, uint32_t id,
                   const uint32_t words[2], const char *const *strings)
{
    size_t bytes = sizeof(struct stream_definition) + (words ? 2 * sizeof(*words) : 0);
    for (size_t i = 0; strings && strings[i]; i++)
        bytes += strlen(strings[i]) + 1;
    bytes = (bytes + 7) & ~(size_t)7;
    if (bytes > STREAM_DEFINITIONS_BYTES - stream->definitions_used)
        return false;
    unsigned char *at = stream->definitions + stream->definitions_used;
    struct stream_definition head = {.bytes = (uint32_t)bytes, .type = (uint32_t)type, .id = id};
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    if (words) {
        memcpy(at, words, 2 * sizeof(*words));
        at += 2 * sizeof(*words);
    }
    for (size_t i = 0; strings && strings[i]; i++) {
        size_t size = strlen(strings[i]) + 1;
        memcpy(at, strings[i], size);
        at += size;
    }
    stream->definitions_used += bytes;
    atomic_store_explicit(&stream->header->definitions_used, stream->definitions_used,
                          memory_order_release);
    return true;
}

void stream_end(struct stream *stream)
{
    stream_publish(stream);
    atomic_store_explicit(&stream->header->state, STREAM_ENDED, memory_order_release);
}

uint64_t stream_wants(const struct stream *stream)
{
    return stream->off ? 0 : atomic_load_explicit(&stream->header->mask, memory_order_relaxed);
}

bool stream_is_empty(const struct stream *stream)
{
    return atomic_load_explicit(&stream->header->tail, memory_order_relaxed) ==
           atomic_load_explicit(&stream->header->head, memory_order_relaxed);
}

bool stream_has_reader(const struct stream *stream)
{
    return stream_is_locked(stream->fd, STREAM_LOCK_READER);
}

/* SPDX-License-Identifier: MIT */
/* A monitor's stream: the file that `ulma monitor` and one monitor's process both map.
 *
 *   0            struct stream_header
 *   4096         the ring: `slots` (a power of two) of struct ulma_event
 *   behind it    definitions: what the numbers of events stand for; only ever appended to
 *
 * Why a ring each: a monitor that hangs fills its own, and nobody else notices.
 * Why definitions apart: a full ring drops events, and what a number stands for must never be dropped.
 * Rules: one writer (ulma, which folds), one reader (the monitor). `head` is released after the events below it and the
 * definitions that they need; `tail` after the reader has done with those below it. The words that the other side owns
 * are hostile: indices are masked, sizes are checked. Both hold a record lock on a byte of the file for as long
 * as they live (STREAM_LOCK_*), so that each can see the other's end. */
#ifndef ULMA_MONITOR_STREAM_H
#define ULMA_MONITOR_STREAM_H

#include "monitor/ulma.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_MAGIC UINT64_C(0x316e6f6d616d6c75) /* "ulmamon1" */

enum {
    STREAM_SLOTS = 1 << 18,
    STREAM_RING_OFFSET = 4096,
    STREAM_DEFINITIONS_BYTES = 192 << 20, /* of a file with holes */
    STREAM_TEXT_SIZE = 256,
    STREAM_LOCK_WRITER = 0, /* byte that is locked */
    STREAM_LOCK_READER = 1,
    STREAMS_MOST = 16,
};

enum stream_state { STREAM_WAITS = 0, STREAM_RUNS = 1, STREAM_ENDED = 2 };

struct stream_header {
    /* set when it is made */
    uint64_t magic;
    uint32_t version, event_bytes;
    uint64_t slots;
    /* the writer's */
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint64_t lost, definitions_used;
    _Atomic uint32_t state, recorded;
    /* the reader's */
    _Alignas(64) _Atomic uint64_t tail;
    _Atomic uint64_t mask; /* kinds that are wanted */
    _Atomic uint64_t slower_ns;
    _Atomic uint64_t progress;   /* rises while it does something */
    _Atomic uint32_t ready;      /* 1: the mask is set; 2: it has left */
    char name[STREAM_TEXT_SIZE]; /* for messages */
};
static_assert(sizeof(struct stream_header) <= STREAM_RING_OFFSET, "the header is before the ring");
static_assert(sizeof(struct ulma_event) == 48, "an event's size is part of the format");

enum stream_definition_type {
    STREAM_FUNCTION = 1, /* two words: line, kind; then name, qualname, module, file, terminated */
    STREAM_CONTEXT = 2,  /* two words: caller, function */
    STREAM_THREAD = 3,   /* two words: pid, tid; then its name. The last one told holds */
    STREAM_NAME = 4,     /* a string */
};

struct stream_definition {
    uint32_t bytes; /* with this head, a multiple of 8 */
    uint32_t type, id, reserved;
};

static inline uint64_t stream_file_bytes(void)
{
    return STREAM_RING_OFFSET + STREAM_SLOTS * sizeof(struct ulma_event) + STREAM_DEFINITIONS_BYTES;
}

/* A new stream's file: close-on-exec, mapped by nobody yet. The descriptor, or a negative errno. */
int stream_make_file(void);

/* Maps a file that is one. 0, -EBADMSG: it is none, or another negative errno. */
int stream_map(int fd, struct stream_header **ret_header);
void stream_unmap(struct stream_header *header);

static inline struct ulma_event *stream_slots(struct stream_header *header)
{
    return (struct ulma_event *)((char *)header + STREAM_RING_OFFSET);
}

static inline unsigned char *stream_definitions(struct stream_header *header)
{
    return (unsigned char *)(stream_slots(header) + STREAM_SLOTS);
}

/* The byte is this process's as long as it lives and has the file open. */
void stream_lock(int fd, int byte);
/* Some other process has it. */
bool stream_is_locked(int fd, int byte);

#endif

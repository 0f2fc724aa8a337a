/* SPDX-License-Identifier: MIT */
/* The writer's end of a monitor's stream (stream.h).
 * Why a set of what was told: definitions are told once, before the first event that needs them, and only to the monitors
 * that get such an event.
 * Rules: one writer thread; `off`, stream_wants, stream_is_empty and stream_has_reader are for another one. What the
 * reader writes is hostile. */
#ifndef ULMA_MONITOR_STREAM_WRITER_H
#define ULMA_MONITOR_STREAM_WRITER_H

#include "monitor/stream.h"

#include <stdbool.h>

/* Which numbers were told: a bit each. */
struct told {
    uint64_t *words;
    uint32_t count;
};

static inline bool told_has(const struct told *told, uint32_t number)
{
    return number / 64 < told->count && (told->words[number / 64] >> (number % 64) & 1);
}

/* False: no memory. */
bool told_add(struct told *told, uint32_t number);

struct stream {
    struct stream_header *header;
    struct ulma_event *slots;
    unsigned char *definitions;
    uint64_t head, tail, definitions_used; /* ours, and what we saw last of the reader's */
    uint64_t mask, slower_ns;              /* as of the last look */
    uint64_t lost;                         /* events that there was no room for */
    bool published;                        /* nothing is waiting to be */
    bool full;                             /* nothing is written before there is much room again */
    _Atomic bool off;                      /* the reader is gone: nothing more is written */
    int fd;
    struct told functions, contexts, threads, names;
};

/* Maps a stream's file as its writer, and takes over the descriptor if that succeeds. 0, -EBADMSG: it is none, or
 * another negative errno. */
int stream_open(struct stream *stream, int fd);
void stream_close(struct stream *stream);

/* Looks at what the reader wants now, and how far it is; the writer's thread. */
void stream_look(struct stream *stream);

/* Room for one more event; NULL: there is none, and the stream is full until a look finds room. It is published by stream_publish, or when many are waiting. */
struct ulma_event *stream_reserve(struct stream *stream);
void stream_commit(struct stream *stream);
void stream_publish(struct stream *stream);

/* False: there is no room for it; what needs it is told as of number 0. `strings` ends with an empty pointer. */
bool stream_define(struct stream *stream, enum stream_definition_type type, uint32_t id,
                   const uint32_t words[2], const char *const *strings);

/* Nothing more comes. */
void stream_end(struct stream *stream);

/* Kinds that it wants: what is in the file now. */
uint64_t stream_wants(const struct stream *stream);

/* The reader has read all that is there. */
bool stream_is_empty(const struct stream *stream);

/* The reader's process holds its lock. */
bool stream_has_reader(const struct stream *stream);

#endif

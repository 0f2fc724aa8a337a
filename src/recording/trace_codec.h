/* SPDX-License-Identifier: MIT */
/* The codec of a trace's chunks: a block of steps (model/tap.h) in, a few bytes for each event out, and back,
 * bit by bit.
 *
 * A block is records, one after the other: struct trace_record, then its payload, padded to 8 bytes. It
 * holds at most TRACE_BLOCK_BYTES. A chunk is one block:
 *   struct trace_head, then its columns, each a zstd frame with its own checksum:
 *   notes    each record: op (1 byte), subject, value and size as varints, then the payload, but for EVENTS,
 *            which has subject and count alone; value is the zigzag difference to the last of the same op
 *   tags     two bits for each event, the first in the low ones: TRACE_POP, _PATH, _FRAME, or _TOLD
 *   deltas   one byte for each event: zigzag of its counter's distance from the event before on its
 *            track, less what was expected; from TRACE_WIDE on the byte says how many bytes of it
 *            (1 ..) are in the next column
 *   wide     those bytes, the lowest first
 *   told     what events are that were not foreseen: a byte that says where kind and id (bits 0-1) and
 *            frame (bits 2-3) come from, then what comes from nowhere: the kind, the id as a
 *            varint, the frame as a zigzag varint's distance from the last that was told so
 * Numbers are little-endian.
 *
 * What is foreseen, out of what came before in the chunk: the end of what is on top of the track's stack
 * (POP); what came the last time after the same two events within the same function (PATH), where
 * the frame is as far from the top's as it was then, or the same; what came the last time in the same
 * frame (FRAME): a generator goes on in the frame that it went on in.
 * Why columns: each has one kind of number, and zstd's entropy coder one table for each.
 * Rules: no state lives from chunk to chunk, so each can be read alone and a damaged one costs itself. A
 * chunk is hostile: sizes are checked before anything is allocated, memory stays below
 * TRACE_BLOCK_BYTES times five, and whatever is wrong is -EBADMSG. */
#ifndef ULMA_RECORDING_TRACE_CODEC_H
#define ULMA_RECORDING_TRACE_CODEC_H

#include "model/tap.h"
#include "wire/event.h"

enum {
    TRACE_BLOCK_BYTES = 2 << 20,
    TRACE_MAGIC = 0x31745574, /* "tUt1" */
    TRACE_COLUMNS = 5,
    TRACE_WIDE = 240,
};

enum trace_tag { TRACE_POP, TRACE_PATH, TRACE_FRAME, TRACE_TOLD };
enum trace_column { COLUMN_NOTES, COLUMN_TAGS, COLUMN_DELTAS, COLUMN_WIDE, COLUMN_TOLD };

struct trace_record {
    uint32_t op, subject;
    uint64_t value;
    uint32_t size, zero; /* bytes of payload */
};
static_assert(sizeof(struct trace_record) == 24, "records are read in place");

struct trace_head {
    uint32_t magic, block_bytes, events, records;
    uint32_t plain[TRACE_COLUMNS], packed[TRACE_COLUMNS]; /* bytes of each column */
};
static_assert(sizeof(struct trace_head) == 56, "a chunk's head is in files");

static inline size_t trace_padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

struct trace_codec;

struct trace_codec *trace_codec_new(void); /* NULL: no memory */
void trace_codec_free(struct trace_codec *codec);

/* The chunk is the codec's until its next call. 0; -EINVAL: no sound block; -ENOMEM. */
int trace_codec_pack(struct trace_codec *codec, const void *block, size_t size,
                     const void **ret_chunk, size_t *ret_size);

/* The block is the codec's until its next call. 0; -EBADMSG: damage or worse; -ENOMEM. */
int trace_codec_unpack(struct trace_codec *codec, const void *chunk, size_t size,
                       const void **ret_block, size_t *ret_size);

/* Walks a block: the record at `at`, or NULL at its end or where it makes no sense. */
static inline const struct trace_record *trace_record_at(const void *block, size_t size, size_t at)
{
    const struct trace_record *record = (const void *)((const char *)block + at);
    if (at > size || size - at < sizeof(*record) ||
        size - at - sizeof(*record) < trace_padded(record->size) || at & 7)
        return NULL;
    return record;
}

static inline size_t trace_record_bytes(const struct trace_record *record)
{
    return sizeof(*record) + trace_padded(record->size);
}

#endif

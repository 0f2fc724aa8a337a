/* SPDX-License-Identifier: MIT */
/* Packing and unpacking.
 * Why: see trace_codec.h.
 * Rules: as there. Room for the columns of the largest block is made once. */
#include "recording/trace_codec.h"

#include "recording/trace_predict.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

enum {
    EVENTS_MOST = TRACE_BLOCK_BYTES / 16,
    /* A record has 24 bytes in a block and at most 21 here, an event 16 and at most 12 or so in `told`. */
    COLUMN_BYTES = TRACE_BLOCK_BYTES + 64,
    RECORD_PACKED_MOST = 1 + 5 + 10 + 5,
    TOLD_MOST = 1 + 1 + 5 + 5,
    LEVEL = 1,
};

struct trace_codec {
    struct predict predict;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    unsigned char *columns[TRACE_COLUMNS]; /* COLUMN_BYTES each */
    unsigned char *chunk;
    size_t chunk_limit;
    unsigned char *block; /* TRACE_BLOCK_BYTES, 8-byte aligned */
    uint64_t values[TAP_OP_COUNT];
};

void trace_codec_free(struct trace_codec *codec)
{
    if (!codec)
        return;
    predict_done(&codec->predict);
    ZSTD_freeCCtx(codec->pack);
    ZSTD_freeDCtx(codec->unpack);
    for (int i = 0; i < TRACE_COLUMNS; i++)
        free(codec->columns[i]);
    free(codec->chunk);
    free(codec->block);
    free(codec);
}

struct trace_codec *trace_codec_new(void)
{
    struct trace_codec *codec = calloc(1, sizeof(*codec));
    if (!codec)
        return NULL;
    bool fine = true;
    for (int i = 0; i < TRACE_COLUMNS; i++)
        fine = (codec->columns[i] = malloc(COLUMN_BYTES)) && fine;
    if (!fine) {
        trace_codec_free(codec);
        return NULL;
    }
    return codec;
}

/* --- numbers -------------------------------------------------------------------------------- */

static inline unsigned char *put_varint(unsigned char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (unsigned char)(value | 0x80);
    *at++ = (unsigned char)value;
    return at;
}

static inline uint64_t zigzag(uint64_t value)
{
    return value << 1 ^ (value >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static inline uint8_t get_byte(struct reader *reader)
{
    if (reader->at == reader->end) {
        reader->bad = true;
        return 0;
    }
    return *reader->at++;
}

static uint64_t get_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->bad = true;
    return 0;
}

/* --- packing -------------------------------------------------------------------------------- */

struct packer {
    struct trace_codec *codec;
    struct predict *predict;
    unsigned char *ends[TRACE_COLUMNS];
    uint32_t events, records;
};

static inline void pack_delta(struct packer *packer, uint64_t off)
{
    uint64_t value = zigzag(off);
    if (__builtin_expect(value < TRACE_WIDE, 1)) {
        *packer->ends[COLUMN_DELTAS]++ = (unsigned char)value;
        return;
    }
    unsigned bytes = (71 - (unsigned)__builtin_clzll(value)) / 8;
    *packer->ends[COLUMN_DELTAS]++ = (unsigned char)(TRACE_WIDE + bytes);
    memcpy(packer->ends[COLUMN_WIDE], &value, sizeof(value));
    packer->ends[COLUMN_WIDE] += bytes;
}

static void pack_told(struct packer *packer, const struct predict_guess *guess, uint32_t kind_id,
                      uint32_t frame)
{
    unsigned char *at = packer->ends[COLUMN_TOLD], *source = at++;
    unsigned what = kind_id == guess->path->kind_id ? 0 : kind_id == guess->frame->kind_id ? 1 : 2;
    unsigned where = frame == guess->top_frame + guess->path->offset ? 0
                     : frame == guess->path->frame                   ? 1
                     : frame == guess->frame->frame                  ? 2
                                                                     : 3;
    *source = (unsigned char)(what | where << 2);
    if (what == 2) {
        *at++ = (unsigned char)kind_id;
        at = put_varint(at, kind_id >> 8);
    }
    if (where == 3) {
        int32_t far = (int32_t)(frame - packer->predict->told_frame);
        at = put_varint(at, (uint32_t)zigzag((uint64_t)(int64_t)far));
        packer->predict->told_frame = frame;
    }
    packer->ends[COLUMN_TOLD] = at;
}

static inline void put_tag(struct packer *packer, unsigned tag)
{
    unsigned char *byte = packer->codec->columns[COLUMN_TAGS] + packer->events / 4;
    unsigned shift = packer->events % 4 * 2;
    *byte = shift ? (unsigned char)(*byte | tag << shift) : (unsigned char)tag;
    packer->events++;
}

static bool pack_events(struct packer *packer, uint32_t number, const struct event *events,
                        uint64_t count)
{
    struct predict *predict = packer->predict;
    struct predict_track *track = predict_find_track(predict, number);
    if (!track)
        return false;
    for (const struct event *event = events, *end = events + count; event < end; event++) {
        struct predict_guess guess = predict_guess(predict, track);
        uint32_t kind_id = event->kind_id, frame = event->frame;
        if (kind_id == guess.pop_kind_id && frame == guess.top_frame) {
            put_tag(packer, TRACE_POP);
        } else if (kind_id == guess.path->kind_id && frame == guess.path_frame) {
            put_tag(packer, TRACE_PATH);
        } else if (kind_id == guess.frame->kind_id && frame == guess.frame->frame) {
            put_tag(packer, TRACE_FRAME);
        } else {
            put_tag(packer, TRACE_TOLD);
            pack_told(packer, &guess, kind_id, frame);
        }
        uint32_t *pace = predict_pace(predict, track, kind_id);
        uint64_t delta = event->counter - track->counter;
        pack_delta(packer, delta - *pace);
        predict_learn_pace(pace, delta);
        track->counter = event->counter;
        if (!predict_learn(predict, track, &guess, kind_id, frame))
            return false;
    }
    predict->counter = track->counter;
    return true;
}

static int pack_record(struct packer *packer, const struct trace_record *record)
{
    struct trace_codec *codec = packer->codec;
    unsigned char *at = packer->ends[COLUMN_NOTES];
    bool events = record->op == TAP_EVENTS;
    if (record->op == 0 || record->op >= TAP_OP_COUNT || record->zero ||
        (events && record->size != record->value * sizeof(struct event)))
        return -EINVAL;
    *at++ = (unsigned char)record->op;
    at = put_varint(at, record->subject);
    packer->records++;
    if (events) {
        packer->ends[COLUMN_NOTES] = put_varint(at, record->value);
        return pack_events(packer, record->subject, (const struct event *)(record + 1),
                           record->value)
                   ? 0
                   : -ENOMEM;
    }
    at = put_varint(at, zigzag(record->value - codec->values[record->op]));
    codec->values[record->op] = record->value;
    at = put_varint(at, record->size);
    memcpy(at, record + 1, record->size);
    packer->ends[COLUMN_NOTES] = at + record->size;
    return 0;
}

static int make_room(struct trace_codec *codec, size_t bytes)
{
    if (codec->chunk_limit >= bytes)
        return 0;
    free(codec->chunk);
    codec->chunk = malloc(bytes);
    codec->chunk_limit = codec->chunk ? bytes : 0;
    return codec->chunk ? 0 : -ENOMEM;
}

static int begin_pack(struct trace_codec *codec)
{
    if (!codec->pack) {
        codec->pack = ZSTD_createCCtx();
        if (!codec->pack ||
            ZSTD_isError(ZSTD_CCtx_setParameter(codec->pack, ZSTD_c_compressionLevel, LEVEL)) ||
            ZSTD_isError(ZSTD_CCtx_setParameter(codec->pack, ZSTD_c_checksumFlag, 1)))
            return -ENOMEM;
    }
    predict_begin(&codec->predict);
    memset(codec->values, 0, sizeof(codec->values));
    return 0;
}

static int finish_pack(struct packer *packer, size_t block_bytes, size_t *ret_size)
{
    struct trace_codec *codec = packer->codec;
    struct trace_head head = {.magic = TRACE_MAGIC,
                              .block_bytes = (uint32_t)block_bytes,
                              .events = packer->events,
                              .records = packer->records};
    size_t most = sizeof(head), used = sizeof(head);
    packer->ends[COLUMN_TAGS] = codec->columns[COLUMN_TAGS] + (packer->events + 3) / 4;
    for (int i = 0; i < TRACE_COLUMNS; i++) {
        head.plain[i] = (uint32_t)(packer->ends[i] - codec->columns[i]);
        most += ZSTD_compressBound(head.plain[i]);
    }
    if (make_room(codec, most))
        return -ENOMEM;
    for (int i = 0; i < TRACE_COLUMNS; i++) {
        size_t packed = ZSTD_compress2(codec->pack, codec->chunk + used, most - used,
                                       codec->columns[i], head.plain[i]);
        if (ZSTD_isError(packed))
            return -ENOMEM;
        head.packed[i] = (uint32_t)packed;
        used += packed;
    }
    memcpy(codec->chunk, &head, sizeof(head));
    *ret_size = used;
    return 0;
}

int trace_codec_pack(struct trace_codec *codec, const void *block, size_t size,
                     const void **ret_chunk, size_t *ret_size)
{
    struct packer packer = {.codec = codec, .predict = &codec->predict};
    size_t at = 0;
    int result = size <= TRACE_BLOCK_BYTES ? begin_pack(codec) : -EINVAL;
    memcpy(packer.ends, codec->columns, sizeof(packer.ends));
    while (result == 0 && at < size) {
        const struct trace_record *record = trace_record_at(block, size, at);
        result = record ? pack_record(&packer, record) : -EINVAL;
        at += record ? trace_record_bytes(record) : 0;
    }
    if (result == 0)
        result = finish_pack(&packer, size, ret_size);
    if (result == 0)
        *ret_chunk = codec->chunk;
    return result;
}

/* --- unpacking ------------------------------------------------------------------------------ */

struct unpacker {
    struct trace_codec *codec;
    struct predict *predict;
    struct reader columns[TRACE_COLUMNS];
    uint32_t events, tags;
    size_t used, size; /* of the block */
};

static uint64_t unpack_delta(struct unpacker *unpacker)
{
    uint8_t byte = get_byte(&unpacker->columns[COLUMN_DELTAS]);
    if (__builtin_expect(byte < TRACE_WIDE, 1))
        return unzigzag(byte);
    uint64_t value = 0;
    for (unsigned i = 0; i < byte - (unsigned)TRACE_WIDE && i < 8; i++)
        value |= (uint64_t)get_byte(&unpacker->columns[COLUMN_WIDE]) << (8 * i);
    if (byte > TRACE_WIDE + 8)
        unpacker->columns[COLUMN_DELTAS].bad = true;
    return unzigzag(value);
}

static void unpack_told(struct unpacker *unpacker, const struct predict_guess *guess,
                        struct event *event)
{
    struct reader *told = &unpacker->columns[COLUMN_TOLD];
    unsigned source = get_byte(told);
    switch (source & 3) {
    case 0:
        event->kind_id = guess->path->kind_id;
        break;
    case 1:
        event->kind_id = guess->frame->kind_id;
        break;
    default:
        event->kind_id = get_byte(told);
        event->kind_id |= (uint32_t)get_varint(told) << 8;
    }
    switch (source >> 2) {
    case 0:
        event->frame = guess->top_frame + guess->path->offset;
        break;
    case 1:
        event->frame = guess->path->frame;
        break;
    case 2:
        event->frame = guess->frame->frame;
        break;
    default:
        event->frame = unpacker->predict->told_frame + (uint32_t)unzigzag(get_varint(told));
        unpacker->predict->told_frame = event->frame;
    }
    told->bad = told->bad || source > 15;
}

static inline unsigned get_tag(struct unpacker *unpacker)
{
    unsigned shift = unpacker->events++ % 4 * 2;
    if (shift == 0)
        unpacker->tags = get_byte(&unpacker->columns[COLUMN_TAGS]);
    return unpacker->tags >> shift & 3;
}

static void unpack_event(struct unpacker *unpacker, const struct predict_guess *guess,
                         struct event *event)
{
    switch (get_tag(unpacker)) {
    case TRACE_POP:
        event->kind_id = guess->pop_kind_id;
        event->frame = guess->top_frame;
        break;
    case TRACE_PATH:
        event->kind_id = guess->path->kind_id;
        event->frame = guess->path_frame;
        break;
    case TRACE_FRAME:
        event->kind_id = guess->frame->kind_id;
        event->frame = guess->frame->frame;
        break;
    default:
        unpack_told(unpacker, guess, event);
    }
}

static bool is_bad(const struct unpacker *unpacker)
{
    bool bad = false;
    for (int i = 0; i < TRACE_COLUMNS; i++)
        bad = bad || unpacker->columns[i].bad;
    return bad;
}

static int unpack_events(struct unpacker *unpacker, uint32_t number, struct event *events,
                         uint64_t count)
{
    struct predict *predict = unpacker->predict;
    struct predict_track *track = predict_find_track(predict, number);
    if (!track)
        return -ENOMEM;
    for (struct event *event = events, *end = events + count; event < end; event++) {
        struct predict_guess guess = predict_guess(predict, track);
        unpack_event(unpacker, &guess, event);
        uint32_t *pace = predict_pace(predict, track, event->kind_id);
        uint64_t delta = unpack_delta(unpacker) + *pace;
        predict_learn_pace(pace, delta);
        event->counter = track->counter += delta;
        if (!predict_learn(predict, track, &guess, event->kind_id, event->frame))
            return -ENOMEM;
    }
    predict->counter = track->counter;
    return is_bad(unpacker) ? -EBADMSG : 0;
}

static int unpack_record(struct unpacker *unpacker)
{
    struct trace_codec *codec = unpacker->codec;
    struct reader *notes = &unpacker->columns[COLUMN_NOTES];
    struct trace_record record = {.op = get_byte(notes)};
    uint64_t subject = get_varint(notes), value = get_varint(notes), size;
    if (notes->bad || record.op == 0 || record.op >= TAP_OP_COUNT || subject > UINT32_MAX)
        return -EBADMSG;
    if (record.op != TAP_EVENTS) {
        value = unzigzag(value) + codec->values[record.op];
        codec->values[record.op] = value;
        size = get_varint(notes);
    } else {
        size = value <= EVENTS_MOST ? value * sizeof(struct event) : UINT64_MAX;
    }
    size_t room = unpacker->size - unpacker->used;
    if (notes->bad || size > TRACE_BLOCK_BYTES || room < sizeof(record) + trace_padded(size))
        return -EBADMSG;
    unsigned char *at = codec->block + unpacker->used;
    record.subject = (uint32_t)subject;
    record.value = value;
    record.size = (uint32_t)size;
    memcpy(at, &record, sizeof(record));
    unpacker->used += sizeof(record) + trace_padded(size);
    at += sizeof(record);
    if (record.op == TAP_EVENTS)
        return unpack_events(unpacker, record.subject, (struct event *)(void *)at, value);
    if ((size_t)(notes->end - notes->at) < size)
        return -EBADMSG;
    memset(at, 0, trace_padded(size));
    memcpy(at, notes->at, size);
    notes->at += size;
    return 0;
}

static int unpack_columns(struct trace_codec *codec, const struct trace_head *head,
                          const unsigned char *packed, size_t left, struct unpacker *unpacker)
{
    for (int i = 0; i < TRACE_COLUMNS; i++) {
        if (head->plain[i] > COLUMN_BYTES || head->packed[i] > left)
            return -EBADMSG;
        size_t plain = ZSTD_decompressDCtx(codec->unpack, codec->columns[i], head->plain[i], packed,
                                           head->packed[i]);
        if (ZSTD_isError(plain) || plain != head->plain[i])
            return -EBADMSG;
        unpacker->columns[i] = (struct reader){codec->columns[i], codec->columns[i] + plain, false};
        packed += head->packed[i];
        left -= head->packed[i];
    }
    return left == 0 ? 0 : -EBADMSG;
}

static int begin_unpack(struct trace_codec *codec)
{
    if (!codec->unpack)
        codec->unpack = ZSTD_createDCtx();
    if (!codec->block)
        codec->block = malloc(TRACE_BLOCK_BYTES);
    if (!codec->unpack || !codec->block)
        return -ENOMEM;
    predict_begin(&codec->predict);
    memset(codec->values, 0, sizeof(codec->values));
    return 0;
}

int trace_codec_unpack(struct trace_codec *codec, const void *chunk, size_t size,
                       const void **ret_block, size_t *ret_size)
{
    struct trace_head head;
    struct unpacker unpacker = {.codec = codec, .predict = &codec->predict};
    if (size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, chunk, sizeof(head));
    if (head.magic != TRACE_MAGIC || head.block_bytes > TRACE_BLOCK_BYTES ||
        head.events > EVENTS_MOST)
        return -EBADMSG;
    int result = begin_unpack(codec);
    if (result == 0)
        result = unpack_columns(codec, &head, (const unsigned char *)chunk + sizeof(head),
                                size - sizeof(head), &unpacker);
    unpacker.size = head.block_bytes;
    for (uint32_t i = 0; result == 0 && i < head.records; i++)
        result = unpack_record(&unpacker);
    if (result == 0 && (unpacker.used != unpacker.size || unpacker.events != head.events))
        result = -EBADMSG;
    for (int i = 0; result == 0 && i < TRACE_COLUMNS; i++)
        if (unpacker.columns[i].at != unpacker.columns[i].end)
            result = -EBADMSG;
    if (result)
        return result;
    *ret_block = codec->block;
    *ret_size = unpacker.used;
    return 0;
}

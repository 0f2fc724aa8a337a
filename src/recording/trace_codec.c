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
    return value << 1 ^ (0 - (value >> 63));
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

enum { NO_TAGS = 1 << 8 }; /* its bit is the lowest once four tags are above it */

struct packer {
    struct trace_codec *codec;
    struct predict *predict;
    unsigned char *ends[TRACE_COLUMNS];
    uint32_t events, records;
    uint32_t tags; /* of the last events, the latest in bits 14 and 15 */
};

static inline unsigned char *put_delta(struct packer *packer, unsigned char *deltas, uint64_t off)
{
    uint64_t value = zigzag(off);
    if (__builtin_expect(value < TRACE_WIDE, 1)) {
        *deltas = (unsigned char)value;
        return deltas + 1;
    }
    unsigned bytes = (71 - (unsigned)__builtin_clzll(value)) / 8;
    *deltas = (unsigned char)(TRACE_WIDE + bytes);
    memcpy(packer->ends[COLUMN_WIDE], &value, sizeof(value));
    packer->ends[COLUMN_WIDE] += bytes;
    return deltas + 1;
}

static void pack_told(struct packer *packer, const struct predict_guess *guess, uint64_t what)
{
    unsigned char *at = packer->ends[COLUMN_TOLD], *source = at++;
    uint32_t kind_id = (uint32_t)what, frame = predict_frame_of(what);
    uint64_t path = guess->path->what, same = *guess->frame;
    unsigned kind_from = kind_id == (uint32_t)path ? 0 : kind_id == (uint32_t)same ? 1 : 2;
    unsigned frame_from = frame == guess->top_frame + guess->path->offset ? 0
                          : frame == predict_frame_of(path)               ? 1
                          : frame == predict_frame_of(same)               ? 2
                                                                          : 3;
    *source = (unsigned char)(kind_from | frame_from << 2);
    if (kind_from == 2) {
        *at++ = (unsigned char)kind_id;
        at = put_varint(at, kind_id >> 8);
    }
    if (frame_from == 3) {
        int32_t far = (int32_t)(frame - packer->predict->told_frame);
        at = put_varint(at, (uint32_t)zigzag((uint64_t)(int64_t)far));
        packer->predict->told_frame = frame;
    }
    packer->ends[COLUMN_TOLD] = at;
}

static inline uint32_t tag_of(const struct predict_guess *guess, uint64_t what)
{
    return what == guess->pop       ? TRACE_POP
           : what == guess->by_path ? TRACE_PATH
           : what == *guess->frame  ? TRACE_FRAME
                                    : TRACE_TOLD;
}

/* What changes with each event is in variables of its own: bytes are written all the while, and they may lie
 * anywhere, for all a compiler knows. */
static bool pack_events(struct packer *packer, uint32_t number, const struct event *events,
                        uint64_t count)
{
    struct predict_track *track = predict_find_track(packer->predict, number);
    if (!track)
        return false;
    struct predict_walk walk = predict_walk_begin(packer->predict, track);
    unsigned char *deltas = packer->ends[COLUMN_DELTAS];
    uint32_t tags = packer->tags;
    for (const struct event *event = events, *end = events + count; event < end; event++) {
        struct predict_guess guess = predict_guess(&walk);
        uint64_t what = predict_what_of(event);
        uint32_t tag = tag_of(&guess, what);
        tags = tags >> 2 | tag << 14;
        if (tags & 1) {
            *packer->ends[COLUMN_TAGS]++ = (unsigned char)(tags >> 8);
            tags = NO_TAGS;
        }
        if (tag == TRACE_TOLD)
            pack_told(packer, &guess, what);
        uint32_t *pace = predict_pace(&walk, (uint32_t)what);
        uint64_t delta = event->counter - walk.counter;
        walk.counter = event->counter;
        deltas = put_delta(packer, deltas, delta - *pace);
        predict_learn_pace(pace, delta);
        if (!predict_learn(&walk, track, &guess, what))
            return false;
    }
    packer->ends[COLUMN_DELTAS] = deltas;
    packer->tags = tags;
    packer->events += (uint32_t)count;
    predict_walk_end(&walk, track);
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
    if (packer->events % 4)
        *packer->ends[COLUMN_TAGS]++ =
            (unsigned char)(packer->tags >> (16 - packer->events % 4 * 2));
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
    struct packer packer = {.codec = codec, .predict = &codec->predict, .tags = NO_TAGS};
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

static uint64_t unpack_told(struct unpacker *unpacker, const struct predict_guess *guess)
{
    struct reader *told = &unpacker->columns[COLUMN_TOLD];
    unsigned source = get_byte(told);
    uint64_t path = guess->path->what, same = *guess->frame;
    uint32_t kind_id, frame;
    switch (source & 3) {
    case 0:
        kind_id = (uint32_t)path;
        break;
    case 1:
        kind_id = (uint32_t)same;
        break;
    default:
        kind_id = get_byte(told);
        kind_id |= (uint32_t)get_varint(told) << 8;
    }
    switch (source >> 2) {
    case 0:
        frame = guess->top_frame + guess->path->offset;
        break;
    case 1:
        frame = predict_frame_of(path);
        break;
    case 2:
        frame = predict_frame_of(same);
        break;
    default:
        frame = unpacker->predict->told_frame + (uint32_t)unzigzag(get_varint(told));
        unpacker->predict->told_frame = frame;
    }
    told->bad = told->bad || source > 15;
    return predict_what(kind_id, frame);
}

static inline unsigned get_tag(struct unpacker *unpacker)
{
    unsigned shift = unpacker->events++ % 4 * 2;
    if (shift == 0)
        unpacker->tags = get_byte(&unpacker->columns[COLUMN_TAGS]);
    return unpacker->tags >> shift & 3;
}

static uint64_t unpack_what(struct unpacker *unpacker, const struct predict_guess *guess)
{
    switch (get_tag(unpacker)) {
    case TRACE_POP:
        return guess->pop;
    case TRACE_PATH:
        return guess->by_path;
    case TRACE_FRAME:
        return *guess->frame;
    default:
        return unpack_told(unpacker, guess);
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
    struct predict_track *track = predict_find_track(unpacker->predict, number);
    if (!track)
        return -ENOMEM;
    struct predict_walk walk = predict_walk_begin(unpacker->predict, track);
    for (struct event *event = events, *end = events + count; event < end; event++) {
        struct predict_guess guess = predict_guess(&walk);
        uint64_t what = unpack_what(unpacker, &guess);
        uint32_t *pace = predict_pace(&walk, (uint32_t)what);
        uint64_t delta = unpack_delta(unpacker) + *pace;
        predict_learn_pace(pace, delta);
        walk.counter += delta;
        *event = (struct event){walk.counter, (uint32_t)what, predict_frame_of(what)};
        if (!predict_learn(&walk, track, &guess, what))
            return -ENOMEM;
    }
    predict_walk_end(&walk, track);
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

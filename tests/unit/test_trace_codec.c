/* SPDX-License-Identifier: MIT */
/* The codec of a trace's chunks: what goes in comes out, bit by bit, whatever it is; what was not made by it
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recording/trace_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { BATCH = 1024 };

struct block {
    unsigned char *bytes;
    size_t used;
    uint64_t events;
};

static uint64_t random_state = 1;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static struct block new_block(void)
{
    struct block block = {.bytes = calloc(1, TRACE_BLOCK_BYTES)};
    assert_non_null(block.bytes);
    return block;
}

static bool add(struct block *block, uint32_t op, uint32_t subject, uint64_t value,
                const void *payload, uint32_t size)
{
    struct trace_record record = {op, subject, value, size, 0};
    if (TRACE_BLOCK_BYTES - block->used < sizeof(record) + trace_padded(size))
        return false;
    memcpy(block->bytes + block->used, &record, sizeof(record));
    if (size)
        memcpy(block->bytes + block->used + sizeof(record), payload, size);
    block->used += sizeof(record) + trace_padded(size);
    block->events += op == TAP_EVENTS ? value : 0;
    return true;
}

/* Packs and unpacks; the chunk's size. */
static size_t round_trip(const struct block *block)
{
    struct trace_codec *pack = trace_codec_new(), *unpack = trace_codec_new();
    const void *chunk, *back;
    size_t chunk_size, back_size;
    assert_true(pack && unpack);
    assert_int_equal(trace_codec_pack(pack, block->bytes, block->used, &chunk, &chunk_size), 0);
    assert_int_equal(trace_codec_unpack(unpack, chunk, chunk_size, &back, &back_size), 0);
    assert_int_equal(back_size, block->used);
    assert_memory_equal(back, block->bytes, block->used);
    trace_codec_free(pack);
    trace_codec_free(unpack);
    return chunk_size;
}

/* --- streams -------------------------------------------------------------------------------- */

static struct event any_event(void)
{
    return (struct event){random_bits(), (uint32_t)random_bits(), (uint32_t)random_bits()};
}

/* A tree of calls that repeats itself, with the jitter of a clock. */
struct program {
    uint64_t counter;
    uint32_t stack[64], depth;
};

static struct event next_call(struct program *program)
{
    static const uint32_t callee_of[4][3] = {{1, 2, 3}, {2, 2, 3}, {3, 3, 3}, {0, 1, 2}};
    program->counter += 60 + random_bits() % 40;
    uint32_t depth = program->depth, choice = (uint32_t)(random_bits() % 8);
    if (depth == 63 || (depth > 0 && choice < 4)) {
        program->depth--;
        return (struct event){program->counter, event_pack(EVENT_RETURN, 0), 1000 + depth * 16};
    }
    uint32_t function = callee_of[program->stack[depth] % 4][choice % 3];
    program->stack[++program->depth] = function;
    return (struct event){program->counter, event_pack(EVENT_START, function + 1),
                          1000 + program->depth * 16};
}

static void every_bit_of_calls(void **state)
{
    (void)state;
    struct block block = new_block();
    struct program programs[3] = {{.counter = 1000000}, {.counter = 2000000}, {0}};
    struct event batch[BATCH];
    for (uint32_t i = 0;; i++) {
        uint32_t count = 1 + (uint32_t)(random_bits() % BATCH);
        for (uint32_t e = 0; e < count; e++)
            batch[e] = next_call(&programs[i % 3]);
        if (!add(&block, TAP_EVENTS, 7 + i % 3, count, batch, count * sizeof(*batch)))
            break;
    }
    size_t size = round_trip(&block);
    /* The format is worth having only while it is small: calls with five bits of jitter and one of doubt. */
    assert_true(size * 10 < block.events * 25);
    free(block.bytes);
}

static void every_bit_of_noise(void **state)
{
    (void)state;
    struct block block = new_block();
    struct event batch[BATCH];
    for (;;) {
        uint32_t count = 1 + (uint32_t)(random_bits() % BATCH);
        for (uint32_t e = 0; e < count; e++)
            batch[e] = any_event();
        if (!add(&block, TAP_EVENTS, (uint32_t)random_bits(), count, batch, count * sizeof(*batch)))
            break;
    }
    round_trip(&block);
    free(block.bytes);
}

/* Kinds that are, in any order; counters that stand, jump and go back; stacks that only grow. */
static void every_bit_of_malice(void **state)
{
    (void)state;
    static const uint64_t counters[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, 239, 240, 241, 65536};
    struct block block = new_block();
    for (uint32_t i = 0;; i++) {
        struct event events[4];
        for (uint32_t e = 0; e < 4; e++)
            events[e] = (struct event){
                counters[random_bits() % 8] + random_bits() % 2,
                event_pack((enum event_kind)(i % 2 ? EVENT_START : random_bits() % 24),
                           random_bits() % 2 ? 0xffffff : (uint32_t)(random_bits() % 3)),
                random_bits() % 2 ? (uint32_t)random_bits() : i};
        if (!add(&block, TAP_EVENTS, i % 5 ? 1 : UINT32_MAX, 4, events, sizeof(events)))
            break;
    }
    round_trip(&block);
    free(block.bytes);
}

static void every_bit_of_notes(void **state)
{
    (void)state;
    unsigned char payload[300];
    struct block block = new_block();
    for (uint32_t i = 0; i < sizeof(payload); i++)
        payload[i] = (unsigned char)random_bits();
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t op = 2 + (uint32_t)(random_bits() % (TAP_OP_COUNT - 2));
        if (!add(&block, op, (uint32_t)random_bits(), random_bits() >> random_bits() % 64, payload,
                 (uint32_t)(random_bits() % sizeof(payload))))
            break;
    }
    round_trip(&block);
    block.used = 0;
    round_trip(&block); /* nothing at all */
    free(block.bytes);
}

/* FNV-1a of the columns, plain: what zstd makes of them may differ from version to version. */
static uint64_t hash_of_columns(const unsigned char *chunk)
{
    const struct trace_head *head = (const void *)chunk;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    chunk += sizeof(*head);
    for (int i = 0; i < TRACE_COLUMNS; chunk += head->packed[i++]) {
        unsigned char *plain = malloc(head->plain[i] + 1);
        assert_int_equal(ZSTD_decompress(plain, head->plain[i], chunk, head->packed[i]),
                         head->plain[i]);
        for (uint32_t at = 0; at < head->plain[i]; at++)
            hash = (hash ^ plain[at]) * UINT64_C(0x100000001b3);
        free(plain);
    }
    return hash;
}

/* What the codec foresees is a part of the format: other guesses would read older files wrongly. The number
 * is that of the files of the first version. */
static void the_format_is_what_it_was(void **state)
{
    (void)state;
    struct block block = new_block();
    struct program programs[2] = {{.counter = 1000000}, {0}};
    random_state = 1;
    for (uint32_t i = 0; i < 3000; i++) {
        struct event events[6];
        for (uint32_t e = 0; e < 4; e++)
            events[e] = next_call(&programs[i / 8 % 2]);
        for (uint32_t e = 4; e < 6; e++) {
            enum event_kind kind = (enum event_kind)(random_bits() % 24);
            uint32_t id = random_bits() % 2 ? (uint32_t)(random_bits() % 5) : EVENT_FROM_C | 3;
            /* Some go back. */
            int32_t pause = random_bits() % 4 ? 50
                                              : (int32_t)(UINT32_C(5000) << random_bits() % 30);
            events[e] = (struct event){events[e - 1].counter + (uint64_t)pause,
                                       event_pack(kind, id), 1000 + (uint32_t)(random_bits() % 64)};
        }
        assert_true(add(&block, TAP_EVENTS, 7 + i / 8 % 2, 6, events, sizeof(events)));
        assert_true(i % 100 || add(&block, TAP_LATEST, 0, i, NULL, 0));
    }
    struct trace_codec *codec = trace_codec_new();
    const void *chunk;
    size_t size;
    assert_int_equal(trace_codec_pack(codec, block.bytes, block.used, &chunk, &size), 0);
    assert_int_equal(hash_of_columns(chunk), UINT64_C(0x3f19028f160a3f0b));
    trace_codec_free(codec);
    free(block.bytes);
}

static void what_is_no_block_is_not_packed(void **state)
{
    (void)state;
    struct trace_codec *codec = trace_codec_new();
    struct event event = {1, event_pack(EVENT_START, 1), 8};
    const void *chunk;
    size_t size;
    struct block block = new_block();
    add(&block, TAP_EVENTS, 1, 1, &event, sizeof(event));
    assert_int_equal(trace_codec_pack(codec, block.bytes, block.used - 8, &chunk, &size), -EINVAL);
    ((struct trace_record *)(void *)block.bytes)->value = 2;
    assert_int_equal(trace_codec_pack(codec, block.bytes, block.used, &chunk, &size), -EINVAL);
    ((struct trace_record *)(void *)block.bytes)->op = TAP_OP_COUNT;
    assert_int_equal(trace_codec_pack(codec, block.bytes, block.used, &chunk, &size), -EINVAL);
    trace_codec_free(codec);
    free(block.bytes);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct block block = new_block();
    struct program program = {.counter = 1};
    struct event batch[BATCH];
    for (uint32_t i = 0; i < 8; i++) {
        for (uint32_t e = 0; e < BATCH; e++)
            batch[e] = next_call(&program);
        add(&block, TAP_EVENTS, 1, BATCH, batch, sizeof(batch));
    }
    struct trace_codec *pack = trace_codec_new(), *unpack = trace_codec_new();
    const void *chunk, *back;
    size_t size, back_size;
    assert_int_equal(trace_codec_pack(pack, block.bytes, block.used, &chunk, &size), 0);
    unsigned char *bytes = malloc(size);
    for (int i = 0; i < 2000; i++) {
        memcpy(bytes, chunk, size);
        size_t at = random_bits() % size;
        bytes[at] ^= (unsigned char)(1 << random_bits() % 8);
        /* A bit of a checksum that nobody needs may be any: then what comes out is right. */
        if (trace_codec_unpack(unpack, bytes, size, &back, &back_size) == 0) {
            assert_int_equal(back_size, block.used);
            assert_memory_equal(back, block.bytes, block.used);
        }
        size_t cut = random_bits() % size;
        assert_int_not_equal(trace_codec_unpack(unpack, chunk, cut, &back, &back_size), 0);
    }
    free(bytes);
    trace_codec_free(pack);
    trace_codec_free(unpack);
    free(block.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_calls),
        cmocka_unit_test(every_bit_of_noise),
        cmocka_unit_test(every_bit_of_malice),
        cmocka_unit_test(every_bit_of_notes),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(what_is_no_block_is_not_packed),
        cmocka_unit_test(the_format_is_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

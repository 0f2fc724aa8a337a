/* SPDX-License-Identifier: MIT */
/* A hostile trace: whatever a chunk holds, it is refused, or played without a fall.
 * The first byte says how the rest is read: even, as a chunk for the codec; odd, as a block of records, which
 * is packed and unpacked (it must come back whole) and then played, with slices, a snapshot and both formats of
 * timelines. So what lies behind zstd's checksums is reached, too.
 * Rules: one thread, no clock in what is decided. */
#include "export/exporter.h"
#include "recording/trace_slices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

struct one_chunk {
    struct trace_source source; /* first */
    const void *bytes;
    size_t size;
    bool given;
};

static int last(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    const struct one_chunk *chunk = (const struct one_chunk *)source;
    *ret_bytes = chunk->bytes;
    *ret_size = chunk->size;
    return 1;
}

static int next(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct one_chunk *chunk = (struct one_chunk *)source;
    if (chunk->given)
        return 0;
    chunk->given = true;
    return last(source, ret_bytes, ret_size);
}

static int back(struct trace_source *source)
{
    ((struct one_chunk *)source)->given = false;
    return 0;
}

static void stay(struct trace_source *source)
{
    (void)source;
}

static void play(struct one_chunk *chunk)
{
    struct trace_player *player = trace_player_new(&chunk->source);
    need(player != NULL);
    trace_player_run(player, INT64_MAX);
    snapshot_free(trace_replay_snapshot(trace_player_replay(player), 10, CLOCK_CPU, true));
    trace_player_rewind(player);
    trace_player_run_to(player, 1000);
    trace_player_free(player);
}

static void export(struct one_chunk *chunk, const char *format)
{
    const struct trace_slices_query part = {.from_ns = 100, .to_ns = 100000};
    const struct export_options options = {.columns = 80};
    struct trace_player *player = trace_player_new(&chunk->source);
    need(player != NULL);
    struct slices *slices = trace_slices_new(player, &part);
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    need(slices && stream);
    exporter_find(format)->write_trace(slices, &options, stream);
    fclose(stream);
    free(bytes);
    trace_slices_free(slices);
}

/* Records end where the input's do not: the last is cut, and padding is zero as the recorder's is. */
static size_t make_block(const uint8_t *data, size_t size, unsigned char *block)
{
    size_t at = 0;
    const struct trace_record *record;
    memcpy(block, data, size);
    while ((record = trace_record_at(block, size, at))) {
        size_t padding = trace_padded(record->size) - record->size;
        memset(block + at + sizeof(*record) + record->size, 0, padding);
        at += trace_record_bytes(record);
    }
    return at;
}

static void try_block(const uint8_t *data, size_t size)
{
    struct trace_codec *codec = trace_codec_new(), *other = trace_codec_new();
    unsigned char *block = malloc(size + 8);
    const void *bytes, *unpacked;
    size_t packed_size, unpacked_size;
    need(codec && other && block);
    size = make_block(data, size, block);
    if (trace_codec_pack(codec, block, size, &bytes, &packed_size) == 0) {
        need(trace_codec_unpack(other, bytes, packed_size, &unpacked, &unpacked_size) == 0);
        need(unpacked_size == size && memcmp(unpacked, block, size) == 0);
        struct one_chunk chunk = {{next, last, back, stay}, bytes, packed_size, false};
        play(&chunk);
        export(&chunk, "chrome");
        export(&chunk, "perfetto");
    }
    free(block);
    trace_codec_free(codec);
    trace_codec_free(other);
}

static void try_chunk(const uint8_t *data, size_t size)
{
    struct one_chunk chunk = {{next, last, back, stay}, data, size, false};
    play(&chunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > (1 << 20))
        return 0;
    if (data[0] & 1)
        try_block(data + 1, size - 1);
    else
        try_chunk(data + 1, size - 1);
    return 0;
}

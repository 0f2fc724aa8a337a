/* SPDX-License-Identifier: MIT */
/* Perfetto's protobuf, packet by packet.
 * Why by hand: a packet is a few varints, and the message that holds them all is just one after the other
 * (Trace.packet = 1); a library would hold the trace in memory.
 * Field numbers are those of protos/perfetto/trace at perfetto.dev: TracePacket 8 timestamp, 10 sequence,
 * 11 track_event, 12 interned_data, 13 sequence_flags, 60 track_descriptor; TrackEvent 9 type, 10
 * name_iid, 11 track_uuid, 22 categories, 34 source_location_iid, 47 flow_ids; InternedData 2 event_names, 4
 * source_locations; TrackDescriptor 1 uuid, 3 process, 4 thread, 5 parent_uuid.
 * Rules: one sequence. Its first packet says that nothing was interned before; each name is interned with
 * the first event that has it. Children nest, since slices do. Steps of one asyncio task are tied by a
 * flow of the task's number. Timestamps are nanoseconds since the first event. */
#include "base/text.h"
#include "export/export_names.h"
#include "export/export_timeline.h"
#include "export/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCE = 1, STATE_CLEARED = 1, STATE_NEEDED = 2, BEGIN = 1, END = 2, NUMBER_MOST = 24 };
enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2 };

/* A message that is being made: those within it are made in buffers of their own and added. */
struct message {
    unsigned char *bytes;
    size_t used, limit;
    bool failed; /* no memory: it lacks something */
};

struct perfetto {
    FILE *stream;
    struct timeline_names names;
    struct message packet, inner, part;
    uint32_t *told; /* PIDs that have a track */
    size_t told_count, told_limit;
    bool begun;
};

/* --- messages ------------------------------------------------------------------------------- */

/* For `bytes` and a field's number and length before them. */
static bool make_room(struct message *message, size_t bytes)
{
    size_t wanted = message->used + bytes + NUMBER_MOST;
    if (wanted <= message->limit)
        return true;
    unsigned char *grown = realloc(message->bytes, wanted * 2);
    message->failed = message->failed || !grown;
    if (!grown)
        return false;
    message->bytes = grown;
    message->limit = wanted * 2;
    return true;
}

static void add_varint(struct message *message, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        message->bytes[message->used++] = (unsigned char)(value | 0x80);
    message->bytes[message->used++] = (unsigned char)value;
}

static void add_number(struct message *message, unsigned field, uint64_t value)
{
    if (!make_room(message, 0))
        return;
    add_varint(message, field << 3 | VARINT);
    add_varint(message, value);
}

static void add_fixed(struct message *message, unsigned field, uint64_t value)
{
    if (!make_room(message, 0))
        return;
    add_varint(message, field << 3 | FIXED64);
    for (int i = 0; i < 8; i++)
        message->bytes[message->used++] = (unsigned char)(value >> (8 * i));
}

static void add_bytes(struct message *message, unsigned field, const void *bytes, size_t size)
{
    if (!make_room(message, size))
        return;
    add_varint(message, field << 3 | BYTES);
    add_varint(message, size);
    if (size)
        memcpy(message->bytes + message->used, bytes, size);
    message->used += size;
}

/* A string of protobuf is UTF-8, or the whole message is refused. */
static void add_text(struct message *message, unsigned field, const char *text)
{
    struct arena *arena = arena_new();
    const char *valid = arena ? text_valid(arena, text) : NULL;
    if (valid)
        add_bytes(message, field, valid, strlen(valid));
    else
        message->failed = true;
    arena_free(arena);
}

static void add_message(struct message *message, unsigned field, const struct message *part)
{
    add_bytes(message, field, part->bytes, part->used);
}

static void write_packet(struct perfetto *perfetto)
{
    unsigned char head[12];
    size_t used = 0;
    size_t size = perfetto->packet.used;
    head[used++] = 1 << 3 | BYTES;
    for (; size >= 0x80; size >>= 7)
        head[used++] = (unsigned char)(size | 0x80);
    head[used++] = (unsigned char)size;
    fwrite_unlocked(head, 1, used, perfetto->stream);
    if (perfetto->packet.used)
        fwrite_unlocked(perfetto->packet.bytes, 1, perfetto->packet.used, perfetto->stream);
    perfetto->packet.used = 0;
}

/* --- tracks --------------------------------------------------------------------------------- */

static uint64_t process_uuid(uint32_t pid)
{
    return UINT64_C(1) << 40 | pid;
}

static uint64_t thread_uuid(uint32_t thread)
{
    return UINT64_C(1) << 41 | thread;
}

static void write_descriptor(struct perfetto *perfetto)
{
    struct message *packet = &perfetto->packet;
    add_number(packet, 10, SEQUENCE);
    add_number(packet, 13, perfetto->begun ? STATE_NEEDED : STATE_CLEARED);
    add_message(packet, 60, &perfetto->inner);
    perfetto->begun = true;
    write_packet(perfetto);
}

static bool is_told(struct perfetto *perfetto, uint32_t pid)
{
    for (size_t i = 0; i < perfetto->told_count; i++)
        if (perfetto->told[i] == pid)
            return true;
    if (perfetto->told_count == perfetto->told_limit) {
        size_t limit = perfetto->told_limit ? perfetto->told_limit * 2 : 16;
        uint32_t *told = realloc(perfetto->told, limit * sizeof(*told));
        if (!told)
            return false; /* it is told twice, which does no harm */
        perfetto->told = told;
        perfetto->told_limit = limit;
    }
    perfetto->told[perfetto->told_count++] = pid;
    return false;
}

static void write_process(struct perfetto *perfetto, const struct slice *slice, const char *command)
{
    if (is_told(perfetto, slice->pid))
        return;
    perfetto->part.used = perfetto->inner.used = 0;
    add_number(&perfetto->part, 1, slice->pid);
    if (command)
        add_text(&perfetto->part, 6, command);
    add_number(&perfetto->inner, 1, process_uuid(slice->pid));
    add_message(&perfetto->inner, 3, &perfetto->part);
    write_descriptor(perfetto);
}

static void write_thread(struct perfetto *perfetto, struct slices *slices,
                         const struct slice *slice)
{
    const struct snapshot_meta *meta = slices->meta;
    const char *command = slice->command && *slice->command ? slice->command
                          : meta && meta->pid == slice->pid ? meta->command
                                                            : NULL;
    write_process(perfetto, slice, command);
    perfetto->part.used = perfetto->inner.used = 0;
    add_number(&perfetto->part, 1, slice->pid);
    add_number(&perfetto->part, 2, slice->tid);
    if (slice->name && *slice->name)
        add_text(&perfetto->part, 5, slice->name);
    add_number(&perfetto->inner, 1, thread_uuid(slice->thread));
    add_number(&perfetto->inner, 5, process_uuid(slice->pid));
    add_message(&perfetto->inner, 4, &perfetto->part);
    write_descriptor(perfetto);
}

/* --- events --------------------------------------------------------------------------------- */

static char *make_name(const struct slice_function *function, const char *label)
{
    (void)function;
    return strdup(label);
}

/* The function's name and place, by its number + 1. */
static void intern(struct perfetto *perfetto, struct slices *slices, uint32_t number,
                   const char *name)
{
    const struct slice_function *function = slices->function(slices, number);
    struct message *part = &perfetto->part, *inner = &perfetto->inner;
    part->used = inner->used = 0;
    add_number(part, 1, (uint64_t)number + 1);
    add_text(part, 2, name);
    add_message(inner, 2, part);
    if (function->file) {
        part->used = 0;
        add_number(part, 1, (uint64_t)number + 1);
        add_text(part, 2, function->file);
        add_text(part, 3, function->qualname ? function->qualname : function->name);
        add_number(part, 4, function->line);
        add_message(inner, 4, part);
    }
    add_message(&perfetto->packet, 12, inner);
}

static int write_event(struct perfetto *perfetto, struct slices *slices, const struct slice *slice)
{
    struct message *packet = &perfetto->packet, *event = &perfetto->inner;
    bool begins = slice->kind == SLICE_BEGIN, is_new = false;
    add_number(packet, 8, slice->at_ns > 0 ? (uint64_t)slice->at_ns : 0);
    add_number(packet, 10, SEQUENCE);
    add_number(packet, 13, STATE_NEEDED);
    if (begins) {
        const char *name =
            timeline_name(&perfetto->names, slices, slice->function, make_name, &is_new);
        if (!name)
            return -ENOMEM;
        if (is_new)
            intern(perfetto, slices, slice->function, name);
    }
    event->used = 0;
    add_number(event, 9, begins ? BEGIN : END);
    add_number(event, 11, thread_uuid(slice->thread));
    if (begins) {
        const struct slice_function *function = slices->function(slices, slice->function);
        add_number(event, 10, (uint64_t)slice->function + 1);
        const char *category = function->kind == KIND_C ? "c" : "python";
        add_bytes(event, 22, category, strlen(category));
        if (function->file)
            add_number(event, 34, (uint64_t)slice->function + 1);
        if (slice->task)
            add_fixed(event, 47, slice->task);
    }
    add_message(packet, 11, event);
    write_packet(perfetto);
    return 0;
}

static int write_trace(struct slices *slices, const struct export_options *options, FILE *stream)
{
    struct perfetto *perfetto = calloc(1, sizeof(*perfetto));
    struct slice slice;
    (void)options;
    if (!perfetto)
        return -ENOMEM;
    perfetto->stream = stream;
    int result;
    while ((result = slices->next(slices, &slice)) > 0 && !ferror(stream)) {
        if (slice.kind == SLICE_THREAD)
            write_thread(perfetto, slices, &slice);
        else if ((result = write_event(perfetto, slices, &slice)) < 0)
            break;
    }
    if (result >= 0 && (perfetto->packet.failed || perfetto->inner.failed || perfetto->part.failed))
        result = -ENOMEM;
    timeline_names_done(&perfetto->names);
    free(perfetto->packet.bytes);
    free(perfetto->inner.bytes);
    free(perfetto->part.bytes);
    free(perfetto->told);
    free(perfetto);
    return result < 0 ? result : export_finish(stream);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    (void)snapshot;
    (void)options;
    (void)stream;
    return -ENODATA;
}

const struct exporter export_perfetto = {
    .name = "perfetto",
    .extensions = ".pftrace .perfetto-trace",
    .help = "every call on a line of time, for ui.perfetto.dev; of a trace",
    .binary = true,
    .write = write,
    .write_trace = write_trace,
};

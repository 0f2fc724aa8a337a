/* SPDX-License-Identifier: MIT */
/* How many events a second the fold takes on this machine, one thread.
 * Why: the collector keeps up only if it folds at least twice what one thread can produce.
 * Streams: `fib` is recursion with two children, `program` a random call graph of 300 functions where
 * a function calls a few others again and again, `wide` a tree of hundreds of thousands of paths, `generators` a
 * pipeline of generators, `mixed` Python and C calls.
 * Usage: fold_bench [STREAM [MILLIONS]] prints a line for each stream; fold_bench NAME MILLIONS SESSION
 * folds what the rings of a session's file hold (a copy, taken while a real program runs). */
#include "base/clock.h"
#include "model/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 300, CALLEES = 6, STREAM_EVENTS = 1 << 18, BATCH = 1024 };

struct stream {
    struct event *events;
    size_t count, limit;
    uint64_t counter;
    uint32_t random;
    uint32_t callees[FUNCTIONS][CALLEES];
};

static uint32_t next_random(struct stream *stream)
{
    stream->random ^= stream->random << 13;
    stream->random ^= stream->random >> 17;
    stream->random ^= stream->random << 5;
    return stream->random;
}

static void emit(struct stream *stream, enum event_kind kind, uint32_t id, uint32_t frame)
{
    if (stream->count == stream->limit)
        return;
    stream->counter += 60 + (next_random(stream) & 31);
    stream->events[stream->count++] =
        (struct event){.counter = stream->counter, .kind_id = event_pack(kind, id), .frame = frame};
}

static uint32_t frame_at(uint32_t depth)
{
    return 0x10000u + depth * 12;
}

static void make_fib(struct stream *stream, uint32_t depth, int n)
{
    emit(stream, EVENT_START, 1, frame_at(depth));
    if (n >= 2 && stream->count < stream->limit) {
        make_fib(stream, depth + 1, n - 1);
        make_fib(stream, depth + 1, n - 2);
    }
    emit(stream, EVENT_RETURN, 1, frame_at(depth));
}

static void make_calls(struct stream *stream, uint32_t depth, uint32_t function, bool c_calls,
                       uint32_t depth_most)
{
    emit(stream, EVENT_START, function + 1, frame_at(depth));
    uint32_t calls = depth < depth_most ? 2 + (next_random(stream) % 8 == 0) : 0;
    for (uint32_t i = 0; i < calls && stream->count < stream->limit; i++) {
        /* A body calls the same functions in the same order; branches and loops vary it. */
        uint32_t at = next_random(stream) % 8 ? i : next_random(stream);
        uint32_t callee = stream->callees[function][at % CALLEES];
        if (c_calls && (next_random(stream) & 1)) {
            emit(stream, EVENT_C_CALL, FUNCTIONS + callee + 1, frame_at(depth));
            emit(stream, EVENT_C_RETURN, 0, frame_at(depth));
        } else {
            make_calls(stream, depth + 1, callee, c_calls, depth_most);
        }
    }
    emit(stream, EVENT_RETURN, function + 1, frame_at(depth));
}

static void make_generators(struct stream *stream)
{
    uint32_t round = 0;
    emit(stream, EVENT_START, 1, frame_at(0));
    for (; stream->count + 64 < stream->limit; round++) {
        enum event_kind kind = round % 16 ? EVENT_RESUME : EVENT_START;
        enum event_kind end = round % 16 == 15 ? EVENT_RETURN : EVENT_YIELD;
        for (uint32_t i = 1; i <= 8; i++)
            emit(stream, kind, 1000 + i, 0x900000u + i * 40);
        for (uint32_t i = 8; i >= 1; i--)
            emit(stream, end, 1000 + i, 0x900000u + i * 40);
    }
    emit(stream, EVENT_RETURN, 1, frame_at(0));
}

static void make_stream(struct stream *stream, const char *name)
{
    stream->random = 12345;
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        for (uint32_t k = 0; k < CALLEES; k++) /* mostly downwards, seldom back up */
            stream->callees[i][k] = (i + 1 + next_random(stream) % 40) % FUNCTIONS;
    while (stream->count < stream->limit) {
        if (strcmp(name, "fib") == 0)
            make_fib(stream, 0, 24);
        else if (strcmp(name, "generators") == 0)
            make_generators(stream), stream->limit = stream->count;
        else
            make_calls(stream, 0, next_random(stream) % 8, strcmp(name, "mixed") == 0,
                       strcmp(name, "wide") == 0 ? 40 : 9);
    }
}

static int define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text)
{
    (void)context;
    snprintf(buffer, 64, "function_%u", id);
    *ret_text = (struct definition_text){
        .fixed = {.id = id,
                  .line = id,
                  .kind = id > FUNCTIONS && id < 1000 ? DEFINITION_C_FUNCTION : DEFINITION_FUNCTION,
                  .flags = id > 1000 ? DEFINITION_GENERATOR : 0},
        .name = buffer,
        .qualname = buffer,
        .module = "bench",
        .file = "bench.py",
    };
    return 0;
}

/* A session's rings still hold the last events that went through them: a copy of its file, taken
 * while a program runs, is a recording of each thread's last moments. Takes the ring with the most. */
static int read_session(struct stream *stream, const char *path, struct mapping *mapping)
{
    int result = mapping_open(path, mapping);
    if (result) {
        fprintf(stderr, "%s: no session can be read there: %s\n", path, strerror(-result));
        return 1;
    }
    for (uint32_t i = 1; i < SESSION_RING_LIMIT; i++) {
        uint32_t capacity;
        const struct event *events = mapping_ring_events(mapping, i, &capacity);
        uint64_t head = atomic_load(&mapping_ring(mapping, i)->head);
        uint64_t count = events && head < capacity ? head : capacity;
        if (!events || count <= stream->count || count > stream->limit)
            continue;
        for (uint64_t at = 0; at < count; at++)
            stream->events[at] = events[(head - count + at) & (capacity - 1)];
        stream->count = (size_t)count;
    }
    if (stream->count == 0)
        fprintf(stderr, "%s: its rings hold no events\n", path);
    return stream->count == 0;
}

static int define_of_session(void *context, uint32_t id, char *buffer,
                             struct definition_text *ret_text)
{
    return mapping_definition(context, id, buffer, ret_text);
}

static double thread_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Each round replays the stream with the counters moved on; only the folding is timed, in this
 * thread's own CPU time, so that a busy machine does not count. */
static double fold_stream(struct model *model, struct track *track, struct stream *stream,
                          uint64_t rounds)
{
    uint64_t span = stream->counter - stream->events[0].counter + 1000;
    double spent_s = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        double begin_s = thread_s();
        for (size_t at = 0; at < stream->count; at += BATCH)
            fold_events(model, track, stream->events + at,
                        stream->count - at < BATCH ? stream->count - at : BATCH);
        spent_s += thread_s() - begin_s;
        if (round % 64 == 63)
            model_tick(model, track->last);
        for (size_t i = 0; i < stream->count; i++)
            stream->events[i].counter += span;
    }
    return spent_s;
}

static int run(const char *name, uint64_t millions, const char *session)
{
    struct stream stream = {.limit = STREAM_EVENTS, .counter = 1000000};
    struct model model;
    struct mapping mapping = {.fd = -1};
    struct model_options options = {.define = define};
    struct model_costs costs = {2560, 2560, 2560, 2560};
    stream.events = calloc(stream.limit, sizeof(*stream.events));
    if (!stream.events || (session && read_session(&stream, session, &mapping)))
        return 1;
    if (session) {
        options.define = define_of_session;
        options.define_context = &mapping;
    }
    if (model_init(&model, &options))
        return 1;
    model_set_costs(&model, &costs);
    struct track *track = model_add_track(&model, 1);
    if (session)
        stream.counter = stream.events[stream.count - 1].counter;
    else
        make_stream(&stream, name);
    uint64_t rounds = millions * 1000000 / stream.count + 1;
    double seconds = fold_stream(&model, track, &stream, rounds);
    printf("%-12s %8.1f million events/s  %9u nodes  %5u functions\n", name,
           (double)(stream.count * rounds) / seconds / 1e6, model.nodes.count, model.symbols.count);
    model_done(&model);
    mapping_close(&mapping);
    free(stream.events);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"fib", "program", "mixed", "wide", "generators"};
    uint64_t millions = argc > 2 ? strtoull(argv[2], NULL, 10) : 50;
    if (argc > 3)
        return run(argv[1], millions, argv[3]);
    if (argc > 1 && strcmp(argv[1], "all") != 0)
        return run(argv[1], millions, NULL);
    int result = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        result |= run(names[i], millions, NULL);
    return result;
}

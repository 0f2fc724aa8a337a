/* SPDX-License-Identifier: MIT */
/* The format `pprof`: a gzipped protocol buffer, for `go tool pprof`, Pyroscope, Parca, Grafana.
 * Why: the format that profiles are stored and compared in across languages.
 * Rules: https://github.com/google/pprof/blob/main/proto/profile.proto has the numbers. A sample for
 * each calling context, leaf first, its own figures as values: calls, and in whole nanoseconds wall
 * time, cpu time and waiting (as far as known). pprof sums functions by name, so names are told with
 * their module; system_name is never equal to name, since pprof then takes it for a C++ name and
 * cuts what stands between `<` and `>`. Strings are numbered before they are written: samples come
 * first, and nothing is held but the names. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/exporter.h"
#include "export/gzip_writer.h"
#include "export/protobuf.h"

#include "base/text.h"

#include <errno.h>

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14,
};

enum { VALUE_TYPE = 1, VALUE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2 };
enum { MAPPING_ID = 1, MAPPING_FILE = 5, MAPPING_HAS_FUNCTIONS = 7 };
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum {
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3,
    FUNCTION_FILE = 4,
    FUNCTION_START_LINE = 5
};

/* The strings that are always there, by number; those of the functions follow, three each. */
enum {
    STRING_EMPTY,
    STRING_CALLS,
    STRING_COUNT,
    STRING_WALL,
    STRING_CPU,
    STRING_WAIT,
    STRING_NANOSECONDS,
    STRING_EXECUTABLE,
    STRING_COMMAND,
    STRING_EXACT,
    STRING_FIRST
};

struct value {
    enum export_stack_weight weight;
    uint64_t type, unit;
};

static const struct value values[] = {
    {STACK_CALLS, STRING_CALLS, STRING_COUNT},
    {STACK_WALL, STRING_WALL, STRING_NANOSECONDS},
    {STACK_CPU, STRING_CPU, STRING_NANOSECONDS},
    {STACK_WAIT, STRING_WAIT, STRING_NANOSECONDS},
};

enum { VALUES = sizeof(values) / sizeof(values[0]) };

struct profiling {
    const struct snapshot *snapshot;
    struct gzip_writer *gzip;
    struct protobuf root, message, part; /* root: what goes out next */
    uint64_t deeper;                     /* number of the location of what is left out */
};

/* Sends the message as a field of the profile. */
static int send_message(struct profiling *state, enum profile_field field)
{
    protobuf_part(&state->root, field, &state->message);
    protobuf_clear(&state->message);
    int result = state->root.failed
                     ? -ENOMEM
                     : gzip_writer_put(state->gzip, state->root.bytes, state->root.size);
    protobuf_clear(&state->root);
    return result;
}

static int send_text(struct profiling *state, const char *text)
{
    if (!text)
        return -ENOMEM;
    protobuf_text(&state->root, PROFILE_STRING, text);
    int result = state->root.failed
                     ? -ENOMEM
                     : gzip_writer_put(state->gzip, state->root.bytes, state->root.size);
    protobuf_clear(&state->root);
    return result;
}

static int send_types(struct profiling *state)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < VALUES; i++) {
        if (!export_stack_is_known(state->snapshot, values[i].weight))
            continue;
        protobuf_unsigned(&state->message, VALUE_TYPE, values[i].type);
        protobuf_unsigned(&state->message, VALUE_UNIT, values[i].unit);
        result = send_message(state, PROFILE_SAMPLE_TYPE);
    }
    return result;
}

static int send_sample(void *context, const struct export_stack *stack)
{
    struct profiling *state = context;
    if (!stack->calls && !stack->wall_ns && !stack->wait_ns)
        return 0;
    for (int i = stack->depth; i-- > 0;) {
        protobuf_varint(&state->part, (uint64_t)stack->functions[i] + 1);
        if (stack->cut && i == stack->depth - 1)
            protobuf_varint(&state->part, state->deeper);
    }
    protobuf_part(&state->message, SAMPLE_LOCATION, &state->part);
    protobuf_clear(&state->part);
    for (size_t i = 0; i < VALUES; i++)
        if (export_stack_is_known(state->snapshot, values[i].weight))
            protobuf_varint(&state->part, (uint64_t)export_stack_weigh(stack, values[i].weight));
    protobuf_part(&state->message, SAMPLE_VALUE, &state->part);
    protobuf_clear(&state->part);
    return send_message(state, PROFILE_SAMPLE);
}

/* One mapping that has its names: so nothing is looked for in the executable. */
static int send_mapping(struct profiling *state)
{
    protobuf_unsigned(&state->message, MAPPING_ID, 1);
    protobuf_unsigned(&state->message, MAPPING_FILE, STRING_EXECUTABLE);
    protobuf_unsigned(&state->message, MAPPING_HAS_FUNCTIONS, 1);
    return send_message(state, PROFILE_MAPPING);
}

/* A location and a function of each number; the last one is that of what is left out. */
static int send_functions(struct profiling *state)
{
    int result = 0;
    for (uint64_t id = 1; result == 0 && id <= state->deeper; id++) {
        uint64_t line = id < state->deeper ? state->snapshot->functions[id - 1].line : 0;
        uint64_t strings = STRING_FIRST + (id - 1) * 3;
        protobuf_unsigned(&state->part, LINE_FUNCTION, id);
        protobuf_unsigned(&state->part, LINE_LINE, line);
        protobuf_unsigned(&state->message, LOCATION_ID, id);
        protobuf_unsigned(&state->message, LOCATION_MAPPING, 1);
        protobuf_part(&state->message, LOCATION_LINE, &state->part);
        protobuf_clear(&state->part);
        result = send_message(state, PROFILE_LOCATION);
        if (result < 0)
            break;
        protobuf_unsigned(&state->message, FUNCTION_ID, id);
        protobuf_unsigned(&state->message, FUNCTION_NAME, strings);
        protobuf_unsigned(&state->message, FUNCTION_SYSTEM_NAME, strings + 1);
        protobuf_unsigned(&state->message, FUNCTION_FILE, strings + 2);
        protobuf_unsigned(&state->message, FUNCTION_START_LINE, line);
        result = send_message(state, PROFILE_FUNCTION);
    }
    return result;
}

/* `package.module.Class.method`, as Go names its functions: pprof knows no modules. */
static const char *full_name(struct arena *arena, const struct snapshot_function *function)
{
    const char *name = export_frame_name(arena, function);
    const char *module = function->module && function->file ? text_clean(arena, function->module)
                                                            : NULL;
    if (!name || !module)
        return name;
    return arena_format(arena, "%s.%s", module, name);
}

static int send_function_strings(struct profiling *state)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < state->snapshot->function_count; i++) {
        const struct snapshot_function *function = &state->snapshot->functions[i];
        struct arena *arena = arena_new();
        if (!arena)
            return -ENOMEM;
        result = send_text(state, full_name(arena, function));
        if (result == 0)
            result = send_text(state, export_standard_name(arena, function));
        if (result == 0)
            result = send_text(state, function->file ? text_clean(arena, function->file) : "");
        arena_free(arena);
    }
    return result;
}

static int send_strings(struct profiling *state)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    struct arena *arena = arena_new();
    if (!arena)
        return -ENOMEM;
    const char *fixed[STRING_FIRST] = {
        [STRING_EMPTY] = "",
        [STRING_CALLS] = "calls",
        [STRING_COUNT] = "count",
        [STRING_WALL] = "wall",
        [STRING_CPU] = "cpu",
        [STRING_WAIT] = "wait",
        [STRING_NANOSECONDS] = "nanoseconds",
        [STRING_EXECUTABLE] = text_clean(arena, meta->executable ? meta->executable : "python"),
        [STRING_COMMAND] = text_clean(arena, meta->command ? meta->command : ""),
        [STRING_EXACT] = meta->inexact ? arena_format(arena, "ulma, exact: no, %s",
                                                      text_clean(arena, meta->inexact))
                                       : "ulma, exact: yes",
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < STRING_FIRST; i++)
        result = send_text(state, fixed[i]);
    arena_free(arena);
    if (result == 0)
        result = send_function_strings(state);
    if (result == 0)
        result = send_text(state, EXPORT_DEEPER);
    if (result == 0)
        result = send_text(state, "deeper than what is told"); /* unlike the name */
    return result < 0 ? result : send_text(state, "");
}

static int send_rest(struct profiling *state, const struct export_options *options)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    enum export_stack_weight wanted = export_stack_weight(options);
    uint64_t type = STRING_WALL;
    for (size_t i = 0; i < VALUES; i++)
        if (values[i].weight == wanted && export_stack_is_known(state->snapshot, wanted))
            type = values[i].type;
    protobuf_signed(&state->root, PROFILE_TIME_NANOS, meta->start_time_ns);
    protobuf_signed(&state->root, PROFILE_DURATION_NANOS, meta->duration_ns);
    protobuf_unsigned(&state->message, VALUE_TYPE, STRING_CALLS);
    protobuf_unsigned(&state->message, VALUE_UNIT, STRING_COUNT);
    protobuf_part(&state->root, PROFILE_PERIOD_TYPE, &state->message);
    protobuf_clear(&state->message);
    protobuf_signed(&state->root, PROFILE_PERIOD, 1); /* nothing is sampled */
    protobuf_unsigned(&state->root, PROFILE_COMMENT, STRING_COMMAND);
    protobuf_unsigned(&state->root, PROFILE_COMMENT, STRING_EXACT);
    protobuf_unsigned(&state->root, PROFILE_DEFAULT_SAMPLE_TYPE, type);
    if (state->root.failed)
        return -ENOMEM;
    return gzip_writer_put(state->gzip, state->root.bytes, state->root.size);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct profiling state = {.snapshot = snapshot, .deeper = snapshot->function_count + 1};
    state.gzip = gzip_writer_new(stream);
    if (!state.gzip)
        return -ENOMEM;
    int result = send_types(&state);
    if (result == 0)
        result = export_stacks_walk(snapshot, send_sample, &state);
    if (result == 0)
        result = send_mapping(&state);
    if (result == 0)
        result = send_functions(&state);
    if (result == 0)
        result = send_strings(&state);
    if (result == 0)
        result = send_rest(&state, options);
    if (result == 0)
        result = gzip_writer_finish(state.gzip);
    if (result == 0)
        result = export_finish(stream);
    gzip_writer_free(state.gzip);
    protobuf_done(&state.root);
    protobuf_done(&state.message);
    protobuf_done(&state.part);
    return result;
}

const struct exporter export_pprof = {
    .name = "pprof",
    .extensions = ".pprof .pb.gz",
    .help = "for go tool pprof, Pyroscope, Parca: calls, wall, cpu, wait",
    .binary = true,
    .write = write,
};

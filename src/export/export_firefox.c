/* SPDX-License-Identifier: MIT */
/* The format `firefox`: a processed profile for https://profiler.firefox.com.
 * Why: call tree, flame graph and stack chart with search, focus and merging of functions.
 * Rules: version 60 of the processed profile, which the viewer brings up to its own: the first whose
 * tables are shared between threads. What was measured are sums, not moments: a thread here is a
 * weight (wall time, cpu time, waiting, calls), a sample is a calling context with its own weight,
 * and it stands at the time at which the weights before it end. Weights are milliseconds with six
 * decimals, which are nanoseconds. All threads share one table of stacks, a row for each context,
 * so the file grows with the contexts and not with their depth. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/exporter.h"
#include "export/json_writer.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <inttypes.h>

enum {
    GECKO_VERSION = 32,
    PROCESSED_VERSION = 60,
    RESOURCE_LIBRARY = 1,
};

/* In the order of enum export_origin, of which the category is the number; the viewer wants a grey
 * one to be there. */
static const char *const category_colors[] = {"orange", "blue", "green", "purple", "grey"};

struct foxing {
    struct json_writer writer;
    const struct snapshot *snapshot;
    struct arena *arena;
};

/* A column of one number for each of `count`. */
static void write_same(struct json_writer *writer, const char *key, size_t count, const char *word)
{
    json_open(writer, key, '[');
    for (size_t i = 0; i < count; i++)
        fprintf(writer->stream, "%s%s", i ? "," : "", word);
    json_close(writer, ']');
}

static void write_entry(struct json_writer *writer, const char *label, const char *value)
{
    json_open(writer, NULL, '{');
    json_string(writer, "label", label);
    json_string(writer, "format", "string");
    json_string(writer, "value", value);
    json_close(writer, '}');
}

static void write_about(struct json_writer *writer, const struct snapshot_meta *meta)
{
    char lost[TEXT_NUMBER_BYTES];
    json_open(writer, "extra", '[');
    json_open(writer, NULL, '{');
    json_string(writer, "label", "ulma");
    json_open(writer, "entries", '[');
    write_entry(writer, "version", ULMA_VERSION);
    write_entry(writer, "Python", meta->python ? meta->python : "none seen");
    write_entry(writer, "exact", meta->inexact ? meta->inexact : "yes");
    write_entry(writer, "lost", text_format_grouped(lost, meta->lost));
    json_close(writer, ']');
    json_close(writer, '}');
    json_close(writer, ']');
}

static int write_meta(struct foxing *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    const char *command = text_clean(state->arena, meta->command ? meta->command : "");
    if (!command)
        return -ENOMEM;
    json_open(writer, "meta", '{');
    json_number(writer, "interval", 1);
    json_integer(writer, "startTime", meta->start_time_ns / 1000000);
    json_integer(writer, "processType", 0);
    json_string(writer, "product", command[0] ? command : "Python");
    json_string(writer, "importedFrom", "ulma");
    json_string(writer, "arguments", command);
    json_integer(writer, "stackwalk", 0);
    json_integer(writer, "version", GECKO_VERSION);
    json_integer(writer, "preprocessedProfileVersion", PROCESSED_VERSION);
    json_bool(writer, "symbolicated", true);
    json_bool(writer, "usesOnlyOneStackType", true);
    json_bool(writer, "sourceCodeIsNotOnSearchfox", true);
    json_bool(writer, "keepProfileThreadOrder", true);
    json_open(writer, "markerSchema", '[');
    json_close(writer, ']');
    json_open(writer, "categories", '[');
    for (enum export_origin i = ORIGIN_APP; i <= ORIGIN_OTHER; i++) {
        json_open(writer, NULL, '{');
        json_string(writer, "name", export_origin_name(i));
        json_string(writer, "color", category_colors[i]);
        json_open(writer, "subcategories", '[');
        json_string(writer, NULL, "Other");
        json_close(writer, ']');
        json_close(writer, '}');
    }
    json_close(writer, ']');
    write_about(writer, meta);
    json_close(writer, '}');
    return 0;
}

/* Root is no stack: node n is stack n - 1. */
static void write_stack_table(struct foxing *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot *snapshot = state->snapshot;
    size_t count = snapshot->node_count ? snapshot->node_count - 1 : 0;
    json_open(writer, "stackTable", '{');
    json_open(writer, "frame", '[');
    for (size_t i = 0; i < count; i++)
        json_integer(writer, NULL, snapshot->nodes[i + 1].function);
    json_close(writer, ']');
    json_open(writer, "prefix", '[');
    for (size_t i = 0; i < count; i++) {
        int32_t parent = snapshot->nodes[i + 1].parent;
        if (parent > 0)
            json_integer(writer, NULL, parent - 1);
        else
            json_null(writer, NULL);
    }
    json_close(writer, ']');
    json_unsigned(writer, "length", count);
    json_close(writer, '}');
}

/* Function n: frame n, func n, string 2n its name, string 2n + 1 its file. */
static void write_frame_table(struct foxing *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot *snapshot = state->snapshot;
    size_t count = snapshot->function_count;
    json_open(writer, "frameTable", '{');
    write_same(writer, "address", count, "-1");
    write_same(writer, "inlineDepth", count, "0");
    json_open(writer, "category", '[');
    for (size_t i = 0; i < count; i++)
        json_integer(writer, NULL, export_origin(&snapshot->functions[i]));
    json_close(writer, ']');
    write_same(writer, "subcategory", count, "0");
    json_open(writer, "func", '[');
    for (size_t i = 0; i < count; i++)
        json_unsigned(writer, NULL, i);
    json_close(writer, ']');
    write_same(writer, "nativeSymbol", count, "null");
    write_same(writer, "innerWindowID", count, "null");
    write_same(writer, "line", count, "null");
    write_same(writer, "column", count, "null");
    json_unsigned(writer, "length", count);
    json_close(writer, '}');
}

static void write_func_table(struct foxing *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot *snapshot = state->snapshot;
    size_t count = snapshot->function_count;
    json_open(writer, "funcTable", '{');
    json_open(writer, "name", '[');
    for (size_t i = 0; i < count; i++)
        json_unsigned(writer, NULL, 2 * i);
    json_close(writer, ']');
    write_same(writer, "isJS", count, "false");
    write_same(writer, "relevantForJS", count, "false");
    write_same(writer, "resource", count, "-1");
    json_open(writer, "source", '[');
    for (size_t i = 0; i < count; i++) {
        if (snapshot->functions[i].file)
            json_unsigned(writer, NULL, i);
        else
            json_null(writer, NULL);
    }
    json_close(writer, ']');
    json_open(writer, "lineNumber", '[');
    for (size_t i = 0; i < count; i++) {
        if (snapshot->functions[i].file)
            json_unsigned(writer, NULL, snapshot->functions[i].line);
        else
            json_null(writer, NULL);
    }
    json_close(writer, ']');
    write_same(writer, "columnNumber", count, "null");
    json_unsigned(writer, "length", count);
    json_close(writer, '}');
}

static void write_empty_tables(struct json_writer *writer)
{
    static const char *const resources[] = {"lib", "name", "host", "type", NULL};
    static const char *const symbols[] = {"libIndex", "address", "name", "functionSize", NULL};
    json_open(writer, "resourceTable", '{');
    for (size_t i = 0; resources[i]; i++)
        write_same(writer, resources[i], 0, "");
    json_integer(writer, "length", 0);
    json_close(writer, '}');
    json_open(writer, "nativeSymbols", '{');
    for (size_t i = 0; symbols[i]; i++)
        write_same(writer, symbols[i], 0, "");
    json_integer(writer, "length", 0);
    json_close(writer, '}');
}

static int write_strings(struct foxing *state)
{
    struct json_writer *writer = &state->writer;
    const struct snapshot *snapshot = state->snapshot;
    json_open(writer, "stringArray", '[');
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        const char *name = export_frame_name(state->arena, function);
        const char *file = text_clean(state->arena, function->file ? function->file : "");
        if (!name || !file)
            return -ENOMEM;
        json_string(writer, NULL, name);
        json_string(writer, NULL, file);
    }
    json_close(writer, ']');
    json_open(writer, "sources", '{');
    write_same(writer, "uuid", snapshot->function_count, "null");
    json_open(writer, "filename", '[');
    for (size_t i = 0; i < snapshot->function_count; i++)
        json_unsigned(writer, NULL, 2 * i + 1);
    json_close(writer, ']');
    json_unsigned(writer, "length", snapshot->function_count);
    json_close(writer, '}');
    return 0;
}

static int write_shared(struct foxing *state)
{
    json_open(&state->writer, "shared", '{');
    write_stack_table(state);
    write_frame_table(state);
    write_func_table(state);
    write_empty_tables(&state->writer);
    int result = write_strings(state);
    json_close(&state->writer, '}');
    return result;
}

static int64_t weigh(const struct snapshot_node *node, enum export_stack_weight weight)
{
    if (weight == STACK_CALLS)
        return export_count(node);
    if (weight == STACK_WAIT)
        return node->self_wait_ns > 0 ? node->self_wait_ns : 0;
    return tree_order_self(node, weight == STACK_CPU ? CLOCK_CPU : CLOCK_WALL);
}

/* Not by json_number: ten digits would not hold it. */
static void write_milliseconds(FILE *stream, bool first, int64_t time_ns)
{
    fprintf(stream, "%s%" PRId64 ".%06d", first ? "" : ",", time_ns / 1000000,
            (int)(time_ns % 1000000));
}

enum column { COLUMN_STACK, COLUMN_TIME, COLUMN_WEIGHT };

static size_t write_column(struct foxing *state, const char *key, enum export_stack_weight weight,
                           enum column column)
{
    FILE *stream = state->writer.stream;
    size_t count = 0;
    int64_t before = 0;
    json_open(&state->writer, key, '[');
    for (size_t i = 1; i < state->snapshot->node_count; i++) {
        int64_t weighs = weigh(&state->snapshot->nodes[i], weight);
        if (weighs <= 0)
            continue;
        if (column == COLUMN_STACK)
            fprintf(stream, "%s%zu", count ? "," : "", i - 1);
        else if (column == COLUMN_TIME)
            write_milliseconds(stream, count == 0, before);
        else if (weight == STACK_CALLS)
            fprintf(stream, "%s%" PRId64, count ? "," : "", weighs);
        else
            write_milliseconds(stream, count == 0, weighs);
        export_add(&before, weighs);
        count++;
    }
    json_close(&state->writer, ']');
    return count;
}

static void write_samples(struct foxing *state, enum export_stack_weight weight)
{
    struct json_writer *writer = &state->writer;
    json_open(writer, "samples", '{');
    size_t count = write_column(state, "stack", weight, COLUMN_STACK);
    write_column(state, "time", weight, COLUMN_TIME);
    write_column(state, "weight", weight, COLUMN_WEIGHT);
    json_string(writer, "weightType", weight == STACK_CALLS ? "samples" : "tracing-ms");
    json_unsigned(writer, "length", count);
    json_close(writer, '}');
}

static void write_thread(struct foxing *state, enum export_stack_weight weight, unsigned number)
{
    static const char *const markers[] = {"data",    "name",  "startTime",
                                          "endTime", "phase", "category"};
    struct json_writer *writer = &state->writer;
    char pid[16];
    snprintf(pid, sizeof(pid), "%u", state->snapshot->meta.pid);
    json_open(writer, NULL, '{');
    json_string(writer, "processType", "default");
    json_string(writer, "processName", "Python");
    json_integer(writer, "processStartupTime", 0);
    json_null(writer, "processShutdownTime");
    json_integer(writer, "registerTime", 0);
    json_null(writer, "unregisterTime");
    json_open(writer, "pausedRanges", '[');
    json_close(writer, ']');
    json_string(writer, "name", export_stack_weight_name(weight));
    json_bool(writer, "isMainThread", number == 0);
    json_string(writer, "pid", pid);
    json_unsigned(writer, "tid", number);
    write_samples(state, weight);
    json_open(writer, "markers", '{');
    for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++)
        write_same(writer, markers[i], 0, "");
    json_integer(writer, "length", 0);
    json_close(writer, '}');
    json_close(writer, '}');
}

/* The weight asked for comes first: the viewer selects the first thread. */
static void write_threads(struct foxing *state, const struct export_options *options)
{
    static const enum export_stack_weight all[] = {STACK_WALL, STACK_CPU, STACK_WAIT, STACK_CALLS};
    enum export_stack_weight wanted = export_stack_weight(options);
    if (!export_stack_is_known(state->snapshot, wanted))
        wanted = STACK_WALL;
    unsigned number = 0;
    json_open(&state->writer, "threads", '[');
    write_thread(state, wanted, number++);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] != wanted && export_stack_is_known(state->snapshot, all[i]))
            write_thread(state, all[i], number++);
    json_close(&state->writer, ']');
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct foxing state = {
        .writer = {.stream = stream, .compact = true},
        .snapshot = snapshot,
        .arena = arena_new(),
    };
    if (!state.arena)
        return -ENOMEM;
    json_open(&state.writer, NULL, '{');
    int result = write_meta(&state);
    if (result == 0) {
        write_same(&state.writer, "libs", 0, "");
        result = write_shared(&state);
    }
    if (result == 0) {
        write_threads(&state, options);
        json_close(&state.writer, '}');
        putc('\n', stream);
        result = export_finish(stream);
    }
    arena_free(state.arena);
    return result;
}

const struct exporter export_firefox = {
    .name = "firefox",
    .extensions = ".firefox.json .firefox",
    .aliases = "gecko",
    .help = "for profiler.firefox.com: a track each for wall and cpu time, waiting, calls",
    .write = write,
};

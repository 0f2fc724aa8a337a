/* SPDX-License-Identifier: MIT */
/* The format `speedscope`: a JSON file for https://www.speedscope.app and the editors that read it.
 * Why: zooming by time and by function, left-heavy and sandwich views, in any browser.
 * Rules: what was measured are sums, not moments: so the profiles are `sampled`, a sample for each
 * calling context and its own weight, in whole nanoseconds. One profile each for wall time, cpu
 * time, waiting and calls, as far as known; the one that the options ask for is in front. The
 * snapshot has one tree for all threads. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/exporter.h"
#include "export/json_writer.h"

#include "base/text.h"

#include <errno.h>

struct scoping {
    struct json_writer writer;
    size_t deeper; /* the frame of what is left out: after those of the functions */
    enum export_stack_weight weight;
    int64_t sum;
    bool weights; /* of the two passes over the stacks the second one */
};

static int write_frames(struct json_writer *writer, const struct snapshot *snapshot,
                        struct arena *arena)
{
    json_open(writer, "shared", '{');
    json_open(writer, "frames", '[');
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        const char *name = export_frame_name(arena, function);
        const char *file = function->file ? text_clean(arena, function->file) : "";
        if (!name || !file)
            return -ENOMEM;
        json_open(writer, NULL, '{');
        json_string(writer, "name", name);
        if (function->file) {
            json_string(writer, "file", file);
            json_unsigned(writer, "line", function->line);
        }
        json_close(writer, '}');
    }
    json_open(writer, NULL, '{');
    json_string(writer, "name", EXPORT_DEEPER);
    json_close(writer, '}');
    json_close(writer, ']');
    json_close(writer, '}');
    return 0;
}

static int write_stack(void *context, const struct export_stack *stack)
{
    struct scoping *state = context;
    int64_t weight = export_stack_weigh(stack, state->weight);
    if (weight <= 0)
        return 0;
    if (state->weights) {
        json_integer(&state->writer, NULL, weight);
        export_add(&state->sum, weight);
        return 0;
    }
    json_open(&state->writer, NULL, '[');
    for (int i = 0; i < stack->depth; i++) {
        if (stack->cut && i == stack->depth - 1)
            json_unsigned(&state->writer, NULL, state->deeper);
        json_integer(&state->writer, NULL, stack->functions[i]);
    }
    json_close(&state->writer, ']');
    return 0;
}

static int write_profile(struct scoping *state, const struct snapshot *snapshot)
{
    struct json_writer *writer = &state->writer;
    json_open(writer, NULL, '{');
    json_string(writer, "type", "sampled");
    json_string(writer, "name", export_stack_weight_name(state->weight));
    json_string(writer, "unit", state->weight == STACK_CALLS ? "none" : "nanoseconds");
    json_integer(writer, "startValue", 0);
    state->weights = false;
    json_open(writer, "samples", '[');
    int result = export_stacks_walk(snapshot, write_stack, state);
    json_close(writer, ']');
    if (result < 0)
        return result;
    state->weights = true;
    state->sum = 0;
    json_open(writer, "weights", '[');
    result = export_stacks_walk(snapshot, write_stack, state);
    json_close(writer, ']');
    json_integer(writer, "endValue", state->sum);
    json_close(writer, '}');
    return result;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    static const enum export_stack_weight all[] = {STACK_WALL, STACK_CPU, STACK_WAIT, STACK_CALLS};
    struct scoping state = {
        .writer = {.stream = stream, .compact = true},
        .deeper = snapshot->function_count,
    };
    struct arena *arena = arena_new();
    if (!arena)
        return -ENOMEM;
    struct json_writer *writer = &state.writer;
    const char *command = text_clean(arena, snapshot->meta.command ? snapshot->meta.command : "");
    json_open(writer, NULL, '{');
    json_string(writer, "$schema", "https://www.speedscope.app/file-format-schema.json");
    json_string(writer, "exporter", "ulma " ULMA_VERSION);
    json_string(writer, "name", command ? command : "");
    int result = write_frames(writer, snapshot, arena);
    json_open(writer, "profiles", '[');
    unsigned count = 0, active = 0;
    for (size_t i = 0; result == 0 && i < sizeof(all) / sizeof(all[0]); i++) {
        if (!export_stack_is_known(snapshot, all[i]))
            continue;
        if (all[i] == export_stack_weight(options))
            active = count;
        count++;
        state.weight = all[i];
        result = write_profile(&state, snapshot);
    }
    json_close(writer, ']');
    json_unsigned(writer, "activeProfileIndex", active);
    json_close(writer, '}');
    putc('\n', stream);
    arena_free(arena);
    return result < 0 ? result : export_finish(stream);
}

const struct exporter export_speedscope = {
    .name = "speedscope",
    .extensions = ".speedscope.json .speedscope",
    .help = "for speedscope.app: a profile each for wall and cpu time, waiting, calls",
    .write = write,
};

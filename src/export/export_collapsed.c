/* SPDX-License-Identifier: MIT */
/* The format `collapsed`: one line a stack, `outer;inner;leaf N`, for flamegraph.pl, speedscope,
 * difffolded and the like.
 * Why: the common tongue of flame graphs.
 * Rules: N is an integer: microseconds of self time (or of waiting), calls and resumes, or, by line, bytes asked of
 * the allocators. What
 * rounding leaves is carried to the next line, so the sum is that of the snapshot. A `;` in a name
 * becomes `,`. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/exporter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct collapsing {
    FILE *stream;
    const char **labels;
    enum export_stack_weight weight;
    int64_t seen_ns, written_us;
};

static int write_line(void *context, const struct export_stack *stack)
{
    struct collapsing *state = context;
    int64_t weight = export_stack_weigh(stack, state->weight);
    if (state->weight != STACK_CALLS) {
        state->seen_ns += weight;
        weight = state->seen_ns / 1000 - state->written_us;
    }
    if (weight <= 0)
        return 0;
    state->written_us += weight;
    for (int i = 0; i < stack->depth; i++) {
        if (stack->cut && i == stack->depth - 1)
            fputs(";" EXPORT_DEEPER, state->stream);
        fprintf(state->stream, "%s%s", i ? ";" : "", state->labels[stack->functions[i]]);
    }
    fprintf(state->stream, " %" PRId64 "\n", weight);
    return 0;
}

/* Of memory the line is known, and no path to it. */
static void write_sites(const struct snapshot *snapshot, const char **labels, FILE *stream)
{
    for (size_t i = 0; i < snapshot->memory_site_count; i++) {
        const struct snapshot_memory_site *site = &snapshot->memory_sites[i];
        if (!site->sums.bytes)
            continue;
        fputs(site->function != SNAPSHOT_NONE ? labels[site->function]
              : site->is_left_out             ? "(left out)"
                                              : "(outside)",
              stream);
        if (site->line)
            fprintf(stream, ";line %" PRIu32, site->line);
        fprintf(stream, " %" PRIu64 "\n", site->sums.bytes);
    }
}

static int replace_semicolons(struct arena *arena, const struct snapshot *snapshot,
                              const char **labels)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        char *label = arena_string(arena, labels[i]);
        if (!label)
            return -ENOMEM;
        for (char *at = label; (at = strchr(at, ';'));)
            *at = ',';
        labels[i] = label;
    }
    return 0;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct collapsing state = {.stream = stream, .weight = export_stack_weight(options)};
    int result = -ENOMEM;
    struct arena *arena = arena_new();
    state.labels = arena ? export_labels(arena, snapshot) : NULL;
    if (!state.labels || replace_semicolons(arena, snapshot, state.labels) < 0)
        goto out;
    result = 0;
    if (options->weight == WEIGHT_BYTES)
        write_sites(snapshot, state.labels, stream);
    else
        result = export_stacks_walk(snapshot, write_line, &state);
    if (result == 0)
        result = export_finish(stream);
out:
    arena_free(arena);
    return result;
}

const struct exporter export_collapsed = {
    .name = "collapsed",
    .extensions = ".collapsed .folded",
    .aliases = "raw folded",
    .help = "one line a stack, with self time in microseconds",
    .write = write,
};

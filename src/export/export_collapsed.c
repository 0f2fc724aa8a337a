/* SPDX-License-Identifier: MIT */
/* The format `collapsed`: one line a stack, `outer;inner;leaf N`, for flamegraph.pl, speedscope,
 * difffolded and the like.
 * Why: the common tongue of flame graphs.
 * Rules: N is an integer: microseconds of self time (or of waiting), or calls and resumes. What
 * rounding leaves is carried to the next line, so the sum is that of the snapshot. A `;` in a name
 * becomes `,`. Stacks deeper than MOST_FRAMES end in one frame for all below: without that bound a
 * recursion of depth n would take n * n / 2 frames. */
#include "export/export_names.h"
#include "export/exporter.h"
#include "model/tree_order.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { MOST_FRAMES = 512 };

struct collapsing {
    FILE *stream;
    const char **labels;
    int32_t path[MOST_FRAMES]; /* functions, outermost first */
    bool in_time;
    int64_t seen_ns, written_us;
};

static int64_t weigh(const struct snapshot_node *node, const struct export_options *options)
{
    switch (options->weight) {
    case WEIGHT_CALLS:
        return (int64_t)(node->calls + node->resumes);
    case WEIGHT_WAIT:
        return node->self_wait_ns > 0 ? node->self_wait_ns : 0;
    case WEIGHT_TIME:
        break;
    }
    return tree_order_self(node, options->clock);
}

static void write_line(struct collapsing *state, int frames, const char *last, int64_t weight)
{
    if (state->in_time) {
        state->seen_ns += weight;
        weight = state->seen_ns / 1000 - state->written_us;
    }
    if (weight <= 0)
        return;
    state->written_us += weight;
    for (int i = 0; i < frames; i++)
        fprintf(state->stream, "%s%s", i ? ";" : "", state->labels[state->path[i]]);
    fprintf(state->stream, "%s %" PRId64 "\n", last, weight);
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

static void walk(struct collapsing *state, const struct snapshot *snapshot,
                 const struct tree_order *order, const struct export_options *options)
{
    for (size_t i = 1; i < order->count;) {
        const struct snapshot_node *node = &snapshot->nodes[order->nodes[i]];
        int depth = order->depths[i];
        state->path[depth - 1] = node->function;
        write_line(state, depth, "", weigh(node, options));
        if (depth < MOST_FRAMES) {
            i++;
            continue;
        }
        int64_t below = 0;
        for (int32_t j = (int32_t)i + 1; j < order->ends[i]; j++)
            below += weigh(&snapshot->nodes[order->nodes[j]], options);
        write_line(state, depth, ";(deeper)", below);
        i = (size_t)order->ends[i];
    }
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct collapsing *state = NULL;
    struct tree_order order = {0};
    int result = -ENOMEM;
    struct arena *arena = arena_new();
    int64_t *weights = arena ? arena_array(arena, snapshot->node_count + 1, sizeof(*weights))
                             : NULL;
    state = weights ? arena_alloc(arena, sizeof(*state)) : NULL;
    if (!state)
        goto out;
    state->stream = stream;
    state->in_time = options->weight != WEIGHT_CALLS;
    state->labels = export_labels(arena, snapshot);
    if (!state->labels || replace_semicolons(arena, snapshot, state->labels) < 0)
        goto out;
    result = tree_order_make(arena, snapshot, weights, &order);
    if (result < 0)
        goto out;
    walk(state, snapshot, &order, options);
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

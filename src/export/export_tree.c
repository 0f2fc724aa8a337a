/* SPDX-License-Identifier: MIT */
/* The format `tree`: calling contexts as text.
 * Why: reads in a terminal, a mail or a diff, without a viewer.
 * Rules: contexts below CUT_PERCENT of the whole are left out and counted, unless the limit is 0
 * (all). Below MOST_BARS levels the bars are replaced by the depth: a line stays a line. */
#include "export/export_names.h"
#include "export/export_style.h"
#include "export/exporter.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <string.h>

#define CUT_PERCENT 0.1

enum { MOST_BARS = 48 };

struct writing {
    FILE *stream;
    const struct snapshot *snapshot;
    enum snapshot_clock clock;
    struct tree_order order;
    const char **labels;
    int64_t whole;
    double cut_percent;
    bool open[MOST_BARS]; /* a sibling still comes at that depth */
    size_t left_out;
};

static const struct snapshot_node *node_at(const struct writing *state, size_t position)
{
    return &state->snapshot->nodes[state->order.nodes[position]];
}

static bool is_shown(const struct writing *state, size_t position)
{
    int64_t total = tree_order_total(node_at(state, position), state->clock);
    return export_percent(total, state->whole) >= state->cut_percent;
}

/* Children are sorted: the first sibling that is too light ends the family. */
static bool has_next_sibling(const struct writing *state, size_t position)
{
    size_t next = (size_t)state->order.ends[position];
    return next < state->order.count &&
           state->order.depths[next] == state->order.depths[position] && is_shown(state, next);
}

static void write_bars(struct writing *state, int depth, bool more)
{
    if (depth < MOST_BARS)
        state->open[depth] = more;
    if (depth == 1) /* what is called from outside stands at the margin */
        return;
    if (depth >= MOST_BARS) {
        fprintf(state->stream, "(level %d) ", depth);
        return;
    }
    for (int i = 2; i < depth; i++)
        fputs(state->open[i] ? "\xe2\x94\x82  " : "   ", state->stream);
    fputs(more ? "\xe2\x94\x9c\xe2\x94\x80 " : "\xe2\x94\x94\xe2\x94\x80 ", state->stream);
}

static void write_node(struct writing *state, size_t position)
{
    const struct snapshot_node *node = node_at(state, position);
    const struct snapshot_function *function = &state->snapshot->functions[node->function];
    char number[TEXT_NUMBER_BYTES];
    FILE *stream = state->stream;
    int64_t total = tree_order_total(node, state->clock);
    fprintf(stream, "%5.1f%% ", export_percent(total, state->whole));
    export_right(stream, text_format_time(number, total), 8);
    export_right(stream, text_format_time(number, tree_order_self(node, state->clock)), 9);
    putc(' ', stream);
    export_right(stream, text_format_grouped(number, node->calls + node->resumes), 12);
    fputs("  ", stream);
    write_bars(state, state->order.depths[position], has_next_sibling(state, position));
    fprintf(stream, "%s%s\n", state->labels[node->function],
            function->times_exact && function->calls_exact ? "" : " ~");
}

static void write_nodes(struct writing *state)
{
    for (size_t i = 1; i < state->order.count;) {
        if (is_shown(state, i)) {
            write_node(state, i++);
        } else {
            state->left_out += (size_t)state->order.ends[i] - i;
            i = (size_t)state->order.ends[i];
        }
    }
    if (state->left_out)
        fprintf(state->stream, "... and %zu contexts below %.1f%% (-n 0 shows all)\n",
                state->left_out, CUT_PERCENT);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct writing state = {.stream = stream,
                            .snapshot = snapshot,
                            .clock = options->clock,
                            .cut_percent = options->limit ? CUT_PERCENT : 0};
    int result = -ENOMEM;
    struct arena *arena = arena_new();
    int64_t *weights = arena ? arena_array(arena, snapshot->node_count + 1, sizeof(*weights))
                             : NULL;
    if (!weights)
        goto out;
    for (size_t i = 0; i < snapshot->node_count; i++)
        weights[i] = tree_order_total(&snapshot->nodes[i], options->clock);
    state.whole = snapshot->node_count ? weights[0] : 0;
    state.labels = export_labels(arena, snapshot);
    if (!state.labels)
        goto out;
    result = tree_order_make(arena, snapshot, weights, &state.order);
    if (result == 0)
        result = export_style_header(stream, snapshot, options, arena);
    if (result < 0)
        goto out;
    putc('\n', stream);
    export_style_open(stream, options, STYLE_BOLD);
    fputs("%total    total     self        calls  function", stream);
    export_style_close(stream, options);
    putc('\n', stream);
    write_nodes(&state);
    result = export_finish(stream);
out:
    arena_free(arena);
    return result;
}

const struct exporter export_tree = {
    .name = "tree",
    .help = "calling contexts as text, heaviest first",
    .write = write,
};

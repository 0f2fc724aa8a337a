/* SPDX-License-Identifier: MIT */
/* The format `tree` of a comparison: in which calling contexts the change is.
 * Why the net change of a context and all below: it leads from the program's start to the place.
 * Rules: contexts whose part of all change is below CUT_SHARE are left out and counted, unless the limit
 * is 0. What did not change for certain has no change here. */
#include "diff/diff_writer.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_style.h"
#include "model/tree_order.h"

#include <errno.h>
#include <math.h>

#define CUT_SHARE 0.01

enum { MOST_BARS = 48 };

struct writing {
    const struct diff_report *report;
    FILE *stream;
    struct tree_order order;
    const char **labels;
    double cut_ns;
    bool open[MOST_BARS]; /* a sibling still comes at that depth */
    size_t left_out;
};

static const struct diff_node *node_at(const struct writing *state, size_t position)
{
    return &state->report->diff->nodes[state->order.nodes[position]];
}

static bool is_shown(const struct writing *state, size_t position)
{
    return node_at(state, position)->below_ns >= state->cut_ns;
}

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
    if (depth == 1)
        return;
    if (depth >= MOST_BARS) {
        fprintf(state->stream, "(level %d) ", depth);
        return;
    }
    for (int i = 2; i < depth; i++)
        fputs(state->open[i] ? "\xe2\x94\x82  " : "   ", state->stream);
    fputs(more ? "\xe2\x94\x9c\xe2\x94\x80 " : "\xe2\x94\x94\xe2\x94\x80 ", state->stream);
}

static void write_time(FILE *stream, double time_ns, int columns)
{
    char number[TEXT_NUMBER_BYTES];
    putc(' ', stream);
    export_right(stream, text_format_time(number, llround(time_ns)), columns);
}

static void write_calls(FILE *stream, double calls)
{
    char cell[DIFF_CELL_BYTES];
    putc(' ', stream);
    export_right(stream, diff_count(cell, floor(calls + 0.5)), 11);
}

static void write_node(struct writing *state, size_t position)
{
    const struct diff *diff = state->report->diff;
    const struct diff_node *node = node_at(state, position);
    const struct diff_function *function = &diff->functions[node->function];
    bool changed = fabs(node->change_ns) >= 1;
    char cell[DIFF_CELL_BYTES];
    putc(' ', state->stream);
    export_right(state->stream, diff_time_change(cell, node->net_ns), 9);
    write_time(state->stream, node->self_ns[DIFF_OLD], 8);
    write_time(state->stream, node->self_ns[DIFF_NEW], 8);
    write_calls(state->stream, node->calls[DIFF_OLD]);
    write_calls(state->stream, node->calls[DIFF_NEW]);
    fputs("  ", state->stream);
    write_bars(state, state->order.depths[position], has_next_sibling(state, position));
    if (changed)
        export_style_open(state->stream, state->report->options, STYLE_BOLD);
    fputs(state->labels[node->function], state->stream);
    if (changed) {
        export_style_close(state->stream, state->report->options);
        fprintf(state->stream, "  %s", diff_words(diff, function));
    }
    putc('\n', state->stream);
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
        fprintf(state->stream,
                "... and %zu contexts with less than %.0f%% of the change (-n 0 shows all)\n",
                state->left_out, 100 * CUT_SHARE);
}

static int prepare(struct writing *state)
{
    const struct diff *diff = state->report->diff;
    int64_t *weights = arena_array(diff->arena, diff->node_count + 1, sizeof(*weights));
    state->labels = arena_array(diff->arena, diff->function_count + 1, sizeof(*state->labels));
    if (!weights || !state->labels)
        return -ENOMEM;
    for (size_t i = 0; i < diff->node_count; i++)
        weights[i] = llround(diff->nodes[i].below_ns);
    for (size_t i = 0; i < diff->function_count; i++) {
        state->labels[i] = diff_label(diff, &diff->functions[i]);
        if (!state->labels[i])
            return -ENOMEM;
    }
    double all = diff->nodes[0].below_ns;
    /* Contexts without any change are no part of it, however small the cut. */
    state->cut_ns = !state->report->options->limit ? 0 : all > 0 ? fmax(all * CUT_SHARE, 1) : 1;
    return tree_order_make(diff->arena, diff->tree, weights, &state->order);
}

static int write(const struct diff_report *report, FILE *stream)
{
    struct writing state = {.report = report, .stream = stream};
    int result = prepare(&state);
    if (result == 0)
        result = diff_write_head(report, stream);
    if (result)
        return result;
    putc('\n', stream);
    export_style_open(stream, report->options, STYLE_BOLD);
    fputs("    change self old      new   calls old         new  function", stream);
    export_style_close(stream, report->options);
    putc('\n', stream);
    write_nodes(&state);
    return export_finish(stream);
}

const struct diff_writer diff_writer_tree = {"tree", write};

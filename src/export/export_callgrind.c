/* SPDX-License-Identifier: MIT */
/* The format `callgrind`: for KCachegrind, QCachegrind, callgrind_annotate.
 * Why: callers, callees and a map of the program side by side.
 * Rules: https://valgrind.org/docs/manual/cl-format.html. Costs are whole nanoseconds, that of the
 * clock asked for first. The format has one number for each caller and callee, where recursion is
 * counted as often as it nests; here the time of a call counts only where its function is not open
 * further out, so what a function's callers paid together is its total time as the report tells it.
 * What is called from outside of any function is called by OUTSIDE, so that holds for roots too.
 * The place of a call is not known: it stands at the line of the caller. Names stand once and are
 * numbers from then on; functions of one name and file are told apart by their line. */
#include "export/export_names.h"
#include "export/export_stacks.h"
#include "export/exporter.h"

#include "base/sort.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUTSIDE "(outside)"
#define NO_FILE "???" /* how callgrind calls it */

enum { MOST_EVENTS = 3 };

struct cost {
    int64_t of[MOST_EVENTS];
};

struct call {
    int32_t caller, callee;
    int64_t count;
    struct cost cost;
};

struct grinding {
    FILE *stream;
    const struct snapshot *snapshot;
    struct arena *arena;
    enum export_stack_weight events[MOST_EVENTS];
    size_t event_count;
    int32_t outside;    /* its number: after the functions */
    struct cost *selfs; /* of functions */
    struct call *calls; /* by caller, then callee */
    size_t call_count;
    uint32_t *file_ids; /* of functions; 1.. */
    const char **files, **names;
    bool *file_told, *name_told;
};

static void choose_events(struct grinding *state, const struct export_options *options)
{
    static const enum export_stack_weight all[] = {STACK_WALL, STACK_CPU, STACK_WAIT};
    enum export_stack_weight first = export_stack_weight(options);
    if (first == STACK_CALLS) /* calls stand beside the costs anyway */
        first = options->clock == CLOCK_CPU ? STACK_CPU : STACK_WALL;
    if (!export_stack_is_known(state->snapshot, first))
        first = STACK_WALL;
    state->events[state->event_count++] = first;
    for (size_t i = 0; i < MOST_EVENTS; i++)
        if (all[i] != first && export_stack_is_known(state->snapshot, all[i]))
            state->events[state->event_count++] = all[i];
}

static void add_cost(struct cost *to, const struct cost *cost)
{
    for (size_t i = 0; i < MOST_EVENTS; i++)
        export_add(&to->of[i], cost->of[i]);
}

static int64_t own(const struct snapshot_node *node, enum export_stack_weight event)
{
    if (event == STACK_WAIT)
        return node->self_wait_ns > 0 ? node->self_wait_ns : 0;
    return tree_order_self(node, event == STACK_CPU ? CLOCK_CPU : CLOCK_WALL);
}

/* As the model tells it: a sum of the contexts below would add up what rounding left in each. */
static int64_t total(const struct snapshot_node *node, enum export_stack_weight event)
{
    if (event == STACK_WAIT)
        return node->total_wait_ns > 0 ? node->total_wait_ns : 0;
    return tree_order_total(node, event == STACK_CPU ? CLOCK_CPU : CLOCK_WALL);
}

static struct cost cost_of(const struct grinding *state, const struct snapshot_node *node,
                           int64_t (*figure)(const struct snapshot_node *node,
                                             enum export_stack_weight event))
{
    struct cost cost = {0};
    for (size_t i = 0; i < state->event_count; i++)
        cost.of[i] = figure(node, state->events[i]);
    return cost;
}

/* Every node is a call; its total counts where its function is not open further out. */
static int collect_calls(struct grinding *state, const struct tree_order *order)
{
    const struct snapshot *snapshot = state->snapshot;
    int32_t *path = arena_array(state->arena, order->count + 1, sizeof(*path));
    uint32_t *open = arena_array(state->arena, (size_t)state->outside + 1, sizeof(*open));
    if (!path || !open)
        return -ENOMEM;
    int depth = 0;
    path[0] = state->outside;
    for (size_t i = 1; i < order->count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[order->nodes[i]];
        for (; depth >= order->depths[i]; depth--)
            open[path[depth]]--;
        struct call *call = &state->calls[state->call_count++];
        call->caller = path[depth];
        call->callee = node->function;
        call->count = export_count(node);
        if (!open[node->function])
            call->cost = cost_of(state, node, total);
        path[++depth] = node->function;
        open[node->function]++;
    }
    return 0;
}

static int compare_calls(const void *a, const void *b)
{
    const struct call *one = a, *two = b;
    if (one->caller != two->caller)
        return one->caller < two->caller ? -1 : 1;
    return (one->callee > two->callee) - (one->callee < two->callee);
}

static void merge_calls(struct grinding *state)
{
    size_t count = 0;
    qsort(state->calls, state->call_count, sizeof(*state->calls), compare_calls);
    for (size_t i = 0; i < state->call_count; i++) {
        struct call *last = count ? &state->calls[count - 1] : NULL;
        if (last && compare_calls(last, &state->calls[i]) == 0) {
            last->count += state->calls[i].count;
            add_cost(&last->cost, &state->calls[i].cost);
        } else {
            state->calls[count++] = state->calls[i];
        }
    }
    state->call_count = count;
}

static int collect(struct grinding *state)
{
    const struct snapshot *snapshot = state->snapshot;
    size_t count = snapshot->node_count;
    struct tree_order order = {0};
    int64_t *weights = arena_array(state->arena, count + 1, sizeof(*weights));
    state->selfs = arena_array(state->arena, (size_t)state->outside + 1, sizeof(*state->selfs));
    state->calls = arena_array(state->arena, count + 1, sizeof(*state->calls));
    if (!weights || !state->selfs || !state->calls)
        return -ENOMEM;
    for (size_t i = count; i-- > 1;) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        struct cost cost = cost_of(state, node, own);
        add_cost(&state->selfs[node->function], &cost);
    }
    int result = tree_order_make(state->arena, snapshot, weights, &order);
    if (result == 0)
        result = collect_calls(state, &order);
    if (result == 0)
        merge_calls(state);
    return result;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const struct grinding *state = context;
    int32_t one = *(const int32_t *)a, two = *(const int32_t *)b;
    int result = strcmp(state->files[one], state->files[two]);
    if (result == 0)
        result = strcmp(state->names[one], state->names[two]);
    return result ? result : (one > two) - (one < two);
}

/* Numbers for files; a line behind the names that two functions of a file share. */
static int tell_apart(struct grinding *state)
{
    const struct snapshot *snapshot = state->snapshot;
    size_t count = snapshot->function_count;
    int32_t *order = arena_array(state->arena, count + 1, sizeof(*order));
    const char **names = arena_array(state->arena, count + 1, sizeof(*names));
    if (!order || !names)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = (int32_t)i;
    sort_with(order, count, sizeof(*order), compare_names, state);
    uint32_t file = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t before = i ? order[i - 1] : SNAPSHOT_NONE, now = order[i];
        int32_t after = i + 1 < count ? order[i + 1] : SNAPSHOT_NONE;
        if (before < 0 || strcmp(state->files[before], state->files[now]) != 0)
            file++;
        state->file_ids[now] = file;
        const char *name = state->names[now];
        bool twin = false;
        for (int32_t beside = before, k = 0; k < 2; beside = after, k++)
            twin |= beside >= 0 && strcmp(state->files[beside], state->files[now]) == 0 &&
                    strcmp(state->names[beside], name) == 0;
        names[now] = twin ? arena_format(state->arena, "%s:%u", name, snapshot->functions[now].line)
                          : name;
        if (!names[now])
            return -ENOMEM;
    }
    memcpy(state->names, names, count * sizeof(*names));
    return 0;
}

static int name_functions(struct grinding *state)
{
    const struct snapshot *snapshot = state->snapshot;
    size_t count = (size_t)state->outside + 1;
    state->file_ids = arena_array(state->arena, count, sizeof(*state->file_ids));
    state->files = arena_array(state->arena, count, sizeof(*state->files));
    state->names = arena_array(state->arena, count, sizeof(*state->names));
    state->file_told = arena_array(state->arena, count + 1, sizeof(*state->file_told));
    state->name_told = arena_array(state->arena, count, sizeof(*state->name_told));
    if (!state->file_ids || !state->files || !state->names || !state->file_told ||
        !state->name_told)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        state->names[i] = export_frame_name(state->arena, function);
        state->files[i] = function->file && function->file[0]
                              ? text_clean(state->arena, function->file)
                              : NO_FILE;
        if (!state->names[i] || !state->files[i])
            return -ENOMEM;
        if (!state->names[i][0]) /* a number without a name would be a reference */
            state->names[i] = "\"\"";
    }
    state->names[state->outside] = OUTSIDE;
    state->files[state->outside] = NO_FILE;
    return tell_apart(state);
}

static void write_position(struct grinding *state, const char *file_key, const char *name_key,
                           int32_t function)
{
    FILE *stream = state->stream;
    uint32_t file = state->file_ids[function]; /* 0: that of OUTSIDE */
    fprintf(stream, "%s=(%u)", file_key, file + 1);
    if (!state->file_told[file])
        fprintf(stream, " %s", state->files[function]);
    fprintf(stream, "\n%s=(%d)", name_key, function + 1);
    if (!state->name_told[function])
        fprintf(stream, " %s", state->names[function]);
    putc('\n', stream);
    state->file_told[file] = state->name_told[function] = true;
}

static void write_cost(struct grinding *state, uint32_t line, const struct cost *cost)
{
    fprintf(state->stream, "%u", line);
    for (size_t i = 0; i < state->event_count; i++)
        fprintf(state->stream, " %" PRId64, cost->of[i]);
    putc('\n', state->stream);
}

static uint32_t line_of(const struct grinding *state, int32_t function)
{
    return function < state->outside ? state->snapshot->functions[function].line : 0;
}

static void write_function(struct grinding *state, int32_t function, const struct call *calls,
                           size_t count)
{
    putc('\n', state->stream);
    write_position(state, "fl", "fn", function);
    write_cost(state, line_of(state, function), &state->selfs[function]);
    for (size_t i = 0; i < count; i++) {
        write_position(state, "cfi", "cfn", calls[i].callee);
        fprintf(state->stream, "calls=%" PRId64 " %u\n", calls[i].count,
                line_of(state, calls[i].callee));
        write_cost(state, line_of(state, function), &calls[i].cost);
    }
}

static int write_head(struct grinding *state)
{
    static const char *const keys[] = {
        [STACK_WALL] = "wall_ns", [STACK_CPU] = "cpu_ns", [STACK_WAIT] = "wait_ns"};
    const struct snapshot_meta *meta = &state->snapshot->meta;
    FILE *stream = state->stream;
    const char *command = text_clean(state->arena, meta->command ? meta->command : "");
    const char *inexact = meta->inexact ? text_clean(state->arena, meta->inexact) : "";
    if (!command || !inexact)
        return -ENOMEM;
    fprintf(stream, "# callgrind format\nversion: 1\ncreator: ulma " ULMA_VERSION "\n");
    fprintf(stream, "pid: %u\ncmd: %s\ndesc: exact: %s%s\npositions: line\n", meta->pid, command,
            meta->inexact ? "no, " : "yes", inexact);
    for (size_t i = 0; i < state->event_count; i++)
        fprintf(stream, "event: %s : %s [ns]\n", keys[state->events[i]],
                export_stack_weight_name(state->events[i]));
    fputs("events:", stream);
    for (size_t i = 0; i < state->event_count; i++)
        fprintf(stream, " %s", keys[state->events[i]]);
    struct cost whole = {0};
    for (size_t i = 0; i < state->snapshot->function_count; i++)
        add_cost(&whole, &state->selfs[i]);
    fputs("\nsummary:", stream);
    for (size_t i = 0; i < state->event_count; i++)
        fprintf(stream, " %" PRId64, whole.of[i]);
    putc('\n', stream);
    return 0;
}

/* Calls lie by caller; OUTSIDE, the last number, comes last. */
static void write_functions(struct grinding *state)
{
    size_t next = 0;
    for (int32_t function = 0; function <= state->outside; function++) {
        size_t first = next;
        while (next < state->call_count && state->calls[next].caller == function)
            next++;
        write_function(state, function, &state->calls[first], next - first);
    }
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct grinding state = {
        .stream = stream,
        .snapshot = snapshot,
        .arena = arena_new(),
        .outside = (int32_t)snapshot->function_count,
    };
    if (!state.arena)
        return -ENOMEM;
    choose_events(&state, options);
    int result = collect(&state);
    if (result == 0)
        result = name_functions(&state);
    if (result == 0)
        result = write_head(&state);
    if (result == 0) {
        write_functions(&state);
        result = export_finish(stream);
    }
    arena_free(state.arena);
    return result;
}

const struct exporter export_callgrind = {
    .name = "callgrind",
    .extensions = ".callgrind",
    .help = "for KCachegrind and callgrind_annotate: callers and callees",
    .write = write,
};

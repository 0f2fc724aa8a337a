/* SPDX-License-Identifier: MIT */
/* Choosing what a page holds.
 * Why: see html_cut.h.
 * Rules: loops, never recurses: a tree may be a hundred thousand levels deep. */
#include "export/html_cut.h"

#include "base/sort.h"

#include "export/export_names.h"
#include "export/export_stacks.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How wide names may be, the first that fits; the last one always does, with fewer functions. */
static const int limits[] = {1 << 20, 4000, 1000, 400, 120};

struct cutting {
    struct html_cut *cut;
    enum snapshot_clock clock;
    struct tree_order order;
    int64_t *totals; /* of nodes: wall time, in which everything weighs */
    int64_t least;
};

static int compare_functions(const void *a, const void *b, void *context)
{
    const struct html_cut *cut = context;
    const struct snapshot_function *one = &cut->snapshot->functions[*(const int32_t *)a];
    const struct snapshot_function *two = &cut->snapshot->functions[*(const int32_t *)b];
    if (one->total_ns != two->total_ns)
        return one->total_ns > two->total_ns ? -1 : 1;
    return (one > two) - (one < two);
}

/* Bytes that a text takes as JSON in a page. */
static size_t page_size(const char *text)
{
    size_t size = 0;
    for (; *text; text++)
        size += *text == '<' ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
    return size;
}

const char *html_cut_name(const struct html_cut *cut, struct arena *arena, int32_t function)
{
    const char *name = export_frame_name(arena, &cut->snapshot->functions[function]);
    return name ? text_fit(arena, name, cut->limit) : NULL;
}

const char *html_cut_file(const struct html_cut *cut, struct arena *arena, int32_t function)
{
    const char *file = cut->snapshot->functions[function].file;
    file = text_clean(arena, file ? file : "");
    return file ? text_fit_end(arena, file, cut->limit) : NULL;
}

/* How many of the functions have names that fit, and how many of these names are cut for it. -ENOMEM:
 * no memory. */
static int fit_names(struct html_cut *cut, size_t *ret_count)
{
    size_t size = 0, i = 0;
    cut->names_cut = 0;
    for (; i < cut->function_count; i++) {
        struct arena *arena = arena_new();
        int32_t index = cut->functions[i];
        const struct snapshot_function *function = &cut->snapshot->functions[index];
        const char *name = arena ? html_cut_name(cut, arena, index) : NULL;
        const char *file = name ? html_cut_file(cut, arena, index) : NULL;
        const char *whole = file ? export_frame_name(arena, function) : NULL;
        const char *path = whole ? text_clean(arena, function->file ? function->file : "") : NULL;
        if (path)
            size += page_size(name) + page_size(file);
        if (path && size <= HTML_MOST_NAME_BYTES)
            cut->names_cut += strcmp(name, whole) != 0 || strcmp(file, path) != 0;
        arena_free(arena);
        if (!path)
            return -ENOMEM;
        if (size > HTML_MOST_NAME_BYTES)
            break;
    }
    *ret_count = i;
    return 0;
}

static int choose_functions(struct arena *arena, struct html_cut *cut)
{
    const struct snapshot *snapshot = cut->snapshot;
    size_t count = snapshot->function_count, fitting = 0;
    cut->functions = arena_array(arena, count + 1, sizeof(*cut->functions));
    cut->positions = arena_array(arena, count + 1, sizeof(*cut->positions));
    if (!cut->functions || !cut->positions)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        cut->functions[i] = (int32_t)i;
    sort_with(cut->functions, count, sizeof(*cut->functions), compare_functions, cut);
    cut->function_count = count < HTML_MOST_FUNCTIONS ? count : HTML_MOST_FUNCTIONS;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        cut->limit = limits[i];
        int result = fit_names(cut, &fitting);
        if (result < 0)
            return result;
        if (fitting == cut->function_count)
            break;
    }
    cut->function_count = fitting;
    return 0;
}

static void place_functions(struct html_cut *cut, enum snapshot_clock clock)
{
    for (size_t i = 0; i < cut->snapshot->function_count; i++) {
        bool kept = i < cut->function_count;
        int32_t function = cut->functions[i];
        cut->positions[function] = kept ? (int32_t)i : SNAPSHOT_NONE;
        if (!kept)
            export_add(&cut->cut_functions_ns,
                       export_self(&cut->snapshot->functions[function], clock));
    }
}

static bool is_kept(const struct cutting *state, size_t position)
{
    int32_t node = state->order.nodes[position];
    int32_t function = state->cut->snapshot->nodes[node].function;
    return position == 0 ||
           (state->totals[node] >= state->least && state->cut->positions[function] >= 0 &&
            state->order.depths[position] <= HTML_MOST_LEVELS);
}

static size_t count_nodes(const struct cutting *state)
{
    size_t count = 0;
    for (size_t i = 0; i < state->order.count;) {
        bool kept = is_kept(state, i);
        count += kept;
        i = kept ? i + 1 : (size_t)state->order.ends[i];
    }
    return count;
}

static void add_rest(const struct cutting *state, struct html_rest *rest, size_t position)
{
    for (size_t i = position; i < (size_t)state->order.ends[position]; i++) {
        const struct snapshot_node *node = &state->cut->snapshot->nodes[state->order.nodes[i]];
        rest->contexts++;
        export_add(&rest->calls, export_count(node));
        export_add(&rest->wall_ns, tree_order_self(node, CLOCK_WALL));
        export_add(&rest->cpu_ns, tree_order_self(node, CLOCK_CPU));
        export_add(&rest->wait_ns, node->self_wait_ns > 0 ? node->self_wait_ns : 0);
    }
}

static int take_nodes(struct arena *arena, struct cutting *state)
{
    struct html_cut *cut = state->cut;
    size_t count = count_nodes(state);
    int32_t path[HTML_MOST_LEVELS + 1] = {0}; /* positions of the open contexts */
    cut->nodes = arena_array(arena, count + 1, sizeof(*cut->nodes));
    cut->parents = arena_array(arena, count + 1, sizeof(*cut->parents));
    cut->rests = arena_array(arena, count + 1, sizeof(*cut->rests));
    if (!cut->nodes || !cut->parents || !cut->rests)
        return -ENOMEM;
    for (size_t i = 0; i < state->order.count;) {
        int depth = state->order.depths[i];
        int32_t parent = depth ? path[depth - 1] : SNAPSHOT_NONE;
        if (!is_kept(state, i)) {
            add_rest(state, &cut->rests[parent], i);
            i = (size_t)state->order.ends[i];
            continue;
        }
        path[depth] = (int32_t)cut->node_count;
        cut->nodes[cut->node_count] = state->order.nodes[i];
        cut->parents[cut->node_count++] = parent;
        i++;
    }
    return 0;
}

static int choose_nodes(struct arena *arena, struct cutting *state)
{
    const struct snapshot *snapshot = state->cut->snapshot;
    size_t count = snapshot->node_count;
    state->totals = arena_array(arena, count + 1, sizeof(*state->totals));
    if (!state->totals)
        return -ENOMEM;
    for (size_t i = count; i-- > 0;) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        export_add(&state->totals[i], tree_order_self(node, CLOCK_WALL));
        if (i)
            export_add(&state->totals[node->parent], state->totals[i]);
    }
    int result = tree_order_make(arena, snapshot, state->totals, &state->order);
    if (result < 0)
        return result;
    if (count_nodes(state) > HTML_MOST_NODES) /* from a millionth of the whole on */
        state->least = state->totals[0] / 1000000 + 1;
    while (count_nodes(state) > HTML_MOST_NODES)
        state->least += state->least / 4 + 1;
    return take_nodes(arena, state);
}

int html_cut_make(struct arena *arena, const struct snapshot *snapshot, enum snapshot_clock clock,
                  struct html_cut *ret_cut)
{
    struct html_cut cut = {.snapshot = snapshot};
    struct cutting state = {.cut = &cut, .clock = clock};
    int result = choose_functions(arena, &cut);
    if (result < 0)
        return result;
    place_functions(&cut, clock);
    result = choose_nodes(arena, &state);
    if (result == 0)
        *ret_cut = cut;
    return result;
}

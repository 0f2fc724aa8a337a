/* SPDX-License-Identifier: MIT */
/* Stacks out of the calling-context tree.
 * Why: see export_stacks.h.
 * Rules: loops, never recurses: a tree may be a hundred thousand levels deep. */
#include "export/export_stacks.h"

#include "export/export_names.h"
#include "model/tree_order.h"

#include <errno.h>

struct walking {
    const struct snapshot *snapshot;
    struct tree_order order;
    int32_t path[EXPORT_MOST_FRAMES + 1];
    struct export_stack *below; /* sums by function of what lies too deep */
    int32_t *touched;           /* the functions that have one */
    int (*take)(void *context, const struct export_stack *stack);
    void *context;
};

int64_t export_stack_weigh(const struct export_stack *stack, enum export_stack_weight weight)
{
    switch (weight) {
    case STACK_CALLS:
        return stack->calls;
    case STACK_CPU:
        return stack->cpu_ns;
    case STACK_WAIT:
        return stack->wait_ns;
    case STACK_WALL:
        break;
    }
    return stack->wall_ns;
}

enum export_stack_weight export_stack_weight(const struct export_options *options)
{
    if (options->weight == WEIGHT_CALLS)
        return STACK_CALLS;
    if (options->weight == WEIGHT_WAIT)
        return STACK_WAIT;
    return options->clock == CLOCK_CPU ? STACK_CPU : STACK_WALL;
}

const char *export_stack_weight_name(enum export_stack_weight weight)
{
    static const char *const names[] = {
        [STACK_CALLS] = "calls",
        [STACK_WALL] = "wall time",
        [STACK_CPU] = "cpu time",
        [STACK_WAIT] = "waiting",
    };
    return names[weight];
}

bool export_stack_is_known(const struct snapshot *snapshot, enum export_stack_weight weight)
{
    return weight == STACK_CALLS || weight == STACK_WALL || snapshot->meta.wait_source != WAIT_NONE;
}

static void add_node(struct export_stack *stack, const struct snapshot_node *node)
{
    export_add(&stack->calls, export_count(node));
    export_add(&stack->wall_ns, tree_order_self(node, CLOCK_WALL));
    export_add(&stack->cpu_ns, tree_order_self(node, CLOCK_CPU));
    export_add(&stack->wait_ns, node->self_wait_ns > 0 ? node->self_wait_ns : 0);
}

/* All below position `top`, which stands at the greatest depth. */
static int take_below(struct walking *state, size_t top)
{
    size_t count = 0;
    for (size_t i = top + 1; i < (size_t)state->order.ends[top]; i++) {
        const struct snapshot_node *node = &state->snapshot->nodes[state->order.nodes[i]];
        struct export_stack *sum = &state->below[node->function];
        if (!sum->cut)
            state->touched[count++] = node->function;
        sum->cut = true;
        add_node(sum, node);
    }
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        struct export_stack *sum = &state->below[state->touched[i]];
        struct export_stack stack = *sum;
        *sum = (struct export_stack){0};
        state->path[EXPORT_MOST_FRAMES] = state->touched[i];
        stack.functions = state->path;
        stack.depth = EXPORT_MOST_FRAMES + 1;
        if (result == 0)
            result = state->take(state->context, &stack);
    }
    return result;
}

static int walk(struct walking *state)
{
    for (size_t i = 1; i < state->order.count;) {
        const struct snapshot_node *node = &state->snapshot->nodes[state->order.nodes[i]];
        struct export_stack stack = {.functions = state->path, .depth = state->order.depths[i]};
        state->path[stack.depth - 1] = node->function;
        add_node(&stack, node);
        int result = state->take(state->context, &stack);
        if (result == 0 && stack.depth == EXPORT_MOST_FRAMES)
            result = take_below(state, i);
        if (result)
            return result;
        i = stack.depth == EXPORT_MOST_FRAMES ? (size_t)state->order.ends[i] : i + 1;
    }
    return 0;
}

int export_stacks_walk(const struct snapshot *snapshot,
                       int (*take)(void *context, const struct export_stack *stack), void *context)
{
    struct walking *state = NULL;
    int result = -ENOMEM;
    struct arena *arena = arena_new();
    int64_t *weights = arena ? arena_array(arena, snapshot->node_count + 1, sizeof(*weights))
                             : NULL;
    state = weights ? arena_alloc(arena, sizeof(*state)) : NULL;
    if (!state)
        goto out;
    state->snapshot = snapshot;
    state->take = take;
    state->context = context;
    state->below = arena_array(arena, snapshot->function_count + 1, sizeof(*state->below));
    state->touched = arena_array(arena, snapshot->function_count + 1, sizeof(*state->touched));
    if (!state->below || !state->touched)
        goto out;
    /* Weights of nothing: as they grew. */
    result = tree_order_make(arena, snapshot, weights, &state->order);
    if (result == 0)
        result = walk(state);
out:
    arena_free(arena);
    return result;
}

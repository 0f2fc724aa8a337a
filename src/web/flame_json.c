/* SPDX-License-Identifier: MIT */
/* The picture `flame`: the calling-context tree as numbers, with the functions that they name.
 * Why so short: a tree may have a million nodes. The heaviest are sent, as many as were asked for; a node whose
 * parent is left out is, too, and what was left out is counted.
 * Rules: as view_json.h. A node is [parent's index here or null, function or null, self_ns, total_ns, calls]. */
#include "web/view_json.h"

#include "model/tree_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 2000, NODES_MOST = 20000 };

static int64_t total_of(const struct snapshot_node *node, const struct wish *wish)
{
    if (wish->window_s)
        return node->window_total_ns;
    return tree_order_total(node, wish->clock);
}

static int64_t self_of(const struct snapshot_node *node, const struct wish *wish)
{
    if (wish->window_s)
        return node->window_self_ns;
    return tree_order_self(node, wish->clock);
}

static int descending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a < b) - (a > b);
}

/* The weight of the last node that is sent. -ENOMEM: no memory. */
static int64_t least_weight(const struct snapshot *snapshot, const struct wish *wish, size_t most)
{
    if (snapshot->node_count <= most)
        return 1;
    int64_t *weights = malloc(snapshot->node_count * sizeof(*weights));
    if (!weights)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->node_count; i++)
        weights[i] = total_of(&snapshot->nodes[i], wish);
    qsort(weights, snapshot->node_count, sizeof(*weights), descending);
    int64_t least = weights[most - 1];
    free(weights);
    return least > 0 ? least : 1;
}

static void write_node(struct json_writer *writer, const struct snapshot *snapshot,
                       const struct wish *wish, const struct snapshot_node *node, int32_t parent)
{
    json_open(writer, NULL, '[');
    if (parent < 0)
        json_null(writer, NULL);
    else
        json_integer(writer, NULL, parent);
    if (node->function < 0)
        json_null(writer, NULL);
    else
        json_unsigned(writer, NULL, snapshot->functions[node->function].id);
    json_integer(writer, NULL, self_of(node, wish));
    json_integer(writer, NULL, total_of(node, wish));
    json_unsigned(writer, NULL, node->calls + node->resumes);
    json_close(writer, ']');
}

void view_json_functions(struct json_writer *writer, const struct snapshot *snapshot,
                         const bool *named)
{
    char id[32];
    json_open(writer, "functions", '{');
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        if (!named[i])
            continue;
        snprintf(id, sizeof(id), "%u", function->id);
        json_open(writer, id, '{');
        json_string(writer, "name", function->qualname);
        json_string(writer, "module", function->module);
        json_string(writer, "file", function->file);
        json_unsigned(writer, "line", function->line);
        json_close(writer, '}');
    }
    json_close(writer, '}');
}

int flame_json_write(struct json_writer *writer, const struct wish *wish,
                     const struct snapshot *snapshot)
{
    size_t most = wish->limit == WISH_LIMIT ? NODES : wish->limit ? wish->limit : NODES_MOST;
    most = most < NODES_MOST ? most : NODES_MOST;
    int64_t least = least_weight(snapshot, wish, most);
    int32_t *places = calloc(snapshot->node_count + 1, sizeof(*places));
    bool *named = calloc(snapshot->function_count + 1, sizeof(*named));
    size_t sent = 0, shown = 0;
    json_string(writer, "title", "Flame");
    json_open(writer, "nodes", '[');
    for (size_t i = 0; places && named && least > 0 && i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        int32_t parent = node->parent < 0 ? SNAPSHOT_NONE : places[node->parent];
        bool has_weight = total_of(node, wish) > 0;
        shown += has_weight;
        places[i] = SNAPSHOT_NONE;
        if (i > 0 && (parent < 0 || total_of(node, wish) < least || sent >= NODES_MOST))
            continue;
        write_node(writer, snapshot, wish, node, parent);
        places[i] = (int32_t)sent++;
        if (node->function >= 0)
            named[node->function] = true;
    }
    json_close(writer, ']');
    if (places && named)
        view_json_functions(writer, snapshot, named);
    json_unsigned(writer, "total", shown);
    json_unsigned(writer, "left_out", shown > sent ? shown - sent : 0);
    int result = places && named && least > 0 ? 0 : -ENOMEM;
    free(places);
    free(named);
    return result;
}

/* SPDX-License-Identifier: MIT */
/* Each node of the tree is one call: it begins a microsecond and a bit after what began before it, and ends
 * after its last child.
 * Rules: without recursion: the trees are deep. */
#include "sample_slices.h"

#include <errno.h>
#include <stdlib.h>

enum { STEP_NS = 1234 };

struct tree_slices {
    struct slices slices; /* first */
    const struct snapshot *snapshot;
    struct slice_function function;
    size_t next;  /* node to begin */
    int32_t open; /* the innermost that is; 0: none */
    int64_t at_ns;
    bool introduced;
};

static struct slice of_node(const struct tree_slices *tree, enum slice_kind kind, int32_t node)
{
    const struct snapshot *snapshot = tree->snapshot;
    int32_t function = snapshot->nodes[node].function;
    bool step = function >= 0 && snapshot->functions[function].kind == KIND_COROUTINE;
    return (struct slice){.kind = kind,
                          .thread = 1,
                          .pid = snapshot->meta.pid,
                          .tid = snapshot->meta.pid + 1,
                          .name = step ? "Task-\xc3\xa9\"1\"" : "",
                          .at_ns = tree->at_ns,
                          .function = (uint32_t)function,
                          .task = step ? 7 : 0};
}

/* Nodes stand in any order but for parents before children; here each is a child of what is open, else what is
 * open ends. */
static int next(struct slices *slices, struct slice *ret_slice)
{
    struct tree_slices *tree = (struct tree_slices *)slices;
    const struct snapshot *snapshot = tree->snapshot;
    if (!tree->introduced) {
        tree->introduced = true;
        *ret_slice = (struct slice){.kind = SLICE_THREAD,
                                    .thread = 1,
                                    .pid = snapshot->meta.pid,
                                    .tid = snapshot->meta.pid + 1,
                                    .name = "main </script>\n\xff",
                                    .command = ""};
        return 1;
    }
    tree->at_ns += STEP_NS;
    while (tree->next < snapshot->node_count && snapshot->nodes[tree->next].function < 0)
        tree->next++;
    bool more = tree->next < snapshot->node_count;
    if (more && (tree->open == 0 || snapshot->nodes[tree->next].parent == tree->open)) {
        tree->open = (int32_t)tree->next++;
        *ret_slice = of_node(tree, SLICE_BEGIN, tree->open);
        return 1;
    }
    if (tree->open == 0)
        return 0;
    *ret_slice = of_node(tree, SLICE_END, tree->open);
    int32_t parent = snapshot->nodes[tree->open].parent;
    tree->open = parent > 0 && snapshot->nodes[parent].function >= 0 ? parent : 0;
    return 1;
}

static const struct slice_function *function(struct slices *slices, uint32_t number)
{
    struct tree_slices *tree = (struct tree_slices *)slices;
    const struct snapshot_function *from = &tree->snapshot->functions[number];
    tree->function = (struct slice_function){from->name, from->qualname, from->module,
                                             from->file, from->line,     from->kind};
    return &tree->function;
}

int sample_write(const struct exporter *exporter, const struct snapshot *snapshot,
                 const struct export_options *options, FILE *stream)
{
    if (!exporter->write_trace)
        return exporter->write(snapshot, options, stream);
    if (exporter->write(snapshot, options, stream) != -ENODATA)
        return -EINVAL; /* without a trace it must say so */
    struct tree_slices tree = {.slices = {next, function, &snapshot->meta}, .snapshot = snapshot};
    return exporter->write_trace(&tree.slices, options, stream);
}

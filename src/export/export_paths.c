/* SPDX-License-Identifier: MIT */
/* Heaviest paths, cut to a width.
 * Why: see export_paths.h.
 * Rules: no recursion, and memory only for the steps that can be shown: paths can be very deep. */
#include "export/export_paths.h"

#include "base/sort.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_style.h"
#include "model/tree_order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATHS = 10,
    LEAST_COLUMNS = 20,
    LINE_COLUMNS = 100, /* of a report that is no wider: cProfile's lines run over too */
    NUMBERS_COLUMNS = 29,
    STEP_COLUMNS = 40,
    NOTE_COLUMNS = 9, /* a note of up to 99 left out */
    MOST_STEPS = 64,
};

#define ARROW    " > "
#define TIMES    "\xc3\x97"
#define ELLIPSIS "\xe2\x80\xa6"

/* One function, several times in a row. */
struct step {
    int32_t function;
    size_t times;
};

/* From the node up: the last MOST_STEPS - 1 steps, and the outermost one. */
struct steps {
    struct step list[MOST_STEPS]; /* innermost first */
    size_t count;                 /* in list */
    size_t skipped;               /* activations between list's last two */
    bool has_outermost;
};

static void gather(const struct snapshot *snapshot, int32_t node, struct steps *steps)
{
    steps->count = steps->skipped = 0;
    for (; node > 0; node = snapshot->nodes[node].parent) {
        int32_t function = snapshot->nodes[node].function;
        struct step *last = steps->count ? &steps->list[steps->count - 1] : NULL;
        if (last && last->function == function) {
            last->times++;
        } else if (steps->count < MOST_STEPS) {
            steps->list[steps->count++] = (struct step){function, 1};
        } else {
            /* Full: the last place holds the outermost seen so far. */
            steps->skipped += last->times;
            *last = (struct step){function, 1};
        }
    }
}

static const char *step_text(struct arena *arena, const struct snapshot *snapshot,
                             const struct step *step)
{
    const struct snapshot_function *function = &snapshot->functions[step->function];
    const char *name = function->qualname ? function->qualname : function->name;
    if (text_width(name) > STEP_COLUMNS)
        name = function->name;
    if (function->file && strcmp(name, "<module>") == 0)
        name =
            arena_format(arena, "<module %s>", text_short_path(function->file, function->module));
    if (!name)
        return NULL;
    name = text_clean(arena, name);
    if (name)
        name = text_fit(arena, name, STEP_COLUMNS);
    if (name && step->times > 1)
        name = arena_format(arena, "%s " TIMES "%zu", name, step->times);
    return name;
}

static size_t count_activations(const struct steps *steps, size_t from, size_t to)
{
    size_t count = steps->skipped;
    for (size_t i = from; i < to; i++)
        count += steps->list[i].times;
    return count;
}

/* How many of the innermost steps fit beside the outermost one and a note of what is between. */
static size_t fitting(const struct steps *steps, const char *const *texts, int columns)
{
    size_t last = steps->count - 1;
    int all = 0;
    for (size_t i = 0; i < steps->count; i++)
        all += text_width(texts[i]) + (i ? (int)strlen(ARROW) : 0);
    if (all <= columns && !steps->skipped)
        return steps->count;
    int used = text_width(texts[last]) + NOTE_COLUMNS + 2 * (int)strlen(ARROW);
    size_t kept = 0;
    while (kept < last) {
        int width = text_width(texts[kept]) + (kept ? (int)strlen(ARROW) : 0);
        if (kept && used + width > columns)
            break;
        used += width;
        kept++;
    }
    return kept;
}

const char *export_paths_text(struct arena *arena, const struct snapshot *snapshot, int32_t node,
                              int columns)
{
    struct steps steps;
    const char *texts[MOST_STEPS];
    if (columns < LEAST_COLUMNS)
        columns = LEAST_COLUMNS;
    gather(snapshot, node, &steps);
    if (steps.count == 0)
        return "";
    for (size_t i = 0; i < steps.count; i++) {
        texts[i] = step_text(arena, snapshot, &steps.list[i]);
        if (!texts[i])
            return NULL;
    }
    size_t kept = fitting(&steps, texts, columns);
    const char *path = texts[0];
    for (size_t i = 1; path && i < kept; i++)
        path = arena_format(arena, "%s" ARROW "%s", texts[i], path);
    size_t last = steps.count - 1;
    if (path && kept < steps.count && kept <= last) {
        size_t between = count_activations(&steps, kept, last);
        path = between ? arena_format(arena, "%s" ARROW ELLIPSIS "%zu more" ELLIPSIS ARROW "%s",
                                      texts[last], between, path)
                       : arena_format(arena, "%s" ARROW "%s", texts[last], path);
    }
    return path ? text_fit_end(arena, path, columns) : NULL;
}

struct ordering {
    const struct snapshot *snapshot;
    enum snapshot_clock clock;
};

static int compare(const void *left, const void *right, void *context)
{
    const struct ordering *ordering = context;
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    int64_t a_self = tree_order_self(&ordering->snapshot->nodes[a], ordering->clock);
    int64_t b_self = tree_order_self(&ordering->snapshot->nodes[b], ordering->clock);
    if (a_self != b_self)
        return a_self > b_self ? -1 : 1;
    return (a > b) - (a < b);
}

int export_paths_write(FILE *stream, const struct snapshot *snapshot,
                       const struct export_options *options, struct arena *arena)
{
    struct ordering ordering = {snapshot, options->clock};
    int32_t *nodes = arena_array(arena, snapshot->node_count + 1, sizeof(*nodes));
    if (!nodes)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 1; i < snapshot->node_count; i++)
        if (tree_order_self(&snapshot->nodes[i], options->clock) > 0)
            nodes[count++] = (int32_t)i;
    if (count == 0)
        return 0;
    sort_with(nodes, count, sizeof(*nodes), compare, &ordering);
    putc('\n', stream);
    export_style_open(stream, options, STYLE_BOLD);
    fputs("     self  %self      calls  heaviest paths", stream);
    export_style_close(stream, options);
    putc('\n', stream);
    int64_t whole = export_whole(snapshot, options->clock);
    int columns = (options->columns > LINE_COLUMNS ? options->columns : LINE_COLUMNS) -
                  NUMBERS_COLUMNS;
    for (size_t i = 0; i < count && i < PATHS; i++) {
        const struct snapshot_node *node = &snapshot->nodes[nodes[i]];
        char number[TEXT_NUMBER_BYTES];
        int64_t self = tree_order_self(node, options->clock);
        const char *path = export_paths_text(arena, snapshot, nodes[i], columns);
        if (!path)
            return -ENOMEM;
        export_right(stream, text_format_time(number, self), 9);
        fprintf(stream, " %5.1f%% %10" PRIu64 "  %s\n", export_percent(self, whole),
                node->calls + node->resumes, path);
    }
    return 0;
}

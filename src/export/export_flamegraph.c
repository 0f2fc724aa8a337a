/* SPDX-License-Identifier: MIT */
/* The format `flamegraph`: one SVG file, icicle, that needs nothing beside itself.
 * Why: a picture of the calling-context tree that can be mailed, kept as a build artefact, put on a
 * page. Width is time, so the eye finds what is dear; depth is who called whom.
 * Rules: complete without its script (as an image), zoomed and searched with it. No request leaves
 * the file. Its size is bounded: frames narrower than CUT_PX, then the narrowest until MOST_FRAMES
 * are left, and levels beyond MOST_LEVELS, are not drawn, and the foot says how many and how much.
 * Every name is cleaned (text_clean: XML forbids control characters even as entities), then
 * escaped. Positions in data-s and data-l are exact, in the weight's own unit: zooming into a
 * sliver stays sharp. */
#include "export/export_names.h"
#include "export/export_style.h"
#include "export/exporter.h"
#include "export/flamegraph_images.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CUT_PX    0.1
#define LETTER_PX 6.63

enum {
    WIDTH = 1200,
    PAD = 10,
    INNER = WIDTH - 2 * PAD,
    TOP = 104,
    ROW = 18,
    BAR = 17,
    FOOT = 64,
    MOST_FRAMES = 6000,
    MOST_LEVELS = 250,
};

struct drawing {
    FILE *stream;
    const struct snapshot *snapshot;
    const struct export_options *options;
    struct arena *arena;
    int64_t *selfs, *totals; /* of nodes, in the weight's unit; a total is never below its parts */
    uint64_t calls;          /* below the root */
    struct tree_order order;
    int64_t whole;
    double least; /* weight of the smallest frame drawn */
    int levels;
    size_t narrow, deep; /* frames not drawn */
    int64_t narrow_weight;
};

/* Totals are summed from what is drawn, not taken over: frames must fit into their parents. */
static int prepare(struct drawing *drawing)
{
    const struct snapshot *snapshot = drawing->snapshot;
    size_t count = snapshot->node_count;
    drawing->selfs = arena_array(drawing->arena, count + 1, sizeof(int64_t));
    drawing->totals = arena_array(drawing->arena, count + 1, sizeof(int64_t));
    if (!drawing->selfs || !drawing->totals)
        return -ENOMEM;
    for (size_t i = count; i-- > 0;) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        drawing->calls += node->calls + node->resumes;
        drawing->selfs[i] = export_weigh(node, drawing->options);
        drawing->totals[i] += drawing->selfs[i];
        if (i)
            drawing->totals[node->parent] += drawing->totals[i];
    }
    drawing->whole = count ? drawing->totals[0] : 0;
    return tree_order_make(drawing->arena, snapshot, drawing->totals, &drawing->order);
}

/* Counts what `least` draws. */
static size_t count_frames(struct drawing *drawing)
{
    const struct tree_order *order = &drawing->order;
    size_t frames = 0;
    drawing->levels = 0;
    drawing->narrow = drawing->deep = 0;
    drawing->narrow_weight = 0;
    for (size_t i = 0; i < order->count;) {
        int64_t total = drawing->totals[order->nodes[i]];
        size_t below = (size_t)order->ends[i] - i;
        if (order->depths[i] >= MOST_LEVELS) {
            drawing->deep += below;
            i = (size_t)order->ends[i];
        } else if (i && ((double)total < drawing->least || total <= 0)) {
            drawing->narrow += below;
            drawing->narrow_weight += total;
            i = (size_t)order->ends[i];
        } else {
            frames++;
            if (order->depths[i] >= drawing->levels)
                drawing->levels = order->depths[i] + 1;
            i++;
        }
    }
    return frames;
}

static void choose_frames(struct drawing *drawing)
{
    drawing->least = (double)drawing->whole * CUT_PX / INNER;
    while (count_frames(drawing) > MOST_FRAMES)
        drawing->least *= 1.4;
}

static void write_escaped(FILE *stream, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"'", *text))
            fprintf(stream, "&#%d;", *text);
        else
            putc(*text, stream);
    }
}

static const char *format_weight(const struct drawing *drawing, char *buffer, int64_t weight)
{
    if (drawing->options->weight == WEIGHT_CALLS)
        return text_format_grouped(buffer, (uint64_t)weight);
    return text_format_time(buffer, weight);
}

static const char *weight_name(const struct export_options *options)
{
    if (options->weight == WEIGHT_CALLS)
        return "calls";
    if (options->weight == WEIGHT_WAIT)
        return "time waiting";
    return options->clock == CLOCK_CPU ? "cpu time" : "wall time";
}

/* Modules side by side should not look alike: one of four shades by name. */
static unsigned find_shade(const struct snapshot_function *function)
{
    uint32_t hash = 2166136261u;
    const char *name = function->module ? function->module : function->file;
    for (; name && *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return (hash >> 13) % 4;
}

/* A frame's box and label. `start` is where it begins, in the weight's unit. */
static int write_box(struct drawing *drawing, int64_t start, int64_t total, int depth,
                     const char *name)
{
    FILE *stream = drawing->stream;
    double scale = drawing->whole ? (double)INNER / (double)drawing->whole : 0;
    double x = PAD + (double)start * scale, width = (double)total * scale;
    if (!drawing->whole)
        width = INNER;
    int y = TOP + depth * ROW;
    double bar = width > 1.2 ? width - 0.6 : width > 0.4 ? 0.6 : width;
    fprintf(stream, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>", x, y, bar,
            BAR);
    int columns = (int)((width - 8) / LETTER_PX);
    const char *text = columns < 3 ? "" : text_fit(drawing->arena, name, columns);
    if (!text)
        return -ENOMEM;
    fprintf(stream, "<text x=\"%.2f\" y=\"%.1f\">", x + 4, y + 12.5);
    write_escaped(stream, text);
    fputs("</text></g>\n", stream);
    return 0;
}

static int write_frame(struct drawing *drawing, int32_t index, int64_t start, int depth)
{
    FILE *stream = drawing->stream;
    const struct snapshot_node *node = &drawing->snapshot->nodes[index];
    const struct snapshot_function *function = &drawing->snapshot->functions[node->function];
    int64_t total = drawing->totals[index], self = drawing->selfs[index];
    enum export_origin origin = export_origin(function);
    char number[TEXT_NUMBER_BYTES];
    const char *name = export_frame_name(drawing->arena, function);
    const char *file = text_clean(drawing->arena, function->file ? function->file : "");
    if (!name || !file)
        return -ENOMEM;
    fprintf(stream, "<g class=\"f %c%u\" data-s=\"%" PRId64 "\" data-l=\"%" PRId64 "\"><title>",
            export_origin_letter(origin), find_shade(function), start, total);
    write_escaped(stream, name);
    putc('\n', stream);
    write_escaped(stream, file);
    if (function->file)
        fprintf(stream, ":%u, ", function->line);
    fprintf(stream, "%s\n%s (%.1f%%)", export_origin_name(origin),
            format_weight(drawing, number, total), export_percent(total, drawing->whole));
    fprintf(stream, ", itself %s (%.1f%%)", format_weight(drawing, number, self),
            export_percent(self, drawing->whole));
    if (drawing->options->weight != WEIGHT_CALLS)
        fprintf(stream, ", %s calls", text_format_grouped(number, node->calls + node->resumes));
    fprintf(stream, "%s</title>",
            function->times_exact && function->calls_exact ? "" : ", estimated");
    return write_box(drawing, start, total, depth, name);
}

static int write_root(struct drawing *drawing)
{
    char number[TEXT_NUMBER_BYTES];
    char name[96];
    snprintf(name, sizeof(name), "all: %s %s", weight_name(drawing->options),
             format_weight(drawing, number, drawing->whole));
    fprintf(drawing->stream,
            "<g class=\"f r\" data-s=\"0\" data-l=\"%" PRId64 "\"><title>%s\n%s calls</title>",
            drawing->whole ? drawing->whole : 1, name, text_format_grouped(number, drawing->calls));
    return write_box(drawing, 0, drawing->whole, 0, name);
}

/* Children begin where their parent does, heaviest first; what is left over to the right of the
 * last one is the parent's own. */
static int write_frames(struct drawing *drawing)
{
    const struct tree_order *order = &drawing->order;
    int64_t next[MOST_LEVELS + 1] = {0}; /* where the next frame of that depth begins */
    fputs("<g>\n", drawing->stream);
    int result = write_root(drawing);
    for (size_t i = 1; result == 0 && i < order->count;) {
        int64_t total = drawing->totals[order->nodes[i]];
        int depth = order->depths[i];
        if (depth >= MOST_LEVELS || (double)total < drawing->least || total <= 0) {
            i = (size_t)order->ends[i];
            continue;
        }
        result = write_frame(drawing, order->nodes[i], next[depth], depth);
        next[depth + 1] = next[depth];
        next[depth] += total;
        i++;
    }
    fputs("</g>\n", drawing->stream);
    return result;
}

static void write_legend(FILE *stream)
{
    int x = PAD;
    fputs("<g id=\"keys\">", stream);
    for (enum export_origin i = 0; i < ORIGIN_OTHER; i++) {
        fprintf(stream,
                "<g class=\"%c0\"><rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" "
                "rx=\"3\"/></g><text class=\"key\" x=\"%d\" y=\"%d\">%s</text>",
                export_origin_letter(i), x, TOP - 33, x + 18, TOP - 23, export_origin_name(i));
        x += 42 + (int)strlen(export_origin_name(i)) * 7;
    }
    fputs("</g>\n", stream);
}

/* The two symbols are ends of one object, which C cannot see: subtracted as addresses. */
static void write_image(FILE *stream, const unsigned char *image, const unsigned char *end)
{
    fwrite(image, 1, (size_t)((uintptr_t)end - (uintptr_t)image), stream);
}

static int write_head(struct drawing *drawing)
{
    FILE *stream = drawing->stream;
    const struct snapshot_meta *meta = &drawing->snapshot->meta;
    struct arena *arena = drawing->arena;
    char duration[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES], lost[TEXT_NUMBER_BYTES];
    int height = TOP + drawing->levels * ROW + FOOT;
    const char *command = text_clean(arena, meta->command ? meta->command : "");
    const char *python = text_clean(arena, meta->python ? meta->python : "none seen");
    const char *exact = export_style_exact(drawing->snapshot, arena);
    if (!command || !python || !exact)
        return -ENOMEM;
    const char *heading = text_fit(arena, command, 120);
    if (!heading)
        return -ENOMEM;
    fprintf(stream,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" data-top=\"%d\" role=\"img\" aria-labelledby=\"name\">\n"
            "<title id=\"name\">",
            WIDTH, height, WIDTH, height, TOP);
    write_escaped(stream, command);
    fputs("</title>\n<style><![CDATA[\n", stream);
    write_image(stream, flamegraph_css, flamegraph_css_end);
    fprintf(stream, "]]></style>\n<text class=\"h1\" x=\"%d\" y=\"30\">", PAD);
    write_escaped(stream, heading);
    fprintf(stream, "</text>\n<text class=\"h2\" x=\"%d\" y=\"51\">Python ", PAD);
    write_escaped(stream, python);
    fprintf(stream, "  \xc2\xb7  %s  \xc2\xb7  %s calls  \xc2\xb7  %u thread%s  \xc2\xb7  %s",
            text_format_time(duration, meta->duration_ns), text_format_grouped(calls, meta->calls),
            meta->thread_count, meta->thread_count == 1 ? "" : "s", weight_name(drawing->options));
    fprintf(stream,
            "  \xc2\xb7  lost: %s  \xc2\xb7  exact: ", text_format_grouped(lost, meta->lost));
    write_escaped(stream, exact);
    fputs("</text>\n", stream);
    write_legend(stream);
    fprintf(stream,
            "<rect id=\"rule\" class=\"rule\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"1\"/>\n", PAD,
            TOP - 7, INNER);
    return 0;
}

static void write_foot(struct drawing *drawing)
{
    FILE *stream = drawing->stream;
    int y = TOP + drawing->levels * ROW + 24;
    char number[TEXT_NUMBER_BYTES];
    fprintf(stream, "<text class=\"note\" x=\"%d\" y=\"%d\">", PAD, y);
    if (!drawing->narrow && !drawing->deep)
        fputs("Every calling context is drawn.", stream);
    if (drawing->narrow)
        fprintf(stream, "Not drawn: %s contexts narrower than %.2g px, together %.2f%%. ",
                text_format_grouped(number, drawing->narrow),
                drawing->whole ? drawing->least * INNER / (double)drawing->whole : CUT_PX,
                export_percent(drawing->narrow_weight, drawing->whole));
    if (drawing->deep)
        fprintf(stream, "Not drawn: %s contexts deeper than %d levels.",
                text_format_grouped(number, drawing->deep), MOST_LEVELS);
    fprintf(stream, "</text>\n<text class=\"note\" id=\"hint\" x=\"%d\" y=\"%d\"/>\n", PAD, y + 20);
    fputs("<script><![CDATA[\n", stream);
    write_image(stream, flamegraph_js, flamegraph_js_end);
    fputs("]]></script>\n</svg>\n", stream);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct drawing drawing = {.stream = stream, .snapshot = snapshot, .options = options};
    drawing.arena = arena_new();
    if (!drawing.arena)
        return -ENOMEM;
    int result = prepare(&drawing);
    if (result < 0)
        goto out;
    choose_frames(&drawing);
    if (drawing.levels == 0)
        drawing.levels = 1;
    result = write_head(&drawing);
    if (result == 0)
        result = write_frames(&drawing);
    if (result < 0)
        goto out;
    write_foot(&drawing);
    result = export_finish(stream);
out:
    arena_free(drawing.arena);
    return result;
}

const struct exporter export_flamegraph = {
    .name = "flamegraph",
    .extensions = ".svg",
    .help = "one SVG file to zoom and search in a browser",
    .write = write,
};

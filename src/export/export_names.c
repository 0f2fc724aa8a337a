/* SPDX-License-Identifier: MIT */
/* Names, shares and padding for the formats.
 * Why: see export_names.h.
 * Rules: what is returned has been cleaned (text_clean): it holds no control byte. */
#include "export/export_names.h"

#include "base/text.h"
#include "model/tree_order.h"

#include <errno.h>
#include <string.h>

int64_t export_whole(const struct snapshot *snapshot, enum snapshot_clock clock)
{
    int64_t whole = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        whole += export_self(&snapshot->functions[i], clock);
    return whole;
}

double export_percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

int64_t export_profiled(const struct snapshot *snapshot)
{
    int64_t profiled = 0;
    for (size_t i = 0; i < snapshot->thread_count; i++)
        profiled += snapshot->threads[i].profiled_ns;
    return profiled > 0 ? profiled : snapshot->meta.duration_ns;
}

const char *export_label(struct arena *arena, const struct snapshot_function *function)
{
    const char *name = function->qualname ? function->qualname : function->name;
    name = text_clean(arena, name);
    if (!name || !function->file)
        return name;
    const char *path = text_clean(arena, text_short_path(function->file, function->module));
    if (path && function->pid)
        return arena_format(arena, "%s (%s:%u) [%u]", name, path, function->line, function->pid);
    return path ? arena_format(arena, "%s (%s:%u)", name, path, function->line) : NULL;
}

const char *export_frame_name(struct arena *arena, const struct snapshot_function *function)
{
    if (function->file && strcmp(function->name, "<module>") == 0)
        return export_label(arena, function);
    const char *name = function->qualname ? function->qualname : function->name;
    name = text_clean(arena, name);
    return name && function->pid ? arena_format(arena, "%s [%u]", name, function->pid) : name;
}

static const struct {
    char letter;
    const char *name;
} origins[] = {
    [ORIGIN_APP] = {'a', "own code"},
    [ORIGIN_STDLIB] = {'s', "standard library"},
    [ORIGIN_SITE] = {'t', "installed packages"},
    [ORIGIN_C] = {'c', "C functions"},
    [ORIGIN_OTHER] = {'o', "other"},
};

enum export_origin export_origin(const struct snapshot_function *function)
{
    if (function->kind == KIND_C)
        return ORIGIN_C;
    if (function->kind == KIND_PSEUDO || !function->file)
        return ORIGIN_OTHER;
    const char *file = function->file;
    if (strstr(file, "/site-packages/") || strstr(file, "/dist-packages/"))
        return ORIGIN_SITE;
    if (strncmp(file, "<frozen ", 8) == 0 || strstr(file, "/lib/python3"))
        return ORIGIN_STDLIB;
    return ORIGIN_APP;
}

char export_origin_letter(enum export_origin origin)
{
    return origins[origin].letter;
}

const char *export_origin_name(enum export_origin origin)
{
    return origins[origin].name;
}

int64_t export_weigh(const struct snapshot_node *node, const struct export_options *options)
{
    if (options->weight == WEIGHT_CALLS)
        return export_count(node);
    if (options->weight == WEIGHT_WAIT)
        return node->self_wait_ns > 0 ? node->self_wait_ns : 0;
    return tree_order_self(node, options->clock);
}

const char **export_labels(struct arena *arena, const struct snapshot *snapshot)
{
    const char **labels = arena_array(arena, snapshot->function_count + 1, sizeof(*labels));
    for (size_t i = 0; labels && i < snapshot->function_count; i++) {
        labels[i] = export_label(arena, &snapshot->functions[i]);
        if (!labels[i])
            return NULL;
    }
    return labels;
}

const char *export_standard_name(struct arena *arena, const struct snapshot_function *function)
{
    const char *name = text_clean(arena, function->name);
    if (!name)
        return NULL;
    if (function->file) {
        const char *file = text_clean(arena, function->file);
        return file ? arena_format(arena, "%s:%u(%s)", file, function->line, name) : NULL;
    }
    size_t size = strlen(name);
    if (size > 1 && name[0] == '<' && name[size - 1] == '>')
        return arena_format(arena, "{%.*s}", (int)size - 2, name + 1);
    return name;
}

void export_right(FILE *stream, const char *text, int columns)
{
    int pad = columns - text_width(text);
    fprintf(stream, "%*s%s", pad > 0 ? pad : 0, "", text);
}

void export_code(FILE *stream, const char *text)
{
    fputs("<code>", stream);
    for (; *text; text++) {
        if (strchr("&<>\"'|`*_[]()\\~#@!:$^{}", *text))
            fprintf(stream, "&#%d;", *text);
        else
            putc(*text, stream);
    }
    fputs("</code>", stream);
}

const char *export_clock_name(enum snapshot_clock clock)
{
    return clock == CLOCK_CPU ? "cpu" : "wall";
}

int export_finish(FILE *stream)
{
    errno = 0;
    if (fflush(stream) || ferror(stream))
        return errno ? -errno : -EIO;
    return 0;
}

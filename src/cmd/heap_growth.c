/* SPDX-License-Identifier: MIT */
/* A walk on a page, and in JSON: objects, bytes, and how they have grown.
 * Why growth comes first where it is known: what leaks is what grew, not what is large. */
#include "base/arena.h"
#include "base/text.h"
#include "cmd/heap_walks.h"
#include "export/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct line {
    const struct heap_census_row *row; /* NULL: there is none any more */
    const char *type;
    int64_t objects, bytes; /* more than before */
};

static int compare_growth(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    return strcmp(a->type, b->type);
}

static int compare_referring(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    uint64_t a_count = a->row ? a->row->referrers : 0, b_count = b->row ? b->row->referrers : 0;
    if (a_count != b_count)
        return a_count > b_count ? -1 : 1;
    return strcmp(a->type, b->type);
}

static int compare_size(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    uint64_t a_bytes = a->row ? a->row->bytes : 0, b_bytes = b->row ? b->row->bytes : 0;
    if (a_bytes != b_bytes)
        return a_bytes > b_bytes ? -1 : 1;
    return strcmp(a->type, b->type);
}

static struct line line_of(const struct heap_census_row *now, const struct heap_census_row *before)
{
    return (struct line){
        .row = now,
        .type = now ? now->type : before->type,
        .objects = (int64_t)(now ? now->objects : 0) - (int64_t)(before ? before->objects : 0),
        .bytes = (int64_t)(now ? now->bytes : 0) - (int64_t)(before ? before->bytes : 0),
    };
}

/* Both walks' rows are by name. */
static struct line *make_lines(const struct heap_growth *growth, size_t *ret_count)
{
    const struct heap_walk *now = growth->walk, *before = growth->before;
    size_t old_count = before ? before->header.row_count : 0, new_count = now->header.row_count;
    struct line *lines = calloc(old_count + new_count + 1, sizeof(*lines));
    size_t count = 0;
    for (size_t i = 0, j = 0; lines && (i < new_count || j < old_count);) {
        int order = i == new_count   ? 1
                    : j == old_count ? -1
                                     : strcmp(now->rows[i].type, before->rows[j].type);
        lines[count++] = line_of(order <= 0 ? &now->rows[i] : NULL,
                                 order >= 0 && before ? &before->rows[j] : NULL);
        i += order <= 0;
        j += order >= 0;
    }
    if (lines)
        qsort(lines, count, sizeof(*lines),
              now->header.wanted[0] ? compare_referring
              : before              ? compare_growth
                                    : compare_size);
    *ret_count = count;
    return lines;
}

/* --- on a page ------------------------------------------------------------------------------ */

static void put_bytes(FILE *stream, int64_t bytes, int width)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double number = bytes < 0 ? -(double)bytes : (double)bytes;
    size_t unit = 0;
    char text[TEXT_NUMBER_BYTES];
    for (; number >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        number /= 1000;
    snprintf(text, sizeof(text), unit && number < 99.95 ? "%s%.1f %s" : "%s%.0f %s",
             bytes < 0 ? "-" : "", number, units[unit]);
    fprintf(stream, "%*s", width, text);
}

static void put_count(FILE *stream, int64_t count, int width)
{
    char number[TEXT_NUMBER_BYTES], text[TEXT_NUMBER_BYTES + 1];
    text_format_grouped(number, (uint64_t)(count < 0 ? -count : count));
    snprintf(text, sizeof(text), "%s%s", count < 0 ? "-" : "", number);
    fprintf(stream, "%*s", width, text);
}

static void print_head(const struct heap_growth *growth, FILE *stream)
{
    const struct heap_census_header *header = &growth->walk->header;
    char objects[TEXT_NUMBER_BYTES], pause[TEXT_NUMBER_BYTES];
    fprintf(stream, "%s: %s objects, ", growth->about,
            text_format_grouped(objects, header->objects));
    put_bytes(stream, (int64_t)header->bytes, 0);
    fprintf(stream, " in %" PRIu32 " types; its Python stood still for %s\n", header->row_count,
            text_format_time(pause, (int64_t)header->duration_ns));
    if (header->incomplete)
        fputs("(the process had no memory left to follow all of it: there is more)\n", stream);
    if (header->wanted[0] && !header->is_wanted)
        fprintf(stream, "(there is no object of a type `%s`)\n", header->wanted);
    fputc('\n', stream);
}

/* 0 or -ENOMEM. */
static int print_line(const struct heap_growth *growth, const struct line *line,
                      struct arena *arena, FILE *stream)
{
    const char *type = text_clean(arena, line->type);
    if (!type)
        return -ENOMEM;
    put_count(stream, line->row ? (int64_t)line->row->objects : 0, 12);
    put_bytes(stream, line->row ? (int64_t)line->row->bytes : 0, 10);
    if (growth->before) {
        put_count(stream, line->objects, 12);
        put_bytes(stream, line->bytes, 10);
    }
    if (growth->walk->header.wanted[0])
        put_count(stream, line->row ? (int64_t)line->row->referrers : 0, 12);
    fprintf(stream, "  %s\n", type);
    return 0;
}

int heap_growth_print(const struct heap_growth *growth, FILE *stream)
{
    size_t count;
    struct arena *arena = arena_new();
    struct line *lines = make_lines(growth, &count);
    int result = lines && arena ? 0 : -ENOMEM;
    if (result) {
        free(lines);
        arena_free(arena);
        return result;
    }
    print_head(growth, stream);
    fprintf(stream, "     objects     bytes%s%s  type\n",
            growth->before ? "        more      more" : "",
            growth->walk->header.wanted[0] ? "   referring" : "");
    size_t shown = growth->limit && growth->limit < count ? growth->limit : count;
    for (size_t i = 0; i < shown && result == 0; i++)
        result = print_line(growth, &lines[i], arena, stream);
    if (shown < count)
        fprintf(stream, "... and %zu more (-n 0 shows all)\n", count - shown);
    free(lines);
    arena_free(arena);
    return fflush(stream) ? -EIO : result;
}

/* --- in JSON -------------------------------------------------------------------------------- */

static void write_line(struct json_writer *writer, const struct heap_growth *growth,
                       const struct line *line)
{
    json_open(writer, NULL, '{');
    json_string(writer, "type", line->type);
    json_unsigned(writer, "objects", line->row ? line->row->objects : 0);
    json_unsigned(writer, "bytes", line->row ? line->row->bytes : 0);
    if (growth->before) {
        json_integer(writer, "more_objects", line->objects);
        json_integer(writer, "more_bytes", line->bytes);
    }
    if (growth->walk->header.wanted[0])
        json_unsigned(writer, "referring", line->row ? line->row->referrers : 0);
    json_close(writer, '}');
}

int heap_growth_json(const struct heap_growth *growth, bool compact, FILE *stream)
{
    size_t count;
    struct line *lines = make_lines(growth, &count);
    struct json_writer writer = {.stream = stream, .compact = compact};
    const struct heap_census_header *header = &growth->walk->header;
    if (!lines)
        return -ENOMEM;
    json_open(&writer, NULL, '{');
    json_integer(&writer, "ulma", 1);
    json_unsigned(&writer, "pid", growth->pid);
    json_string(&writer, "python", growth->python);
    json_unsigned(&writer, "walk", growth->number);
    json_unsigned(&writer, "pause_ns", header->duration_ns);
    json_unsigned(&writer, "objects", header->objects);
    json_unsigned(&writer, "bytes", header->bytes);
    json_unsigned(&writer, "unsized", header->unsized);
    json_bool(&writer, "complete", !header->incomplete);
    if (header->wanted[0]) {
        json_string(&writer, "referrers_of", header->wanted);
        json_bool(&writer, "referrers_found", header->is_wanted);
    }
    json_open(&writer, "census", '[');
    size_t shown = growth->limit && growth->limit < count ? growth->limit : count;
    for (size_t i = 0; i < shown; i++)
        write_line(&writer, growth, &lines[i]);
    json_close(&writer, ']');
    json_close(&writer, '}');
    putc('\n', stream);
    free(lines);
    return fflush(stream) ? -EIO : 0;
}

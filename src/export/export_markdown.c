/* SPDX-License-Identifier: MIT */
/* The format `markdown`: a table for comments of CI and merge requests.
 * Why: where a program posts a profile, people read Markdown.
 * Rules: names stand in <code> with every character that Markdown or HTML could read as more than
 * itself written as an entity, so a name can neither break the table nor bring markup, a link or a
 * mention. */
#include "export/export_names.h"
#include "export/export_sort.h"
#include "export/export_style.h"
#include "export/exporter.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>

static void write_time(FILE *stream, int64_t time_ns, bool known, bool estimate)
{
    char number[TEXT_NUMBER_BYTES];
    /* A bare ~ beside another would strike the text between them out. */
    if (known)
        fprintf(stream, " %s%s |", estimate ? "\xe2\x89\x88" : "",
                text_format_time(number, time_ns));
    else
        fputs(" |", stream);
}

static int write_head(FILE *stream, const struct snapshot *snapshot,
                      const struct export_options *options, struct arena *arena)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    char duration[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES], lost[TEXT_NUMBER_BYTES];
    const char *command = text_clean(arena, meta->command ? meta->command : "");
    const char *python = text_clean(arena, meta->python ? meta->python : "none seen");
    const char *exact = export_style_exact(snapshot, arena);
    if (!command || !python || !exact)
        return -ENOMEM;
    fputs("**ulma** ", stream);
    export_code(stream, command);
    fputs("\n\nPython ", stream);
    export_code(stream, python);
    fprintf(stream, ", %s, %s calls, %u thread%s, %s clock, lost: %s, exact: ",
            text_format_time(duration, meta->duration_ns), text_format_grouped(calls, meta->calls),
            meta->thread_count, meta->thread_count == 1 ? "" : "s",
            export_clock_name(options->clock), text_format_grouped(lost, meta->lost));
    if (meta->inexact)
        export_code(stream, exact);
    else
        fputs(exact, stream);
    fputs("\n\n| ncalls | self | % | total | wait | p50 | p99 | max | function |\n"
          "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |\n",
          stream);
    return 0;
}

static int write_row(FILE *stream, const struct snapshot *snapshot,
                     const struct snapshot_function *function, enum snapshot_clock clock,
                     int64_t whole, struct arena *arena)
{
    const char *label = export_label(arena, function);
    if (!label)
        return -ENOMEM;
    bool estimate = !function->times_exact, ended = function->max_ns > 0;
    uint64_t calls = function->calls + function->resumes;
    int64_t self = export_self(function, clock);
    fprintf(stream, "| %s%" PRIu64, function->calls_exact ? "" : "\xe2\x89\x88", calls);
    if (calls != function->primitive_calls)
        fprintf(stream, "/%" PRIu64, function->primitive_calls);
    fputs(" |", stream);
    fputs(function->holds_left_out ? " +" : "", stream);
    write_time(stream, self, true, estimate);
    fprintf(stream, " %.1f |", export_percent(self, whole));
    write_time(stream, export_total(function, clock), true, estimate);
    write_time(stream, function->self_wait_ns, snapshot->meta.wait_source != WAIT_NONE, estimate);
    write_time(stream, function->p50_ns, ended, estimate);
    write_time(stream, function->p99_ns, ended, estimate);
    write_time(stream, function->max_ns, ended, estimate);
    putc(' ', stream);
    export_code(stream, label);
    fputs(" |\n", stream);
    return 0;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    size_t count = 0;
    struct arena *arena = arena_new();
    const int32_t *order = arena ? export_sort_order(arena, snapshot, options, &count) : NULL;
    int result = order ? write_head(stream, snapshot, options, arena) : -ENOMEM;
    if (result < 0)
        goto out;
    int64_t whole = export_whole(snapshot, options->clock);
    size_t shown = options->limit && options->limit < count ? options->limit : count;
    for (size_t i = 0; i < shown; i++) {
        result = write_row(stream, snapshot, &snapshot->functions[order[i]], options->clock, whole,
                           arena);
        if (result < 0)
            goto out;
    }
    if (shown < count)
        fprintf(stream, "\n%zu more function%s not shown\n", count - shown,
                count - shown == 1 ? "" : "s");
    result = export_finish(stream);
out:
    arena_free(arena);
    return result;
}

const struct exporter export_markdown = {
    .name = "markdown",
    .extensions = ".md",
    .help = "a table for comments of CI and merge requests",
    .write = write,
};

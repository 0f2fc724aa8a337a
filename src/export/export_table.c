/* SPDX-License-Identifier: MIT */
/* The format `table`: the report that `ulma run` prints.
 * Why: cProfile's columns in cProfile's format, so that eyes and scripts find them; what cProfile
 * does not know stands in a header, in columns of ours where there is room, and in the heaviest
 * paths below.
 * Rules: rows are pstats' lines to the letter where ours are not asked for (numbers as %8.3f
 * seconds, the count right-aligned in 9). What is an estimate carries `~`, and the time of a function
 * that holds that of others which are left out, `+`. */
#include "export/export_names.h"
#include "export/export_paths.h"
#include "export/export_sort.h"
#include "export/export_sources.h"
#include "export/export_style.h"
#include "export/export_tasks.h"
#include "export/exporter.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { WIDE_COLUMNS = 120 };

static void write_marked(FILE *stream, const char *mark, int64_t time_ns, bool estimate)
{
    char text[48];
    snprintf(text, sizeof(text), "%s%s%.3f", mark, estimate ? "~" : "", (double)time_ns / 1e9);
    fprintf(stream, " %8s", text);
}

static void write_seconds(FILE *stream, int64_t time_ns, bool estimate)
{
    write_marked(stream, "", time_ns, estimate);
}

static void write_per_call(FILE *stream, int64_t time_ns, uint64_t calls, bool estimate)
{
    if (calls)
        write_seconds(stream, (int64_t)((double)time_ns / (double)calls + 0.5), estimate);
    else
        fprintf(stream, " %8s", "");
}

/* 0: no activation has ended. */
static void write_span(FILE *stream, int64_t time_ns, bool known, bool estimate)
{
    char text[TEXT_NUMBER_BYTES], marked[TEXT_NUMBER_BYTES + 1];
    text_format_time(text, time_ns);
    snprintf(marked, sizeof(marked), "%s%s", estimate ? "~" : "", text);
    putc(' ', stream);
    export_right(stream, known ? marked : "", 8);
}

static void write_calls(FILE *stream, const struct snapshot_function *function)
{
    char text[64];
    uint64_t calls = function->calls + function->resumes;
    int size = snprintf(text, sizeof(text), "%s%" PRIu64, function->calls_exact ? "" : "~", calls);
    if (calls != function->primitive_calls)
        snprintf(text + size, sizeof(text) - (size_t)size, "/%" PRIu64, function->primitive_calls);
    fprintf(stream, "%9s", text);
}

static int write_row(FILE *stream, const struct snapshot *snapshot,
                     const struct snapshot_function *function, enum snapshot_clock clock, bool wide)
{
    struct arena *arena = arena_new();
    const char *name = arena ? export_standard_name(arena, function) : NULL;
    int result = name ? 0 : -ENOMEM;
    if (!name)
        goto out;
    bool estimate = !function->times_exact;
    int64_t self = export_self(function, clock), total = export_total(function, clock);
    write_calls(stream, function);
    write_marked(stream, function->holds_left_out ? "+" : "", self, estimate);
    write_per_call(stream, self, function->calls + function->resumes, estimate);
    write_seconds(stream, total, estimate);
    write_per_call(stream, total, function->primitive_calls, estimate);
    if (wide) {
        bool ended = function->max_ns > 0;
        bool waits = snapshot->meta.wait_source != WAIT_NONE;
        write_span(stream, function->self_wait_ns, waits, estimate);
        write_span(stream, function->p50_ns, ended, estimate);
        write_span(stream, function->p99_ns, ended, estimate);
        write_span(stream, function->max_ns, ended, estimate);
    }
    fprintf(stream, " %s", name);
    if (function->pid)
        fprintf(stream, " [%" PRIu32 "]", function->pid);
    fputc('\n', stream);
out:
    arena_free(arena);
    return result;
}

static int write_rows(FILE *stream, const struct snapshot *snapshot,
                      const struct export_options *options, struct arena *arena)
{
    size_t count = 0;
    const int32_t *order = export_sort_order(arena, snapshot, options, &count);
    if (!order)
        return -ENOMEM;
    bool wide = options->wide || options->columns >= WIDE_COLUMNS;
    size_t shown = options->limit && options->limit < count ? options->limit : count;
    fprintf(stream, "   Ordered by: %s\n\n",
            export_sort_title(options->sort ? options->sort : "tottime"));
    export_style_open(stream, options, STYLE_BOLD);
    fprintf(stream, "   ncalls  tottime  percall  cumtime  percall%s filename:lineno(function)",
            wide ? "     wait      p50      p99      max" : "");
    export_style_close(stream, options);
    putc('\n', stream);
    int64_t left_ns = 0;
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_function *function = &snapshot->functions[order[i]];
        if (i >= shown)
            left_ns += export_self(function, options->clock);
        else if (write_row(stream, snapshot, function, options->clock, wide) < 0)
            return -ENOMEM;
    }
    if (shown < count)
        fprintf(stream, "... and %zu more function%s with %.1f%% of the time (-n 0 shows all)\n",
                count - shown, count - shown == 1 ? "" : "s",
                export_percent(left_ns, export_whole(snapshot, options->clock)));
    return 0;
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    struct arena *arena = arena_new();
    if (!arena)
        return -ENOMEM;
    int result = export_style_header(stream, snapshot, options, arena);
    bool has_calls = snapshot->meta.calls || snapshot_has_source(&snapshot->meta, "calls");
    if (result == 0 && has_calls) {
        putc('\n', stream);
        result = write_rows(stream, snapshot, options, arena);
    }
    if (result == 0)
        result = export_paths_write(stream, snapshot, options, arena);
    if (result == 0)
        result = export_tasks_write(stream, snapshot, options, arena);
    if (result == 0)
        result = export_sources_write(stream, snapshot, options);
    if (result == 0)
        result = export_finish(stream);
    arena_free(arena);
    return result;
}

const struct exporter export_table = {
    .name = "table",
    .extensions = ".txt",
    .help = "the report: cProfile's columns, header, heaviest paths",
    .write = write,
};

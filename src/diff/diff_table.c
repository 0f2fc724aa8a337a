/* SPDX-License-Identifier: MIT */
/* The format `table` of a comparison: what changed, then where in the program.
 * Why old beside new: a change in percent says nothing without what it is of.
 * Rules: what has changed stands first, by the time that it is worth; below a rule of its own a few of
 * the largest differences within the noise, so that nobody has to wonder whether they were looked at. */
#include "diff/diff_writer.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_paths.h"
#include "export/export_style.h"

#include <errno.h>
#include <math.h>

enum { PATHS = 10, LEAST_COLUMNS = 100, PATH_NUMBERS = 44 };

static void write_time(FILE *stream, double time_ns, bool known)
{
    char number[TEXT_NUMBER_BYTES];
    putc(' ', stream);
    export_right(stream, known ? text_format_time(number, llround(time_ns)) : "-", 8);
}

static void write_count(FILE *stream, double count, bool known, bool estimated, int columns)
{
    char cell[DIFF_CELL_BYTES], marked[DIFF_CELL_BYTES + 2];
    snprintf(marked, sizeof(marked), "%s%s", estimated ? "~" : "", diff_count(cell, count));
    putc(' ', stream);
    export_right(stream, known ? marked : "-", columns);
}

static int write_row(const struct diff_report *report, FILE *stream,
                     const struct diff_function *function)
{
    const struct diff *diff = report->diff;
    const struct diff_measure *time = diff_shown_time(diff, function);
    const char *label = diff_label(diff, function);
    const char *words = diff_words(diff, function);
    char cell[DIFF_CELL_BYTES];
    if (!label)
        return -ENOMEM;
    bool bad = function->matters && (time->way == DIFF_UP || function->calls.way == DIFF_UP);
    if (bad)
        export_style_open(stream, report->options, STYLE_WARNING);
    else if (!function->changed)
        export_style_open(stream, report->options, STYLE_DIM);
    write_time(stream, time->sides[DIFF_OLD], function->sides[DIFF_OLD]);
    write_time(stream, time->sides[DIFF_NEW], function->sides[DIFF_NEW]);
    putc(' ', stream);
    export_right(stream, diff_time_change(cell, time->change), 9);
    putc(' ', stream);
    export_right(stream, diff_percent(cell, time), 8);
    putc(' ', stream);
    export_right(stream, diff_noise(cell, time), 7);
    write_count(stream, function->calls.sides[DIFF_OLD], function->sides[DIFF_OLD],
                function->estimated, 11);
    write_count(stream, function->calls.sides[DIFF_NEW], function->sides[DIFF_NEW],
                function->estimated, 11);
    if (function->wait.way)
        fprintf(stream, "  %-12s %s (wait %s)", words, label,
                diff_time_change(cell, function->wait.change));
    else
        fprintf(stream, "  %-12s %s", words, label);
    if (bad || !function->changed)
        export_style_close(stream, report->options);
    putc('\n', stream);
    return 0;
}

static void write_titles(const struct diff_report *report, FILE *stream)
{
    char time[TEXT_NUMBER_BYTES];
    bool each = report->diff->request.per_call;
    fprintf(stream, "\n   Ordered by: time that the change is worth%s, %s and more matters\n\n",
            each ? " (times are of one call)" : "",
            text_format_time(time, report->diff->min_time_ns));
    export_style_open(stream, report->options, STYLE_BOLD);
    fprintf(stream, " %8s %8s %9s %8s %7s %11s %11s  %-12s %s", each ? "each old" : "self old",
            "new", "change", "%", "noise", "calls old", "new", "what", "function");
    export_style_close(stream, report->options);
    putc('\n', stream);
}

static int write_rows(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    struct diff_rows rows = diff_rows_shown(report);
    size_t changed = diff->sums.matter + diff->sums.minor;
    write_titles(report, stream);
    for (size_t i = 0; i < rows.changed; i++)
        if (write_row(report, stream, &diff->functions[i]))
            return -ENOMEM;
    if (rows.changed < changed)
        fprintf(stream, "... and %zu more that changed (-n 0 shows all)\n", changed - rows.changed);
    if (rows.within)
        fputs(changed ? "   within the noise, the largest differences:\n"
                      : "   nothing changed; the largest differences, all within the noise:\n",
              stream);
    for (size_t i = 0; i < rows.within; i++)
        if (write_row(report, stream, &diff->functions[changed + i]))
            return -ENOMEM;
    size_t rest = diff->function_count - changed - rows.within;
    if (rest)
        fprintf(stream, "... and %zu function%s without a change (-n 0 shows all)\n", rest,
                rest == 1 ? "" : "s");
    return 0;
}

static int write_paths(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    size_t count;
    const int32_t *contexts = diff_changed_contexts(diff, PATHS, &count);
    if (!contexts)
        return -ENOMEM;
    if (count == 0)
        return 0;
    putc('\n', stream);
    export_style_open(stream, report->options, STYLE_BOLD);
    fprintf(stream, " %9s %8s %8s %14s  paths on which the changed functions changed", "change",
            "self old", "new", "calls of new");
    export_style_close(stream, report->options);
    putc('\n', stream);
    int columns = report->options->columns > LEAST_COLUMNS ? report->options->columns
                                                           : LEAST_COLUMNS;
    for (size_t i = 0; i < count; i++) {
        const struct diff_node *node = &diff->nodes[contexts[i]];
        char cell[DIFF_CELL_BYTES];
        const char *path =
            export_paths_text(diff->arena, diff->tree, contexts[i], columns - PATH_NUMBERS);
        if (!path)
            return -ENOMEM;
        putc(' ', stream);
        export_right(stream, diff_time_change(cell, node->change_ns), 9);
        write_time(stream, node->self_ns[DIFF_OLD], true);
        write_time(stream, node->self_ns[DIFF_NEW], true);
        write_count(stream, floor(node->calls[DIFF_NEW] + 0.5), true, false, 14);
        fprintf(stream, "  %s\n", path);
    }
    return 0;
}

static int write(const struct diff_report *report, FILE *stream)
{
    int result = diff_write_head(report, stream);
    if (result == 0)
        result = write_rows(report, stream);
    if (result == 0)
        result = write_paths(report, stream);
    return result ? result : export_finish(stream);
}

const struct diff_writer diff_writer_table = {"table", write};

/* SPDX-License-Identifier: MIT */
/* The format `markdown` of a comparison: a comment for a merge request.
 * Why the verdict first: it is what the mail's preview and the folded comment show.
 * Rules: names stand in <code> (export_code), so that they can bring neither markup nor a mention. What
 * is long (paths, notes, recordings) is folded. */
#include "diff/diff_writer.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_paths.h"

#include <errno.h>
#include <math.h>

enum { PATHS = 10, PATH_COLUMNS = 120 };

static int write_verdict(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    const char *verdict = diff_verdict(diff);
    if (!verdict)
        return -ENOMEM;
    fputs("**ulma diff: ", stream);
    if (report->excess_count)
        fprintf(stream, "%zu limit%s exceeded; ", report->excess_count,
                report->excess_count == 1 ? "" : "s");
    fprintf(stream, "%s**\n\n", verdict);
    for (size_t i = 0; i < report->excess_count; i++) {
        const struct diff_excess *excess = &report->excesses[i];
        fprintf(stream, "- **%s %+.1f%%** (limit %g%%): ", diff_metric_names[excess->limit.metric],
                excess->percent, excess->limit.percent);
        const char *label = excess->function ? diff_label(diff, excess->function)
                                             : "all functions together";
        if (!label)
            return -ENOMEM;
        if (excess->function)
            export_code(stream, label);
        else
            fputs(label, stream);
        putc('\n', stream);
    }
    if (report->excess_count)
        putc('\n', stream);
    return 0;
}

static void write_time(FILE *stream, double time_ns, bool known)
{
    char number[TEXT_NUMBER_BYTES];
    fprintf(stream, " %s |", known ? text_format_time(number, llround(time_ns)) : "");
}

static int write_row(const struct diff_report *report, FILE *stream,
                     const struct diff_function *function)
{
    const struct diff *diff = report->diff;
    const struct diff_measure *time = diff_shown_time(diff, function);
    const char *label = diff_label(diff, function);
    char cell[DIFF_CELL_BYTES];
    if (!label)
        return -ENOMEM;
    fprintf(stream, "| %s |", diff_words(diff, function));
    write_time(stream, time->sides[DIFF_OLD], function->sides[DIFF_OLD]);
    write_time(stream, time->sides[DIFF_NEW], function->sides[DIFF_NEW]);
    fprintf(stream, " %s |", diff_time_change(cell, time->change));
    fprintf(stream, " %s |", diff_percent(cell, time));
    fprintf(stream, " %s |", diff_noise(cell, time));
    for (enum diff_side side = DIFF_OLD; side < DIFF_SIDES; side++)
        fprintf(stream, " %s%s |", function->estimated ? "\xe2\x89\x88" : "",
                function->sides[side] ? diff_count(cell, function->calls.sides[side]) : "");
    putc(' ', stream);
    export_code(stream, label);
    if (function->wait.way)
        fprintf(stream, " wait %s", diff_time_change(cell, function->wait.change));
    fputs(" |\n", stream);
    return 0;
}

static int write_rows(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    size_t changed = diff->sums.matter + diff->sums.minor;
    size_t shown = diff_rows_shown(report).changed;
    if (shown == 0)
        return 0;
    bool each = diff->request.per_call;
    fprintf(stream,
            "| what | %s old | new | change | %% | noise | calls old | new | function |\n"
            "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |\n",
            each ? "each" : "self");
    for (size_t i = 0; i < shown; i++)
        if (write_row(report, stream, &diff->functions[i]))
            return -ENOMEM;
    if (shown < changed)
        fprintf(stream, "\n%zu more that changed are not shown\n", changed - shown);
    putc('\n', stream);
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
    fputs("<details><summary>Paths on which they changed</summary>\n\n"
          "| change | self old | new | path |\n| ---: | ---: | ---: | :--- |\n",
          stream);
    for (size_t i = 0; i < count; i++) {
        const struct diff_node *node = &diff->nodes[contexts[i]];
        char cell[DIFF_CELL_BYTES];
        const char *path = export_paths_text(diff->arena, diff->tree, contexts[i], PATH_COLUMNS);
        if (!path)
            return -ENOMEM;
        fprintf(stream, "| %s |", diff_time_change(cell, node->change_ns));
        write_time(stream, node->self_ns[DIFF_OLD], true);
        write_time(stream, node->self_ns[DIFF_NEW], true);
        putc(' ', stream);
        export_code(stream, path);
        fputs(" |\n", stream);
    }
    fputs("\n</details>\n\n", stream);
    return 0;
}

static int write_side(const struct diff *diff, FILE *stream, enum diff_side side)
{
    size_t count = diff->request.counts[side];
    size_t from = side == DIFF_OLD ? 0 : diff->request.counts[DIFF_OLD];
    const struct diff_recording *first = &diff->request.recordings[from];
    const struct snapshot_meta *meta = &first->whole->meta;
    const char *command = text_clean(diff->arena, meta->command ? meta->command : "");
    const char *python = text_clean(diff->arena, meta->python ? meta->python : "none seen");
    char self[TEXT_NUMBER_BYTES], calls[DIFF_CELL_BYTES];
    if (!command || !python)
        return -ENOMEM;
    fprintf(stream, "- %s: %zu recording%s of ", side == DIFF_OLD ? "old" : "new", count,
            count == 1 ? "" : "s");
    export_code(stream, command);
    fputs(", Python ", stream);
    export_code(stream, python);
    fprintf(stream, ", self times %s, %s calls\n",
            text_format_time(self, llround(diff->whole_self.sides[side])),
            diff_count(calls, diff->whole_calls.sides[side]));
    return 0;
}

static int write_details(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    char change[DIFF_CELL_BYTES], percent[DIFF_CELL_BYTES], noise[DIFF_CELL_BYTES];
    fputs("<details><summary>How it was compared</summary>\n\n", stream);
    if (write_side(diff, stream, DIFF_OLD) || write_side(diff, stream, DIFF_NEW))
        return -ENOMEM;
    fprintf(stream, "- %s clock, all self times %s %s%s%s, pace of new %.3f\n",
            export_clock_name(diff->request.clock),
            diff_time_change(change, diff->whole_self.change),
            diff_percent(percent, &diff->whole_self),
            diff->whole_self.noise_percent >= 0 ? ", noise " : "",
            diff_noise(noise, &diff->whole_self), diff->pace);
    for (size_t i = 0; i < diff->note_count; i++) {
        fputs("- ", stream);
        export_code(stream, diff->notes[i]);
        putc('\n', stream);
    }
    fputs("\n</details>\n", stream);
    return 0;
}

static int write(const struct diff_report *report, FILE *stream)
{
    int result = write_verdict(report, stream);
    if (result == 0)
        result = write_rows(report, stream);
    if (result == 0)
        result = write_paths(report, stream);
    if (result == 0)
        result = write_details(report, stream);
    return result ? result : export_finish(stream);
}

const struct diff_writer diff_writer_markdown = {"markdown", write};

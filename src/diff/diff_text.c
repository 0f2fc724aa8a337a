/* SPDX-License-Identifier: MIT */
/* What table, tree and markdown share.
 * Why: see diff_writer.h.
 * Rules: what stands in names is cleaned (text_clean). */
#include "diff/diff_writer.h"

#include "base/sort.h"

#include "base/text.h"
#include "export/export_names.h"
#include "export/export_style.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WITHIN_SHOWN = 5 };

const struct diff_writer *diff_writer_find(const char *name)
{
    static const struct diff_writer *const writers[] = {&diff_writer_table, &diff_writer_tree,
                                                        &diff_writer_markdown, &diff_writer_json};
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        if (strcmp(writers[i]->name, name) == 0)
            return writers[i];
    return NULL;
}

char *diff_time_change(char cell[static DIFF_CELL_BYTES], double change_ns)
{
    char number[TEXT_NUMBER_BYTES];
    int64_t change = (int64_t)llround(change_ns);
    snprintf(cell, DIFF_CELL_BYTES, "%s%s", change > 0 ? "+" : "",
             text_format_time(number, change));
    return cell;
}

char *diff_percent(char cell[static DIFF_CELL_BYTES], const struct diff_measure *measure)
{
    if (measure->sides[DIFF_OLD] <= 0 || measure->sides[DIFF_NEW] <= 0)
        cell[0] = '\0';
    else if (measure->percent >= 900)
        snprintf(cell, DIFF_CELL_BYTES, "\xc3\x97%.3g", measure->percent / 100 + 1);
    else
        snprintf(cell, DIFF_CELL_BYTES, "%+.1f%%", measure->percent);
    return cell;
}

char *diff_noise(char cell[static DIFF_CELL_BYTES], const struct diff_measure *measure)
{
    if (measure->noise_percent < 0)
        cell[0] = '\0';
    else if (measure->noise_percent > 999)
        snprintf(cell, DIFF_CELL_BYTES, ">999%%");
    else
        snprintf(cell, DIFF_CELL_BYTES, "\xc2\xb1%.1f%%", measure->noise_percent);
    return cell;
}

char *diff_count(char cell[static DIFF_CELL_BYTES], double count)
{
    char number[TEXT_NUMBER_BYTES];
    double whole = floor(count);
    text_format_grouped(number, (uint64_t)whole);
    if (whole == count)
        snprintf(cell, DIFF_CELL_BYTES, "%s", number);
    else
        snprintf(cell, DIFF_CELL_BYTES, "%s.5", number); /* a median of two: a half, if anything */
    return cell;
}

const struct diff_measure *diff_shown_time(const struct diff *diff,
                                           const struct diff_function *function)
{
    return diff->request.per_call ? &function->per_call : &function->self;
}

struct diff_rows diff_rows_shown(const struct diff_report *report)
{
    const struct diff *diff = report->diff;
    size_t limit = report->options->limit ? report->options->limit : SIZE_MAX;
    size_t changed = diff->sums.matter + diff->sums.minor;
    struct diff_rows rows = {.changed = changed < limit ? changed : limit};
    size_t left = diff->function_count - changed, room = limit - rows.changed;
    if (report->options->limit && room > WITHIN_SHOWN)
        room = WITHIN_SHOWN;
    for (; rows.within < left && rows.within < room; rows.within++)
        if (diff->functions[changed + rows.within].self.sides[DIFF_OLD] <
                (double)diff->min_time_ns &&
            report->options->limit)
            break;
    return rows;
}

static int compare_contexts(const void *left, const void *right, void *context)
{
    const struct diff *diff = context;
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    double a_change = fabs(diff->nodes[a].change_ns), b_change = fabs(diff->nodes[b].change_ns);
    if (a_change != b_change)
        return a_change > b_change ? -1 : 1;
    return (a > b) - (a < b);
}

const int32_t *diff_changed_contexts(const struct diff *diff, size_t most, size_t *ret_count)
{
    int32_t *list = arena_array(diff->arena, diff->node_count + 1, sizeof(*list));
    size_t count = 0;
    for (size_t i = 1; list && i < diff->node_count; i++)
        if (fabs(diff->nodes[i].change_ns) >= 1)
            list[count++] = (int32_t)i;
    if (list)
        sort_with(list, count, sizeof(*list), compare_contexts, (void *)(uintptr_t)diff);
    *ret_count = count < most ? count : most;
    return list;
}

/* --- the head ------------------------------------------------------------------------------------- */

static void write_key(FILE *stream, const struct export_options *options, const char *key)
{
    export_style_open(stream, options, STYLE_DIM);
    fprintf(stream, "%s:", key);
    export_style_close(stream, options);
    putc(' ', stream);
}

static void write_range(FILE *stream, const struct diff_measure *measure, enum diff_side side)
{
    char number[TEXT_NUMBER_BYTES], least[TEXT_NUMBER_BYTES], most[TEXT_NUMBER_BYTES];
    fputs(text_format_time(number, llround(measure->sides[side])), stream);
    if (measure->least[side] != measure->most[side])
        fprintf(stream, " (%s to %s)", text_format_time(least, llround(measure->least[side])),
                text_format_time(most, llround(measure->most[side])));
}

static int write_side(const struct diff_report *report, FILE *stream, enum diff_side side)
{
    const struct diff *diff = report->diff;
    size_t count = diff->request.counts[side];
    size_t from = side == DIFF_OLD ? 0 : diff->request.counts[DIFF_OLD];
    const struct diff_recording *first = &diff->request.recordings[from];
    const struct snapshot_meta *meta = &first->whole->meta;
    const char *name = text_clean(diff->arena, first->name);
    const char *last = text_clean(diff->arena, first[count - 1].name);
    const char *command = text_clean(diff->arena, meta->command ? meta->command : "");
    const char *python = text_clean(diff->arena, meta->python ? meta->python : "none seen");
    char cell[DIFF_CELL_BYTES];
    if (!name || !last || !command || !python)
        return -ENOMEM;
    write_key(stream, report->options, side == DIFF_OLD ? "old" : "new");
    if (count == 1)
        fprintf(stream, "%s", name);
    else
        fprintf(stream, "%zu recordings, %s to %s", count, name, last);
    fputs("   ", stream);
    export_style_open(stream, report->options, STYLE_BOLD);
    fputs(command, stream);
    export_style_close(stream, report->options);
    fprintf(stream, "   python %s\n     ", python);
    write_key(stream, report->options, "self");
    write_range(stream, &diff->whole_self, side);
    fputs("   ", stream);
    write_key(stream, report->options, "wait");
    write_range(stream, &diff->whole_wait, side);
    fputs("   ", stream);
    write_key(stream, report->options, "duration");
    write_range(stream, &diff->duration, side);
    fputs("   ", stream);
    write_key(stream, report->options, "calls");
    fprintf(stream, "%s\n", diff_count(cell, diff->whole_calls.sides[side]));
    return 0;
}

static void write_whole(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    char change[DIFF_CELL_BYTES], percent[DIFF_CELL_BYTES], noise[DIFF_CELL_BYTES];
    write_key(stream, report->options, "clock");
    fprintf(stream, "%s   ", export_clock_name(diff->request.clock));
    write_key(stream, report->options, "all self times");
    fprintf(stream, "%s %s", diff_time_change(change, diff->whole_self.change),
            diff_percent(percent, &diff->whole_self));
    if (diff->whole_self.noise_percent >= 0)
        fprintf(stream, " (noise %s)", diff_noise(noise, &diff->whole_self));
    fputs("   ", stream);
    write_key(stream, report->options, "pace of new");
    fprintf(stream, "%.3f   ", diff->pace);
    write_key(stream, report->options, "calls of new");
    fprintf(stream, "%.3g times\n", diff->work);
}

int diff_write_head(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    if (write_side(report, stream, DIFF_OLD) || write_side(report, stream, DIFF_NEW))
        return -ENOMEM;
    write_whole(report, stream);
    for (size_t i = 0; i < diff->note_count; i++) {
        write_key(stream, report->options, "note");
        fprintf(stream, "%s\n", diff->notes[i]);
    }
    const char *verdict = diff_verdict(diff);
    if (!verdict)
        return -ENOMEM;
    write_key(stream, report->options, "verdict");
    export_style_open(stream, report->options,
                      diff->sums.slower || report->excess_count ? STYLE_WARNING : STYLE_BOLD);
    fputs(verdict, stream);
    export_style_close(stream, report->options);
    putc('\n', stream);
    for (size_t i = 0; i < report->excess_count; i++) {
        const char *text = diff_excess_text(diff, &report->excesses[i]);
        if (!text)
            return -ENOMEM;
        write_key(stream, report->options, "exceeded");
        fprintf(stream, "%s\n", text);
    }
    return 0;
}

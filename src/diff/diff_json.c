/* SPDX-License-Identifier: MIT */
/* The format `json` of a comparison, version 1 of docs/diff.md.
 * Why: a CI decides by fields, not by columns.
 * Rules: all functions, in the table's order, whatever the limit. What is not known is null. Times are
 * in nanoseconds, medians of a side's recordings as they were measured; `change_ns` is at old's pace. */
#include "diff/diff_writer.h"

#include "export/export_names.h"
#include "export/json_writer.h"

#include <math.h>

static void write_rounded(struct json_writer *writer, const char *key, double number)
{
    json_integer(writer, key, llround(number));
}

static void write_way(struct json_writer *writer, const struct diff_measure *measure)
{
    static const char *const words[] = {"down", "same", "up"};
    json_string(writer, "changed", words[measure->way + 1]);
}

/* `suffix` is the unit of the keys. */
static void write_measure(struct json_writer *writer, const char *key,
                          const struct diff_measure *measure, bool count)
{
    json_open(writer, key, '{');
    if (count) {
        json_number(writer, "old", measure->sides[DIFF_OLD]);
        json_number(writer, "new", measure->sides[DIFF_NEW]);
        json_number(writer, "change", measure->change);
    } else {
        write_rounded(writer, "old_ns", measure->sides[DIFF_OLD]);
        write_rounded(writer, "new_ns", measure->sides[DIFF_NEW]);
        write_rounded(writer, "change_ns", measure->change);
    }
    if (measure->sides[DIFF_OLD] > 0)
        json_number(writer, "change_pct", measure->percent);
    else
        json_null(writer, "change_pct");
    if (measure->noise_percent >= 0)
        json_number(writer, "noise_pct", measure->noise_percent);
    else
        json_null(writer, "noise_pct");
    write_rounded(writer, count ? "old_least" : "old_least_ns", measure->least[DIFF_OLD]);
    write_rounded(writer, count ? "old_most" : "old_most_ns", measure->most[DIFF_OLD]);
    write_rounded(writer, count ? "new_least" : "new_least_ns", measure->least[DIFF_NEW]);
    write_rounded(writer, count ? "new_most" : "new_most_ns", measure->most[DIFF_NEW]);
    write_way(writer, measure);
    json_close(writer, '}');
}

static void write_place(struct json_writer *writer, const char *key,
                        const struct snapshot_function *function)
{
    if (!function) {
        json_null(writer, key);
        return;
    }
    json_open(writer, key, '{');
    json_string(writer, "name", function->name);
    json_string(writer, "qualname", function->qualname);
    json_string(writer, "module", function->module);
    json_string(writer, "file", function->file);
    if (function->file)
        json_unsigned(writer, "line", function->line);
    else
        json_null(writer, "line");
    json_close(writer, '}');
}

static void write_function(struct json_writer *writer, const struct diff *diff, size_t index)
{
    const struct diff_function *function = &diff->functions[index];
    json_open(writer, NULL, '{');
    json_unsigned(writer, "id", index + 1);
    json_string(writer, "what", diff_words(diff, function));
    json_bool(writer, "changed", function->changed);
    json_bool(writer, "matters", function->matters);
    json_bool(writer, "renamed", function->renamed);
    json_bool(writer, "calls_exact", !function->estimated);
    write_rounded(writer, "worth_ns", function->weight_ns);
    write_place(writer, "old", function->sides[DIFF_OLD]);
    write_place(writer, "new", function->sides[DIFF_NEW]);
    write_measure(writer, "calls", &function->calls, true);
    write_measure(writer, "self", &function->self, false);
    write_measure(writer, "per_call", &function->per_call, false);
    write_measure(writer, "total", &function->total, false);
    write_measure(writer, "wait", &function->wait, false);
    write_measure(writer, "p99", &function->p99, false);
    if (diff_knows(diff, "objects"))
        write_measure(writer, "objects", &function->objects, true);
    if (diff_knows(diff, "memory"))
        write_measure(writer, "bytes", &function->bytes, true);
    json_close(writer, '}');
}

static void write_side(struct json_writer *writer, const struct diff *diff, enum diff_side side)
{
    size_t from = side == DIFF_OLD ? 0 : diff->request.counts[DIFF_OLD];
    json_open(writer, side == DIFF_OLD ? "old" : "new", '[');
    for (size_t i = from; i < from + diff->request.counts[side]; i++) {
        const struct diff_recording *recording = &diff->request.recordings[i];
        const struct snapshot_meta *meta = &recording->whole->meta;
        json_open(writer, NULL, '{');
        json_string(writer, "file", recording->name);
        json_string(writer, "command", meta->command);
        json_string(writer, "python", meta->python);
        json_string(writer, "host", meta->host);
        json_integer(writer, "duration_ns", meta->duration_ns);
        json_unsigned(writer, "calls", meta->calls);
        json_bool(writer, "exact", !meta->inexact);
        json_number(writer, "pace", diff->paces[i].ratio);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_sums(struct json_writer *writer, const struct diff *diff)
{
    const struct diff_sums *sums = &diff->sums;
    json_open(writer, "verdict", '{');
    json_string(writer, "text", diff_verdict(diff));
    json_unsigned(writer, "slower", sums->slower);
    json_unsigned(writer, "faster", sums->faster);
    json_unsigned(writer, "called_more", sums->more);
    json_unsigned(writer, "called_less", sums->fewer);
    json_unsigned(writer, "new", sums->added);
    json_unsigned(writer, "gone", sums->gone);
    json_unsigned(writer, "waiting_longer", sums->waits_up);
    json_unsigned(writer, "waiting_less", sums->waits_down);
    json_unsigned(writer, "matter", sums->matter);
    json_unsigned(writer, "minor", sums->minor);
    json_close(writer, '}');
}

static void write_limits(struct json_writer *writer, const struct diff_report *report)
{
    const struct diff *diff = report->diff;
    json_open(writer, "exceeded", '[');
    for (size_t i = 0; i < report->excess_count; i++) {
        const struct diff_excess *excess = &report->excesses[i];
        json_open(writer, NULL, '{');
        json_string(writer, "metric", diff_metric_names[excess->limit.metric]);
        json_number(writer, "limit_pct", excess->limit.percent);
        json_number(writer, "change_pct", excess->percent);
        if (excess->function)
            json_unsigned(writer, "function", (uint64_t)(excess->function - diff->functions) + 1);
        else
            json_null(writer, "function");
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

/* Contexts that changed, and those above them. */
static void write_tree(struct json_writer *writer, const struct diff *diff)
{
    json_open(writer, "tree", '[');
    for (size_t i = 0; i < diff->node_count; i++) {
        const struct diff_node *node = &diff->nodes[i];
        if (i && node->below_ns < 1)
            continue;
        json_open(writer, NULL, '{');
        json_unsigned(writer, "id", i);
        if (i) {
            json_integer(writer, "parent", node->parent);
            json_integer(writer, "function", node->function + 1);
        } else {
            json_null(writer, "parent");
            json_null(writer, "function");
        }
        json_number(writer, "calls_old", node->calls[DIFF_OLD]);
        json_number(writer, "calls_new", node->calls[DIFF_NEW]);
        write_rounded(writer, "self_old_ns", node->self_ns[DIFF_OLD]);
        write_rounded(writer, "self_new_ns", node->self_ns[DIFF_NEW]);
        write_rounded(writer, "change_ns", node->change_ns);
        write_rounded(writer, "net_ns", node->net_ns);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static int write(const struct diff_report *report, FILE *stream)
{
    const struct diff *diff = report->diff;
    struct json_writer writer = {.stream = stream};
    json_open(&writer, NULL, '{');
    json_integer(&writer, "ulma_diff", 1);
    json_string(&writer, "ulma_version", ULMA_VERSION);
    json_string(&writer, "clock", export_clock_name(diff->request.clock));
    json_bool(&writer, "per_call", diff->request.per_call);
    json_integer(&writer, "min_time_ns", diff->min_time_ns);
    json_number(&writer, "pace", diff->pace);
    json_number(&writer, "work", diff->work);
    write_sums(&writer, diff);
    write_limits(&writer, report);
    json_open(&writer, "notes", '[');
    for (size_t i = 0; i < diff->note_count; i++)
        json_string(&writer, NULL, diff->notes[i]);
    json_close(&writer, ']');
    write_side(&writer, diff, DIFF_OLD);
    write_side(&writer, diff, DIFF_NEW);
    json_open(&writer, "whole", '{');
    write_measure(&writer, "self", &diff->whole_self, false);
    write_measure(&writer, "wait", &diff->whole_wait, false);
    write_measure(&writer, "duration", &diff->duration, false);
    write_measure(&writer, "calls", &diff->whole_calls, true);
    if (diff_knows(diff, "objects"))
        write_measure(&writer, "objects", &diff->whole_objects, true);
    if (diff_knows(diff, "memory"))
        write_measure(&writer, "bytes", &diff->whole_bytes, true);
    json_close(&writer, '}');
    json_open(&writer, "functions", '[');
    for (size_t i = 0; i < diff->function_count; i++)
        write_function(&writer, diff, i);
    json_close(&writer, ']');
    write_tree(&writer, diff);
    json_close(&writer, '}');
    putc('\n', stream);
    return export_finish(stream);
}

const struct diff_writer diff_writer_json = {"json", write};

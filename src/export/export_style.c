/* SPDX-License-Identifier: MIT */
/* What a report says about its run.
 * Why: see export_style.h. Costs and losses stand beside the figures that they touch.
 * Rules: a count that is 0 and should be is not shown, but for `lost`, which always is. */
#include "export/export_style.h"

#include "base/text.h"
#include "export/export_names.h"

#include <errno.h>
#include <inttypes.h>

void export_style_open(FILE *stream, const struct export_options *options, enum export_style style)
{
    static const char *const codes[] = {"\x1b[1m", "\x1b[2m", "\x1b[33m"};
    if (options->color)
        fputs(codes[style], stream);
}

void export_style_close(FILE *stream, const struct export_options *options)
{
    if (options->color)
        fputs("\x1b[0m", stream);
}

static void write_key(FILE *stream, const struct export_options *options, const char *key)
{
    export_style_open(stream, options, STYLE_DIM);
    fprintf(stream, "%s:", key);
    export_style_close(stream, options);
    putc(' ', stream);
}

const char *export_style_exact(const struct snapshot *snapshot, struct arena *arena)
{
    const char *why = snapshot->meta.inexact;
    if (!why)
        return "yes";
    why = text_clean(arena, why);
    return why ? arena_format(arena, "no, %s", why) : NULL;
}

static uint64_t sum_primitive(const struct snapshot *snapshot)
{
    uint64_t calls = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        calls += snapshot->functions[i].primitive_calls;
    return calls;
}

static void write_run(FILE *stream, const struct snapshot *snapshot,
                      const struct export_options *options)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    char number[TEXT_NUMBER_BYTES];
    uint64_t primitive = sum_primitive(snapshot);
    write_key(stream, options, "duration");
    fputs(text_format_time(number, meta->duration_ns), stream);
    if (meta->is_slice)
        fprintf(stream, " from %s on", text_format_time(number, meta->slice_from_ns));
    if (meta->signal)
        fprintf(stream, " (ended by signal %d)", meta->signal);
    else if (meta->ended && meta->exit_status > 0)
        fprintf(stream, " (exit status %d)", meta->exit_status);
    else if (!meta->ended && !meta->is_slice)
        fputs(" (still running)", stream);
    fputs("   ", stream);
    write_key(stream, options, "calls");
    fprintf(stream, "%s%s", meta->muted ? "~" : "", text_format_grouped(number, meta->calls));
    if (primitive != meta->calls)
        fprintf(stream, " (%s primitive)", text_format_grouped(number, primitive));
    fputs("   ", stream);
    write_key(stream, options, "threads");
    fprintf(stream, "%u   ", meta->thread_count);
    write_key(stream, options, "clock");
    fputs(export_clock_name(options->clock), stream);
    if (options->clock == CLOCK_CPU)
        fputs(meta->wait_source == WAIT_PERF        ? " (waits from switch records)"
              : meta->wait_source == WAIT_SCHEDSTAT ? " (waits from schedstat)"
                                                    : " (waits not known: times are wall times)",
              stream);
    putc('\n', stream);
}

static void write_events(FILE *stream, const struct snapshot *snapshot,
                         const struct export_options *options)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    char number[TEXT_NUMBER_BYTES];
    write_key(stream, options, "events");
    fprintf(stream, "%s   ", text_format_grouped(number, meta->events_read));
    write_key(stream, options, "lost");
    if (meta->lost)
        export_style_open(stream, options, STYLE_WARNING);
    fputs(text_format_grouped(number, meta->lost), stream);
    if (meta->lost)
        export_style_close(stream, options);
    if (meta->gaps)
        fprintf(stream, " (in %" PRIu64 " gap%s)", meta->gaps, meta->gaps == 1 ? "" : "s");
    fputs("   ", stream);
    write_key(stream, options, "waited");
    fprintf(stream, "%s (%.1f%%)", text_format_time(number, meta->waited_ns),
            export_percent(meta->waited_ns, export_profiled(snapshot)));
    if (meta->stolen_ns) {
        fputs("   ", stream);
        write_key(stream, options, "stolen");
        fprintf(stream, "%s (%.1f%%)", text_format_time(number, meta->stolen_ns),
                export_percent(meta->stolen_ns, export_profiled(snapshot)));
    }
    fputc('\n', stream);
}

/* Sources that were asked for, and what keeps them off. */
static void write_step(FILE *stream, const struct snapshot_meta *meta, enum snapshot_step step,
                       const char *before)
{
    for (size_t i = 0; i < meta->source_count; i++) {
        if (meta->sources[i].step != step)
            continue;
        fprintf(stream, "%s%s", before, meta->sources[i].name);
        before = ", ";
    }
}

static void write_costs(FILE *stream, const struct snapshot *snapshot,
                        const struct export_options *options)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    char number[TEXT_NUMBER_BYTES];
    write_key(stream, options, "probe");
    fprintf(stream, "%.1fns a call, %.1f%% of the time   ", meta->ns_per_call, meta->cost_pct);
    write_key(stream, options, "corrected");
    if (meta->corrected)
        fprintf(stream, "%s (%.1f%%)\n", text_format_time(number, meta->corrected_ns),
                export_percent(meta->corrected_ns, export_profiled(snapshot)));
    else
        fputs("no\n", stream);
    if (meta->budget_pct <= 0)
        return;
    write_key(stream, options, "budget");
    fprintf(stream, "%g%%%s   ", meta->budget_pct,
            meta->budget_is_held
                ? ""
                : " (not held below Python 3.12: each call costs at least a test)");
    write_key(stream, options, "muted");
    fprintf(stream, "%u function%s%s", meta->muted, meta->muted == 1 ? "" : "s",
            meta->muted ? " (~: estimates)" : "");
    write_step(stream, meta, STEP_TO_COME, "   to come: ");
    write_step(stream, meta, STEP_HELD_BACK, "   held back: ");
    write_step(stream, meta, STEP_REFUSED, "   refused: ");
    putc('\n', stream);
    for (size_t i = 0; i < meta->source_count; i++)
        if (meta->sources[i].step == STEP_REFUSED && meta->sources[i].reason)
            fprintf(stream, "%s is not on: %s\n", meta->sources[i].name, meta->sources[i].reason);
}

/* Only where there are several. */
static void write_processes(FILE *stream, const struct snapshot *snapshot,
                            const struct export_options *options)
{
    if (snapshot->process_count < 2)
        return;
    char number[TEXT_NUMBER_BYTES];
    write_key(stream, options, "processes");
    fprintf(stream, "%s, %s\n",
            text_format_grouped(number, snapshot->process_count + snapshot->meta.processes_folded),
            snapshot->meta.by_process ? "a row for each process and function"
                                      : "each function's rows summed");
}

/* What should not happen, each only when it did. */
static void write_doubts(FILE *stream, const struct snapshot_meta *meta,
                         const struct export_options *options)
{
    const struct {
        uint64_t count;
        const char *what;
    } doubts[] = {
        {meta->nested, "events dropped inside an event"},
        {meta->unmatched_pops, "returns from frames that were not open"},
        {meta->bad_events, "events that made no sense"},
        {meta->definitions_refused, "functions without room for a definition"},
        {meta->stack_guards, "stack guards"},
        {meta->forks_unfollowed, "forks not followed"},
        {meta->execs_unfollowed, "exec not followed"},
        {meta->waits_lost, "switch records lost"},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++) {
        char number[TEXT_NUMBER_BYTES];
        if (!doubts[i].count)
            continue;
        if (any)
            fputs(", ", stream);
        else
            write_key(stream, options, "seen");
        fprintf(stream, "%s %s", text_format_grouped(number, doubts[i].count), doubts[i].what);
        any = true;
    }
    if (any)
        putc('\n', stream);
}

static void write_sites(FILE *stream, const struct snapshot_meta *meta,
                        const struct export_options *options, struct arena *arena)
{
    char text[512], number[TEXT_NUMBER_BYTES];
    if (!snapshot_describe_sites(meta, false, text, sizeof(text)))
        return;
    const char *clean = text_clean(arena, text);
    write_key(stream, options, "sites");
    fprintf(stream, "%s   ", clean ? clean : "");
    write_key(stream, options, "left out");
    fprintf(stream, "%s function%s (+: with their time)\n",
            text_format_grouped(number, meta->left_out), meta->left_out == 1 ? "" : "s");
}

int export_style_header(FILE *stream, const struct snapshot *snapshot,
                        const struct export_options *options, struct arena *arena)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    const char *command = text_clean(arena, meta->command ? meta->command : "");
    const char *python = text_clean(arena, meta->python ? meta->python : "none seen");
    const char *executable = text_clean(arena, meta->executable ? meta->executable : "");
    const char *exact = export_style_exact(snapshot, arena);
    if (!command || !python || !executable || !exact)
        return -ENOMEM;
    write_key(stream, options, "command");
    export_style_open(stream, options, STYLE_BOLD);
    fputs(command, stream);
    export_style_close(stream, options);
    putc('\n', stream);
    write_key(stream, options, "python");
    fprintf(stream, executable[0] ? "%s (%s)\n" : "%s\n", python, executable);
    write_run(stream, snapshot, options);
    write_processes(stream, snapshot, options);
    write_events(stream, snapshot, options);
    write_costs(stream, snapshot, options);
    write_sites(stream, meta, options, arena);
    write_doubts(stream, meta, options);
    write_key(stream, options, "exact");
    if (meta->inexact)
        export_style_open(stream, options, STYLE_WARNING);
    fputs(exact, stream);
    if (meta->inexact)
        export_style_close(stream, options);
    putc('\n', stream);
    return 0;
}

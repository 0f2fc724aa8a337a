/* SPDX-License-Identifier: MIT */
/* The header, in four lines that fit into 60 columns and say no more on 250.
 * Why: whoever reads the table must see without a key whether to believe it: what was lost, what
 * the probe costs, over which window and clock the figures are, and whether they are exact. */
#include "tui/header.h"

#include "base/text.h"
#include "views/cell_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOMY = 100, TIGHT = 72, GAP = 2, THREAD_LIMIT = 64 };
enum { LAG_BAD_NS = 100000000 }; /* as asyncio's own slow_callback_duration */

/* A line that grows from the left; what has no room is left out whole. */
struct flow {
    struct screen *screen;
    int row, column, end;
};

static bool flow_put(struct flow *flow, int gap, enum screen_style style, const char *text)
{
    int start = flow->column + (flow->column > 0 ? gap : 0);
    if (start + screen_measure(flow->screen, text, flow->end) > flow->end)
        return false;
    flow->column = start +
                   screen_put(flow->screen, flow->row, start, flow->end - start, style, text);
    return true;
}

static int screen_columns(struct screen *screen)
{
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    return columns;
}

static double window_ns(const struct snapshot_meta *meta)
{
    double length = (double)(meta->window_to_ns - meta->window_from_ns);
    return length > 0 ? length : 1;
}

static void format_elapsed(char *text, size_t size, int64_t duration_ns)
{
    long long s = duration_ns / 1000000000;
    if (s >= 3600)
        snprintf(text, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%lld:%02lld", s / 60, s % 60);
}

/* Right: Python, pid, time. Left: the command, with what is left. */
static void draw_target(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    char right[128], elapsed[32];
    format_elapsed(elapsed, sizeof elapsed, meta->duration_ns);
    if (meta->python != NULL)
        snprintf(right, sizeof right, "%s%s  pid %u  %s", columns < TIGHT ? "" : "python ",
                 meta->python, meta->pid, elapsed);
    else
        snprintf(right, sizeof right, "no Python yet  pid %u  %s", meta->pid, elapsed);
    int right_width = text_width(right);
    screen_put_right(screen, row, 0, columns, STYLE_PLAIN, right);
    bool roomy = columns >= ROOMY && state->host->product != NULL;
    struct flow flow = {screen, row, 0, columns - right_width - GAP};
    flow_put(&flow, 0, STYLE_FAINT, roomy ? state->host->product : "ulma");
    screen_put(screen, row, flow.column + GAP, flow.end - flow.column - GAP, STYLE_STRONG,
               meta->command != NULL ? meta->command : "");
}

static int compare_threads(const void *a, const void *b)
{
    const struct snapshot_thread *const *left = a, *const *right = b;
    int64_t difference = (*right)->window_cpu_ns - (*left)->window_cpu_ns;
    if (difference != 0)
        return difference > 0 ? 1 : -1;
    return (*left)->tid < (*right)->tid ? -1 : (*left)->tid > (*right)->tid;
}

/* The busiest threads of at most THREAD_LIMIT seen first. */
static size_t busiest_threads(const struct snapshot *snapshot,
                              const struct snapshot_thread **threads)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads[i];
        if (thread->ended && thread->window_cpu_ns == 0)
            continue;
        if (count < THREAD_LIMIT)
            threads[count++] = thread;
        else if (compare_threads(&thread, &threads[count - 1]) < 0)
            threads[count - 1] = thread;
        if (count == THREAD_LIMIT)
            qsort(threads, count, sizeof(struct snapshot_thread *), compare_threads);
    }
    qsort(threads, count, sizeof(struct snapshot_thread *), compare_threads);
    return count;
}

static const char *level_bar(double share)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int level = (int)(share * 7 + 0.5);
    return bars[level < 0 ? 0 : level > 7 ? 7 : level];
}

static void append_sources(const struct snapshot_meta *meta, bool wanted, enum snapshot_step step,
                           const char *before, char *text, size_t size)
{
    for (size_t i = 0; i < meta->source_count; i++) {
        size_t length = strlen(text);
        if (meta->sources[i].wanted != wanted || meta->sources[i].step != step)
            continue;
        snprintf(text + length, size - length, "%s%s", before, meta->sources[i].name);
        before = ", ";
    }
}

/* Those that are wanted now: `: calls, c-calls`; and those that the budget keeps off. */
static void describe_sources(const struct snapshot_meta *meta, char *text, size_t size)
{
    text[0] = '\0';
    append_sources(meta, true, STEP_NONE, ": ", text, size);
    append_sources(meta, false, STEP_TO_COME, " · to come: ", text, size);
    append_sources(meta, false, STEP_HELD_BACK, " · held back: ", text, size);
    append_sources(meta, false, STEP_REFUSED, " · refused: ", text, size);
}

static void draw_state(const struct tui_state *state, struct flow *flow)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    char text[160], sources[140] = "";
    enum screen_style style = STYLE_WARN;
    if (flow->end >= TIGHT)
        describe_sources(meta, sources, sizeof sources);
    if (state->host->seek != NULL && !meta->ended)
        snprintf(text, sizeof text, "recorded");
    else if (meta->ended && meta->signal != 0)
        snprintf(text, sizeof text, "ended by signal %d", meta->signal);
    else if (meta->ended)
        snprintf(text, sizeof text, "ended, status %d", meta->exit_status);
    else if (state->paused)
        snprintf(text, sizeof text, "paused");
    else if (!meta->recording)
        snprintf(text, sizeof text, "○ %s", meta->refused ? "refused" : "off");
    else
        snprintf(text, sizeof text, "● on%s", sources);
    if (meta->recording && !state->paused && !meta->ended)
        style = STYLE_GOOD;
    int width = screen_put_right(flow->screen, flow->row, 0, flow->end, style, text);
    flow->end -= width + GAP;
}

/* `cpu 187%  █ MainThread 98%  ▅ worker 60%  13 more`: one CPU is 100. */
static void draw_threads(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    const struct snapshot_thread *threads[THREAD_LIMIT] = {NULL};
    const struct snapshot *snapshot = state->snapshot;
    size_t count = busiest_threads(snapshot, threads), shown = 0;
    double length_ns = window_ns(&snapshot->meta), sum_ns = 0;
    if (snapshot->meta.ended)
        count = 0; /* no window has anything of it; the view `threads` has */
    char text[160], name[96], more[32];
    struct flow flow = {screen, row, 0, columns};
    draw_state(state, &flow);
    for (size_t i = 0; i < snapshot->thread_count; i++)
        sum_ns += (double)(snapshot->meta.ended ? snapshot->threads[i].cpu_ns
                                                : snapshot->threads[i].window_cpu_ns);
    if (snapshot->meta.ended)
        length_ns = (double)(snapshot->meta.duration_ns > 0 ? snapshot->meta.duration_ns : 1);
    snprintf(text, sizeof text, "cpu %.0f%%%s", 100 * sum_ns / length_ns,
             snapshot->meta.ended ? " of the run" : "");
    flow_put(&flow, 0, STYLE_STRONG, text);
    int end = flow.end;
    for (; shown < count; shown++) {
        double share = (double)threads[shown]->window_cpu_ns / length_ns;
        const char *called =
            cell_text_shorten(threads[shown]->name, columns < TIGHT ? 12 : 24, name, sizeof name);
        snprintf(text, sizeof text, "%s %s %.0f%%", level_bar(share), called, 100 * share);
        snprintf(more, sizeof more, "%zu more", count - shown - 1);
        flow.end = end - (shown + 1 < count ? text_width(more) + GAP : 0);
        if (!flow_put(&flow, GAP, share < 0.005 ? STYLE_FAINT : STYLE_PLAIN, text))
            break;
    }
    flow.end = end;
    snprintf(more, sizeof more, "%zu more", count - shown);
    if (shown < count)
        flow_put(&flow, GAP, STYLE_FAINT, more);
}

/* The longest that one step of an asyncio task held its loop, and whose it was. */
static void draw_lag(struct flow *flow, const struct snapshot_meta *meta, int columns)
{
    char number[TEXT_NUMBER_BYTES], text[96], name[64];
    const char *task = "";
    if (meta->longest_step_ns <= 0)
        return;
    text_format_time(number, meta->longest_step_ns);
    if (meta->longest_step_task != NULL && columns >= ROOMY)
        task = cell_text_shorten(meta->longest_step_task, 24, name, sizeof name);
    snprintf(text, sizeof text, "%sstep %s%s%s", columns >= ROOMY ? "longest " : "", number,
             task[0] != '\0' ? " of " : "", task);
    flow_put(flow, GAP, meta->longest_step_ns >= LAG_BAD_NS ? STYLE_WARN : STYLE_PLAIN, text);
}

/* What flows, what it costs, what did not come through. */
static void draw_rates(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    const struct snapshot *snapshot = state->snapshot;
    const struct snapshot_meta *meta = &snapshot->meta;
    struct flow flow = {screen, row, 0, columns};
    char number[TEXT_NUMBER_BYTES], text[96];
    double calls = 0, length_ns = window_ns(meta), events_per_s = meta->events_per_s;
    for (size_t i = 0; i < snapshot->thread_count; i++)
        calls += (double)snapshot->threads[i].window_calls;
    if (meta->ended && meta->duration_ns > 0) { /* the last window is of a silence */
        length_ns = (double)meta->duration_ns;
        calls = (double)meta->calls;
        events_per_s = (double)meta->events_read * 1e9 / length_ns;
    }
    text_format_rate(number, events_per_s);
    snprintf(text, sizeof text, "%s %s", number, columns < TIGHT ? "ev/s" : "events/s");
    flow_put(&flow, GAP, STYLE_PLAIN, text);
    text_format_rate(number, calls * 1e9 / length_ns);
    snprintf(text, sizeof text, "%s calls/s", number);
    flow_put(&flow, GAP, STYLE_PLAIN, text);
    snprintf(text, sizeof text, "probe %.1f%%", meta->cost_pct);
    flow_put(&flow, GAP, meta->cost_pct >= 25 ? STYLE_WARN : STYLE_PLAIN, text);
    text_format_count(number, meta->lost);
    snprintf(text, sizeof text, "lost %s", number);
    flow_put(&flow, GAP, meta->lost > 0 ? STYLE_BAD : STYLE_PLAIN, text);
    text_format_time(number, meta->waited_ns);
    snprintf(text, sizeof text, "waited %s", number);
    flow_put(&flow, GAP, STYLE_PLAIN, text);
    draw_lag(&flow, meta, columns);
    snprintf(text, sizeof text, "collector %.1f%%", meta->collector_pct);
    flow_put(&flow, GAP, STYLE_FAINT, text);
    if (meta->budget_pct > 0) {
        snprintf(text, sizeof text, "budget %g%%", meta->budget_pct);
        flow_put(&flow, GAP, STYLE_FAINT, text);
    }
}

static const char *clock_name(const struct snapshot_meta *meta, bool roomy)
{
    if (meta->clock == CLOCK_WALL)
        return "wall";
    if (meta->wait_source == WAIT_NONE)
        return "wall, waits unknown";
    if (!roomy)
        return "cpu";
    return meta->wait_source == WAIT_PERF ? "cpu by switch records" : "cpu by schedstat";
}

static void describe_window(const struct tui_state *state, int columns, bool tabs, char *text,
                            size_t size)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    const struct view_column *sorted = tui_sort_column(state);
    char window[48], view[96] = "", every[32] = "";
    snprintf(window, sizeof window, "%s", columns < TIGHT ? "all" : "since start");
    if (meta->window_s > 0 && !state->place.view->since_start)
        snprintf(window, sizeof window, columns < TIGHT ? "%d s" : "last %d s", meta->window_s);
    if (!tabs && sorted != NULL)
        snprintf(view, sizeof view, "%s by %s · ", state->place.view->id, sorted->title);
    else if (!tabs)
        snprintf(view, sizeof view, "%s · ", state->place.view->id);
    if (columns >= TIGHT && !meta->ended)
        snprintf(every, sizeof every, " · every %g s", state->options.interval_s);
    snprintf(text, size, "%s%s · %s%s%s%s", view, clock_name(meta, columns >= ROOMY), window, every,
             state->hide_waiting ? " · waiting hidden" : "",
             state->only_muted ? " · only muted" : "");
}

static void draw_exactness(const struct tui_state *state, struct screen *screen, int row,
                           int columns, bool tabs)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    char right[256], left[256];
    describe_window(state, columns, tabs, right, sizeof right);
    if (meta->inexact != NULL)
        snprintf(left, sizeof left, "exact: no, %s", meta->inexact);
    else
        snprintf(left, sizeof left, "exact: yes");
    char sites[120];
    size_t length = strlen(left);
    if (snapshot_describe_sites(meta, false, sites, sizeof sites) > 0)
        snprintf(left + length, sizeof left - length, " · %u left out by %s", meta->left_out,
                 sites);
    /* Why it is not exact matters more than which window it is: that is on every screen. */
    int left_room = columns - text_width(right) - GAP;
    if (left_room < text_width(left) && left_room < columns / 2)
        left_room = columns / 2;
    int used = screen_put(screen, row, 0, left_room,
                          meta->inexact != NULL ? STYLE_WARN : STYLE_GOOD, left);
    screen_put_right(screen, row, used + GAP, columns - used - GAP, STYLE_PLAIN, right);
}

void header_draw(const struct tui_state *state, struct screen *screen, int height)
{
    int columns = screen_columns(screen);
    if (state->snapshot == NULL || height <= 0) {
        if (height > 0)
            screen_put(screen, 0, 0, columns, STYLE_FAINT,
                       state->host->product != NULL ? state->host->product : "ulma");
        return;
    }
    if (height > 1)
        draw_target(state, screen, 0, columns);
    if (height > 2)
        draw_threads(state, screen, 1, columns);
    if (height > 3)
        draw_rates(state, screen, 2, columns);
    int rows, ignored;
    screen->ops->size(screen, &rows, &ignored);
    draw_exactness(state, screen, height - 1, columns, rows >= TUI_TABS_ROWS);
}

static void describe_rows(const struct tui_state *state, char *text, size_t size)
{
    size_t count = state->rows.count, first = state->place.cursor.top + 1;
    size_t last = first - 1 + (state->page_height > 0 ? (size_t)state->page_height : 0);
    char filter[TUI_FILTER_BYTES + 16] = "";
    if (state->filter[0] != '\0' && !state->filtering)
        snprintf(filter, sizeof filter, "filter: %s · ", state->filter);
    if (last >= count && first == 1)
        snprintf(text, size, "%s%zu", filter, count);
    else
        snprintf(text, size, "%s%zu–%zu of %zu", filter, first, last < count ? last : count, count);
    if (state->has_table && state->table.left_out > 0) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, " (+%zu)", state->table.left_out);
    }
}

void header_draw_tabs(const struct tui_state *state, struct screen *screen, int row)
{
    int columns = screen_columns(screen);
    char text[512];
    struct flow flow = {screen, row, 0, columns};
    describe_rows(state, text, sizeof text);
    flow.end -=
        screen_put_right(screen, row, columns / 2, columns - columns / 2, STYLE_FAINT, text);
    flow.end -= GAP;
    for (size_t i = 0; view_list[i] != NULL; i++) {
        const struct view *view = view_list[i];
        bool open = view == state->place.view;
        if (!open && !tui_can_turn_to(state, view))
            continue;
        const char *title = open ? view->title : view->id;
        if (open && state->has_table && state->table.title != NULL)
            title = state->table.title;
        int first = !open && title[0] >= 'a' && title[0] <= 'z' ? title[0] - 'a' + 'A' : title[0];
        snprintf(text, sizeof text, open ? "[%c%s]" : " %c%s ", first, title + 1);
        flow_put(&flow, 1, open ? STYLE_KEY : STYLE_FAINT, text);
    }
}

/* SPDX-License-Identifier: MIT */
/* The view `threads`: who computes, who waits, what each is in.
 * Why: one busy thread among many that wait is found here first.
 * Rules: %cpu is of one processor, over the window. A thread that has ended says so. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum {
    COLUMN_PID,
    COLUMN_TID,
    COLUMN_CPU_PCT,
    COLUMN_CPU,
    COLUMN_WAIT,
    COLUMN_CALLS_PER_S,
    COLUMN_LOST,
    COLUMN_NAME,
    COLUMN_RUNNING,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"pid", "pid", CELL_TEXT, 7, 6, "process"},
    {"tid", "tid", CELL_TEXT, 7, 3, "thread, as the kernel numbers it"},
    {"cpu_pct", "%cpu", CELL_PERCENT, 6, 1, "of one processor, over the window"},
    {"cpu", "cpu", CELL_TIME, 7, 5, "time computing, over the window"},
    {"wait", "wait", CELL_TIME, 7, 4, "time blocked or waiting for the GIL, over the window"},
    {"calls_per_s", "calls/s", CELL_RATE, 7, 2, "calls and resumes per second"},
    {"lost", "lost", CELL_COUNT, 6, 7, "events that were lost"},
    {"name", "thread", CELL_TEXT, 16, 0, "its name"},
    {"running", "in", CELL_TEXT, 0, 0, "the function that it is in now"},
};

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_thread *thread,
                     const struct view_query *query)
{
    if (query->hide_waiting && thread->window_cpu_ns <= 0)
        return false;
    if (!query->filter || !query->filter[0] || text_contains(thread->name, query->filter))
        return true;
    return thread->running >= 0 &&
           view_rows_match(&snapshot->functions[thread->running], query->filter);
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_thread *thread,
                    struct view_table *table)
{
    double window_s = view_rows_window_s(snapshot);
    int64_t cpu = thread->window_cpu_ns > 0 ? thread->window_cpu_ns : 0;
    struct view_row *row = view_rows_add(table);
    row->function = thread->running;
    if (cell_identity(table->arena, thread->pid, &row->cells[COLUMN_PID]) < 0 ||
        cell_identity(table->arena, thread->tid, &row->cells[COLUMN_TID]) < 0)
        return -ENOMEM;
    row->cells[COLUMN_CPU_PCT] = cell_number((double)cpu / window_s / 1e7);
    row->cells[COLUMN_CPU] = cell_integer(cpu);
    if (snapshot->meta.wait_source != WAIT_NONE)
        row->cells[COLUMN_WAIT] = cell_integer(thread->window_wait_ns);
    row->cells[COLUMN_CALLS_PER_S] = cell_number((double)thread->window_calls / window_s);
    row->cells[COLUMN_LOST] = cell_integer((int64_t)thread->lost);
    const char *name = text_clean(table->arena, thread->name);
    const char *running = thread->ended         ? "(ended)"
                          : thread->running < 0 ? "(no Python function)"
                                                : view_rows_label(table, snapshot, thread->running);
    row->cells[COLUMN_NAME] = cell_text(name);
    row->cells[COLUMN_RUNNING] = cell_text(running);
    return name && running ? 0 : -ENOMEM;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, snapshot->thread_count);
    for (size_t i = 0; result == 0 && i < snapshot->thread_count; i++)
        if (is_shown(snapshot, &snapshot->threads[i], query))
            result = fill_row(snapshot, &snapshot->threads[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_threads = {
    .id = "threads",
    .title = "Threads",
    .question = "Who computes, and who waits?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "cpu_pct",
    .fill = fill,
};

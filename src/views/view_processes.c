/* SPDX-License-Identifier: MIT */
/* The view `processes`: the target and the children that are followed.
 * Why: which of a server's workers does the work, which started others, which lost events.
 * Rules: counts are of the whole run. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum {
    COLUMN_PID,
    COLUMN_PPID,
    COLUMN_CHILDREN,
    COLUMN_SHARE,
    COLUMN_CALLS,
    COLUMN_LOST,
    COLUMN_COMMAND,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"pid", "pid", CELL_TEXT, 7, 1, "process"},
    {"ppid", "parent", CELL_TEXT, 7, 4, "the process that started it"},
    {"children", "children", CELL_COUNT, 8, 5, "that it started and that are followed"},
    {"cpu_pct", "%cpu", CELL_PERCENT, 5, 0, "its share of all processes' processor time"},
    {"calls", "calls", CELL_COUNT, 8, 2, "calls and resumes of all its functions"},
    {"lost", "lost", CELL_COUNT, 6, 3, "events that were lost"},
    {"command", "command", CELL_TEXT, 0, 0, "its command line"},
};

static int64_t cpu_of(const struct snapshot *snapshot, uint32_t pid)
{
    int64_t cpu_ns = 0;
    for (size_t i = 0; i < snapshot->thread_count; i++)
        if (pid == 0 || snapshot->threads[i].pid == pid)
            cpu_ns += snapshot->threads[i].cpu_ns;
    return cpu_ns;
}

static int64_t children_of(const struct snapshot *snapshot, uint32_t pid)
{
    int64_t count = 0;
    for (size_t i = 0; i < snapshot->process_count; i++)
        count += snapshot->processes[i].ppid == pid;
    return count;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, snapshot->process_count);
    if (result < 0)
        return result;
    int64_t all_ns = cpu_of(snapshot, 0);
    for (size_t i = 0; i < snapshot->process_count; i++) {
        const struct snapshot_process *process = &snapshot->processes[i];
        const char *command = process->command ? process->command : "";
        if (query->filter && !text_contains(command, query->filter))
            continue;
        struct view_row *row = view_rows_add(table);
        if (cell_identity(table->arena, process->pid, &row->cells[COLUMN_PID]) < 0 ||
            cell_identity(table->arena, process->ppid, &row->cells[COLUMN_PPID]) < 0)
            return -ENOMEM;
        row->cells[COLUMN_CHILDREN] = cell_integer(children_of(snapshot, process->pid));
        row->cells[COLUMN_SHARE] = cell_number(
            all_ns > 0 ? 100.0 * (double)cpu_of(snapshot, process->pid) / (double)all_ns : 0);
        row->cells[COLUMN_SHARE].absent = all_ns <= 0;
        row->cells[COLUMN_CALLS] = cell_integer((int64_t)process->calls);
        row->cells[COLUMN_LOST] = cell_integer((int64_t)process->lost);
        row->cells[COLUMN_COMMAND] = cell_text(text_clean(table->arena, command));
        if (!row->cells[COLUMN_COMMAND].text)
            return -ENOMEM;
    }
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_processes = {
    .id = "processes",
    .title = "Processes",
    .question = "Which process does the work?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "calls",
    .since_start = true,
    .fill = fill,
};

/* SPDX-License-Identifier: MIT */
/* The view `tasks`: asyncio's tasks, what each costs, what it awaits, who made it.
 * Why: a server is a few functions and a thousand tasks: which of them computes, which waits, and which
 * held the loop so long that all others waited.
 * Rules: counts and times are of the whole run. Tasks that have ended are one row for each coroutine
 * and maker. Enter opens the coroutine. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>

enum {
    COLUMN_STATE,
    COLUMN_SINCE,
    COLUMN_TASKS,
    COLUMN_STEPS,
    COLUMN_CPU,
    COLUMN_SUSPENDED,
    COLUMN_LONGEST,
    COLUMN_NAME,
    COLUMN_COROUTINE,
    COLUMN_AWAITING,
    COLUMN_MAKER,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"state", "state", CELL_TEXT, 9, 6, "pending, running, suspended; ended ones are summed"},
    {"since", "since", CELL_TIME, 7, 4, "so long it has been suspended, or not begun"},
    {"tasks", "tasks", CELL_COUNT, 6, 7, "how many tasks the row is of"},
    {"steps", "steps", CELL_COUNT, 7, 1, "how often the loop ran it"},
    {"cpu", "cpu", CELL_TIME, 7, 0, "time of its steps, without blocking and waiting for the GIL"},
    {"suspended", "susp.", CELL_TIME, 7, 4, "time between its steps"},
    {"longest", "longest", CELL_TIME, 7, 2, "step: so long it held the loop"},
    {"name", "task", CELL_TEXT, 12, 3, "its name"},
    {"coroutine", "coroutine", CELL_TEXT, 0, 0, "what it runs"},
    {"awaiting", "awaiting", CELL_TEXT, 30, 5, "the innermost coroutine that it is suspended in"},
    {"created_by", "created by", CELL_TEXT, 30, 8, "the function that made it"},
};

static const char *state_text(enum snapshot_task_state state)
{
    switch (state) {
    case TASK_PENDING:
        return "pending";
    case TASK_RUNNING:
        return "running";
    case TASK_SUSPENDED:
        return "suspended";
    case TASK_ENDED:
        break;
    }
    return "ended";
}

static bool matches(const struct snapshot *snapshot, int32_t function, const char *filter)
{
    return function >= 0 && view_rows_match(&snapshot->functions[function], filter);
}

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_task *task,
                     const struct view_query *query)
{
    if (query->hide_waiting && view_rows_time(task->wall_ns, task->wait_ns, CLOCK_CPU) == 0)
        return false;
    if (!query->filter || !query->filter[0])
        return true;
    return (task->name && text_contains(task->name, query->filter)) ||
           matches(snapshot, task->coroutine, query->filter) ||
           matches(snapshot, task->awaiting, query->filter) ||
           matches(snapshot, task->maker, query->filter);
}

/* 0 or -ENOMEM. Absent: nobody knows. */
static int put_label(const struct snapshot *snapshot, int32_t function, struct view_table *table,
                     struct cell *cell)
{
    if (function < 0)
        return 0;
    *cell = cell_text(view_rows_label(table, snapshot, function));
    return cell->text ? 0 : -ENOMEM;
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_task *task,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    row->function = task->coroutine;
    row->cells[COLUMN_STATE] = cell_text(state_text(task->state));
    row->cells[COLUMN_SINCE] = cell_integer(task->since_ns);
    row->cells[COLUMN_SINCE].absent = task->since_ns <= 0;
    row->cells[COLUMN_TASKS] = cell_integer((int64_t)task->count);
    row->cells[COLUMN_STEPS] = cell_integer((int64_t)task->steps);
    row->cells[COLUMN_CPU] = cell_integer(view_rows_time(task->wall_ns, task->wait_ns, CLOCK_CPU));
    row->cells[COLUMN_STEPS].estimate = row->cells[COLUMN_CPU].estimate = !task->steps_exact;
    row->cells[COLUMN_SUSPENDED] = cell_integer(task->suspended_ns);
    row->cells[COLUMN_LONGEST] = cell_integer(task->longest_ns);
    if (task->name) {
        row->cells[COLUMN_NAME] = cell_text(text_clean(table->arena, task->name));
        if (!row->cells[COLUMN_NAME].text)
            return -ENOMEM;
    }
    row->cells[COLUMN_COROUTINE] = cell_text("(not run yet)");
    if (put_label(snapshot, task->coroutine, table, &row->cells[COLUMN_COROUTINE]) ||
        put_label(snapshot, task->awaiting, table, &row->cells[COLUMN_AWAITING]) ||
        put_label(snapshot, task->maker, table, &row->cells[COLUMN_MAKER]))
        return -ENOMEM;
    return 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, snapshot->task_count);
    for (size_t i = 0; result == 0 && i < snapshot->task_count; i++)
        if (is_shown(snapshot, &snapshot->tasks[i], query))
            result = fill_row(snapshot, &snapshot->tasks[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

const struct view view_tasks = {
    .id = "tasks",
    .title = "Tasks",
    .question = "Which task computes, which waits, for what, and who made it?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "cpu",
    .since_start = true,
    .fill = fill,
};

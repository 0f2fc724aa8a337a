/* SPDX-License-Identifier: MIT */
/* The view `requests`: requests by route, method and status, tasks, and the program's own spans by name: how many, how long, and
 * what that time is made of.
 * Why three parts: a request that computes, one that blocks its thread and one that is suspended while others run want
 * three different remedies.
 * Rules: counts and times are of the whole run, in wall time whatever the clock. Enter opens the function that had the most
 * time of its own in them. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    COLUMN_COUNT,
    COLUMN_ERRORS,
    COLUMN_TOTAL,
    COLUMN_MEAN,
    COLUMN_P50,
    COLUMN_P99,
    COLUMN_MAX,
    COLUMN_CPU,
    COLUMN_WAIT,
    COLUMN_SUSPENDED,
    COLUMN_SOCKET,
    COLUMN_FILE,
    COLUMN_QUEUED,
    COLUMN_STATUS,
    COLUMN_NAME,
    COLUMN_FUNCTION,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"count", "count", CELL_COUNT, 7, 0, "that have ended"},
    {"errors", "errors", CELL_COUNT, 6, 1, "those with a status of 500 or more, or an exception"},
    {"total", "total", CELL_TIME, 7, 0, "from their begin to their end, together"},
    {"mean", "mean", CELL_TIME, 7, 2, "of one"},
    {"p50", "p50", CELL_TIME, 7, 6, "half of them took no longer"},
    {"p99", "p99", CELL_TIME, 7, 1, "99 of 100 took no longer"},
    {"max", "max", CELL_TIME, 7, 3, "the slowest"},
    {"cpu", "compute", CELL_TIME, 7, 0, "of total: on a CPU"},
    {"wait", "waiting", CELL_TIME, 7, 0, "of total: in a thread, not on a CPU"},
    {"suspended", "susp.", CELL_TIME, 7, 0, "of total: in no thread"},
    {"socket", "socket", CELL_TIME, 7, 4,
     "in calls of the C library on sockets (with the source io)"},
    {"file", "file", CELL_TIME, 7, 4, "in calls of the C library on files (with the source io)"},
    {"queued", "queued", CELL_TIME, 7, 7, "of tasks: before they began, and not in total"},
    {"status", "status", CELL_TEXT, 6, 0, "of the response"},
    {"name", "request", CELL_TEXT, 32, 0, "method and route, or the span's name"},
    {"function", "heaviest function", CELL_TEXT, 0, 5, "that had the most time of its own in them"},
};

static const char *label_of(struct arena *arena, const struct snapshot_request *request)
{
    const char *name = text_clean(arena, request->name[0] ? request->name : "(no name)");
    if (!name || !request->method)
        return name;
    return arena_format(arena, "%s %s", text_clean(arena, request->method), name);
}

static bool has_text(const char *text, const char *part)
{
    size_t size = strlen(part);
    for (; text && *text; text++)
        if (strncasecmp(text, part, size) == 0)
            return true;
    return false;
}

static int32_t heaviest(const struct snapshot *snapshot, size_t request)
{
    for (size_t i = 0; i < snapshot->request_function_count; i++)
        if (snapshot->request_functions[i].request == request)
            return snapshot->request_functions[i].function;
    return SNAPSHOT_NONE;
}

static int fill_row(const struct snapshot *snapshot, size_t index, struct view_table *table)
{
    const struct snapshot_request *request = &snapshot->requests[index];
    struct view_row *row = view_rows_add(table);
    bool with_io = snapshot_has_source(&snapshot->meta, "io");
    row->function = heaviest(snapshot, index);
    row->cells[COLUMN_COUNT] = cell_integer((int64_t)request->count);
    if (request->errors)
        row->cells[COLUMN_ERRORS] = cell_integer((int64_t)request->errors);
    row->cells[COLUMN_TOTAL] = cell_integer(request->wall_ns);
    row->cells[COLUMN_MEAN] = cell_integer(request->wall_ns / (int64_t)request->count);
    row->cells[COLUMN_P50] = cell_integer(request->p50_ns);
    row->cells[COLUMN_P99] = cell_integer(request->p99_ns);
    row->cells[COLUMN_MAX] = cell_integer(request->max_ns);
    row->cells[COLUMN_CPU] = cell_integer(request->cpu_ns);
    row->cells[COLUMN_WAIT] = cell_integer(request->wait_ns);
    row->cells[COLUMN_SUSPENDED] = cell_integer(request->suspended_ns);
    if (with_io) {
        row->cells[COLUMN_SOCKET] = cell_integer(request->socket_ns);
        row->cells[COLUMN_FILE] = cell_integer(request->file_ns);
    }
    if (request->sort == REQUEST_TASK)
        row->cells[COLUMN_QUEUED] = cell_integer(request->queued_ns);
    const char *status = request->status ? text_clean(table->arena, request->status) : "";
    row->cells[COLUMN_STATUS] = cell_text(status);
    row->cells[COLUMN_NAME] = cell_text(label_of(table->arena, request));
    row->cells[COLUMN_FUNCTION] =
        cell_text(row->function < 0 ? "" : view_rows_label(table, snapshot, row->function));
    return status && row->cells[COLUMN_NAME].text && row->cells[COLUMN_FUNCTION].text ? 0 : -ENOMEM;
}

static bool is_shown(const struct snapshot *snapshot, size_t index, const struct view_query *query)
{
    const struct snapshot_request *request = &snapshot->requests[index];
    int32_t function = heaviest(snapshot, index);
    if (!query->filter || !query->filter[0])
        return true;
    return has_text(request->name, query->filter) || has_text(request->method, query->filter) ||
           has_text(request->status, query->filter) ||
           (function >= 0 && view_rows_match(&snapshot->functions[function], query->filter));
}

/* On one line. */
static const char *labels_of(struct arena *arena, const struct snapshot_request *request)
{
    char labels[SNAPSHOT_LABELS_MOST] = "";
    if (request->slowest_labels)
        snprintf(labels, sizeof(labels), "%s", request->slowest_labels);
    for (char *end = labels; (end = strchr(end, '\n'));)
        *end = ' ';
    return text_clean(arena, labels);
}

/* `Requests: 1,200, 3 failed, slowest 1.2s: GET /search q=… traceparent=…` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    uint64_t count = 0, errors = 0;
    const struct snapshot_request *slowest = NULL;
    char all[TEXT_NUMBER_BYTES], failed[TEXT_NUMBER_BYTES], time[TEXT_NUMBER_BYTES];
    for (size_t i = 0; i < snapshot->request_count; i++) {
        const struct snapshot_request *request = &snapshot->requests[i];
        count += request->count;
        errors += request->errors;
        if (!slowest || request->max_ns > slowest->max_ns)
            slowest = request;
    }
    if (!slowest)
        return 0;
    const char *labels = labels_of(table->arena, slowest);
    const char *name = label_of(table->arena, slowest);
    if (!labels || !name)
        return -ENOMEM;
    table->title = arena_format(table->arena, "Requests: %s, %s failed, slowest %s: %s%s%s",
                                text_format_count(all, count), text_format_count(failed, errors),
                                text_format_time(time, slowest->max_ns), name, *labels ? " " : "",
                                labels);
    return table->title ? 0 : -ENOMEM;
}

static int fill_one(const struct snapshot *snapshot, size_t index, const struct view_query *query,
                    struct view_table *table)
{
    return is_shown(snapshot, index, query) ? fill_row(snapshot, index, table) : 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    return view_rows_fill(snapshot, query, table, snapshot->request_count, fill_one, set_title);
}

static bool is_there(const struct snapshot *snapshot)
{
    return snapshot->request_count > 0;
}

const struct view view_requests = {
    .id = "requests",
    .title = "Requests",
    .question = "Which requests are slow, and do they compute, block or wait for their turn?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "total",
    .source = "spans",
    .since_start = true,
    .is_there = is_there,
    .fill = fill,
};

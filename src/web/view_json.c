/* SPDX-License-Identifier: MIT */
/* Writing a view.
 * Why: see view_json.h.
 * Rules: as there. */
#include "web/view_json.h"

#include "web/catalogue.h"

#include <errno.h>
#include <string.h>

enum { ID_SIZE = 64 };

static bool ends_in_unit(const char *id)
{
    size_t size = strlen(id);
    return size > 3 && strcmp(id + size - 3, "_ns") == 0;
}

static const char *column_id(const struct view_column *column, char id[ID_SIZE])
{
    bool bare = column->kind == CELL_TIME && !ends_in_unit(column->id);
    snprintf(id, ID_SIZE, "%s%s", column->id, bare ? "_ns" : "");
    return id;
}

static const char *kind_name(enum cell_kind kind)
{
    static const char *const names[] = {
        [CELL_TEXT] = "text",       [CELL_COUNT] = "count", [CELL_TIME] = "time",
        [CELL_PERCENT] = "percent", [CELL_RATE] = "rate",   [CELL_MEMORY] = "bytes",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) && names[kind] ? names[kind] : "count";
}

/* The view's own name of a column that was asked for by the page's; NULL: none, so its own order. */
static const struct view_column *find_column(const struct view *view, const char *wanted)
{
    char id[ID_SIZE];
    for (size_t i = 0; wanted && i < view->column_count; i++)
        if (strcmp(view->columns[i].id, wanted) == 0 ||
            strcmp(column_id(&view->columns[i], id), wanted) == 0)
            return &view->columns[i];
    return NULL;
}

static void write_columns(struct json_writer *writer, const struct view *view)
{
    char id[ID_SIZE];
    json_open(writer, "columns", '[');
    for (size_t i = 0; view && i < view->column_count; i++) {
        const struct view_column *column = &view->columns[i];
        json_open(writer, NULL, '{');
        json_string(writer, "id", column_id(column, id));
        json_string(writer, "title", column->title);
        json_string(writer, "kind", kind_name(column->kind));
        json_string(writer, "help", column->help);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_cell(struct json_writer *writer, enum cell_kind kind, const struct cell *cell)
{
    if (cell->absent)
        json_null(writer, NULL);
    else if (kind == CELL_TEXT)
        json_string(writer, NULL, cell->text);
    else if (kind == CELL_PERCENT || kind == CELL_RATE)
        json_number(writer, NULL, cell->number);
    else
        json_integer(writer, NULL, cell->integer);
}

static void write_cells(struct json_writer *writer, const struct view *view,
                        const struct view_row *row)
{
    bool holds = false;
    size_t estimates = 0;
    json_open(writer, "cells", '[');
    for (size_t i = 0; i < view->column_count; i++) {
        write_cell(writer, view->columns[i].kind, &row->cells[i]);
        holds |= row->cells[i].holds;
        estimates += row->cells[i].estimate;
    }
    json_close(writer, ']');
    if (estimates > 0) {
        json_open(writer, "estimate", '[');
        for (size_t i = 0; i < view->column_count; i++)
            if (row->cells[i].estimate)
                json_unsigned(writer, NULL, i);
        json_close(writer, ']');
    }
    if (holds)
        json_bool(writer, "holds", true);
}

static void write_row(struct json_writer *writer, const struct snapshot *snapshot,
                      const struct view *view, const struct view_row *row)
{
    json_open(writer, NULL, '{');
    if (row->function >= 0 && (size_t)row->function < snapshot->function_count)
        json_unsigned(writer, "function", snapshot->functions[row->function].id);
    else
        json_null(writer, "function");
    json_integer(writer, "depth", row->depth);
    if (row->heading) {
        json_bool(writer, "heading", true);
        json_string(writer, "text", row->cells[0].text);
    } else {
        write_cells(writer, view, row);
    }
    json_close(writer, '}');
}

static int32_t find_function(const struct snapshot *snapshot, uint64_t id)
{
    for (size_t i = 0; id && i < snapshot->function_count; i++)
        if (snapshot->functions[i].id == id)
            return (int32_t)i;
    return SNAPSHOT_NONE;
}

static int write_table(struct json_writer *writer, const struct wish *wish,
                       const struct snapshot *snapshot, const struct view *view)
{
    const struct view_column *sort = find_column(view, wish->sort);
    struct view_query query = {
        .clock = wish->clock,
        .sort = sort ? sort->id : NULL,
        .ascending = wish->ascending,
        .filter = wish->filter,
        .limit = wish->limit,
        .function = find_function(snapshot, wish->function),
    };
    struct view_table table;
    char id[ID_SIZE];
    int result = view_table_make(view, snapshot, &query, &table);
    if (result < 0)
        return result;
    if (!sort)
        sort = find_column(view, view->default_sort);
    json_string(writer, "title", table.title);
    json_string(writer, "sort", sort ? column_id(sort, id) : NULL);
    write_columns(writer, view);
    json_open(writer, "rows", '[');
    for (size_t i = 0; i < table.row_count; i++)
        write_row(writer, snapshot, view, &table.rows[i]);
    json_close(writer, ']');
    json_unsigned(writer, "total", table.row_count + table.left_out);
    json_unsigned(writer, "left_out", table.left_out);
    view_table_free(&table);
    return 0;
}

static void write_nothing(struct json_writer *writer, const struct catalogue_row *row,
                          const struct view *view)
{
    json_string(writer, "title", row->title);
    json_null(writer, "sort");
    write_columns(writer, view);
    json_open(writer, "rows", '[');
    json_close(writer, ']');
    json_unsigned(writer, "total", 0);
    json_unsigned(writer, "left_out", 0);
}

bool view_json_needs_timeline(const struct wish *wish)
{
    return strcmp(wish->view, "timeline") == 0 ||
           (strcmp(wish->view, "function") == 0 && wish->function);
}

bool view_json_is_apart(const struct wish *wish, const struct snapshot *snapshot)
{
    const struct catalogue_row *row = catalogue_find(wish->view);
    return wish->is_binary && strcmp(row->id, "algae") == 0 && !catalogue_reason(row, snapshot);
}

/* Its window, exactly: what a rate is to be multiplied with to be a count. Since the start of the profiling. */
static void write_window(struct json_writer *writer, const struct wish *wish,
                         const struct view *view, const struct snapshot_meta *meta)
{
    bool is_all = view && view->since_start;
    json_string(writer, "window", is_all ? "all" : wish_window_name(wish->window_s));
    json_open(writer, "window_ns", '[');
    json_integer(writer, NULL, is_all || !meta ? 0 : meta->window_from_ns);
    json_integer(writer, NULL, meta ? meta->window_to_ns : 0);
    json_close(writer, ']');
}

int view_json_write(struct json_writer *writer, const char *key, const struct wish *wish,
                    const struct snapshot *snapshot, const struct timeline *timeline,
                    const struct shape *shape)
{
    const struct catalogue_row *row = catalogue_find(wish->view);
    /* Nova's table is that of the objects. */
    bool is_nova = strcmp(row->id, "nova") == 0;
    const struct view *view = view_find(is_nova ? "objects" : wish->view);
    const char *reason = catalogue_reason(row, snapshot);
    int result = 0;
    if (!reason && view && view->needs_function &&
        find_function(snapshot, wish->function) == SNAPSHOT_NONE)
        reason = wish->function ? "no function has this id" : "no function was asked for";
    bool is_timeline = strcmp(row->id, "timeline") == 0;
    if (!reason && is_timeline && !timeline)
        reason = "nobody keeps when things were";
    json_open(writer, key, '{');
    json_string(writer, "id", row->id);
    json_string(writer, "question", view && !is_nova ? view->question : NULL);
    write_window(writer, wish, view, snapshot ? &snapshot->meta : NULL);
    /* What a path waited is not kept by the second. */
    bool is_cpu = wish->clock == CLOCK_CPU && (view || !wish->window_s);
    json_string(writer, "clock", is_cpu ? "cpu" : "wall");
    json_bool(writer, "ascending", wish->ascending);
    json_bool(writer, "available", !reason);
    json_string(writer, "reason", reason);
    if (reason)
        write_nothing(writer, row, view);
    else if (view)
        result = write_table(writer, wish, snapshot, view);
    else if (is_timeline)
        result = timeline_json_write(writer, snapshot, timeline);
    else if (strcmp(row->id, "algae") == 0)
        result = algae_json_write(writer, snapshot, shape, wish->is_binary);
    else
        result = flame_json_write(writer, wish, snapshot);
    if (!reason && result == 0 && strcmp(row->id, "io") == 0)
        result = io_json_write(writer, snapshot);
    if (!reason && result == 0 && is_nova)
        result = nova_json_write(writer, wish, snapshot);
    if (!reason && result == 0 && strcmp(row->id, "memory") == 0)
        result = memory_json_write(writer, snapshot);
    if (!reason && timeline && result == 0 && strcmp(row->id, "function") == 0)
        result = timeline_json_write_function(writer, snapshot, timeline);
    json_close(writer, '}');
    return result;
}

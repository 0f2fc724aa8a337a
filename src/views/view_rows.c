/* SPDX-License-Identifier: MIT */
/* Rows: made, matched, sorted, cut.
 * Why: see view_rows.h.
 * Rules: sorting is stable, so that a live table does not flicker between equal rows. */
#include "views/view_rows.h"

#include "base/sort.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cell_identity(struct arena *arena, uint32_t number, struct cell *ret_cell)
{
    *ret_cell = (struct cell){.text = arena_format(arena, "%u", number), .integer = number};
    return ret_cell->text ? 0 : -ENOMEM;
}

int view_rows_alloc(struct view_table *table, size_t most)
{
    size_t columns = table->view->column_count;
    table->rows = arena_array(table->arena, most + 1, sizeof(*table->rows));
    struct cell *cells = NULL;
    if (most < SIZE_MAX / columns)
        cells = arena_array(table->arena, (most + 1) * columns, sizeof(*cells));
    if (!table->rows || !cells)
        return -ENOMEM;
    for (size_t i = 0; i < (most + 1) * columns; i++)
        cells[i].absent = true;
    for (size_t i = 0; i <= most; i++)
        table->rows[i].cells = cells + i * columns;
    table->row_count = 0;
    return 0;
}

struct view_row *view_rows_add(struct view_table *table)
{
    struct view_row *row = &table->rows[table->row_count++];
    row->function = SNAPSHOT_NONE;
    return row;
}

void view_rows_add_heading(struct view_table *table, const char *text)
{
    struct view_row *row = view_rows_add(table);
    row->heading = true;
    row->cells[0] = cell_text(text);
}

const char *view_rows_label(struct view_table *table, const struct snapshot *snapshot,
                            int32_t function)
{
    return function < 0 ? "(outside of any function)"
                        : view_rows_label_at(table, snapshot, function, 0);
}

const char *view_rows_label_at(struct view_table *table, const struct snapshot *snapshot,
                               int32_t function, uint32_t line)
{
    if (function < 0)
        return "(no Python function)";
    struct snapshot_function place = snapshot->functions[function], *of = &place;
    if (line)
        place.line = line;
    const char *name = text_clean(table->arena, of->qualname ? of->qualname : of->name);
    const char *location = view_short_location(table->arena, of);
    if (!name || !location)
        return NULL;
    if (of->pid)
        return arena_format(table->arena, "%s (%s) [%u]", name, location, of->pid);
    return location[0] ? arena_format(table->arena, "%s (%s)", name, location) : name;
}

bool view_rows_match(const struct snapshot_function *function, const char *filter)
{
    if (!filter || !filter[0])
        return true;
    const char *const texts[] = {function->name, function->qualname, function->module,
                                 function->file};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i] && text_contains(texts[i], filter))
            return true;
    return false;
}

struct ordering {
    size_t column;
    enum cell_kind kind;
    bool ascending;
};

static int compare_values(const struct cell *a, const struct cell *b, enum cell_kind kind)
{
    if (kind == CELL_TEXT && !a->integer)
        return strcmp(a->text ? a->text : "", b->text ? b->text : "");
    if (kind == CELL_PERCENT || kind == CELL_RATE)
        return (a->number > b->number) - (a->number < b->number);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

/* Rows without a value stand last whichever way the others go. */
static int compare_rows(const void *left, const void *right, void *context)
{
    const struct ordering *ordering = context;
    const struct cell *a = &((const struct view_row *)left)->cells[ordering->column];
    const struct cell *b = &((const struct view_row *)right)->cells[ordering->column];
    if (a->absent != b->absent)
        return a->absent ? 1 : -1;
    int order = compare_values(a, b, ordering->kind);
    if (order)
        return ordering->ascending ? order : -order;
    /* Cells are laid out in the order in which rows were made: equal rows keep it. */
    return a < b ? -1 : a > b;
}

static bool find_column(const struct view *view, const char *id, size_t *ret_column)
{
    for (size_t i = 0; id && i < view->column_count; i++)
        if (strcmp(view->columns[i].id, id) == 0) {
            *ret_column = i;
            return true;
        }
    return false;
}

void view_rows_sort(struct view_table *table, size_t first, const struct view_query *query)
{
    const struct view *view = table->view;
    struct ordering ordering = {.ascending = query->ascending};
    if (!find_column(view, query->sort, &ordering.column) &&
        !find_column(view, view->default_sort, &ordering.column))
        return;
    ordering.kind = view->columns[ordering.column].kind;
    sort_with(table->rows + first, table->row_count - first, sizeof(*table->rows), compare_rows,
              &ordering);
}

void view_rows_limit(struct view_table *table, size_t first, const struct view_query *query)
{
    size_t count = table->row_count - first;
    if (query->limit == 0 || count <= query->limit)
        return;
    table->left_out += count - query->limit;
    table->row_count = first + query->limit;
}

double view_rows_percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

double view_rows_window_s(const struct snapshot *snapshot)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    int64_t length_ns = meta->window_to_ns - meta->window_from_ns;
    if (length_ns <= 0)
        length_ns = meta->duration_ns;
    return length_ns > 0 ? (double)length_ns / 1e9 : 1;
}

int view_rows_fill(const struct snapshot *snapshot, const struct view_query *query,
                   struct view_table *table, size_t count, view_rows_one *one,
                   int (*set_title)(const struct snapshot *snapshot, struct view_table *table))
{
    int result = view_rows_alloc(table, count);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = one(snapshot, i, query, table);
    if (result == 0 && set_title)
        result = set_title(snapshot, table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

int view_rows_say_incomplete(const struct snapshot *snapshot, const char *source,
                             struct view_table *table)
{
    for (size_t i = 0; i < snapshot->meta.source_count; i++) {
        const struct snapshot_source *row = &snapshot->meta.sources[i];
        if (strcmp(row->name, source) != 0 || row->complete || !row->reason)
            continue;
        table->title =
            arena_format(table->arena, "%s, not all: %s", table->view->title, row->reason);
        return table->title ? 0 : -ENOMEM;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Rows on show, their identities, the cursor among them. */
#include "tui/rows.h"

#include "views/cell_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Deeper rows share the identity of this depth: only their function tells them apart then. */
enum { PATH_DEPTH = 256 };

size_t rows_name_column(const struct view *view)
{
    for (size_t i = 0; i < view->column_count; i++) {
        if (view->columns[i].width == 0)
            return i;
    }
    return 0;
}

/* FNV-1a, begun with the identity of what stands above. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    hash = (hash ^ 0xFF) * UINT64_C(1099511628211);
    return hash != 0 ? hash : 1;
}

static uint64_t hash_number(uint64_t hash, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return hash_text(hash, text);
}

/* Rows of threads and processes are named by their numbers: what a thread is in changes. */
static uint64_t hash_row(uint64_t above, const struct view *view, const struct view_row *row)
{
    uint64_t hash = above;
    for (size_t i = 0; i < view->column_count; i++) {
        if (!cell_text_is_name(&view->columns[i]))
            continue;
        if (view->columns[i].kind == CELL_TEXT)
            hash = hash_text(hash, row->cells[i].text);
        else
            hash = hash_number(hash, row->cells[i].integer);
    }
    return hash != above ? hash : hash_text(above, row->cells[rows_name_column(view)].text);
}

void rows_done(struct rows *rows)
{
    free(rows->shown);
    free(rows->collapsed);
    *rows = (struct rows){0};
}

static bool is_collapsed(const struct rows *rows, uint64_t identity)
{
    for (size_t i = 0; i < rows->collapsed_count; i++) {
        if (rows->collapsed[i] == identity)
            return true;
    }
    return false;
}

static int row_depth(const struct view_row *row)
{
    return row->heading ? -1 : row->depth;
}

int rows_set(struct rows *rows, const struct view_table *table)
{
    struct shown_row *shown = calloc(table->row_count + 1, sizeof *shown);
    if (shown == NULL)
        return -ENOMEM;
    uint64_t path[PATH_DEPTH + 1] = {UINT64_C(14695981039346656037)};
    uint64_t section = path[0];
    size_t count = 0;
    int hidden_below = -1;
    for (size_t i = 0; i < table->row_count; i++) {
        const struct view_row *row = &table->rows[i];
        if (row->heading)
            section = hash_text(path[0], row->cells[0].text);
        int depth = row->depth < 0 ? 0 : row->depth < PATH_DEPTH ? row->depth : PATH_DEPTH - 1;
        uint64_t above = depth > 0 ? path[depth] : section;
        uint64_t identity = row->heading ? section : hash_row(above, table->view, row);
        path[depth + 1] = identity;
        if (hidden_below >= 0 && row_depth(row) > hidden_below)
            continue;
        hidden_below = -1;
        bool has_children = i + 1 < table->row_count && !row->heading &&
                            row_depth(&table->rows[i + 1]) > row->depth;
        bool collapsed = has_children && is_collapsed(rows, identity);
        if (collapsed)
            hidden_below = row->depth;
        shown[count++] = (struct shown_row){i, identity, has_children, collapsed};
    }
    free(rows->shown);
    rows->shown = shown;
    rows->count = count;
    return 0;
}

static const struct view_row *row_at(const struct rows *rows, const struct view_table *table,
                                     size_t position)
{
    return &table->rows[rows->shown[position].index];
}

const struct snapshot_function *rows_function(const struct rows *rows,
                                              const struct view_table *table,
                                              const struct snapshot *snapshot, size_t position)
{
    if (position >= rows->count)
        return NULL;
    const struct view_row *row = row_at(rows, table, position);
    if (row->heading || row->function < 0 || (size_t)row->function >= snapshot->function_count)
        return NULL;
    return &snapshot->functions[row->function];
}

static uint32_t function_id_at(const struct rows *rows, const struct view_table *table,
                               const struct snapshot *snapshot, size_t position)
{
    const struct snapshot_function *function = rows_function(rows, table, snapshot, position);
    return function != NULL ? function->id : 0;
}

static size_t first_row(const struct rows *rows, const struct view_table *table)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (!row_at(rows, table, i)->heading)
            return i;
    }
    return 0;
}

void rows_follow(const struct rows *rows, const struct view_table *table,
                 const struct snapshot *snapshot, struct rows_cursor *cursor)
{
    size_t found = rows->count;
    if (cursor->identity == 0)
        found = first_row(rows, table);
    for (size_t i = 0; i < rows->count && cursor->identity != 0; i++) {
        if (rows->shown[i].identity != cursor->identity)
            continue;
        if (found == rows->count)
            found = i;
        if (function_id_at(rows, table, snapshot, i) == cursor->function) {
            found = i;
            break;
        }
    }
    /* A function that is gone (a filter, a limit) leaves the cursor where it was. */
    if (found < rows->count)
        cursor->position = found;
    else if (cursor->position >= rows->count)
        cursor->position = rows->count > 0 ? rows->count - 1 : 0;
}

void rows_move(const struct rows *rows, const struct view_table *table,
               const struct snapshot *snapshot, struct rows_cursor *cursor, long step)
{
    long last = (long)rows->count - 1;
    if (last < 0)
        return;
    long target = (long)cursor->position + step;
    target = target < 0 ? 0 : target > last ? last : target;
    long onward = step < 0 ? -1 : 1;
    while (target > 0 && target < last && row_at(rows, table, (size_t)target)->heading)
        target += onward;
    if (row_at(rows, table, (size_t)target)->heading)
        target = target == 0 ? (long)first_row(rows, table) : (long)cursor->position;
    cursor->position = (size_t)target;
    /* Back on the first row the cursor stays with the place, so that the busiest is in view. */
    bool first = cursor->position == first_row(rows, table);
    cursor->identity = first ? 0 : rows->shown[target].identity;
    cursor->function = function_id_at(rows, table, snapshot, (size_t)target);
}

void rows_scroll(const struct rows *rows, struct rows_cursor *cursor, size_t height)
{
    if (height == 0)
        return;
    if (cursor->position < cursor->top || cursor->identity == 0)
        cursor->top = cursor->identity == 0 ? 0 : cursor->position;
    if (cursor->position >= cursor->top + height)
        cursor->top = cursor->position - height + 1;
    if (rows->count <= height)
        cursor->top = 0;
    else if (cursor->top > rows->count - height)
        cursor->top = rows->count - height;
}

bool rows_collapse(struct rows *rows, const struct rows_cursor *cursor, bool collapse)
{
    if (cursor->position >= rows->count)
        return false;
    const struct shown_row *row = &rows->shown[cursor->position];
    if (!row->has_children || row->collapsed == collapse)
        return false;
    if (collapse) {
        size_t size = (rows->collapsed_count + 1) * sizeof *rows->collapsed;
        uint64_t *grown = realloc(rows->collapsed, size);
        if (grown == NULL)
            return false;
        rows->collapsed = grown;
        rows->collapsed[rows->collapsed_count++] = row->identity;
        return true;
    }
    for (size_t i = 0; i < rows->collapsed_count; i++) {
        if (rows->collapsed[i] == row->identity)
            rows->collapsed[i--] = rows->collapsed[--rows->collapsed_count];
    }
    return true;
}

size_t rows_parent(const struct rows *rows, const struct view_table *table, size_t position)
{
    if (position >= rows->count)
        return position;
    int depth = row_depth(row_at(rows, table, position));
    for (size_t i = position; i-- > 0;) {
        if (row_depth(row_at(rows, table, i)) < depth)
            return row_at(rows, table, i)->heading ? position : i;
    }
    return position;
}

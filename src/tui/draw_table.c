/* SPDX-License-Identifier: MIT */
/* A table: which columns there is room for, then cell by cell. */
#include "tui/draw_table.h"

#include "base/text.h"
#include "tui/notes.h"
#include "views/cell_text.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMN_LIMIT = 32,
    NAME_MIN = 16,
    NAME_WANTED = 44,
    NAME_ROOMY = 60, /* columns stand further apart when the name has that much */
};

/* From these shares of the time on a row is worth a look. */
static const double hot_pct = 25, warm_pct = 5;

struct layout {
    bool shown[COLUMN_LIMIT];
    int start[COLUMN_LIMIT], width[COLUMN_LIMIT];
    size_t count, name, heat; /* heat: the column that tells how busy, or COLUMN_LIMIT */
    const struct view_column *sorted;
    bool is_tree;
};

static int used_width(const struct view *view, const struct layout *layout, int gap)
{
    int width = 0;
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->shown[i] && i != layout->name)
            width += view->columns[i].width + gap;
    }
    return width;
}

/* Drops the least wanted column; the rightmost of equals. False: none may go. */
static bool drop_column(const struct view *view, struct layout *layout)
{
    size_t worst = COLUMN_LIMIT;
    for (size_t i = 0; i < layout->count; i++) {
        if (!layout->shown[i] || i == layout->name || view->columns[i].priority == 0)
            continue;
        if (worst == COLUMN_LIMIT || view->columns[i].priority >= view->columns[worst].priority)
            worst = i;
    }
    if (worst == COLUMN_LIMIT)
        return false;
    layout->shown[worst] = false;
    return true;
}

static void place_columns(const struct view *view, struct layout *layout, int columns, int gap)
{
    int start = 0;
    int name_width = columns - used_width(view, layout, gap);
    for (size_t i = 0; i < layout->count; i++) {
        if (!layout->shown[i])
            continue;
        layout->start[i] = start;
        layout->width[i] = i == layout->name ? name_width : view->columns[i].width;
        start += layout->width[i] + gap;
    }
}

/* A share of its own work tells who is busy; a share that holds others' work does not. */
static bool is_heat(const struct view_column *column)
{
    return strcmp(column->id, "self_pct") == 0 || strcmp(column->id, "cpu_pct") == 0;
}

static void fit_columns(const struct tui_state *state, struct layout *layout, int columns)
{
    const struct view *view = state->place.view;
    int name_min = columns * 2 / 5;
    name_min = name_min < NAME_MIN ? NAME_MIN : name_min > NAME_WANTED ? NAME_WANTED : name_min;
    *layout = (struct layout){.heat = COLUMN_LIMIT, .sorted = tui_sort_column(state)};
    layout->count = view->column_count < COLUMN_LIMIT ? view->column_count : COLUMN_LIMIT;
    layout->name = rows_name_column(view);
    for (size_t i = layout->count; i-- > 0;) {
        layout->shown[i] = true;
        if (is_heat(&view->columns[i]))
            layout->heat = i;
    }
    while (columns - used_width(view, layout, 1) < name_min && drop_column(view, layout))
        continue;
    int gap = columns - used_width(view, layout, 2) >= NAME_ROOMY ? 2 : 1;
    place_columns(view, layout, columns, gap);
    for (size_t i = 0; i < state->rows.count; i++)
        layout->is_tree |= state->rows.shown[i].has_children;
}

static void draw_titles(const struct tui_state *state, struct screen *screen,
                        const struct layout *layout, int row)
{
    const struct view *view = state->place.view;
    for (size_t i = 0; i < layout->count; i++) {
        const struct view_column *column = &view->columns[i];
        if (!layout->shown[i])
            continue;
        bool sorted = column == layout->sorted;
        char title[64];
        snprintf(title, sizeof title, "%s%s", column->title,
                 !sorted                     ? ""
                 : column->kind == CELL_TEXT ? "▴"
                                             : "▾");
        if (text_width(title) > layout->width[i])
            snprintf(title, sizeof title, "%s", column->title);
        enum screen_style style = sorted ? STYLE_KEY : STYLE_TITLE;
        if (column->kind == CELL_TEXT)
            screen_put(screen, row, layout->start[i], layout->width[i], style, title);
        else
            screen_put_right(screen, row, layout->start[i], layout->width[i], style, title);
    }
}

static enum screen_style heat_style(const struct layout *layout, const struct view_row *row)
{
    if (layout->heat == COLUMN_LIMIT || row->cells[layout->heat].absent)
        return STYLE_PLAIN;
    double share = row->cells[layout->heat].number;
    return share >= hot_pct ? STYLE_HOT : share >= warm_pct ? STYLE_WARM : STYLE_PLAIN;
}

/* `name (place)`: the name first, the place in what is left, from its telling end. */
static void put_name(struct screen *screen, int row, int start, int width, enum screen_style style,
                     const char *text)
{
    enum { PLACE_MIN = 10 };
    char name[2048], place[512];
    if (text == NULL)
        return;
    size_t length = strlen(text);
    const char *open = strrchr(text, '(');
    bool has_place = open != NULL && open > text + 1 && open[-1] == ' ' && text[length - 1] == ')';
    if (!has_place || length >= sizeof name) {
        screen_put(screen, row, start, width, style, text);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(open - text - 1), text);
    int used = screen_put(screen, row, start, width, style, name);
    int room = width - used - 2;
    if (room < PLACE_MIN && text_width(open) > room + 2)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(open) - 2), open + 1);
    screen_put(screen, row, start + used + 2, room,
               style == STYLE_SELECTED ? STYLE_SELECTED : STYLE_FAINT,
               cell_text_shorten(name, room, place, sizeof place));
}

static void draw_name(const struct tui_state *state, struct screen *screen,
                      const struct layout *layout, int row, size_t position,
                      enum screen_style style)
{
    const struct shown_row *shown = &state->rows.shown[position];
    const struct view_row *from = &state->table.rows[shown->index];
    int start = layout->start[layout->name], width = layout->width[layout->name];
    if (layout->is_tree) {
        /* A deep branch keeps half of the room for its names. */
        int indent = from->depth * 2;
        if (indent > width / 2) {
            indent = width / 2;
            screen_format(screen, row, start, indent, STYLE_FAINT, "%*d", indent - 1, from->depth);
        }
        start += indent;
        width -= indent;
        const char *mark = shown->collapsed ? "▸" : shown->has_children ? "▾" : " ";
        screen_put(screen, row, start, 1, style, mark);
        start += 2;
        width -= 2;
    }
    put_name(screen, row, start, width, style, from->cells[layout->name].text);
}

static void draw_cell(struct screen *screen, const struct layout *layout, int row, size_t column,
                      const struct view_column *kind, const struct cell *cell,
                      enum screen_style style)
{
    char text[128];
    int start = layout->start[column], width = layout->width[column];
    if (cell->absent)
        return;
    if (kind->kind == CELL_TEXT) {
        const char *content = cell->text != NULL ? cell->text : "";
        screen_put(screen, row, start, width, style,
                   cell_text_shorten(content, width, text, sizeof text));
        return;
    }
    cell_text_format(kind, cell, width, text, sizeof text);
    screen_put_right(screen, row, start, width, style, text);
}

static bool is_zero(enum cell_kind kind, const struct cell *cell)
{
    return kind == CELL_COUNT || kind == CELL_TIME || kind == CELL_MEMORY ? cell->integer == 0
                                                                          : cell->number < 0.05;
}

static void draw_row(const struct tui_state *state, struct screen *screen,
                     const struct layout *layout, int row, size_t position, int columns)
{
    const struct view_row *from = &state->table.rows[state->rows.shown[position].index];
    bool selected = position == state->place.cursor.position;
    if (selected)
        screen_fill(screen, row, 0, columns, STYLE_SELECTED);
    if (from->heading) {
        screen_put(screen, row, 0, columns, STYLE_STRONG, from->cells[0].text);
        return;
    }
    enum screen_style heat = heat_style(layout, from);
    for (size_t i = 0; i < layout->count; i++) {
        if (!layout->shown[i])
            continue;
        const struct view_column *column = &state->place.view->columns[i];
        enum screen_style style = i == layout->heat ? heat : STYLE_PLAIN;
        if (column->kind != CELL_TEXT && is_zero(column->kind, &from->cells[i]))
            style = STYLE_FAINT;
        if (i == layout->name)
            style = heat == STYLE_HOT ? STYLE_STRONG : STYLE_PLAIN;
        if (selected)
            style = STYLE_SELECTED;
        if (i == layout->name)
            draw_name(state, screen, layout, row, position, style);
        else
            draw_cell(screen, layout, row, i, column, &from->cells[i], style);
    }
}

static void draw_empty(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    if (state->snapshot == NULL)
        screen_put(screen, row, 1, columns - 1, STYLE_FAINT, "waiting for the first numbers…");
    else if (state->place.view->needs_function && tui_function(state) == NULL)
        screen_put(screen, row, 1, columns - 1, STYLE_FAINT,
                   "this function has not been called since the reset: Esc goes back");
    else if (state->filter[0] != '\0')
        screen_format(screen, row, 1, columns - 1, STYLE_FAINT,
                      "nothing here matches “%s”: c clears the filter", state->filter);
    else
        screen_put(screen, row, 1, columns - 1, STYLE_FAINT, "nothing yet");
}

void draw_table(struct tui_state *state, struct screen *screen, int row, int height)
{
    int rows, columns;
    struct layout layout;
    screen->ops->size(screen, &rows, &columns);
    fit_columns(state, &layout, columns);
    draw_titles(state, screen, &layout, row);
    int notes = notes_draw(state, screen, row + 1, height - 1);
    row += notes;
    height -= notes;
    state->page_height = height - 1;
    if (height < 2)
        return;
    if (!state->has_table || state->rows.count == 0) {
        draw_empty(state, screen, row + 1, columns);
        return;
    }
    struct rows_cursor *cursor = &state->place.cursor;
    rows_scroll(&state->rows, cursor, (size_t)height - 1);
    for (int i = 1; i < height && cursor->top + (size_t)i <= state->rows.count; i++)
        draw_row(state, screen, &layout, row + i, cursor->top + (size_t)i - 1, columns);
}

/* SPDX-License-Identifier: MIT */
/* A screen in memory: cells that tests read back as text.
 * Why: what a person would see is compared character by character, without a terminal.
 * Rules: a character that is two columns wide takes two cells, the second of which is empty, so
 * that a row that is misaligned on a terminal is misaligned here. Overwriting half of a wide
 * character blanks the other half, as terminals do. */
#include "tui/screen.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = 20 };

struct grid_cell {
    char text[CELL_BYTES]; /* a character and its accents; "": the right half of the one before */
    enum screen_style style;
};

struct screen_grid {
    struct screen screen;
    int rows, columns;
    struct grid_cell *cells;
};

static struct screen_grid *grid_of(struct screen *screen)
{
    return (struct screen_grid *)screen;
}

static struct grid_cell *cell_at(const struct screen_grid *grid, int row, int column)
{
    return &grid->cells[(size_t)row * (size_t)grid->columns + (size_t)column];
}

static void grid_size(struct screen *screen, int *ret_rows, int *ret_columns)
{
    *ret_rows = grid_of(screen)->rows;
    *ret_columns = grid_of(screen)->columns;
}

static void grid_erase(struct screen *screen)
{
    struct screen_grid *grid = grid_of(screen);
    for (int i = 0; i < grid->rows * grid->columns; i++)
        grid->cells[i] = (struct grid_cell){" ", STYLE_PLAIN};
}

static void blank_halves(struct screen_grid *grid, int row, int column)
{
    struct grid_cell *cell = cell_at(grid, row, column);
    if (cell->text[0] == '\0' && column > 0)
        strcpy(cell_at(grid, row, column - 1)->text, " ");
    if (column + 1 < grid->columns && cell[1].text[0] == '\0')
        strcpy(cell[1].text, " ");
}

static void append_accent(struct grid_cell *cell, const char *bytes, size_t size)
{
    size_t length = strlen(cell->text);
    if (length + size < CELL_BYTES) {
        memcpy(cell->text + length, bytes, size);
        cell->text[length + size] = '\0';
    }
}

static void grid_put(struct screen *screen, int row, int column, enum screen_style style,
                     const char *text)
{
    struct screen_grid *grid = grid_of(screen);
    int last = -1;
    while (*text != '\0') {
        uint32_t rune;
        size_t size = text_decode(text, strlen(text), &rune);
        int width = text_point_width(rune);
        if (width == 0 && last >= 0)
            append_accent(cell_at(grid, row, last), text, size);
        if (width > 0) {
            if (column + width > grid->columns)
                return;
            for (int i = 0; i < width; i++) {
                blank_halves(grid, row, column + i);
                *cell_at(grid, row, column + i) = (struct grid_cell){"", style};
            }
            append_accent(cell_at(grid, row, column), text, size);
            last = column;
            column += width;
        }
        text += size;
    }
}

static void grid_show(struct screen *screen)
{
    (void)screen;
}

static int grid_key(struct screen *screen, int timeout_ms)
{
    (void)screen;
    (void)timeout_ms;
    return SCREEN_KEY_NONE;
}

static void grid_close(struct screen *screen)
{
    free(grid_of(screen)->cells);
    free(screen);
}

static const struct screen_ops grid_ops = {
    .size = grid_size,
    .erase = grid_erase,
    .put = grid_put,
    .show = grid_show,
    .key = grid_key,
    .close = grid_close,
};

int screen_grid_resize(struct screen *screen, int rows, int columns)
{
    struct screen_grid *grid = grid_of(screen);
    struct grid_cell *cells = calloc((size_t)rows * (size_t)columns, sizeof *cells);
    if (cells == NULL)
        return -ENOMEM;
    free(grid->cells);
    grid->cells = cells;
    grid->rows = rows;
    grid->columns = columns;
    grid_erase(screen);
    return 0;
}

struct screen *screen_grid_new(int rows, int columns, bool unicode)
{
    struct screen_grid *grid = calloc(1, sizeof *grid);
    if (grid == NULL)
        return NULL;
    grid->screen = (struct screen){&grid_ops, unicode};
    if (screen_grid_resize(&grid->screen, rows, columns) < 0) {
        free(grid);
        return NULL;
    }
    return &grid->screen;
}

size_t screen_grid_row(const struct screen *screen, int row, char *text, size_t size)
{
    const struct screen_grid *grid = (const struct screen_grid *)screen;
    size_t length = 0, kept = 0;
    for (int column = 0; column < grid->columns; column++) {
        const char *cell = cell_at(grid, row, column)->text;
        size_t bytes = strlen(cell);
        if (length + bytes + 1 > size)
            break;
        memcpy(text + length, cell, bytes);
        length += bytes;
        if (bytes > 0 && strcmp(cell, " ") != 0)
            kept = length;
    }
    text[kept] = '\0';
    return kept;
}

enum screen_style screen_grid_style(const struct screen *screen, int row, int column)
{
    return cell_at((const struct screen_grid *)screen, row, column)->style;
}

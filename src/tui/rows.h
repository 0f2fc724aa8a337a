/* SPDX-License-Identifier: MIT */
/* The rows of a table that are on show, and which of them is the selected one.
 * Why: rows re-sort at every refresh while a person's eye and cursor are on one function. A row's
 * identity is what it shows and what stands above it, never its place.
 * Rules: positions are those among the rows on show; what a collapsed row hides has none. Collapsed
 * rows are kept by identity, so that they stay so when the table is made anew. */
#ifndef ULMA_TUI_ROWS_H
#define ULMA_TUI_ROWS_H

#include "views/view.h"

struct shown_row {
    size_t index;      /* in the table's rows */
    uint64_t identity; /* never 0 */
    bool has_children;
    bool collapsed;
};

struct rows {
    struct shown_row *shown;
    size_t count;
    uint64_t *collapsed; /* identities */
    size_t collapsed_count;
};

/* Where a person is in a table. */
struct rows_cursor {
    uint64_t identity; /* of the selected row; 0: the first one, whichever it is */
    uint32_t function; /* its function's id, 0: none; tells rows of one identity apart */
    size_t position;
    size_t top; /* the first row on the screen */
};

void rows_done(struct rows *rows);

/* Takes the rows of a table. 0 or -ENOMEM, and then nothing has changed. */
int rows_set(struct rows *rows, const struct view_table *table);

/* Finds the cursor's row again after rows_set. */
void rows_follow(const struct rows *rows, const struct view_table *table,
                 const struct snapshot *snapshot, struct rows_cursor *cursor);

/* Moves by `step` rows, over headings; stops at the ends. */
void rows_move(const struct rows *rows, const struct view_table *table,
               const struct snapshot *snapshot, struct rows_cursor *cursor, long step);

/* Moves `top` so that the cursor is among the `height` rows on the screen. */
void rows_scroll(const struct rows *rows, struct rows_cursor *cursor, size_t height);

/* Opens or closes a row with rows below it. False: there was nothing to do. */
bool rows_collapse(struct rows *rows, const struct rows_cursor *cursor, bool collapse);

/* The position of the row above that this one belongs to; its own when there is none. */
size_t rows_parent(const struct rows *rows, const struct view_table *table, size_t position);

/* The column that names a row: the one that takes what is left. */
size_t rows_name_column(const struct view *view);

/* The row's function, or NULL. */
const struct snapshot_function *rows_function(const struct rows *rows,
                                              const struct view_table *table,
                                              const struct snapshot *snapshot, size_t position);

#endif

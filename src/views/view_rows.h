/* SPDX-License-Identifier: MIT */
/* What the views' fill functions share: making rows, matching, sorting, cutting.
 * Why: every view obeys the same sort, filter and limit, so they are written once.
 * Rules: for the files of this folder only. Memory is the table's arena. A text cell with an integer
 * sorts by the integer. */
#ifndef ULMA_VIEWS_VIEW_ROWS_H
#define ULMA_VIEWS_VIEW_ROWS_H

#include "views/view.h"

static inline struct cell cell_text(const char *text)
{
    return (struct cell){.text = text};
}

static inline struct cell cell_integer(int64_t integer)
{
    return (struct cell){.integer = integer};
}

static inline struct cell cell_number(double number)
{
    return (struct cell){.number = number};
}

static inline struct cell cell_absent(void)
{
    return (struct cell){.absent = true};
}

/* A number that is a name, as a PID is: never shortened. 0 or -ENOMEM. */
int cell_identity(struct arena *arena, uint32_t number, struct cell *ret_cell);

/* Room for `most` rows of the view's columns; row_count stays 0. 0 or -ENOMEM. */
int view_rows_alloc(struct view_table *table, size_t most);

/* The next row of that room, all cells absent. */
struct view_row *view_rows_add(struct view_table *table);

/* Adds the row of number `index` of what the view is about, where the query lets it through. 0 or -ENOMEM. */
typedef int view_rows_one(const struct snapshot *snapshot, size_t index,
                          const struct view_query *query, struct view_table *table);

/* A view's `fill`: a row at most for each of `count`, its title (NULL: the view's own), sorted and cut. 0 or -ENOMEM. */
int view_rows_fill(const struct snapshot *snapshot, const struct view_query *query,
                   struct view_table *table, size_t count, view_rows_one *one,
                   int (*set_title)(const struct snapshot *snapshot, struct view_table *table));

/* The table's title says why a source has not told all; where it has, the title stays. 0 or -ENOMEM. */
int view_rows_say_incomplete(const struct snapshot *snapshot, const char *source,
                             struct view_table *table);

/* A section's title. */
void view_rows_add_heading(struct view_table *table, const char *text);

/* `qualname (package/module.py:line)`, safe to show. NULL: no memory. NONE: where all begins. */
const char *view_rows_label(struct view_table *table, const struct snapshot *snapshot,
                            int32_t function);

/* The same with the line that ran; 0: not known. NONE: no Python function was open. */
const char *view_rows_label_at(struct view_table *table, const struct snapshot *snapshot,
                               int32_t function, uint32_t line);

/* Whether the filter is in the function's names, module or file. NULL lets all through. */
bool view_rows_match(const struct snapshot_function *function, const char *filter);

/* Sorts the rows from `first` on by the query's column, else the view's default; rows that are
 * equal stay as they are. An unknown column is the default. */
void view_rows_sort(struct view_table *table, size_t first, const struct view_query *query);

/* Cuts the rows from `first` on to the query's limit, and counts what was cut. */
void view_rows_limit(struct view_table *table, size_t first, const struct view_query *query);

/* part / whole * 100, 0 for an empty whole. */
double view_rows_percent(int64_t part, int64_t whole);

/* The window's length in seconds; the whole run's when there is no window. Never 0. */
double view_rows_window_s(const struct snapshot *snapshot);

/* Never below zero: cpu time is a difference of two measurements. */
static inline int64_t view_rows_time(int64_t wall_ns, int64_t wait_ns, enum snapshot_clock clock)
{
    int64_t time = clock == CLOCK_CPU ? wall_ns - wait_ns : wall_ns;
    return time > 0 ? time : 0;
}

#endif

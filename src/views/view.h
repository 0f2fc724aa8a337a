/* SPDX-License-Identifier: MIT */
/* A view: one question about the program, answered with columns and rows. No drawing here.
 * Why: the terminal, the report and later the page all draw any view from the same rows, so a new
 * view is one file with one exported `const struct view` and one line in views.def.
 * Rules: reads a snapshot, never the model; allocates from the table's arena only; the functions are
 * pure and may run on any thread. */
#ifndef ULMA_VIEWS_VIEW_H
#define ULMA_VIEWS_VIEW_H

#include "base/arena.h"
#include "model/snapshot.h"

enum cell_kind {
    CELL_TEXT,    /* text */
    CELL_COUNT,   /* integer, drawn with 1,234 or 1.2M when narrow */
    CELL_TIME,    /* integer nanoseconds, drawn with a unit: 12.3µs */
    CELL_PERCENT, /* number, 0-100 */
    CELL_RATE,    /* number per second */
    CELL_MEMORY,  /* integer, drawn with a unit: 12.3M; may be negative */
};

struct cell {
    const char *text; /* CELL_TEXT */
    int64_t integer;  /* CELL_COUNT, CELL_TIME, CELL_MEMORY */
    double number;    /* CELL_PERCENT, CELL_RATE */
    bool estimate;    /* drawn with `~` */
    bool holds;       /* drawn with `+`: it holds the time of functions that are left out */
    bool absent;      /* drawn as nothing */
};

struct view_column {
    const char *id;    /* sort key and JSON name: "self_pct" */
    const char *title; /* "%self" */
    enum cell_kind kind;
    int width;    /* columns in a terminal; 0: takes what is left (one per view, the name) */
    int priority; /* the highest are dropped first when the terminal is narrow; 0: never */
    const char *help;
};

struct view_row {
    struct cell *cells;
    int32_t function; /* snapshot index that Enter opens, or SNAPSHOT_NONE */
    int depth;        /* indent of the name, for trees */
    bool heading;     /* a section's title: only cells[0].text counts */
};

struct view_query {
    enum snapshot_clock clock;
    const char *sort; /* a column's id, NULL: the view's own order */
    bool ascending;
    const char *filter; /* NULL or a substring (case ignored) of name, module or file */
    size_t limit;       /* rows; 0: all */
    int32_t function;   /* what the view `function` is about */
    bool hide_waiting;  /* leave out functions that only waited (self cpu 0) */
    bool only_muted;    /* of functions: those with estimates, since the budget muted them */
    double min_pct;     /* tree: leave out branches below this share of the total */
};

struct view_table {
    struct arena *arena; /* owns rows and cells; view_table_free */
    const struct view *view;
    struct view_row *rows;
    size_t row_count;
    size_t left_out;   /* rows beyond the limit */
    const char *title; /* may refine the view's: "function: json.loads" */
};

struct view {
    const char *id;       /* "functions" */
    const char *title;    /* "Functions" */
    const char *question; /* "Where is the time spent?" */
    const struct view_column *columns;
    size_t column_count;
    const char *default_sort; /* column id or NULL */
    bool needs_function;
    const char
        *source; /* it shows what that source tells, and only where it was on; NULL: always */
    bool (*is_there)(
        const struct snapshot *snapshot); /* only where it has something to say; NULL: always */
    bool since_start; /* its figures are of the whole run, whatever the window */
    /* 0 or -ENOMEM; fills rows, row_count, left_out, title. The arena is there already. */
    int (*fill)(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table);
};

/* All views, in the order of views.def; NULL ends the list. */
extern const struct view *const view_list[];

/* Its source was on, and it has something to say. */
bool view_has_source(const struct view *view, const struct snapshot *snapshot);

/* NULL: no view of that id. */
const struct view *view_find(const char *id);

/* Builds a table; the caller frees it. 0 or -ENOMEM. `table` is untouched on failure. */
int view_table_make(const struct view *view, const struct snapshot *snapshot,
                    const struct view_query *query, struct view_table *ret_table);
void view_table_free(struct view_table *table);

/* `package/module.py:line` of a function, C functions as "": from the arena. */
const char *view_short_location(struct arena *arena, const struct snapshot_function *function);

#endif

/* SPDX-License-Identifier: MIT */
/* All that the terminal's screen depends on, and the two functions that a screen is made of.
 * Why: tui_step(state, key) and tui_draw(state, screen) need no terminal and no clock, so every key
 * and every screen is tested as data.
 * Rules: tui_draw reads; only the table's height and what scrolling follows from it are written.
 * The state owns its snapshot, table and history. */
#ifndef ULMA_TUI_TUI_STATE_H
#define ULMA_TUI_TUI_STATE_H

#include "tui/history.h"
#include "tui/rows.h"
#include "tui/screen.h"
#include "tui/tui.h"

enum {
    TUI_BACK_LIMIT = 32, /* places that Escape finds back to */
    TUI_VIEW_LIMIT = 32, /* views whose place is remembered */
    TUI_FILTER_BYTES = 96,
    TUI_ASKED_BYTES = 1024,
    TUI_ROW_LIMIT = 5000, /* nobody scrolls further; a million-node tree stays quick */
    TUI_MESSAGE_S = 6,
    TUI_TABS_ROWS = 16, /* lower screens spend no row on the tabs */
};

/* What a line asks for: prompt.h. */
enum tui_asking {
    TUI_ASKING_NOTHING,
    TUI_ASKING_ONLY,
    TUI_ASKING_SKIP,
    TUI_ASKING_BUDGET,
    TUI_ASKING_RULES
};

/* A view, and where a person is in it. */
struct tui_place {
    const struct view *view;
    const char *sort;     /* a column's id, NULL: the view's own */
    uint32_t function_id; /* of views that are about one function */
    struct rows_cursor cursor;
};

struct tui_state {
    const struct tui_host *host;
    struct tui_options options; /* interval_s and window_s change with keys */
    struct snapshot *snapshot;  /* NULL: none yet */
    struct view_table table;
    bool has_table;
    struct rows rows;
    struct history *history;
    struct tui_place place;
    struct tui_place back[TUI_BACK_LIMIT];
    size_t back_count;
    struct tui_place remembered[TUI_VIEW_LIMIT]; /* by position in view_list */
    char filter[TUI_FILTER_BYTES];               /* "" none */
    bool filtering;                              /* the filter's line is open */
    enum tui_asking asking;                      /* ... or another one, */
    char asked[TUI_ASKED_BYTES];                 /* with this in it */
    bool paused, help, output, hide_waiting, only_muted;
    bool quit;
    bool stale;      /* a new snapshot is wanted at once */
    int help_top;    /* first line of the help on show */
    int page_height; /* rows of the table at the last tui_draw */
    char message[256];
    bool message_bad;
    double message_left_s; /* until it goes by itself */
};

/* 0; -ENOMEM; -EINVAL: no such view. */
int tui_init(struct tui_state *state, const struct tui_host *host,
             const struct tui_options *options);
void tui_done(struct tui_state *state);

/* Asks the host for a snapshot and makes the table anew. Without a new one the old one stays. */
void tui_refresh(struct tui_state *state);

/* Makes the table anew from the snapshot at hand (another sort, filter, view). */
void tui_remake(struct tui_state *state);

/* Goes to a view; `function_id` for those about one function. tui_back returns. */
void tui_open(struct tui_state *state, const struct view *view, uint32_t function_id);
bool tui_back(struct tui_state *state);

/* Switches to the next or previous view of the list. */
/* Tab comes to it: it needs no function, and its source was on. */
bool tui_can_turn_to(const struct tui_state *state, const struct view *view);
void tui_turn(struct tui_state *state, int step);

void tui_say(struct tui_state *state, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Time passes: messages go. */
void tui_pass(struct tui_state *state, double seconds);

void tui_step(struct tui_state *state, int key);
void tui_draw(struct tui_state *state, struct screen *screen);

/* The place's sort column, or NULL. */
const struct view_column *tui_sort_column(const struct tui_state *state);

/* The function that the place is about, or NULL. */
const struct snapshot_function *tui_function(const struct tui_state *state);

#endif

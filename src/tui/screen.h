/* SPDX-License-Identifier: MIT */
/* A rectangle of character cells that text is put on.
 * Why: a small table of operations with two back ends, curses for people and a grid in memory for
 * tests, so that what a person would see is compared as text without a terminal.
 * Rules: one thread. Text handed in may be anything (names come from the target): it is cleaned,
 * clipped and, where the terminal cannot show more, spelled in ASCII here, so that a back end gets
 * printable text that fits. Positions outside of the screen are ignored. */
#ifndef ULMA_TUI_SCREEN_H
#define ULMA_TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a piece of text means, not what it looks like. */
enum screen_style {
    STYLE_PLAIN,
    STYLE_STRONG, /* what the eye should find */
    STYLE_FAINT,  /* there when looked for */
    STYLE_TITLE,  /* column titles, rules */
    STYLE_KEY,    /* a key that may be pressed, the tab that is open */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_HOT,      /* a large share of the time */
    STYLE_WARM,     /* a notable share */
    STYLE_SELECTED, /* the row that keys act upon */
    STYLE_COUNT,
};

/* Keys: Unicode code points (Enter '\r', Tab '\t', Escape, Backspace 127), and these. */
enum {
    SCREEN_KEY_NONE = -1, /* none came in time */
    SCREEN_KEY_TAB = '\t',
    SCREEN_KEY_ENTER = '\r',
    SCREEN_KEY_ESCAPE = 27,
    SCREEN_KEY_BACKSPACE = 127,
    SCREEN_KEY_UP = 0x110000,
    SCREEN_KEY_DOWN,
    SCREEN_KEY_LEFT,
    SCREEN_KEY_RIGHT,
    SCREEN_KEY_PAGE_UP,
    SCREEN_KEY_PAGE_DOWN,
    SCREEN_KEY_HOME,
    SCREEN_KEY_END,
    SCREEN_KEY_BACK_TAB,
    SCREEN_KEY_RESIZE,
    SCREEN_KEY_CLOSED, /* the terminal is gone */
};

struct screen;

struct screen_ops {
    void (*size)(struct screen *screen, int *ret_rows, int *ret_columns);
    void (*erase)(struct screen *screen);
    /* `text` is clean UTF-8 that fits into the row from `column` on. */
    void (*put)(struct screen *screen, int row, int column, enum screen_style style,
                const char *text);
    void (*show)(struct screen *screen);
    int (*key)(struct screen *screen, int timeout_ms);
    void (*close)(struct screen *screen);
};

struct screen {
    const struct screen_ops *ops;
    bool unicode; /* false: only ASCII is put */
};

/* The columns that `text` takes as screen_put would show it; stops counting beyond `limit`. */
int screen_measure(const struct screen *screen, const char *text, int limit);

/* Puts at most `width` columns of `text`; what does not fit ends in an ellipsis. Returns the
 * columns used. */
int screen_put(struct screen *screen, int row, int column, int width, enum screen_style style,
               const char *text);

/* The same, ending at the right edge of `width` columns. */
int screen_put_right(struct screen *screen, int row, int column, int width, enum screen_style style,
                     const char *text);

/* printf to screen_put. */
int screen_format(struct screen *screen, int row, int column, int width, enum screen_style style,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Fills `width` columns with blanks in a style (the selected row). */
void screen_fill(struct screen *screen, int row, int column, int width, enum screen_style style);

/* The terminal. -ENOTTY: there is none, or it cannot move its cursor (TERM=dumb, unknown). `color`
 * false: bold, faint and reverse only. */
int screen_curses_open(bool color, struct screen **ret_screen);

/* The grid of tests. NULL: no memory. */
struct screen *screen_grid_new(int rows, int columns, bool unicode);

/* Another size, as when a window is resized; everything is blank then. 0 or -ENOMEM. */
int screen_grid_resize(struct screen *screen, int rows, int columns);

/* A row's text without trailing blanks into `text`. Returns its length. */
size_t screen_grid_row(const struct screen *screen, int row, char *text, size_t size);

enum screen_style screen_grid_style(const struct screen *screen, int row, int column);

void screen_close(struct screen *screen); /* NULL is allowed; gives the terminal back */

#endif

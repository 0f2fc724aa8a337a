/* SPDX-License-Identifier: MIT */
/* The live terminal: draws any view, turns keys into wishes.
 * Why two back ends: curses for people, a grid of cells in memory for tests, so that screens are
 * compared as text without a terminal.
 * Rules: one thread. Knows views and this interface only: what it wants of the target or collector
 * goes through struct tui_host, which cmd fills in. The terminal is always given back (normal end,
 * error, SIGTERM, SIGHUP, SIGTSTP and back). */
#ifndef ULMA_TUI_TUI_H
#define ULMA_TUI_TUI_H

#include "views/view.h"

struct tui_host {
    void *context;
    /* A new snapshot over the last window_s seconds (0: all); the tui frees it. NULL: none. */
    struct snapshot *(*snapshot)(void *context, int window_s, enum snapshot_clock clock);
    /* Turns the sources on or off in the target. 0 or negative errno. NULL: cannot. */
    int (*switch_on)(void *context, bool on);
    /* Changes what is followed: KEY=VALUE of only, skip, events, budget. False: `message` says why not; else
     * what is in force. NULL: cannot. */
    bool (*set)(void *context, const char *word, char *message, size_t size);
    /* The screen stands still, or goes on; what is played does, too. NULL: nothing is. */
    void (*pause)(void *context, bool paused);
    /* The window ends `step` windows later (earlier where negative); `message` says where that is. NULL: it
     * ends now, always. */
    void (*seek)(void *context, int step, char *message, size_t size);
    /* Starts counting anew. NULL: cannot. */
    void (*reset)(void *context);
    /* Saves a report; fills `message` with where it went or why not. */
    void (*save)(void *context, char *message, size_t size);
    /* True when the screen should end by itself (duration over). Polled 10 times a second. */
    bool (*finished)(void *context);
    /* True when the screen should end at once, whatever it shows (a signal). NULL: never. */
    bool (*leave)(void *context);
    /* The last lines of the target's own output, at most `lines`, into `text`. Its length. */
    size_t (*target_output)(void *context, char *text, size_t size, int lines);
    const char *output_path; /* file that the target's output goes to; NULL: none */
    const char *product;     /* "ulma 0.1.0" */
};

struct tui_options {
    enum snapshot_clock clock;
    double interval_s; /* >= 0.1 */
    int window_s;      /* 10 */
    const char *sort;  /* view column id or NULL */
    size_t limit;      /* rows, 0: what fits */
    bool color;
    const char *view; /* id of the first view; NULL: functions */
};

/* Runs until `q`, host->leave(), or host->finished(); when the target itself has ended
 * (snapshot.meta.ended) the last screen stays to be browsed until `q`. 0; -ENOTTY: no usable
 * terminal; -EINVAL: no such view. */
int tui_run(const struct tui_host *host, const struct tui_options *options);

#endif

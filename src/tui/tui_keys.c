/* SPDX-License-Identifier: MIT */
/* Keys: one small function each, and the table that binds them. */
#include "tui/tui_keys.h"

#include "tui/prompt.h"

#include <stdio.h>
#include <string.h>

static void quit(struct tui_state *state)
{
    state->quit = true;
}

static void open_help(struct tui_state *state)
{
    state->help = true;
    state->help_top = 0;
}

/* Steps through the view's columns from the one that sorts now. */
static void step_sort(struct tui_state *state, int step)
{
    const struct view *view = state->place.view;
    const struct view_column *now = tui_sort_column(state);
    size_t count = view->column_count;
    size_t position = now != NULL ? (size_t)(now - view->columns) : step > 0 ? count - 1 : 0;
    position = (position + (step > 0 ? 1 : count - 1)) % count;
    state->place.sort = view->columns[position].id;
    tui_remake(state);
}

static void sort_next(struct tui_state *state)
{
    step_sort(state, 1);
}

static void sort_previous(struct tui_state *state)
{
    step_sort(state, -1);
}

static void pause_screen(struct tui_state *state)
{
    state->paused = !state->paused;
    state->stale = !state->paused;
    if (state->host->pause != NULL)
        state->host->pause(state->host->context, state->paused);
    tui_say(state, false,
            state->paused ? "paused: the screen stands still, collecting goes on"
                          : "the screen moves again");
}

static void reset(struct tui_state *state)
{
    if (state->host->reset == NULL) {
        tui_say(state, true, "%s",
                state->host->owner
                    ? state->host->owner
                    : "these numbers cannot be reset: they are not being collected here");
        return;
    }
    state->host->reset(state->host->context);
    history_clear(state->history);
    state->stale = true;
    tui_say(state, false, "counting starts anew");
}

static void open_filter(struct tui_state *state)
{
    state->filtering = true;
}

static void clear_filter(struct tui_state *state)
{
    state->filter[0] = '\0';
    tui_remake(state);
}

/* Threads, then processes where there are several, then back. */
static void open_threads(struct tui_state *state)
{
    const struct view *threads = view_find("threads"), *processes = view_find("processes");
    bool several = state->snapshot && state->snapshot->process_count > 1;
    const struct view *wanted = state->place.view == threads && several ? processes : threads;
    if (state->place.view == processes || (state->place.view == threads && !several)) {
        if (tui_back(state) && state->place.view == threads)
            tui_back(state);
        return;
    }
    tui_open(state, wanted, 0);
}

static void change_interval(struct tui_state *state, int step)
{
    static const double intervals_s[] = {0.1, 0.2, 0.5, 1, 2, 5, 10};
    enum { COUNT = sizeof intervals_s / sizeof *intervals_s };
    int nearest = 0;
    while (nearest < COUNT - 1 && intervals_s[nearest] < state->options.interval_s - 1e-9)
        nearest++;
    /* Between two steps: the next one in the direction asked for. */
    if (step > 0 && intervals_s[nearest] > state->options.interval_s + 1e-9)
        step = 0;
    nearest += step;
    nearest = nearest < 0 ? 0 : nearest >= COUNT ? COUNT - 1 : nearest;
    state->options.interval_s = intervals_s[nearest];
    tui_say(state, false, "a new screen every %g s", state->options.interval_s);
}

static void refresh_faster(struct tui_state *state)
{
    change_interval(state, -1);
}

static void refresh_slower(struct tui_state *state)
{
    change_interval(state, 1);
}

static void next_window(struct tui_state *state)
{
    static const int windows_s[] = {1, 10, 60, 0};
    size_t now = 0;
    while (now < 3 && windows_s[now] != state->options.window_s)
        now++;
    state->options.window_s = windows_s[(now + 1) % 4];
    if (state->place.view->since_start)
        tui_say(state, false, "this view is of the whole run, the others are of the new window");
    state->stale = true; /* a paused screen too: another window is another question */
}

static void seek(struct tui_state *state, int step)
{
    char message[200] = "";
    if (state->host->seek == NULL) {
        tui_say(state, true, "this program runs: the window ends now (p holds the screen)");
        return;
    }
    state->host->seek(state->host->context, step, message, sizeof message);
    state->stale = true;
    tui_say(state, false, "%s", message);
}

static void seek_earlier(struct tui_state *state)
{
    seek(state, -1);
}

static void seek_later(struct tui_state *state)
{
    seek(state, 1);
}

static void switch_sources(struct tui_state *state)
{
    const struct tui_host *host = state->host;
    if (host->switch_on == NULL || state->snapshot == NULL || state->snapshot->meta.ended) {
        tui_say(state, true, "%s",
                host->owner ? host->owner : "nothing to switch: no program is running here");
        return;
    }
    bool on = !state->snapshot->meta.recording;
    int error = host->switch_on(host->context, on);
    if (error < 0)
        tui_say(state, true, "could not switch the program's profiling %s: %s", on ? "on" : "off",
                strerror(-error));
    else
        tui_say(state, false,
                on ? "profiling is on"
                   : "profiling is off, the program runs at full speed: o for on");
    state->stale = true;
}

static void toggle_waiting(struct tui_state *state)
{
    state->hide_waiting = !state->hide_waiting;
    tui_say(state, false,
            state->hide_waiting ? "functions that only wait are hidden"
                                : "functions that only wait are shown");
    tui_remake(state);
}

static void toggle_muted(struct tui_state *state)
{
    const struct view *functions = view_find("functions");
    if (!state->only_muted && (!state->snapshot || !state->snapshot->meta.muted)) {
        tui_say(state, true, "no function is muted: every call is counted");
        return;
    }
    state->only_muted = !state->only_muted;
    tui_say(state, false,
            state->only_muted ? "only functions that the budget muted: their figures are estimates"
                              : "all functions are shown");
    if (state->only_muted && state->place.view != functions)
        tui_open(state, functions, 0);
    else
        tui_remake(state);
}

static void toggle_output(struct tui_state *state)
{
    if (state->host->target_output == NULL) {
        tui_say(state, true, "the program's own output does not come here");
        return;
    }
    state->output = !state->output;
}

static void save(struct tui_state *state)
{
    char message[200] = "";
    if (state->host->save == NULL) {
        tui_say(state, true, "a report cannot be saved from here");
        return;
    }
    state->host->save(state->host->context, message, sizeof message);
    tui_say(state, false, "%s", message);
}

static void open_function(struct tui_state *state)
{
    if (!state->has_table || state->rows.count == 0)
        return;
    const struct snapshot_function *function =
        rows_function(&state->rows, &state->table, state->snapshot, state->place.cursor.position);
    if (function == NULL)
        tui_say(state, false, "no function stands behind this row");
    else if (function->id != state->place.function_id)
        tui_open(state, view_find("function"), function->id);
}

static void go_back(struct tui_state *state)
{
    if (!tui_back(state) && state->filter[0] != '\0')
        clear_filter(state);
}

static void view_next(struct tui_state *state)
{
    tui_turn(state, 1);
}

static void view_previous(struct tui_state *state)
{
    tui_turn(state, -1);
}

static void move(struct tui_state *state, long step)
{
    if (state->has_table)
        rows_move(&state->rows, &state->table, state->snapshot, &state->place.cursor, step);
}

static void move_up(struct tui_state *state)
{
    move(state, -1);
}

static void move_down(struct tui_state *state)
{
    move(state, 1);
}

static long page(const struct tui_state *state)
{
    return state->page_height > 1 ? state->page_height - 1 : 1;
}

static void page_up(struct tui_state *state)
{
    move(state, -page(state));
}

static void page_down(struct tui_state *state)
{
    move(state, page(state));
}

static void move_first(struct tui_state *state)
{
    move(state, -(long)state->rows.count);
}

static void move_last(struct tui_state *state)
{
    move(state, (long)state->rows.count);
}

static void expand(struct tui_state *state)
{
    if (rows_collapse(&state->rows, &state->place.cursor, false))
        tui_remake(state);
}

static void collapse(struct tui_state *state)
{
    if (!state->has_table)
        return;
    if (rows_collapse(&state->rows, &state->place.cursor, true)) {
        tui_remake(state);
        return;
    }
    size_t now = state->place.cursor.position;
    size_t parent = rows_parent(&state->rows, &state->table, now);
    if (parent != now)
        move(state, (long)parent - (long)now);
}

const struct tui_key tui_key_list[] = {
    {'q', "q", "quit", 1, "quit, program runs on", quit},
    {'h', "h ?", "help", 2, "this help", open_help},
    {'?', NULL, NULL, 0, NULL, open_help},
    {SCREEN_KEY_ENTER, "Enter", "open", 3, "the function's own view", open_function},
    {SCREEN_KEY_ESCAPE, "Esc", "back", 4, "back, also Backspace", go_back},
    {SCREEN_KEY_BACKSPACE, NULL, NULL, 0, NULL, go_back},
    {SCREEN_KEY_TAB, "Tab", "view", 5, "next view", view_next},
    {SCREEN_KEY_BACK_TAB, NULL, NULL, 0, NULL, view_previous},
    {'s', "s S", "sort", 6, "sort: next, previous", sort_next},
    {'S', NULL, NULL, 0, NULL, sort_previous},
    {'/', "/", "filter", 7, "filter by name or file", open_filter},
    {'c', "c", NULL, 0, "clear the filter", clear_filter},
    {'z', "z", "window", 8, "1 s, 10 s, 60 s, all", next_window},
    {'[', "[ ]", NULL, 0, "recordings: earlier, later", seek_earlier},
    {']', NULL, NULL, 0, NULL, seek_later},
    {'p', "p", "pause", 9, "pause, also space", pause_screen},
    {' ', NULL, NULL, 0, NULL, pause_screen},
    {'t', "t", "threads", 10, "threads", open_threads},
    {'o', "o", "on/off", 11, "profiling on or off", switch_sources},
    {'k', "k", "keep", 16, "keep only these functions", prompt_ask_only},
    {'x', "x", "leave out", 17, "leave these functions out", prompt_ask_skip},
    {'e', "e", NULL, 0, "with C calls, or without", prompt_switch_c_calls},
    {'b', "b", NULL, 0, "the budget", prompt_ask_budget},
    {'R', "R", NULL, 0, "a file of rules", prompt_ask_rules},
    {'i', "i", "idle", 14, "hide what only waits", toggle_waiting},
    {'m', "m", NULL, 0, "only muted functions (~)", toggle_muted},
    {'r', "r", "reset", 13, "reset: count anew", reset},
    {'v', "v", "output", 12, "the program's output", toggle_output},
    {'W', "W", "save", 15, "save a report", save},
    {'+', "+ -", NULL, 0, "refresh faster, slower", refresh_faster},
    {'=', NULL, NULL, 0, NULL, refresh_faster},
    {'-', NULL, NULL, 0, NULL, refresh_slower},
    {'_', NULL, NULL, 0, NULL, refresh_slower},
    {SCREEN_KEY_UP, "↑ ↓", NULL, 0, "move, also PgUp PgDn", move_up},
    {SCREEN_KEY_DOWN, NULL, NULL, 0, NULL, move_down},
    {SCREEN_KEY_PAGE_UP, NULL, NULL, 0, NULL, page_up},
    {SCREEN_KEY_PAGE_DOWN, NULL, NULL, 0, NULL, page_down},
    {SCREEN_KEY_HOME, NULL, NULL, 0, NULL, move_first},
    {SCREEN_KEY_END, NULL, NULL, 0, NULL, move_last},
    {SCREEN_KEY_LEFT, "← →", NULL, 0, "close, open a branch", collapse},
    {SCREEN_KEY_RIGHT, NULL, NULL, 0, NULL, expand},
    {0, NULL, NULL, 0, NULL, NULL},
};

static void type_into_filter(struct tui_state *state, int key)
{
    if (key == SCREEN_KEY_ENTER || key == SCREEN_KEY_ESCAPE)
        state->filtering = false;
    if (key == SCREEN_KEY_ESCAPE)
        state->filter[0] = '\0';
    else
        prompt_edit(state->filter, sizeof state->filter, key);
    tui_remake(state);
}

static void scroll_help(struct tui_state *state, int key)
{
    int page_height = state->page_height > 1 ? state->page_height - 1 : 1;
    switch (key) {
    case SCREEN_KEY_UP:
        state->help_top--;
        break;
    case SCREEN_KEY_DOWN:
        state->help_top++;
        break;
    case SCREEN_KEY_PAGE_UP:
        state->help_top -= page_height;
        break;
    case SCREEN_KEY_PAGE_DOWN:
        state->help_top += page_height;
        break;
    case SCREEN_KEY_HOME:
        state->help_top = 0;
        break;
    default:
        state->help = false;
        break;
    }
    if (state->help_top < 0)
        state->help_top = 0;
}

static bool is_movement(int key)
{
    return key == SCREEN_KEY_UP || key == SCREEN_KEY_DOWN || key == SCREEN_KEY_PAGE_UP ||
           key == SCREEN_KEY_PAGE_DOWN;
}

void tui_step(struct tui_state *state, int key)
{
    if (key == SCREEN_KEY_NONE || key == SCREEN_KEY_RESIZE)
        return;
    if (key == SCREEN_KEY_CLOSED) {
        state->quit = true;
        return;
    }
    state->message[0] = '\0';
    if (state->help) {
        scroll_help(state, key);
        return;
    }
    if (state->asking != TUI_ASKING_NOTHING && !is_movement(key)) {
        prompt_step(state, key);
        return;
    }
    if (state->filtering && !is_movement(key)) {
        type_into_filter(state, key);
        return;
    }
    for (const struct tui_key *entry = tui_key_list; entry->key != 0; entry++) {
        if (entry->key == key) {
            entry->act(state);
            return;
        }
    }
}

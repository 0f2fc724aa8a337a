/* SPDX-License-Identifier: MIT */
/* The state behind the screen: what is looked at, and the numbers at hand. */
#include "tui/tui_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Branches of the tree below this share of the time are left out: they would bury the rest. */
static const double tree_min_pct = 0.1;

static size_t view_position(const struct view *view)
{
    size_t position = 0;
    while (view_list[position] != NULL && view_list[position] != view)
        position++;
    return position;
}

int tui_init(struct tui_state *state, const struct tui_host *host,
             const struct tui_options *options)
{
    *state = (struct tui_state){.host = host, .options = *options, .stale = true};
    const struct view *view = view_find(options->view != NULL ? options->view : "functions");
    if (view == NULL || view->needs_function)
        return -EINVAL;
    if (state->options.interval_s < 0.1)
        state->options.interval_s = 0.1;
    state->place.view = view;
    for (size_t i = 0; options->sort != NULL && i < view->column_count; i++) {
        if (strcmp(view->columns[i].id, options->sort) == 0)
            state->place.sort = view->columns[i].id;
    }
    state->history = history_new();
    return state->history != NULL ? 0 : -ENOMEM;
}

void tui_done(struct tui_state *state)
{
    rows_done(&state->rows);
    if (state->has_table)
        view_table_free(&state->table);
    snapshot_free(state->snapshot);
    history_free(state->history);
    *state = (struct tui_state){0};
}

static int32_t function_index(const struct snapshot *snapshot, uint32_t id)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        if (snapshot->functions[i].id == id)
            return (int32_t)i;
    }
    return SNAPSHOT_NONE;
}

const struct snapshot_function *tui_function(const struct tui_state *state)
{
    if (state->snapshot == NULL || state->place.function_id == 0)
        return NULL;
    int32_t index = function_index(state->snapshot, state->place.function_id);
    return index >= 0 ? &state->snapshot->functions[index] : NULL;
}

const struct view_column *tui_sort_column(const struct tui_state *state)
{
    const struct view *view = state->place.view;
    const char *id = state->place.sort != NULL ? state->place.sort : view->default_sort;
    for (size_t i = 0; id != NULL && i < view->column_count; i++) {
        if (strcmp(view->columns[i].id, id) == 0)
            return &view->columns[i];
    }
    return NULL;
}

void tui_remake(struct tui_state *state)
{
    struct tui_place *place = &state->place;
    if (state->snapshot == NULL)
        return;
    struct view_query query = {
        .clock = state->options.clock,
        .sort = place->sort,
        .filter = state->filter[0] != '\0' ? state->filter : NULL,
        .limit = state->options.limit > 0 ? state->options.limit : TUI_ROW_LIMIT,
        .function = SNAPSHOT_NONE,
        .hide_waiting = state->hide_waiting,
        .only_muted = state->only_muted,
        .min_pct = tree_min_pct,
    };
    /* Names from a to z, numbers from the largest. */
    const struct view_column *sorted = tui_sort_column(state);
    query.ascending = sorted != NULL && sorted->kind == CELL_TEXT;
    if (place->view->needs_function)
        query.function = function_index(state->snapshot, place->function_id);
    struct view_table table = {0};
    int error = -ENOENT;
    if (!place->view->needs_function || query.function != SNAPSHOT_NONE)
        error = view_table_make(place->view, state->snapshot, &query, &table);
    if (state->has_table)
        view_table_free(&state->table);
    state->has_table = error == 0;
    if (error == 0 && rows_set(&state->rows, &table) < 0) {
        view_table_free(&table);
        state->has_table = false;
    }
    if (!state->has_table) {
        state->rows.count = 0;
        return;
    }
    state->table = table;
    rows_follow(&state->rows, &state->table, state->snapshot, &place->cursor);
}

void tui_refresh(struct tui_state *state)
{
    const struct tui_host *host = state->host;
    state->stale = false;
    struct snapshot *snapshot =
        host->snapshot(host->context, state->options.window_s, state->options.clock);
    if (snapshot == NULL)
        return;
    /* The table points into the old one. */
    if (state->has_table)
        view_table_free(&state->table);
    state->has_table = false;
    snapshot_free(state->snapshot);
    state->snapshot = snapshot;
    history_add(state->history, snapshot);
    tui_remake(state);
}

static void remember(struct tui_state *state)
{
    size_t position = view_position(state->place.view);
    if (position < TUI_VIEW_LIMIT)
        state->remembered[position] = state->place;
}

void tui_open(struct tui_state *state, const struct view *view, uint32_t function_id)
{
    if (view == NULL)
        return;
    remember(state);
    if (state->back_count == TUI_BACK_LIMIT) {
        state->back_count--;
        memmove(state->back, state->back + 1, state->back_count * sizeof *state->back);
    }
    state->back[state->back_count++] = state->place;
    size_t position = view_position(view);
    bool known = position < TUI_VIEW_LIMIT && state->remembered[position].view == view;
    state->place = known && !view->needs_function ? state->remembered[position]
                                                  : (struct tui_place){.view = view};
    state->place.function_id = function_id;
    tui_remake(state);
}

bool tui_back(struct tui_state *state)
{
    if (state->back_count == 0)
        return false;
    remember(state);
    state->place = state->back[--state->back_count];
    tui_remake(state);
    return true;
}

bool tui_can_turn_to(const struct tui_state *state, const struct view *view)
{
    return !view->needs_function && (state->snapshot ? view_has_source(view, state->snapshot)
                                                     : !view->source && !view->is_there);
}

void tui_turn(struct tui_state *state, int step)
{
    size_t count = 0;
    while (view_list[count] != NULL)
        count++;
    /* From a function's view the turn goes on from where it was opened. */
    while (state->place.view->needs_function && state->back_count > 0)
        state->place = state->back[--state->back_count];
    remember(state);
    size_t position = view_position(state->place.view);
    if (count == 0)
        return;
    do
        position = (position + (step > 0 ? 1 : count - 1)) % count;
    while (!tui_can_turn_to(state, view_list[position]) &&
           view_list[position] != state->place.view);
    state->back_count = 0;
    bool known = position < TUI_VIEW_LIMIT && state->remembered[position].view != NULL;
    state->place = known ? state->remembered[position]
                         : (struct tui_place){.view = view_list[position]};
    tui_remake(state);
}

void tui_say(struct tui_state *state, bool bad, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(state->message, sizeof state->message, format, arguments);
    va_end(arguments);
    state->message_bad = bad;
    state->message_left_s = TUI_MESSAGE_S;
}

void tui_pass(struct tui_state *state, double seconds)
{
    if (state->message[0] == '\0')
        return;
    state->message_left_s -= seconds;
    if (state->message_left_s <= 0)
        state->message[0] = '\0';
}

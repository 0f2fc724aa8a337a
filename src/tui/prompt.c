/* SPDX-License-Identifier: MIT */
/* The lines.
 * Why: see prompt.h.
 * Rules: what is typed is only text here: whoever follows the program says whether it makes sense. */
#include "tui/prompt.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { GAP = 2, CONTROL_U = 21, MOST_RUNE_BYTES = 4 };

static const char *const keys[] = {
    [TUI_ASKING_ONLY] = "only=",
    [TUI_ASKING_SKIP] = "skip=",
    [TUI_ASKING_BUDGET] = "budget=",
    [TUI_ASKING_RULES] = "rules=",
};

static void cut_last_rune(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80)
        length--;
    if (length > 0)
        length--;
    text[length] = '\0';
}

void prompt_edit(char *text, size_t size, int key)
{
    size_t length = strlen(text);
    if (key == CONTROL_U)
        text[0] = '\0';
    else if (key == SCREEN_KEY_BACKSPACE)
        cut_last_rune(text);
    else if (key >= ' ' && key < SCREEN_KEY_UP && length + MOST_RUNE_BYTES + 1 < size)
        text[length + text_encode((uint32_t)key, text + length)] = '\0';
}

static bool can_set(struct tui_state *state)
{
    if (state->host->set && state->snapshot && !state->snapshot->meta.ended)
        return true;
    tui_say(state, true, "%s",
            state->host->owner ? state->host->owner
                               : "nothing to set: no program is followed here");
    return false;
}

static void fill_patterns(struct tui_state *state, bool skip)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    size_t used = 0;
    for (size_t i = 0; i < meta->site_count; i++) {
        size_t room = sizeof state->asked - used;
        if (meta->sites[i].skip != skip || strlen(meta->sites[i].text) + 2 > room)
            continue;
        used += (size_t)snprintf(state->asked + used, room, "%s%s", used ? "," : "",
                                 meta->sites[i].text);
    }
}

static void open_line(struct tui_state *state, enum tui_asking what)
{
    if (!can_set(state))
        return;
    state->asking = what;
    state->asked[0] = '\0';
    if (what == TUI_ASKING_ONLY || what == TUI_ASKING_SKIP)
        fill_patterns(state, what == TUI_ASKING_SKIP);
    else if (what == TUI_ASKING_BUDGET && state->snapshot->meta.budget_pct > 0)
        snprintf(state->asked, sizeof state->asked, "%g", state->snapshot->meta.budget_pct);
}

void prompt_ask_only(struct tui_state *state)
{
    open_line(state, TUI_ASKING_ONLY);
}

void prompt_ask_skip(struct tui_state *state)
{
    open_line(state, TUI_ASKING_SKIP);
}

void prompt_ask_budget(struct tui_state *state)
{
    open_line(state, TUI_ASKING_BUDGET);
}

void prompt_ask_rules(struct tui_state *state)
{
    open_line(state, TUI_ASKING_RULES);
}

static void set(struct tui_state *state, const char *word)
{
    char message[sizeof state->message] = "";
    bool done = state->host->set(state->host->context, word, message, sizeof message);
    tui_say(state, !done, "%s", message);
    state->stale = true; /* the header says what is in force */
}

void prompt_step(struct tui_state *state, int key)
{
    char word[sizeof state->asked + 16];
    if (key == SCREEN_KEY_ENTER) {
        snprintf(word, sizeof word, "%s%s", keys[state->asking], state->asked);
        state->asking = TUI_ASKING_NOTHING;
        set(state, word);
    } else if (key == SCREEN_KEY_ESCAPE) {
        state->asking = TUI_ASKING_NOTHING;
    } else {
        prompt_edit(state->asked, sizeof state->asked, key);
    }
}

void prompt_switch_c_calls(struct tui_state *state)
{
    bool on = false;
    if (!can_set(state))
        return;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    for (size_t i = 0; i < meta->source_count; i++)
        on = on || (meta->sources[i].wanted && strcmp(meta->sources[i].name, "c-calls") == 0);
    set(state, on ? "events=calls" : "events=calls,c-calls");
}

void prompt_draw(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    static const char filter_hint[] = "Enter keeps  Esc clears",
                      hint[] = "Enter sets  Esc leaves it";
    bool asks = state->asking != TUI_ASKING_NOTHING;
    const char *end = asks ? hint : filter_hint;
    const char *text = asks ? state->asked : state->filter;
    int room = columns - (int)strlen(end) - GAP;
    int used = screen_put(screen, row, 0, room, STYLE_KEY, asks ? keys[state->asking] : "/");
    /* The end is what is being typed. */
    while (*text && text_width(text) > room - used - 1)
        for (text++; ((unsigned char)*text & 0xC0) == 0x80;)
            text++;
    used += screen_put(screen, row, used, room - used - 1, STYLE_STRONG, text);
    screen_fill(screen, row, used, 1, STYLE_SELECTED);
    screen_put_right(screen, row, 0, columns, STYLE_FAINT, end);
}

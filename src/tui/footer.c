/* SPDX-License-Identifier: MIT */
/* The footer. */
#include "tui/footer.h"

#include "base/text.h"
#include "tui/prompt.h"
#include "tui/tui_keys.h"

#include <stdio.h>
#include <string.h>

enum { GAP = 2 };

/* The first of the keys that do it. */
static int label_width(const struct tui_key *key)
{
    return (int)strcspn(key->label, " ");
}

static int hint_width(const struct tui_key *key)
{
    return label_width(key) + 1 + text_width(key->hint) + GAP;
}

/* The lowest rank that has no room: the most useful keys stay on narrow screens. */
static int last_rank(int columns)
{
    int rank = 1;
    for (int used = 0;; rank++) {
        const struct tui_key *key = tui_key_list;
        while (key->key != 0 && key->rank != rank)
            key++;
        if (key->key == 0)
            return rank;
        used += hint_width(key);
        if (used - GAP > columns)
            return rank;
    }
}

static void draw_keys(struct screen *screen, int row, int columns)
{
    int rank = last_rank(columns), column = 0;
    for (const struct tui_key *key = tui_key_list; key->key != 0; key++) {
        if (key->rank == 0 || key->rank >= rank)
            continue;
        column += screen_format(screen, row, column, columns - column, STYLE_KEY, "%.*s",
                                label_width(key), key->label) +
                  1;
        column += screen_put(screen, row, column, columns - column, STYLE_PLAIN, key->hint) + GAP;
    }
}

static void draw_ended(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    const struct snapshot_meta *meta = &state->snapshot->meta;
    char text[128];
    if (meta->signal != 0)
        snprintf(text, sizeof text, "the program was ended by signal %d", meta->signal);
    else
        snprintf(text, sizeof text, "the program has ended with status %d", meta->exit_status);
    int used = screen_put(screen, row, 0, columns, STYLE_WARN, text);
    used += screen_put(screen, row, used, columns - used, STYLE_PLAIN, ":  ");
    used += screen_put(screen, row, used, columns - used, STYLE_KEY, "q");
    screen_put(screen, row, used, columns - used, STYLE_PLAIN, " leaves");
}

void footer_draw(const struct tui_state *state, struct screen *screen, int row)
{
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    if (state->help)
        screen_put(screen, row, 0, columns, STYLE_FAINT, "↑ ↓ scroll, any other key goes back");
    else if (state->filtering || state->asking != TUI_ASKING_NOTHING)
        prompt_draw(state, screen, row, columns);
    else if (state->message[0] != '\0')
        screen_put(screen, row, 0, columns, state->message_bad ? STYLE_BAD : STYLE_STRONG,
                   state->message);
    else if (state->snapshot != NULL && state->snapshot->meta.ended)
        draw_ended(state, screen, row, columns);
    else
        draw_keys(screen, row, columns);
}

/* SPDX-License-Identifier: MIT */
/* Notes, broken at blanks.
 * Why: see notes.h.
 * Rules: as there. Reasons are sentences of our own, whose characters take a column each. */
#include "tui/notes.h"

#include <stdio.h>
#include <string.h>

enum { NOTE_BYTES = 512, MARGIN = 1 };

/* What stands in the next line of at most `width` bytes. */
static size_t line_length(const char *text, size_t width)
{
    size_t length = strlen(text);
    if (length <= width)
        return length;
    for (size_t at = width; at > 0; at--)
        if (text[at] == ' ')
            return at;
    return width;
}

static int put(const char *text, struct screen *screen, int row, int height, int columns)
{
    char line[NOTE_BYTES];
    int count = 0;
    size_t width = columns > 2 * MARGIN ? (size_t)(columns - 2 * MARGIN) : 1;
    while (*text && count < height) {
        size_t length = line_length(text, width);
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (screen)
            screen_put(screen, row + count, MARGIN, columns - MARGIN, STYLE_WARN, line);
        count++;
        text += length;
        text += *text == ' ';
    }
    return count;
}

/* Without a screen it counts only. */
static int put_all(const struct tui_state *state, struct screen *screen, int row, int height,
                   int columns)
{
    char text[NOTE_BYTES];
    int count = 0;
    if (!state->snapshot)
        return 0;
    const struct snapshot_meta *meta = &state->snapshot->meta;
    if (meta->refused && meta->inexact) {
        snprintf(text, sizeof text, "not followed: %s", meta->inexact);
        return put(text, screen, row, height, columns);
    }
    for (size_t i = 0; i < meta->source_count; i++) {
        if (meta->sources[i].step != STEP_REFUSED || !meta->sources[i].reason)
            continue;
        snprintf(text, sizeof text, "%s is not on: %s", meta->sources[i].name,
                 meta->sources[i].reason);
        count += put(text, screen, row + count, height - count, columns);
    }
    return count;
}

int notes_height(const struct tui_state *state, int columns)
{
    enum { ANY = 100 };
    return put_all(state, NULL, 0, ANY, columns);
}

int notes_draw(const struct tui_state *state, struct screen *screen, int row, int height)
{
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    return put_all(state, screen, row, height, columns);
}

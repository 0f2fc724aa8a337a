/* SPDX-License-Identifier: MIT */
/* The target's own output, as far as it can be shown in lines.
 * Why: programs print progress bars and colours; what is left on a line after its last carriage
 * return, without escape sequences, is what a person would have read.
 * Rules: the text is changed in place; nothing of it reaches the terminal uncleaned. */
#include "tui/output_pane.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_BYTES = 64 * 1024, TAB_WIDTH = 8, LINE_BYTES = 4096 };

/* The length of an escape sequence at `text` (CSI, OSC, or two characters), 0: none. */
static size_t escape_length(const char *text)
{
    if (text[0] != '\x1b' || text[1] == '\0')
        return 0;
    size_t length = 2;
    if (text[1] == '[') {
        while (text[length] >= 0x20 && text[length] <= 0x3F)
            length++;
        return text[length] != '\0' ? length + 1 : length;
    }
    if (text[1] == ']') {
        while (text[length] != '\0' && text[length] != '\a' && text[length] != '\x1b')
            length++;
        if (text[length] == '\x1b' && text[length + 1] == '\\')
            return length + 2;
        return text[length] == '\a' ? length + 1 : length;
    }
    return length;
}

/* What a terminal would show of the line: `shown` has LINE_BYTES. */
static void clean_line(const char *line, char *shown)
{
    size_t length = 0;
    while (*line != '\0' && length + TAB_WIDTH + 1 < LINE_BYTES) {
        size_t escape = escape_length(line);
        if (escape > 0) {
            line += escape;
            continue;
        }
        char c = *line++;
        if (c == '\r' && *line != '\0')
            length = 0;
        else if (c == '\b')
            length -= length > 0;
        else if (c == '\t')
            do
                shown[length++] = ' ';
            while (length % TAB_WIDTH != 0);
        else if (c != '\r' && c != '\a')
            shown[length++] = c;
    }
    shown[length] = '\0';
}

static void draw_rule(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    int used = screen_put(screen, row, 0, columns, STYLE_TITLE, "── the program's output ");
    if (state->host->output_path != NULL) {
        used +=
            screen_put(screen, row, used, columns - used, STYLE_PLAIN, state->host->output_path);
        used += screen_put(screen, row, used, columns - used, STYLE_TITLE, " ");
    }
    while (used < columns)
        used += screen_put(screen, row, used, 1, STYLE_TITLE, "─");
}

void output_pane_draw(const struct tui_state *state, struct screen *screen, int row, int height)
{
    static char text[OUTPUT_BYTES]; /* one thread draws */
    char shown[LINE_BYTES];
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    draw_rule(state, screen, row, columns);
    size_t length = state->host->target_output(state->host->context, text, sizeof text, height - 1);
    text[length < sizeof text ? length : sizeof text - 1] = '\0';
    for (size_t i = 0; i < length && i < sizeof text; i++) {
        if (text[i] == '\0')
            text[i] = ' ';
    }
    char *line = text;
    for (int i = 1; i < height && *line != '\0'; i++) {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        *end = '\0';
        clean_line(line, shown);
        screen_put(screen, row + i, 0, columns, STYLE_PLAIN, shown);
        line = last ? end : end + 1;
    }
}

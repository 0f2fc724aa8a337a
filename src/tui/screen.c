/* SPDX-License-Identifier: MIT */
/* Text on its way to a screen: cleaned, measured, clipped, in ASCII where nothing else shows.
 * Why: function names, paths and the target's output may hold anything. An escape sequence that got
 * through would drive the terminal, a wide character that is counted as one column would shift the
 * whole row.
 * Rules: what reaches a back end has no control character, no text-direction control, no invalid
 * UTF-8, and is exactly as wide as it was measured here. */
#include "tui/screen.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The widest terminal that a row is drawn for; four bytes a column, and room for accents. */
enum { LINE_COLUMNS = 1024, LINE_BYTES = LINE_COLUMNS * 8 };

static const struct {
    uint32_t rune;
    char ascii;
} spellings[] = {
    {0x2026, '>'}, /* … */
    {0x203A, '>'}, /* › */
    {0x2013, '-'}, /* – */
    {0x00B5, 'u'}, /* µ */
    {0x03BC, 'u'}, /* μ */
    {0x00B7, '-'}, /* · */
    {0x00D7, 'x'}, /* × */
    {0x2500, '-'}, /* ─ */
    {0x2502, '|'}, /* │ */
    {0x2514, '`'}, /* └ */
    {0x251C, '|'}, /* ├ */
    {0x25BE, '-'}, /* ▾ */
    {0x25B4, '+'}, /* ▴ */
    {0x25B8, '+'}, /* ▸ */
    {0x25CF, '*'}, /* ● */
    {0x25CB, 'o'}, /* ○ */
    {0x2190, '<'}, /* ← */
    {0x2191, '^'}, /* ↑ */
    {0x2192, '>'}, /* → */
    {0x2193, 'v'}, /* ↓ */
    {0x2581, '.'}, /* ▁ and on to █: how much */
    {0x2582, ':'}, {0x2583, '-'}, {0x2584, '='}, {0x2585, '+'},
    {0x2586, '*'}, {0x2587, '%'}, {0x2588, '#'},
};

static char spell_ascii(uint32_t rune)
{
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (spellings[i].rune == rune)
            return spellings[i].ascii;
    }
    return '?';
}

struct glyph {
    char bytes[16];
    size_t size;
    int width;
};

/* What must not reach a terminal is spelled as Python spells it. */
static void spell_unsafe(uint32_t rune, unsigned char byte, struct glyph *glyph)
{
    int size;
    if (rune == TEXT_INVALID)
        rune = byte;
    if (rune == '\n' || rune == '\t')
        size = snprintf(glyph->bytes, sizeof glyph->bytes, "\\%c", rune == '\n' ? 'n' : 't');
    else if (rune <= 0xFF)
        size = snprintf(glyph->bytes, sizeof glyph->bytes, "\\x%02x", rune);
    else if (rune <= 0xFFFF)
        size = snprintf(glyph->bytes, sizeof glyph->bytes, "\\u%04x", rune);
    else
        size = snprintf(glyph->bytes, sizeof glyph->bytes, "\\U%08x", rune);
    glyph->size = (size_t)size;
    glyph->width = size;
}

/* Takes the next character of `text` in the form in which it is shown. Returns the bytes read. */
static size_t glyph_next(const struct screen *screen, const char *text, struct glyph *glyph)
{
    uint32_t rune;
    size_t read = text_decode(text, strnlen(text, 4), &rune);
    if (rune == TEXT_INVALID || text_point_unsafe(rune)) {
        spell_unsafe(rune, (unsigned char)*text, glyph);
        return read;
    }
    glyph->width = text_point_width(rune);
    glyph->size = 0;
    if (!screen->unicode && rune > 0x7E) {
        glyph->width = glyph->width > 0;
        glyph->bytes[0] = spell_ascii(rune);
        glyph->size = (size_t)glyph->width;
        return read;
    }
    glyph->size = text_encode(rune, glyph->bytes);
    return read;
}

int screen_measure(const struct screen *screen, const char *text, int limit)
{
    int width = 0;
    struct glyph glyph = {.size = 0};
    while (*text != '\0' && width <= limit) {
        text += glyph_next(screen, text, &glyph);
        width += glyph.width;
    }
    return width;
}

/* Writes what fits into `line`; a cut text ends in an ellipsis. Returns its columns. */
static int compose(const struct screen *screen, const char *text, int width, char *line)
{
    bool cut = screen_measure(screen, text, width) > width;
    int room = cut ? width - 1 : width;
    int used = 0;
    size_t size = 0;
    while (*text != '\0') {
        struct glyph glyph = {.size = 0};
        text += glyph_next(screen, text, &glyph);
        if (used + glyph.width > room || size + glyph.size + 4 > LINE_BYTES)
            break;
        memcpy(line + size, glyph.bytes, glyph.size);
        size += glyph.size;
        used += glyph.width;
    }
    if (cut) {
        const char *mark = screen->unicode ? "…" : ">";
        memcpy(line + size, mark, strlen(mark));
        size += strlen(mark);
        used++;
    }
    line[size] = '\0';
    return used;
}

/* The columns of [column, column + width) that are on the screen, or 0. */
static int visible_width(struct screen *screen, int row, int column, int width)
{
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    if (row < 0 || row >= rows || column < 0 || column >= columns || width <= 0)
        return 0;
    if (width > columns - column)
        width = columns - column;
    return width < LINE_COLUMNS ? width : LINE_COLUMNS;
}

int screen_put(struct screen *screen, int row, int column, int width, enum screen_style style,
               const char *text)
{
    char line[LINE_BYTES];
    width = visible_width(screen, row, column, width);
    if (width == 0 || text == NULL || *text == '\0')
        return 0;
    int used = compose(screen, text, width, line);
    screen->ops->put(screen, row, column, style, line);
    return used;
}

int screen_put_right(struct screen *screen, int row, int column, int width, enum screen_style style,
                     const char *text)
{
    char line[LINE_BYTES];
    width = visible_width(screen, row, column, width);
    if (width == 0 || text == NULL || *text == '\0')
        return 0;
    int used = compose(screen, text, width, line);
    screen->ops->put(screen, row, column + width - used, style, line);
    return used;
}

int screen_format(struct screen *screen, int row, int column, int width, enum screen_style style,
                  const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return screen_put(screen, row, column, width, style, text);
}

void screen_fill(struct screen *screen, int row, int column, int width, enum screen_style style)
{
    char line[LINE_COLUMNS + 1];
    width = visible_width(screen, row, column, width);
    if (width == 0)
        return;
    memset(line, ' ', (size_t)width);
    line[width] = '\0';
    screen->ops->put(screen, row, column, style, line);
}

void screen_close(struct screen *screen)
{
    if (screen != NULL)
        screen->ops->close(screen);
}

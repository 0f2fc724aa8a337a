/* SPDX-License-Identifier: MIT */
/* Numbers as they stand in columns: all digits where there is room, else the first three. */
#include "views/cell_text.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char *format_count(char *buffer, int64_t count, int width)
{
    if (count < 0)
        return "?";
    text_format_grouped(buffer, (uint64_t)count);
    if ((int)strlen(buffer) > width)
        text_format_count(buffer, (uint64_t)count);
    return buffer;
}

static const char *format_percent(char *buffer, double percent)
{
    /* 100.0 is as wide as a share gets; of several threads it may be more. */
    snprintf(buffer, TEXT_NUMBER_BYTES, percent < 999.95 ? "%.1f" : "%.0f", percent);
    return buffer;
}

bool cell_text_is_name(const struct view_column *column)
{
    static const char *const names[] = {"pid", "ppid", "tid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(column->id, names[i]) == 0)
            return true;
    }
    return false;
}

void cell_text_format(const struct view_column *column, const struct cell *cell, int width,
                      char *text, size_t size)
{
    char buffer[TEXT_NUMBER_BYTES];
    const char *value = "";
    if (cell->estimate)
        width--;
    if (cell->holds)
        width--;
    switch (column->kind) {
    case CELL_TEXT:
        value = cell->text != NULL ? cell->text : "";
        break;
    case CELL_COUNT:
        value = format_count(buffer, cell->integer, width);
        break;
    case CELL_TIME:
        value = text_format_time(buffer, cell->integer);
        break;
    case CELL_PERCENT:
        value = format_percent(buffer, cell->number);
        break;
    case CELL_RATE:
        value = text_format_rate(buffer, cell->number);
        break;
    case CELL_MEMORY:
        value = text_format_bytes(buffer, cell->integer);
        break;
    }
    if (column->kind == CELL_COUNT && cell_text_is_name(column)) {
        snprintf(buffer, sizeof buffer, "%lld", (long long)cell->integer);
        value = buffer;
    }
    snprintf(text, size, "%s%s%s", cell->holds ? "+" : "", cell->estimate ? "~" : "",
             cell->absent ? "" : value);
}

const char *cell_text_shorten(const char *text, int width, char *buffer, size_t size)
{
    int total = text_width(text);
    if (total <= width)
        return text;
    const char *rest = text;
    while (*rest != '\0' && total > width - 1) {
        uint32_t rune;
        rest += text_decode(rest, strnlen(rest, 4), &rune);
        total -= text_point_width(rune);
    }
    const char *part = strchr(rest, '/');
    if (part != NULL && part - rest < 12 && part[1] != '\0')
        rest = part;
    snprintf(buffer, size, "…%s", rest);
    return buffer;
}

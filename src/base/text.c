/* SPDX-License-Identifier: MIT */
/* UTF-8 that may be broken, widths, cleaning, paths, distances; numbers are in text_units.c.
 * Why: see text.h.
 * Rules: any bytes are allowed as input; no function reads past the terminating zero. */
#include "base/text.h"

#include "base/text_tables.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REPLACEMENT  0xFFFD
#define ELLIPSIS     "\xe2\x80\xa6"

/* The bytes that the first one announces; 0: no first byte. C0, C1 and F5-FF never occur. */
static size_t sequence_size(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

size_t text_decode(const char *text, size_t size, uint32_t *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    size_t length = sequence_size(first);
    if (length == 1) {
        *ret_point = first;
        return 1;
    }
    *ret_point = TEXT_INVALID;
    if (length == 0 || length > size)
        return 1;
    uint32_t point = first & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xC0) != 0x80)
            return 1;
        point = point << 6 | (next & 0x3Fu);
    }
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 1;
    *ret_point = point;
    return length;
}

/* Of a terminated string: a sequence that the end cuts short is invalid, not read past. */
static size_t decode_string(const char *text, uint32_t *ret_point)
{
    return text_decode(text, strnlen(text, 4), ret_point);
}

size_t text_encode(uint32_t point, char *buffer)
{
    unsigned char *bytes = (unsigned char *)buffer;
    if (point < 0x80) {
        bytes[0] = (unsigned char)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | point >> 6);
        bytes[1] = (unsigned char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | point >> 12);
        bytes[1] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (point & 0x3F));
        return 3;
    }
    bytes[0] = (unsigned char)(0xF0 | point >> 18);
    bytes[1] = (unsigned char)(0x80 | (point >> 12 & 0x3F));
    bytes[2] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
    bytes[3] = (unsigned char)(0x80 | (point & 0x3F));
    return 4;
}

static bool is_in(uint32_t point, const struct text_range *ranges, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point < ranges[middle].first)
            high = middle;
        else if (point > ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

int text_point_width(uint32_t point)
{
    if (point < 0x300 || point == TEXT_INVALID)
        return 1;
    if (is_in(point, text_zero, COUNT(text_zero)))
        return 0;
    return is_in(point, text_wide, COUNT(text_wide)) ? 2 : 1;
}

bool text_point_unsafe(uint32_t point)
{
    return point == TEXT_INVALID || is_in(point, text_unsafe, COUNT(text_unsafe));
}

int text_width(const char *text)
{
    int columns = 0;
    uint32_t point;
    for (; *text; text += decode_string(text, &point)) {
        decode_string(text, &point);
        columns += text_point_width(point);
    }
    return columns;
}

size_t text_cut(const char *text, int columns)
{
    const char *at = text;
    while (*at) {
        uint32_t point;
        size_t length = decode_string(at, &point);
        columns -= text_point_width(point);
        if (columns < 0)
            break;
        at += length;
    }
    return (size_t)(at - text);
}

char *text_fit(struct arena *arena, const char *text, int columns)
{
    if (text_width(text) <= columns)
        return arena_string(arena, text);
    if (columns < 1)
        return arena_string(arena, "");
    return arena_format(arena, "%.*s" ELLIPSIS, (int)text_cut(text, columns - 1), text);
}

char *text_fit_end(struct arena *arena, const char *text, int columns)
{
    int width = text_width(text);
    if (width <= columns)
        return arena_string(arena, text);
    if (columns < 1)
        return arena_string(arena, "");
    const char *tail = text;
    while (*tail && width > columns - 1) {
        uint32_t point;
        size_t length = decode_string(tail, &point);
        width -= text_point_width(point);
        tail += length;
    }
    /* Marks whose letter was cut off would sit on the ellipsis. */
    for (uint32_t point; *tail; tail += decode_string(tail, &point)) {
        decode_string(tail, &point);
        if (text_point_width(point) > 0)
            break;
    }
    return arena_format(arena, ELLIPSIS "%s", tail);
}

/* At most 10 bytes. */
static size_t escape(const char *text, uint32_t point, char *buffer)
{
    int length;
    if (point == '\n' || point == '\r' || point == '\t')
        length = sprintf(buffer, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
    else if (point == TEXT_INVALID)
        length = sprintf(buffer, "\\x%02x", (unsigned)(unsigned char)*text);
    else if (point < 0x100)
        length = sprintf(buffer, "\\x%02x", (unsigned)point);
    else
        length = sprintf(buffer, point < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)point);
    return (size_t)length;
}

char *text_clean(struct arena *arena, const char *text)
{
    char buffer[16];
    uint32_t point;
    size_t size = 0;
    for (const char *at = text; *at;) {
        size_t length = decode_string(at, &point);
        size += text_point_unsafe(point) ? escape(at, point, buffer) : length;
        at += length;
    }
    char *clean = arena_alloc(arena, size + 1);
    if (!clean)
        return NULL;
    char *end = clean;
    for (const char *at = text; *at;) {
        size_t length = decode_string(at, &point);
        bool unsafe = text_point_unsafe(point);
        size_t written = unsafe ? escape(at, point, buffer) : length;
        memcpy(end, unsafe ? buffer : at, written);
        end += written;
        at += length;
    }
    return clean;
}

char *text_valid(struct arena *arena, const char *text)
{
    char *valid = arena_array(arena, strlen(text) + 1, 3);
    if (!valid)
        return NULL;
    char *end = valid;
    for (uint32_t point; *text;) {
        size_t length = decode_string(text, &point);
        end += text_encode(point == TEXT_INVALID ? REPLACEMENT : point, end);
        text += length;
    }
    return valid;
}

/* Directories that hold packages and are none. */
static bool is_library_root(const char *name, size_t size)
{
    static const char *const roots[] = {"site-packages", "dist-packages", "src", "lib", "bin"};
    for (size_t i = 0; i < COUNT(roots); i++)
        if (strlen(roots[i]) == size && memcmp(roots[i], name, size) == 0)
            return true;
    return size >= 7 && memcmp(name, "python3", 7) == 0;
}

/* How many of the path's last names the module's dotted name accounts for; 2 when unknown. */
static int module_parts(const char *module, const char *base)
{
    if (!module || strcmp(module, "__main__") == 0 || strcmp(base, "__main__.py") == 0)
        return 2;
    int parts = strcmp(base, "__init__.py") == 0 ? 2 : 1;
    for (; *module; module++)
        parts += *module == '.';
    return parts;
}

const char *text_short_path(const char *path, const char *module)
{
    const char *base = strrchr(path, '/');
    if (!base || path[0] == '<')
        return path;
    base++;
    if (base - path < 2 || module_parts(module, base) < 2)
        return base;
    const char *end = base - 1, *parent = end;
    while (parent > path && parent[-1] != '/')
        parent--;
    return parent == end || is_library_root(parent, (size_t)(end - parent)) ? base : parent;
}

static unsigned char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (unsigned char)(letter + 32) : (unsigned char)letter;
}

bool text_contains(const char *text, const char *part)
{
    for (;; text++) {
        size_t i = 0;
        while (part[i] && lower(text[i]) == lower(part[i]))
            i++;
        if (!part[i])
            return true;
        if (!*text)
            return false;
    }
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    /* Three rows of the table: two rows above, the row above, this row. */
    unsigned rows[3][MOST];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size >= MOST || b_size >= MOST)
        return MOST;
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = a[i - 1] == b[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_size];
}

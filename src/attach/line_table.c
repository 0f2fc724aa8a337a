/* SPDX-License-Identifier: MIT */
/* The three forms of CPython's line table.
 * Why: see line_table.h. Objects/lnotab_notes.txt (3.9), Objects/locations.md (3.11) and
 * Objects/codeobject.c of each version are the specifications.
 * Rules: as line_table.h. */
#include "attach/line_table.h"

#include <stdbool.h>

/* Pairs: bytes to the next line, lines to it. */
static int find_in_lnotab(const unsigned char *table, size_t size, int first_line, int64_t offset)
{
    int64_t address = 0;
    int64_t line = first_line;
    for (size_t i = 0; i + 1 < size; i += 2) {
        address += table[i];
        if (address > offset)
            break;
        line += (signed char)table[i + 1];
    }
    return line > 0 && line <= INT32_MAX ? (int)line : 0;
}

/* Pairs: how many bytes have this line, how far it is from the line before; -128: no line. */
static int find_in_pairs(const unsigned char *table, size_t size, int first_line, int64_t offset)
{
    enum { NO_LINE = -128 };
    int64_t end = 0;
    int64_t line = first_line;
    for (size_t i = 0; i + 1 < size; i += 2) {
        int delta = table[i + 1] < 128 ? table[i + 1] : table[i + 1] - 256;
        end += table[i];
        if (delta != NO_LINE)
            line += delta;
        if (offset < end)
            return delta != NO_LINE && line > 0 && line <= INT32_MAX ? (int)line : 0;
    }
    return 0;
}

/* A number in groups of 6 bits, the least first; bit 0 of the whole is its sign. */
static int64_t read_signed(const unsigned char *table, size_t size, size_t *at)
{
    uint64_t value = 0;
    unsigned shift = 0;
    bool more = true;
    while (more && *at < size && shift <= 30) {
        unsigned char byte = table[(*at)++];
        value |= (uint64_t)(byte & 0x3f) << shift;
        shift += 6;
        more = byte & 0x40;
    }
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Entries: a head (bit 7) with a form and a length in code units, then what the form asks for. */
static int find_in_locations(const unsigned char *table, size_t size, int first_line,
                             int64_t offset)
{
    enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15, UNIT = 2 };
    int64_t end = 0;
    int64_t line = first_line;
    for (size_t i = 0; i < size;) {
        unsigned form = table[i] >> 3 & 15;
        end += ((table[i] & 7) + 1) * UNIT;
        i++;
        if (form == NO_COLUMNS || form == LONG)
            line += read_signed(table, size, &i);
        else if (form >= ONE_LINE_0 && form <= ONE_LINE_2)
            line += form - ONE_LINE_0;
        if (offset < end)
            return form != NONE && line > 0 && line <= INT32_MAX ? (int)line : 0;
        while (i < size && !(table[i] & 0x80))
            i++;
    }
    return 0;
}

int line_table_find(int minor, const unsigned char *table, size_t size, int first_line,
                    int64_t offset)
{
    if (offset < 0)
        return first_line > 0 ? first_line : 0;
    if (minor >= 11)
        return find_in_locations(table, size, first_line, offset);
    return minor == 10 ? find_in_pairs(table, size, first_line, offset)
                       : find_in_lnotab(table, size, first_line, offset);
}

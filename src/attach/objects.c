/* SPDX-License-Identifier: MIT */
/* Text, numbers and tuples; dictionaries are in objects_dict.c.
 * Why: see objects.h.
 * Rules: as objects.h. The head of every object (reference count, type, size) has been the same in all
 * versions. */
#include "attach/objects.h"

#include "attach/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum {
    OB_TYPE = 8,
    OB_SIZE = 16,
    STATE_KIND_SHIFT = 2,
    STATE_COMPACT = 1 << 5,
    STATE_ASCII = 1 << 6
};

uint64_t objects_type(const struct objects *objects, uint64_t address)
{
    uint64_t type;
    if (!address || address % 8 || memory_read_u64(objects->pid, address + OB_TYPE, &type))
        return 0;
    return type % 8 ? 0 : type;
}

uint64_t objects_flags(const struct objects *objects, uint64_t address)
{
    uint64_t flags;
    uint64_t type = objects_type(objects, address);
    if (!type || memory_read_u64(objects->pid, type + objects->layout.type_flags, &flags))
        return 0;
    return flags;
}

char *objects_type_name(const struct objects *objects, uint64_t type)
{
    char name[256];
    uint64_t address;
    if (!type || memory_read_u64(objects->pid, type + objects->layout.type_name, &address))
        return NULL;
    ssize_t got = memory_read_some(objects->pid, address, name, sizeof(name) - 1);
    if (got <= 0)
        return NULL;
    name[got] = '\0';
    return name[0] ? arena_string(objects->arena, name) : NULL;
}

/* Where the code points are and how many bytes each takes; false: no str that we can read. */
static bool find_text(const struct objects *objects, uint64_t address, uint64_t *ret_data,
                      size_t *ret_kind, uint64_t *ret_length)
{
    const struct layout *layout = &objects->layout;
    uint32_t state;
    if (!(objects_flags(objects, address) & OBJECTS_IS_TEXT) ||
        memory_read_u64(objects->pid, address + OB_SIZE, ret_length) ||
        memory_read_u32(objects->pid, address + layout->unicode_state, &state))
        return false;
    *ret_kind = state >> STATE_KIND_SHIFT & 7;
    if (*ret_kind != 1 && *ret_kind != 2 && *ret_kind != 4)
        return false;
    if (state & STATE_COMPACT) {
        *ret_data = address + (state & STATE_ASCII ? layout->unicode_ascii_size
                                                   : layout->unicode_compact_size);
        return true;
    }
    return memory_read_u64(objects->pid, address + layout->unicode_compact_size, ret_data) == 0;
}

static size_t put_point(char *text, uint32_t point)
{
    if (point >= 0xd800 && point <= 0xdfff)
        return (size_t)sprintf(text, "\\u%04x", (unsigned)point);
    if (point > 0x10ffff)
        return 0;
    return text_encode(point ? point : 0xfffd, text);
}

char *objects_text(const struct objects *objects, uint64_t address, size_t most, bool *ret_cut)
{
    enum { POINT_BYTES = 6 };
    uint64_t data;
    uint64_t length;
    size_t kind;
    if (!find_text(objects, address, &data, &kind, &length))
        return NULL;
    if (ret_cut)
        *ret_cut = length > most;
    size_t count = length < most ? (size_t)length : most;
    unsigned char *points = arena_array(objects->arena, count + 1, kind);
    char *text = arena_array(objects->arena, count + 1, POINT_BYTES);
    if (!points || !text || memory_read(objects->pid, data, points, count * kind))
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t point = 0;
        memcpy(&point, points + i * kind, kind);
        used += put_point(text + used, point);
    }
    text[used] = '\0';
    return text;
}

unsigned char *objects_bytes(const struct objects *objects, uint64_t address, size_t most,
                             size_t *ret_length)
{
    uint64_t length;
    if (!(objects_flags(objects, address) & OBJECTS_IS_BYTES) ||
        memory_read_u64(objects->pid, address + OB_SIZE, &length) || length > INT64_MAX)
        return NULL;
    size_t count = length < most ? (size_t)length : most;
    unsigned char *bytes = arena_alloc(objects->arena, count + 1);
    if (!bytes || memory_read(objects->pid, address + objects->layout.bytes_data, bytes, count))
        return NULL;
    *ret_length = (size_t)length;
    return bytes;
}

/* Digits of 30 bits. Before 3.12 ob_size is their number with the sign; then a tag holds the number
 * above bit 3 and the sign in bits 0 and 1 (2: negative, 1: zero). */
bool objects_integer(const struct objects *objects, uint64_t address, int64_t *ret_value)
{
    enum { DIGIT_BITS = 30, DIGITS_MOST = 3 };
    uint64_t size;
    uint32_t digits[DIGITS_MOST] = {0};
    if (!(objects_flags(objects, address) & OBJECTS_IS_LONG) ||
        memory_read_u64(objects->pid, address + OB_SIZE, &size))
        return false;
    bool tagged = objects->layout.minor >= 12;
    bool negative = tagged ? (size & 3) == 2 : (int64_t)size < 0;
    uint64_t count = tagged ? size >> 3 : negative ? 0 - size : size;
    if (tagged && (size & 3) == 1)
        count = 0;
    if (count > DIGITS_MOST || memory_read(objects->pid, address + objects->layout.long_digits,
                                           digits, count * sizeof(*digits)))
        return false;
    if (digits[2] >= 8) /* 2 * 30 + 3 bits are what an int64_t holds */
        return false;
    int64_t value = (int64_t)digits[0] | (int64_t)digits[1] << DIGIT_BITS |
                    (int64_t)digits[2] << 2 * DIGIT_BITS;
    *ret_value = negative ? -value : value;
    return true;
}

uint64_t *objects_tuple(const struct objects *objects, uint64_t address, size_t most,
                        size_t *ret_count)
{
    uint64_t count;
    if (!(objects_flags(objects, address) & OBJECTS_IS_TUPLE) ||
        memory_read_u64(objects->pid, address + OB_SIZE, &count))
        return NULL;
    if (count > most)
        count = most;
    uint64_t *items = arena_array(objects->arena, count + 1, sizeof(*items));
    if (!items || memory_read(objects->pid, address + objects->layout.tuple_items, items,
                              count * sizeof(*items)))
        return NULL;
    *ret_count = count;
    return items;
}

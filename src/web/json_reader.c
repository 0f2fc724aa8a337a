/* SPDX-License-Identifier: MIT */
/* Recursive descent, bounded.
 * Why: see json_reader.h.
 * Rules: as there. */
#include "web/json_reader.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct arena *arena;
    const char *at, *end;
    int depth;
};

static struct json_value *read_value(struct reader *reader);

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\r' || *reader->at == '\n'))
        reader->at++;
}

static bool take(struct reader *reader, char byte)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
        return false;
    reader->at += size;
    return true;
}

/* Four hex digits. TEXT_INVALID: they are none. */
static uint32_t read_unit(struct reader *reader)
{
    uint32_t unit = 0;
    if (reader->end - reader->at < 4)
        return TEXT_INVALID;
    for (int i = 0; i < 4; i++) {
        char digit = *reader->at++;
        unit <<= 4;
        if (digit >= '0' && digit <= '9')
            unit += (uint32_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            unit += (uint32_t)(digit - 'a' + 10);
        else if (digit >= 'A' && digit <= 'F')
            unit += (uint32_t)(digit - 'A' + 10);
        else
            return TEXT_INVALID;
    }
    return unit;
}

static uint32_t read_escape(struct reader *reader)
{
    static const char names[] = "\"\\/bfnrt", points[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end)
        return TEXT_INVALID;
    char byte = *reader->at++;
    const char *name = memchr(names, byte, sizeof(names) - 1);
    if (name)
        return (uint32_t)points[name - names];
    if (byte != 'u')
        return TEXT_INVALID;
    uint32_t point = read_unit(reader);
    if (point >= 0xd800 && point < 0xdc00) {
        uint32_t low = take_word(reader, "\\u") ? read_unit(reader) : TEXT_INVALID;
        if (low < 0xdc00 || low > 0xdfff)
            return TEXT_INVALID;
        return 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    return point == 0 || (point >= 0xdc00 && point < 0xe000) ? TEXT_INVALID : point;
}

/* Bytes up to the closing quote: what the string may take, and no more, since a text may have many. */
static size_t room_for(const struct reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return (size_t)((at < reader->end ? at : reader->end) - reader->at);
}

/* After its opening quote. NULL: it is wrong. */
static const char *read_string(struct reader *reader)
{
    char *text = arena_alloc(reader->arena, room_for(reader) + 5);
    size_t size = 0;
    while (text && reader->at < reader->end && *reader->at != '"') {
        uint32_t point;
        size_t length = text_decode(reader->at, (size_t)(reader->end - reader->at), &point);
        reader->at += length;
        if (point == '\\')
            point = read_escape(reader);
        else if (point < ' ')
            return NULL;
        if (point == TEXT_INVALID)
            return NULL;
        /* An escape is never shorter than what it stands for. */
        size += text_encode(point, text + size);
    }
    if (!text || reader->at == reader->end)
        return NULL;
    reader->at++;
    text[size] = '\0';
    return text;
}

static size_t take_digits(struct reader *reader)
{
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - begin);
}

static bool read_number(struct reader *reader, double *ret)
{
    char text[64];
    const char *begin = reader->at;
    take_word(reader, "-");
    const char *digits = reader->at;
    size_t count = take_digits(reader);
    if (count == 0 || (count > 1 && *digits == '0'))
        return false;
    if (take_word(reader, ".") && take_digits(reader) == 0)
        return false;
    if (take_word(reader, "e") || take_word(reader, "E")) {
        if (!take_word(reader, "+"))
            take_word(reader, "-");
        if (take_digits(reader) == 0)
            return false;
    }
    size_t size = (size_t)(reader->at - begin);
    if (size >= sizeof(text))
        return false;
    memcpy(text, begin, size);
    text[size] = '\0';
    *ret = strtod(text, NULL);
    return isfinite(*ret);
}

/* After the opening bracket. */
static bool read_items(struct reader *reader, struct json_value *value, char end)
{
    struct json_value **last = &value->first;
    if (take(reader, end))
        return true;
    do {
        const char *key = NULL;
        if (value->kind == JSON_OBJECT &&
            (!take(reader, '"') || !(key = read_string(reader)) || !take(reader, ':')))
            return false;
        struct json_value *item = read_value(reader);
        if (!item)
            return false;
        item->key = key;
        *last = item;
        last = &item->next;
    } while (take(reader, ','));
    return take(reader, end);
}

static bool read_nested(struct reader *reader, struct json_value *value, enum json_kind kind,
                        char end)
{
    value->kind = kind;
    if (++reader->depth > JSON_DEPTH)
        return false;
    bool good = read_items(reader, value, end);
    reader->depth--;
    return good;
}

static bool fill(struct reader *reader, struct json_value *value)
{
    skip_space(reader);
    if (take(reader, '{'))
        return read_nested(reader, value, JSON_OBJECT, '}');
    if (take(reader, '['))
        return read_nested(reader, value, JSON_LIST, ']');
    if (take(reader, '"')) {
        value->kind = JSON_STRING;
        return (value->text = read_string(reader)) != NULL;
    }
    if (take_word(reader, "null"))
        return true;
    if (take_word(reader, "false") || take_word(reader, "true")) {
        value->kind = JSON_BOOL;
        value->truth = reader->at[-2] == 'u';
        return true;
    }
    value->kind = JSON_NUMBER;
    return read_number(reader, &value->number);
}

static struct json_value *read_value(struct reader *reader)
{
    struct json_value *value = arena_alloc(reader->arena, sizeof(*value));
    return value && fill(reader, value) ? value : NULL;
}

struct json_value *json_read(struct arena *arena, const char *text, size_t size)
{
    struct reader reader = {.arena = arena, .at = text, .end = text + size};
    struct json_value *value = read_value(&reader);
    skip_space(&reader);
    return reader.at == reader.end ? value : NULL;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    const struct json_value *found = NULL;
    if (object && object->kind == JSON_OBJECT)
        for (const struct json_value *item = object->first; item; item = item->next)
            if (strcmp(item->key, key) == 0)
                found = item;
    return found;
}

/* SPDX-License-Identifier: MIT */
/* Protocol buffers, written.
 * Why: see protobuf.h. https://protobuf.dev/programming-guides/encoding/ has the encoding. */
#include "export/protobuf.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, MOST_VARINT = 10, LEAST_BYTES = 256 };

static bool reserve(struct protobuf *message, size_t size)
{
    if (message->failed)
        return false;
    if (message->capacity - message->size >= size)
        return true;
    size_t capacity = message->capacity * 2 + size + LEAST_BYTES;
    unsigned char *bytes = realloc(message->bytes, capacity);
    if (!bytes) {
        message->failed = true;
        return false;
    }
    message->bytes = bytes;
    message->capacity = capacity;
    return true;
}

static void append(struct protobuf *message, const void *bytes, size_t size)
{
    if (!size || !reserve(message, size))
        return;
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

void protobuf_varint(struct protobuf *message, uint64_t number)
{
    unsigned char bytes[MOST_VARINT];
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[size++] = (unsigned char)(number | 0x80);
    bytes[size++] = (unsigned char)number;
    append(message, bytes, size);
}

static void put_tag(struct protobuf *message, uint32_t field, unsigned wire)
{
    protobuf_varint(message, (uint64_t)field << 3 | wire);
}

void protobuf_unsigned(struct protobuf *message, uint32_t field, uint64_t number)
{
    put_tag(message, field, WIRE_VARINT);
    protobuf_varint(message, number);
}

void protobuf_signed(struct protobuf *message, uint32_t field, int64_t number)
{
    protobuf_unsigned(message, field, (uint64_t)number);
}

void protobuf_fixed64(struct protobuf *message, uint32_t field, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    put_tag(message, field, WIRE_FIXED64);
    append(message, bytes, sizeof(bytes));
}

void protobuf_double(struct protobuf *message, uint32_t field, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    protobuf_fixed64(message, field, bits);
}

void protobuf_bytes(struct protobuf *message, uint32_t field, const void *bytes, size_t size)
{
    put_tag(message, field, WIRE_LENGTH);
    protobuf_varint(message, size);
    append(message, bytes, size);
}

void protobuf_text(struct protobuf *message, uint32_t field, const char *text)
{
    protobuf_bytes(message, field, text, strlen(text));
}

void protobuf_part(struct protobuf *message, uint32_t field, const struct protobuf *part)
{
    message->failed |= part->failed;
    protobuf_bytes(message, field, part->bytes, part->size);
}

void protobuf_clear(struct protobuf *message)
{
    message->size = 0;
}

void protobuf_done(struct protobuf *message)
{
    free(message->bytes);
    *message = (struct protobuf){0};
}

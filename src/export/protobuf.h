/* SPDX-License-Identifier: MIT */
/* Writes protocol buffer messages into memory, field by field.
 * Why: a message's length stands before it, so it must be made before it is written; messages are
 * small and their buffers are used again. protobuf-c would bring a compiler into the build and a
 * library into the program for what are varints and lengths: this is the whole of the encoding that
 * the formats need, and other people's decoders read it in the tests.
 * Rules: zeroed is empty. Once memory was out `failed` stays set and nothing more is added. Text
 * must be valid UTF-8 (text_clean makes it so). */
#ifndef ULMA_EXPORT_PROTOBUF_H
#define ULMA_EXPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
    unsigned char *bytes;
    size_t size, capacity;
    bool failed;
};

/* A bare number: of a packed field, or a length before a message. */
void protobuf_varint(struct protobuf *message, uint64_t number);

void protobuf_unsigned(struct protobuf *message, uint32_t field, uint64_t number);
void protobuf_signed(struct protobuf *message, uint32_t field, int64_t number); /* int64 */
void protobuf_fixed64(struct protobuf *message, uint32_t field, uint64_t number);
void protobuf_double(struct protobuf *message, uint32_t field, double number);
void protobuf_bytes(struct protobuf *message, uint32_t field, const void *bytes, size_t size);
void protobuf_text(struct protobuf *message, uint32_t field, const char *text);

/* An embedded message or a packed field; `part` can be cleared and used again. */
void protobuf_part(struct protobuf *message, uint32_t field, const struct protobuf *part);

void protobuf_clear(struct protobuf *message); /* keeps its memory */
void protobuf_done(struct protobuf *message);  /* frees it */

#endif

/* SPDX-License-Identifier: MIT */
/* Writes JSON to a stream, member by member.
 * Why: reports can be large; they are written as they are read from the snapshot, and every name
 * is escaped in one place.
 * Rules: `key` is NULL inside a list. Strings may hold any bytes: what is no UTF-8 becomes U+FFFD,
 * so that every parser takes it. Integers are written in full (they may pass 2^53). What is no
 * finite number is null. Unless compact, members of the root and records of its lists stand on
 * lines of their own. */
#ifndef ULMA_EXPORT_JSON_WRITER_H
#define ULMA_EXPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
    FILE *stream;
    bool compact;
    bool in_page; /* `<` is escaped: what is written stands in a <script> of a page */
    int depth;
    bool filled[8]; /* whether the container at that depth has a member already */
};

void json_open(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer, char bracket);
void json_string(struct json_writer *writer, const char *key, const char *text); /* NULL: null */
void json_integer(struct json_writer *writer, const char *key, int64_t number);
void json_unsigned(struct json_writer *writer, const char *key, uint64_t number);
void json_number(struct json_writer *writer, const char *key, double number);
void json_bool(struct json_writer *writer, const char *key, bool value);
void json_null(struct json_writer *writer, const char *key);

#endif

/* SPDX-License-Identifier: MIT */
/* Reads a small JSON text: what the page wishes to see, what is to be switched.
 * Why our own: the texts have a handful of members and come from whoever holds the token.
 * Rules: strict (RFC 8259), at most JSON_DEPTH deep, strings are UTF-8 without NUL. Memory is the arena's. */
#ifndef ULMA_WEB_JSON_READER_H
#define ULMA_WEB_JSON_READER_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { JSON_DEPTH = 8 };

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_OBJECT };

struct json_value {
    enum json_kind kind;
    bool truth;
    double number;
    const char *text;
    const char *key;          /* of a member */
    struct json_value *first; /* of a list or an object */
    struct json_value *next;  /* its sibling */
};

/* NULL: it is no JSON, or memory is out. */
struct json_value *json_read(struct arena *arena, const char *text, size_t size);

/* NULL: `object` is none, or has no such member. The last of several counts. */
const struct json_value *json_member(const struct json_value *object, const char *key);

#endif

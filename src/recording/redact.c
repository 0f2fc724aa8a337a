/* SPDX-License-Identifier: MIT */
/* Hashing names, hiding commands.
 * Why: see redact.h. The masking of secrets is in mask.c.
 * Rules: as redact.h. */
#include "recording/redact.h"

#include "recording/sha256.h"

#include <stdio.h>
#include <string.h>

enum { HASH_BYTES = 6, HASH_SIZE = 2 * HASH_BYTES + 2 };

static void hash_part(const char *bytes, size_t size, char text[HASH_SIZE])
{
    uint8_t digest[32];
    sha256(bytes, size, digest);
    text[0] = 'x';
    for (int i = 0; i < HASH_BYTES; i++)
        snprintf(text + 1 + 2 * i, 3, "%02x", digest[i]);
}

/* `<lambda>`, `<locals>`, `<module>`, `<listcomp>`; `__init__`: Python's own. */
static bool is_pythons(const char *part, size_t size)
{
    bool bracketed = size > 2 && part[0] == '<' && part[size - 1] == '>';
    if (bracketed) {
        for (size_t i = 1; i + 1 < size; i++)
            bracketed &= part[i] >= 'a' && part[i] <= 'z';
    }
    return bracketed ||
           (size > 4 && strncmp(part, "__", 2) == 0 && strncmp(part + size - 2, "__", 2) == 0);
}

/* Each part between the separators by itself. `ends`: the last one keeps its extension. */
static const char *hash_parts(struct arena *arena, const char *text, char separator, bool ends)
{
    size_t parts = 1;
    for (const char *at = text; *at; at++)
        parts += *at == separator;
    char *hashed = arena_alloc(arena, strlen(text) + parts * HASH_SIZE + 1), *to = hashed;
    while (hashed) {
        const char *end = strchr(text, separator);
        size_t size = end ? (size_t)(end - text) : strlen(text), kept = 0;
        const char *dot = end || !ends ? NULL : strrchr(text, '.');
        if (dot && dot > text && strlen(dot) <= 4)
            kept = strlen(dot);
        if (is_pythons(text, size - kept)) {
            memcpy(to, text, size - kept);
            to += size - kept;
        } else if (size > kept) {
            hash_part(text, size - kept, to);
            to += HASH_SIZE - 1;
        }
        memcpy(to, text + size - kept, kept);
        to += kept;
        if (!end)
            break;
        *to++ = separator;
        text = end + 1;
    }
    return hashed;
}

const char *redact_name(const struct redact *redact, struct arena *arena, const char *text)
{
    if (!text || !redact || !redact->names)
        return text;
    if (text[0] == '<' && strchr(text, ' ')) /* <built-in method a.b>: as a whole */
        return redact_text(redact, arena, text);
    return hash_parts(arena, text, '.', false);
}

const char *redact_path(const struct redact *redact, struct arena *arena, const char *text)
{
    if (!text || !redact || !redact->names)
        return text;
    if (strncmp(text, "<frozen ", 8) == 0 || is_pythons(text, strlen(text)))
        return text;
    return hash_parts(arena, text, '/', true);
}

const char *redact_text(const struct redact *redact, struct arena *arena, const char *text)
{
    char hash[HASH_SIZE];
    if (!text || !redact || !redact->names)
        return text;
    hash_part(text, strlen(text), hash);
    return arena_string(arena, hash);
}

const char *redact_command(const struct redact *redact, struct arena *arena, const char *text)
{
    if (!text || redact->commands)
        return NULL;
    return redact->names ? redact_text(redact, arena, text) : redact_mask(arena, text);
}

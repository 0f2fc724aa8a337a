/* SPDX-License-Identifier: MIT */
/* What a recording does not tell whoever it is handed to.
 * Secrets: of command lines, the words that look like one are masked, always. Command lines can be left
 * out. Names and paths can be hashed: each part of a dotted name or path by itself, the same everywhere,
 * so that functions still stand together by module and folder, and two redacted recordings compare.
 * Why not keyed: a key would have to be kept for the comparison; so whoever has a guess can check it, and
 * docs/recordings.md says that. */
#ifndef ULMA_RECORDING_REDACT_H
#define ULMA_RECORDING_REDACT_H

#include "base/arena.h"

#include <stdbool.h>

struct redact {
    bool names;    /* hash them */
    bool commands; /* leave them out */
};

/* All give the text itself when nothing is to be hidden, and NULL for NULL. Out of memory: NULL, too. */

/* A name, qualname or module. `<lambda>`, `<locals>`, `__init__` and their like stay. */
const char *redact_name(const struct redact *redact, struct arena *arena, const char *text);

/* A path: its folders, and its name but for the extension. `<string>` and `<frozen …>` stay. */
const char *redact_path(const struct redact *redact, struct arena *arena, const char *text);

/* Anything else, as a whole. */
const char *redact_text(const struct redact *redact, struct arena *arena, const char *text);

const char *redact_command(const struct redact *redact, struct arena *arena, const char *text);

/* The command line with `***` in place of what looks like a secret. */
const char *redact_mask(struct arena *arena, const char *text);

#endif

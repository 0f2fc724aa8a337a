/* SPDX-License-Identifier: MIT */
/* What a code object says of a function: name, file, line.
 * Why: a deep stack holds few code objects many times; each is read once.
 * Rules: as objects.h: what cannot be read is NULL or 0. */
#ifndef ULMA_ATTACH_CODES_H
#define ULMA_ATTACH_CODES_H

#include "attach/objects.h"

struct code {
    uint64_t address;
    const char *name; /* qualified from 3.11 on */
    const char *file;
    int first_line;
    const unsigned char *lines;
    size_t lines_size;
    /* Of its local variables, as far as they were asked for: */
    const char **local_names;
    const unsigned char *local_kinds; /* 3.11+; of each, 0 where it is not known */
    size_t local_count;
    bool locals_known;
};

struct codes {
    struct code *codes;
    size_t count, room;
};

/* The code object at `address`, or NULL without memory. Valid until the next call. */
const struct code *codes_get(struct codes *codes, const struct objects *objects, uint64_t address);
void codes_done(struct codes *codes);

/* The same with its local variables' names. */
const struct code *codes_get_with_locals(struct codes *codes, const struct objects *objects,
                                         uint64_t address);

/* The line of the instruction this many bytes into the bytecode, or 0. */
int codes_line(const struct code *code, int minor, int64_t instruction);

#endif

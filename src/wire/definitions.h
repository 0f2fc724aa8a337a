/* SPDX-License-Identifier: MIT */
/* What an id stands for: functions, C functions, files and modules, in a capped area.
 * Why: an event has room for 24 bits; names go over once. The collector may come late or die, so
 * definitions stay readable in place (a log that is consumed would not do).
 *
 * The area (session.definitions_offset / _size) is: slot table, then a heap of records.
 *   slot[id]   offset of the record from the area's start in 8-byte units (0: never defined),
 *              published with release after the record is whole
 *   record     struct definition, then its name, qualname, module and file, not terminated;
 *              records start at multiples of 8 and never move; a record is never changed while its
 *              id lives
 * One producer: whoever holds the target's GIL. Readers: any.
 *
 * End of an id: the producer appends it to the session's gone ring (gone_head, release). The
 * collector, once it has consumed every ring up to heads read after gone_head, forgets the ids up to
 * there and stores gone_acked (release). Only then does the producer use them again, for a new
 * record with a higher `generation`. With no room (slots, heap), events carry id 0, `(other)`, and
 * definitions_refused counts. */
#ifndef ULMA_WIRE_DEFINITIONS_H
#define ULMA_WIRE_DEFINITIONS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

enum definition_kind {
    DEFINITION_FUNCTION = 1, /* a code object */
    DEFINITION_C_FUNCTION =
        2, /* a PyMethodDef; an operator of a type, with file and line of where it is used */
    DEFINITION_TYPE = 3, /* a type: its name is module.qualname, of builtins the qualname */
};

enum definition_flags {
    DEFINITION_GENERATOR = 1,
    DEFINITION_COROUTINE = 2,
    DEFINITION_ASYNC_GENERATOR = 4,
    DEFINITION_TRUNCATED = 8, /* a string was cut */
    DEFINITION_PARTIAL = 16,  /* an operator's: more calls may have been made than are told */
};

/* Ten thousand characters, whatever they are: a lone surrogate takes six bytes. Once half of the heap is used
 * strings are cut to the short limit, so that long ones cannot take the room of many functions. */
enum { DEFINITION_STRING_LIMIT = 60 << 10, DEFINITION_SHORT_LIMIT = 2048 };

struct definition {
    uint32_t id;
    uint32_t generation; /* 1 for the first use of the id, then rising */
    uint32_t line;       /* co_firstlineno; 0: none */
    uint16_t kind;       /* enum definition_kind */
    uint16_t flags;      /* enum definition_flags */
    uint16_t name_size;  /* bytes of UTF-8, each at most DEFINITION_STRING_LIMIT */
    uint16_t qualname_size;
    uint16_t module_size;
    uint16_t file_size;
    /* name, qualname, module, file follow */
};
static_assert(sizeof(struct definition) == 24, "definition records are on the wire");

#endif

/* SPDX-License-Identifier: MIT */
/* Objects of a CPython that is read from outside: text, numbers, dictionaries, attributes.
 * Why: names of functions, files and threads are objects in the process's memory.
 * Rules: an address is a claim; its type is read and checked before anything else of it, lengths are
 * capped, loops bounded. What does not hold is NULL, 0 or false: "not known", never a guess. Results
 * are of the arena. */
#ifndef ULMA_ATTACH_OBJECTS_H
#define ULMA_ATTACH_OBJECTS_H

#include "attach/layouts.h"
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    OBJECTS_TEXT_MOST = 4096,      /* code points of a name */
    OBJECTS_ENTRIES_MOST = 1 << 17 /* of a dictionary */
};

enum objects_flag {
    OBJECTS_IS_LONG = 1 << 24,
    OBJECTS_IS_LIST = 1 << 25,
    OBJECTS_IS_TUPLE = 1 << 26,
    OBJECTS_IS_BYTES = 1 << 27,
    OBJECTS_IS_TEXT = 1 << 28,
    OBJECTS_IS_DICT = 1 << 29,
};

struct objects {
    pid_t pid;
    struct layout layout;
    struct arena *arena;
    uint64_t code_type;             /* PyCode_Type */
    uint64_t float_type, bool_type; /* 0: not known */
    uint64_t none;                  /* the object None; 0: not known */
};

/* The type of the object at `address`, or 0. */
uint64_t objects_type(const struct objects *objects, uint64_t address);

/* tp_flags of its type: enum objects_flag; 0 when it cannot be read. */
uint64_t objects_flags(const struct objects *objects, uint64_t address);

/* tp_name of a type, cleaned of nothing; or NULL. */
char *objects_type_name(const struct objects *objects, uint64_t type);

/* A str as UTF-8 (lone surrogates as \udc80), cut after `most` code points; or NULL. `ret_cut` (may
 * be NULL): there was more. */
char *objects_text(const struct objects *objects, uint64_t address, size_t most, bool *ret_cut);

/* The content of a bytes object, at most `most` bytes; its whole length in `ret_length`. */
unsigned char *objects_bytes(const struct objects *objects, uint64_t address, size_t most,
                             size_t *ret_length);

/* An int that fits; false otherwise. */
bool objects_integer(const struct objects *objects, uint64_t address, int64_t *ret_value);

/* The items of a tuple (at most `most`), or NULL. */
uint64_t *objects_tuple(const struct objects *objects, uint64_t address, size_t most,
                        size_t *ret_count);

/* The items of a list (at most `most`), or NULL. */
uint64_t *objects_list(const struct objects *objects, uint64_t address, size_t most,
                       size_t *ret_count);

/* What a set holds, in the order of its table, among it what has been taken out but for CPython's own
 * mark; NULL when it is none that can be read. Whether it is a set must be known. */
uint64_t *objects_set(const struct objects *objects, uint64_t address, size_t *ret_count);

/* What the weak references in a WeakSet lead to, or NULL. */
uint64_t *objects_weak_set(const struct objects *objects, uint64_t address, size_t *ret_count);

struct objects_entry {
    uint64_t key, value;
};

/* What a dict holds, in its order; NULL when it is none. */
struct objects_entry *objects_dict(const struct objects *objects, uint64_t address,
                                   size_t *ret_count);

/* The value at a key that is this text, or 0. */
uint64_t objects_dict_find(const struct objects *objects, uint64_t dict, const char *key);

/* An attribute that the instance itself holds, or 0. */
uint64_t objects_attribute(const struct objects *objects, uint64_t object, const char *name);

/* The namespace of a module: a dict, or 0. */
uint64_t objects_module_dict(const struct objects *objects, uint64_t module);

#endif

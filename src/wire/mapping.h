/* SPDX-License-Identifier: MIT */
/* The collector's side of a session file: make it, map it, find things in it, add rings.
 * Why: every offset that comes out of the file is the other side's word; the lookups here are the
 * only ones, and they check. The probe has its own, smaller copy of the same (probe/link.c).
 * Rules: the maker owns the file and unlinks it. Offsets are fixed by mapping->layout at creation or
 * opening and never re-read from the file. A mapping may be truncated under us by its owner: readers
 * run inside guard_run (wire/guard.h), which turns SIGBUS into -EFAULT. */
#ifndef ULMA_WIRE_MAPPING_H
#define ULMA_WIRE_MAPPING_H

#include "wire/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mapping {
    int fd;
    char *path; /* of the session file; NULL once unlinked */
    unsigned char *base;
    size_t size;
    /* checked copies */
    uint64_t modes_offset, gone_offset, definitions_offset, rings_offset, events_offset;
    uint64_t events_used; /* bytes given to rings so far (maker only) */
    uint64_t buffer_bytes;
    uint32_t rings_made;
};

struct mapping_options {
    const char *directory; /* made 0700 when absent; refused when another's or open to others */
    uint64_t buffer_bytes; /* all rings together */
    uint32_t on_full;      /* enum on_full */
    uint32_t sources;      /* bits of enum session_source */
    uint32_t later;        /* ... that come on later */
    bool start_off;
    bool modes_vary, rules_wanted;
    bool follow_children; /* other processes may make sessions beside this one */
    bool follow_forks;    /* ... and a fork's child does */
    uint32_t clock_kind;
    uid_t owner; /* the target's uid */
};

/* /dev/shm/ulma-UID or $ULMA_DIR of the target; from the caller's buffer. */
void mapping_default_directory(uid_t uid, char *path, size_t size);

/* Makes DIRECTORY/NAME with its header, mode bytes (all MODE_RECORD), ring 0 and first rings. 0 or
 * -errno: -EPERM another user's directory or wrong mode, -ENOSPC tmpfs full, -EEXIST. */
int mapping_create(const struct mapping_options *options, const char *name,
                   struct mapping *ret_mapping);

/* Opens an existing session to read it; checks magic, format, sizes. -EINVAL: not a session. */
int mapping_open(const char *path, struct mapping *ret_mapping);

/* A session that a child made (wire/session.h) is the caller's from here on: it holds the collector's
 * lock and adds rings. 0 or -errno. */
int mapping_adopt(struct mapping *mapping);

/* Checks a session already in memory (tests, the fuzzer); borrows `bytes`. */
int mapping_of_memory(void *bytes, size_t size, struct mapping *ret_mapping);

void mapping_unlink(struct mapping *mapping); /* removes the file's name; safe to repeat */
void mapping_close(struct mapping *mapping);

struct session_header *mapping_header(const struct mapping *mapping);
_Atomic unsigned char *mapping_modes(const struct mapping *mapping);
_Atomic unsigned char *mapping_lines(const struct mapping *mapping);

/* Ring `index`'s directory entry, or NULL beyond the directory. Its words are still hostile. */
struct ring_shared *mapping_ring(const struct mapping *mapping, uint32_t index);

/* The events of a ring, after checking capacity and offset against the file; NULL: they lie. */
const struct event *mapping_ring_events(const struct mapping *mapping, uint32_t index,
                                        uint32_t *ret_capacity);

/* Copies a definition out, whole and checked. 0, -ENOENT (no such id), -EBADMSG (it lies).
 * Strings are cut from `buffer` (DEFINITION_BUFFER_SIZE bytes), each terminated and
 * no longer than DEFINITION_STRING_LIMIT. */
/* Four strings, of which each byte may be a NUL, told in four letters. */
enum { DEFINITION_BUFFER_SIZE = 4 * (DEFINITION_STRING_LIMIT + 1) };
struct definition_text {
    struct definition fixed;
    const char *name, *qualname, *module, *file;
};
int mapping_definition(const struct mapping *mapping, uint32_t id, char *buffer,
                       struct definition_text *ret_text);

/* The gone ring's entry `number` (free-running). */
uint32_t mapping_gone_id(const struct mapping *mapping, uint32_t number);

/* Makes one more ring, as large as the budget allows (the first 4 MiB, then 1 MiB, later ones smaller).
 * 0, -ENOSPC (budget or file system), -EMFILE (directory full). */
int mapping_add_ring(struct mapping *mapping);

/* Rings in state FREE. */
uint32_t mapping_free_rings(const struct mapping *mapping);

#endif

/* SPDX-License-Identifier: MIT */
/* What descriptors are of: files, sockets, pipes.
 * Why followed: a file that is open for a moment cannot be looked up in /proc any more when its events are read. So what
 * opened it says what it is, and only what was open before, and what came by ways that are not heard, is looked up
 * (io_lookup.c, by the keeper: the fold does no I/O).
 * Rules: one owner, the fold; whoever looks up enters the model's lock. Texts are never changed or freed while the model
 * lives; resources beyond the limit are one, `(other)`. */
#ifndef ULMA_MODEL_IO_FILES_H
#define ULMA_MODEL_IO_FILES_H

#include "wire/io_operation.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    IO_RESOURCES_LIMIT = 1 << 15,
    IO_FDS_LIMIT = 1 << 20,
    IO_TEXT_SIZE = 1024,
    IO_RESOURCE_NONE = 0, /* of no descriptor */
    IO_RESOURCE_OTHER = 1,
};

struct io_resource {
    const char *text;   /* NULL: not known, perhaps yet: descriptor `fd` */
    uint32_t fd, pid;   /* of one that is to be looked up */
    uint32_t same_as;   /* what it turned out to be; 0: itself */
    unsigned char sort; /* enum io_sort: FILE or SOCKET */
    bool is_wanted;     /* to be looked up */
    uint64_t
        again_ns; /* not before, by the monotonic clock: it is a socket that stood in no table; 0: now */
    uint32_t next; /* of its bucket */
};

struct io_files {
    struct io_resource *resources; /* IO_RESOURCES_LIMIT */
    uint32_t resource_count;
    uint32_t *buckets; /* by text */
    uint32_t wanted;   /* resources that are */
};

/* A call that has ended, not applied yet (io_apply.h). */
struct io_done {
    uint64_t begin, end, result;
    uint32_t operation, fd, symbol, line;
    uint32_t wait_symbol, wait_line, wait_node, thread;
    uint32_t span; /* of its thread (spans.h); 0: none */
    int error;
    unsigned char wait_kind;
    bool in_task, is_wait;     /* is_wait: it counts as one of its thread's waits, too */
    bool is_address, is_ruled; /* is_ruled: it has a rule, and no row */
    uint32_t name_size;
    char *name;                   /* owned; NULL: none */
    struct witness_telling *told; /* owned; predicates that held (escalations.h) */
};

/* A process's. */
struct io_fds {
    uint32_t *resources; /* by descriptor; 0: not known */
    uint32_t limit;
    struct io_done *done;
    uint32_t done_count, done_limit;
    char *directory; /* where it was when it was looked at; NULL: not known */
};

/* 0 or -ENOMEM. */
int io_files_init(struct io_files *files);
void io_files_done(struct io_files *files);
void io_fds_done(struct io_fds *fds);

/* The resource of that text, made if need be. */
uint32_t io_files_named(struct io_files *files, const char *text, enum io_sort sort);

/* What the descriptor is of; one that is not known is wanted from now on. */
uint32_t io_files_of(struct io_files *files, struct io_fds *fds, uint32_t pid, uint32_t fd);

/* It is of `resource` from now on; 0: closed. */
void io_fds_set(struct io_fds *fds, uint32_t fd, uint32_t resource);

/* All are closed, as far as is known. */
void io_fds_forget(struct io_fds *fds);

/* The path as the process gave it, `from` being a directory's resource or 0, into `text` (IO_TEXT_SIZE). */
void io_files_path(const struct io_files *files, const struct io_fds *fds, uint32_t from,
                   const char *path, char *text);

/* `127.0.0.1:80`, `[::1]:80`, `unix:/run/x`; false: none of these, or no port yet. */
bool io_files_address(const unsigned char *bytes, size_t size, char *text);

/* `127.0.0.1:80` and `[::1]:80` of an address of 4 or 16 bytes. */
enum { IO_ADDRESS_FOUR = 4, IO_ADDRESS_SIX = 16 };
void io_files_host(const unsigned char *bytes, size_t size, unsigned port, char *text);

/* What it is found to be; NULL: it is gone. */
void io_files_found(struct io_files *files, uint32_t resource, const char *text, enum io_sort sort);

static inline uint32_t io_files_true(const struct io_files *files, uint32_t resource)
{
    uint32_t same = files->resources[resource].same_as;
    return same ? same : resource;
}

#endif

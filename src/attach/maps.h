/* SPDX-License-Identifier: MIT */
/* What a process has mapped, from /proc/PID/maps, and the files behind it.
 * Why: where CPython's code and data lie, in which file its symbols stand, and whether an address that
 * was read from the process can be one at all.
 * Rules: nothing here stops or changes the process. The path is the process's own word in its own
 * mount namespace: it is opened only through maps_open, which proves that it is the file mapped. */
#ifndef ULMA_ATTACH_MAPS_H
#define ULMA_ATTACH_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct maps_entry {
    uint64_t start, end; /* addresses in the process; end is past the last */
    uint64_t offset;     /* of start in the file */
    uint64_t inode;      /* 0: no file */
    uint32_t device_major, device_minor;
    bool read, write, execute;
    bool deleted;     /* the path led to this file once */
    const char *path; /* "" for anonymous memory; never NULL */
};

struct maps {
    pid_t pid;
    struct maps_entry *entries; /* by ascending address */
    size_t count;
    char *text; /* what the paths point into */
};

/* 0, or -errno: -ESRCH no such process, -EACCES no right to read it, -ENODATA when it has no memory
 * (a zombie or a kernel thread). */
int maps_read(pid_t pid, struct maps *ret_maps);
void maps_done(struct maps *maps); /* all-zero is allowed */

/* The mapping that holds `address`, or NULL. */
const struct maps_entry *maps_find(const struct maps *maps, uint64_t address);

/* Whether both are of one file. */
bool maps_same_file(const struct maps_entry *a, const struct maps_entry *b);

/* The path's last component. */
/* Whether it runs on musl. */
bool maps_has_musl(const struct maps *maps);

const char *maps_base_name(const struct maps_entry *entry);

/* Opens the file that is mapped there, whether or not its path leads to it from here (another mount
 * namespace, deleted): a descriptor for reading, or -errno. */
int maps_open(const struct maps *maps, const struct maps_entry *entry);

/* Whether this mapping is of the file that the process executes. */
bool maps_is_executable(const struct maps *maps, const struct maps_entry *entry);

#endif

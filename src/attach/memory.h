/* SPDX-License-Identifier: MIT */
/* Reading another process's memory.
 * Why: process_vm_readv needs no stop of the process and no thread of it: it works on one that is
 * stopped, deadlocked or busy, and cannot change it.
 * Rules: an address read from the process may be anything; a read of what is not mapped is -EFAULT and
 * harms nobody. The process may run meanwhile: two reads need not fit together. */
#ifndef ULMA_ATTACH_MEMORY_H
#define ULMA_ATTACH_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of it, or -errno: -EFAULT not mapped, -ESRCH the process has ended, -EPERM no right. */
int memory_read(pid_t pid, uint64_t address, void *ret_bytes, size_t size);

int memory_read_u64(pid_t pid, uint64_t address, uint64_t *ret_value);
int memory_read_u32(pid_t pid, uint64_t address, uint32_t *ret_value);

/* As many bytes as are mapped from there on, at most `size`: how many, or -errno. */
ssize_t memory_read_some(pid_t pid, uint64_t address, void *ret_bytes, size_t size);

struct memory_part {
    uint64_t address;
    void *bytes;
    size_t size;
};

/* Several parts in as few calls as the kernel allows (1024 parts a call), in order: as near to one
 * moment as can be had without a stop. All or -errno. */
int memory_read_parts(pid_t pid, const struct memory_part *parts, size_t count);

#endif

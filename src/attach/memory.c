/* SPDX-License-Identifier: MIT */
/* process_vm_readv, with its partial reads made into errors.
 * Why: see memory.h.
 * Rules: as memory.h. */
#include "attach/memory.h"

#include <errno.h>
#include <limits.h>
#include <sys/uio.h>

/* The kernel takes these as pointers; most numbers are none of ours. */
static struct iovec remote_part(uint64_t address, size_t size)
{
    return (struct iovec){(void *)(uintptr_t)address, size}; /* NOLINT(performance-no-int-to-ptr) */
}

ssize_t memory_read_some(pid_t pid, uint64_t address, void *ret_bytes, size_t size)
{
    /* cppcheck-suppress ctuuninitvar ; it is written to, not read */
    struct iovec local = {ret_bytes, size};
    struct iovec remote = remote_part(address, size);
    ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return got < 0 ? -errno : got;
}

int memory_read(pid_t pid, uint64_t address, void *ret_bytes, size_t size)
{
    ssize_t got = memory_read_some(pid, address, ret_bytes, size);
    if (got < 0)
        return (int)got;
    return (size_t)got == size ? 0 : -EFAULT;
}

int memory_read_u64(pid_t pid, uint64_t address, uint64_t *ret_value)
{
    return memory_read(pid, address, ret_value, sizeof(*ret_value));
}

int memory_read_u32(pid_t pid, uint64_t address, uint32_t *ret_value)
{
    return memory_read(pid, address, ret_value, sizeof(*ret_value));
}

int memory_read_parts(pid_t pid, const struct memory_part *parts, size_t count)
{
    struct iovec local[IOV_MAX];
    struct iovec remote[IOV_MAX];
    for (size_t first = 0; first < count;) {
        size_t many = count - first < IOV_MAX ? count - first : IOV_MAX;
        size_t size = 0;
        for (size_t i = 0; i < many; i++) {
            const struct memory_part *part = &parts[first + i];
            local[i] = (struct iovec){part->bytes, part->size};
            remote[i] = remote_part(part->address, part->size);
            size += part->size;
        }
        ssize_t got = process_vm_readv(pid, local, many, remote, many, 0);
        if (got < 0)
            return -errno;
        if ((size_t)got != size)
            return -EFAULT;
        first += many;
    }
    return 0;
}

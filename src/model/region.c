/* SPDX-License-Identifier: MIT */
/* Reserved address space.
 * Why: see region.h. MAP_NORESERVE: under strict overcommit the reservation would otherwise count as
 * memory in use.
 * Rules: sizes are multiplied once, here, with the check. */
#include "model/region.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void *region_new(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 2 / size)
        return NULL;
    void *memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void region_free(void *region, size_t count, size_t size)
{
    if (region)
        munmap(region, count * size);
}

void region_clear(void *region, size_t count, size_t size)
{
    memset(region, 0, count * size);
}

/* SPDX-License-Identifier: MIT */
/* Putting hooks over Python's allocators, and taking them off.
 * Why: see allocators.h.
 * Rules: those of allocators.h. */
#include "probe/py/allocators.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct allocator allocators_below[ALLOCATOR_LAYERS][MEMORY_DOMAINS];

/* What the interpreter calls a domain has the numbers of enum memory_domain. */
static void (*get)(int domain, struct allocator *allocator);
static void (*set)(int domain, struct allocator *allocator);

static bool find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != NULL;
}

int allocators_prepare(char *reason, size_t size)
{
    if (find(&get, "PyMem_GetAllocator") && find(&set, "PyMem_SetAllocator"))
        return 0;
    get = NULL;
    snprintf(reason, size,
             "this Python does not let its allocators be hooked (PyMem_SetAllocator)");
    return -1;
}

static int layer_of(allocator_hooks *hooks, enum memory_domain domain,
                    const struct allocator *present)
{
    for (int layer = 0; layer < ALLOCATOR_LAYERS; layer++)
        if (present->malloc == (*hooks)[layer][domain].malloc)
            return layer;
    return ALLOCATOR_NONE;
}

int allocators_top(allocator_hooks *hooks, enum memory_domain domain)
{
    struct allocator present;
    get((int)domain, &present);
    return layer_of(hooks, domain, &present);
}

/* One that calls what is on top now, or that was never used. */
static int find_layer(enum memory_domain domain, const struct allocator *present)
{
    for (int layer = 0; layer < ALLOCATOR_LAYERS; layer++)
        if (memcmp(&allocators_below[layer][domain], present, sizeof(*present)) == 0)
            return layer;
    for (int layer = 0; layer < ALLOCATOR_LAYERS; layer++)
        if (!allocators_below[layer][domain].malloc)
            return layer;
    return ALLOCATOR_NONE;
}

int allocators_raise(allocator_hooks *hooks, enum memory_domain domain)
{
    struct allocator present;
    get((int)domain, &present);
    int layer = layer_of(hooks, domain, &present);
    if (layer != ALLOCATOR_NONE)
        return layer;
    layer = find_layer(domain, &present);
    if (layer == ALLOCATOR_NONE)
        return layer;
    struct allocator ours = (*hooks)[layer][domain];
    ours.context = present.context;
    allocators_below[layer][domain] = present;
    set((int)domain, &ours);
    return layer;
}

void allocators_lower(allocator_hooks *hooks, enum memory_domain domain)
{
    int layer = get ? allocators_top(hooks, domain) : ALLOCATOR_NONE;
    if (layer != ALLOCATOR_NONE)
        set((int)domain, &allocators_below[layer][domain]);
}

/* SPDX-License-Identifier: MIT */
/* Hooks over Python's three allocators (PyMem_GetAllocator, PyMem_SetAllocator), in layers.
 * Why layers: who puts hooks over ours (tracemalloc.start) keeps a copy of ours, to call and to put back. So ours
 * stay there, and one more layer of ours is put on top: what such a tool allocates for itself comes
 * to the lower layer alone, and is not the program's. What a layer calls never changes once somebody may know it.
 * Why the context stays the original's: the interpreter copies the five words one by one, while another thread may
 * be about to call PyMem_RawMalloc without the GIL. What that thread finds is one function or the other, each
 * with the context that both take.
 * Rules: the GIL is held. Nothing is allocated: all of this may be called from within a hook. */
#ifndef ULMA_PROBE_PY_ALLOCATORS_H
#define ULMA_PROBE_PY_ALLOCATORS_H

#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>

enum { ALLOCATOR_LAYERS = 4, ALLOCATOR_NONE = -1 };

/* PyMemAllocatorEx, which the limited API leaves out. */
struct allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

typedef const struct allocator allocator_hooks[ALLOCATOR_LAYERS][MEMORY_DOMAINS];

/* What each layer of ours calls, with the context that it was called with. */
extern struct allocator allocators_below[ALLOCATOR_LAYERS][MEMORY_DOMAINS];

/* Once: 0, or -1 with a sentence. */
int allocators_prepare(char *reason, size_t size);

/* Puts a layer on top of the domain where none is, and says which one is there; NONE: there are no more. */
int allocators_raise(allocator_hooks *hooks, enum memory_domain domain);

/* Which layer is on top; NONE: somebody else. */
int allocators_top(allocator_hooks *hooks, enum memory_domain domain);

/* Takes off what layers are on top. */
void allocators_lower(allocator_hooks *hooks, enum memory_domain domain);

#endif

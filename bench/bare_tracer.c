/* SPDX-License-Identifier: MIT */
/* A bare counting tracer: births and deaths by type, and nothing else.
 * Why: what hearing of every object costs at the least; `objects` is held against it (births.py). */
#include <stddef.h>
#include <stdint.h>

enum { SLOTS = 4096, CREATE = 0 };

static struct {
    void *type;
    uint64_t births, deaths;
} slots[SLOTS];

int PyRefTracer_SetTracer(int (*tracer)(void *, int, void *), void *data);

static int count(void *object, int event, void *data)
{
    (void)data;
    if (!object)
        return 0;
    void *type = ((void **)object)[1];
    uint32_t at = (uint32_t)(((uintptr_t)type * UINT64_C(0x9e3779b97f4a7c15)) >> 52);
    while (slots[at].type && slots[at].type != type)
        at = (at + 1) % SLOTS;
    slots[at].type = type;
    if (event == CREATE)
        slots[at].births++;
    else
        slots[at].deaths++;
    return 0;
}

int bare_tracer_start(void)
{
    return PyRefTracer_SetTracer(count, NULL);
}

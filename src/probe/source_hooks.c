/* SPDX-License-Identifier: MIT */
/* The list of sources with hooks of their own.
 * Why: see source_hooks.h. */
#include "probe/source_hooks.h"

#include "probe/link.h"
#include "probe/py/pyapi.h"

#define SOURCE(name, folder, bit, help)
#define HOOKED(folder) extern const struct source_hooks folder##_hooks;
#include "sources/sources.def"

#define HOOKED(folder) &folder##_hooks,
static const struct source_hooks *const hooks_list[] = {
#include "sources/sources.def"
};
#undef SOURCE

enum { HOOKS_COUNT = sizeof(hooks_list) / sizeof(hooks_list[0]) };

int source_hooks_can_be_had(uint32_t sources, char *reason, size_t size)
{
    for (int i = 0; i < HOOKS_COUNT; i++)
        if ((sources & hooks_list[i]->bit) && hooks_list[i]->can_be_had &&
            hooks_list[i]->can_be_had(reason, size))
            return -1;
    return 0;
}

int source_hooks_make_ready(uint32_t sources, char *reason, size_t size)
{
    for (int i = 0; i < HOOKS_COUNT; i++)
        if ((sources & hooks_list[i]->bit) && hooks_list[i]->make_ready(reason, size))
            return -1;
    return 0;
}

int source_hooks_on(uint32_t sources, char *reason, size_t size)
{
    for (int i = 0; i < HOOKS_COUNT; i++) {
        if ((sources & hooks_list[i]->bit) && hooks_list[i]->on(reason, size)) {
            source_hooks_off();
            return -1;
        }
    }
    return 0;
}

void source_hooks_off(void)
{
    for (int i = HOOKS_COUNT; i-- > 0;)
        hooks_list[i]->off();
}

void source_hooks_rearm(uint32_t sources)
{
    for (int i = 0; i < HOOKS_COUNT; i++)
        if ((sources & hooks_list[i]->bit) && hooks_list[i]->rearm)
            hooks_list[i]->rearm();
}

void source_hooks_look(void)
{
    for (int i = 0; i < HOOKS_COUNT; i++)
        if (hooks_list[i]->look)
            hooks_list[i]->look();
}

void source_hooks_imported(void)
{
    PyObject *type, *value, *traceback;
    if (!link_to.header)
        return;
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_on, memory_order_relaxed);
    for (int i = 0; i < HOOKS_COUNT; i++) {
        if (!(sources & hooks_list[i]->bit) || !hooks_list[i]->imported)
            continue;
        PyErr_Fetch(&type, &value, &traceback);
        hooks_list[i]->imported();
        PyErr_Clear();
        PyErr_Restore(type, value, traceback);
    }
}

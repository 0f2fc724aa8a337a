/* SPDX-License-Identifier: MIT */
/* Lists and sets.
 * Why: see objects.h. Tasks stand in sets, what they wait for in lists and sets.
 * Rules: as objects.h. */
#include "attach/memory.h"
#include "attach/objects.h"

#include <string.h>

enum { OB_SIZE = 16 };

uint64_t *objects_list(const struct objects *objects, uint64_t address, size_t most,
                       size_t *ret_count)
{
    uint64_t count;
    uint64_t place;
    if (!(objects_flags(objects, address) & OBJECTS_IS_LIST) ||
        memory_read_u64(objects->pid, address + OB_SIZE, &count) ||
        memory_read_u64(objects->pid, address + objects->layout.list_items, &place))
        return NULL;
    if (count > most)
        count = most;
    uint64_t *items = arena_array(objects->arena, count + 1, sizeof(*items));
    if (!items || memory_read(objects->pid, place, items, count * sizeof(*items)))
        return NULL;
    *ret_count = count;
    return items;
}

uint64_t *objects_set(const struct objects *objects, uint64_t address, size_t *ret_count)
{
    enum { KEY_AND_HASH = 2 };
    uint64_t mask;
    uint64_t table;
    if (address % 8 || memory_read_u64(objects->pid, address + objects->layout.set_mask, &mask) ||
        mask >= OBJECTS_ENTRIES_MOST * 8 || (mask & (mask + 1)) ||
        memory_read_u64(objects->pid, address + objects->layout.set_table, &table))
        return NULL;
    size_t room = mask + 1;
    uint64_t *words = arena_array(objects->arena, room, sizeof(*words) * KEY_AND_HASH);
    if (!words || memory_read(objects->pid, table, words, room * sizeof(*words) * KEY_AND_HASH))
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < room; i++)
        if (words[i * KEY_AND_HASH])
            words[used++] = words[i * KEY_AND_HASH];
    *ret_count = used;
    return words;
}

uint64_t *objects_weak_set(const struct objects *objects, uint64_t address, size_t *ret_count)
{
    uint64_t data = objects_attribute(objects, address, "data");
    const char *name = data ? objects_type_name(objects, objects_type(objects, data)) : NULL;
    size_t count = 0;
    size_t used = 0;
    uint64_t *items = name && strcmp(name, "set") == 0 ? objects_set(objects, data, &count) : NULL;
    uint64_t weak_type = 0; /* all have one; the mark of what was taken out has another */
    for (size_t i = 0; items && i < count; i++) {
        uint64_t type = objects_type(objects, items[i]);
        uint64_t object;
        if (type != weak_type) {
            name = objects_type_name(objects, type);
            if (!name || strncmp(name, "weakref", strlen("weakref")) != 0)
                continue;
            weak_type = type;
        }
        if (memory_read_u64(objects->pid, items[i] + objects->layout.weakref_object, &object) == 0)
            items[used++] = object;
    }
    *ret_count = used;
    return items;
}

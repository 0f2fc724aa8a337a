/* SPDX-License-Identifier: MIT */
/* Dictionaries, and the attributes of instances, whose storage changed with almost every version.
 * Why: threads' names are attributes of objects in a dictionary of a module.
 * Rules: as objects.h. Keys are compared with what was read of them; hashes are not used, since the
 * target's seed is its own and its table may be changing. */
#include "attach/memory.h"
#include "attach/objects.h"

#include <string.h>

enum {
    MODULE_DICT = 16, /* md_dict, in all versions */
    KEYS_GENERAL = 0, /* dk_kind, 3.11+: entries with a hash; others have none */
    OLD_KEYS_SIZE =
        8, /* dk_size, dk_nentries and the indices before 3.11 (Objects/dict-common.h) */
    OLD_KEYS_COUNT = 32,
    OLD_KEYS_INDICES = 40,
    MANAGED_DICT = 1 << 4, /* Py_TPFLAGS_MANAGED_DICT, 3.11+ */
    INLINE_VALUES = 1 << 2 /* Py_TPFLAGS_INLINE_VALUES, 3.13+ */
};

/* A table of keys: where its entries are, how many, and how large each is. */
struct keys {
    uint64_t entries;
    uint64_t count;
    size_t entry_size; /* 16: key, value; 24: hash, key, value */
};

static bool read_new_keys(const struct objects *objects, uint64_t address, struct keys *keys)
{
    const struct layout *layout = &objects->layout;
    unsigned char head[16]; /* reference count, log2 of size and of index bytes, kind */
    if (memory_read(objects->pid, address, head, sizeof(head)) ||
        memory_read_u64(objects->pid, address + layout->keys_entry_count, &keys->count))
        return false;
    unsigned log2_index_bytes = head[9];
    if (log2_index_bytes > 40)
        return false;
    keys->entries = address + layout->keys_indices + (UINT64_C(1) << log2_index_bytes);
    keys->entry_size = head[10] == KEYS_GENERAL ? 24 : 16;
    return true;
}

static bool read_old_keys(const struct objects *objects, uint64_t address, struct keys *keys)
{
    uint64_t size;
    if (memory_read_u64(objects->pid, address + OLD_KEYS_SIZE, &size) || size > UINT32_MAX ||
        memory_read_u64(objects->pid, address + OLD_KEYS_COUNT, &keys->count))
        return false;
    uint64_t index_bytes = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
    keys->entries = address + OLD_KEYS_INDICES + size * index_bytes;
    keys->entry_size = 24;
    return true;
}

/* What keys and values (0: they stand with the keys) make together. */
static struct objects_entry *read_entries(const struct objects *objects, uint64_t keys_address,
                                          uint64_t values, size_t *ret_count)
{
    struct keys keys;
    bool fine = objects->layout.minor >= 11 ? read_new_keys(objects, keys_address, &keys)
                                            : read_old_keys(objects, keys_address, &keys);
    if (!fine || keys.count > OBJECTS_ENTRIES_MOST)
        return NULL;
    size_t count = keys.count;
    unsigned char *bytes = arena_array(objects->arena, count + 1, keys.entry_size);
    uint64_t *apart = arena_array(objects->arena, count + 1, sizeof(*apart));
    struct objects_entry *entries = arena_array(objects->arena, count + 1, sizeof(*entries));
    if (!bytes || !apart || !entries ||
        memory_read(objects->pid, keys.entries, bytes, count * keys.entry_size) ||
        (values && memory_read(objects->pid, values, apart, count * sizeof(*apart))))
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct objects_entry entry;
        memcpy(&entry, bytes + (i + 1) * keys.entry_size - sizeof(entry), sizeof(entry));
        if (values)
            entry.value = apart[i];
        if (entry.key && entry.value)
            entries[used++] = entry;
    }
    *ret_count = used;
    return entries;
}

struct objects_entry *objects_dict(const struct objects *objects, uint64_t address,
                                   size_t *ret_count)
{
    const struct layout *layout = &objects->layout;
    uint64_t keys;
    uint64_t values;
    if (!(objects_flags(objects, address) & OBJECTS_IS_DICT) ||
        memory_read_u64(objects->pid, address + layout->dict_keys, &keys) ||
        memory_read_u64(objects->pid, address + layout->dict_values, &values))
        return NULL;
    return read_entries(objects, keys, values ? values + layout->values_items : 0, ret_count);
}

static uint64_t find_key(const struct objects *objects, const struct objects_entry *entries,
                         size_t count, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < count; i++) {
        const char *text = objects_text(objects, entries[i].key, size + 1, NULL);
        if (text && strcmp(text, key) == 0)
            return entries[i].value;
    }
    return 0;
}

uint64_t objects_dict_find(const struct objects *objects, uint64_t dict, const char *key)
{
    size_t count = 0;
    const struct objects_entry *entries = objects_dict(objects, dict, &count);
    return entries ? find_key(objects, entries, count, key) : 0;
}

/* Where the values of an instance without a dictionary of its own lie, or 0; else its dictionary.
 * Objects/object.c and Include/internal/pycore_object.h of each version. */
static uint64_t find_values(const struct objects *objects, uint64_t object, uint64_t type,
                            uint64_t flags, uint64_t *ret_dict)
{
    const struct layout *layout = &objects->layout;
    uint64_t word = 0;
    uint64_t size = 0;
    *ret_dict = 0;
    if (!(flags & MANAGED_DICT)) {
        int64_t offset;
        if (memory_read(objects->pid, type + layout->type_dict_offset, &offset, sizeof(offset)) ==
                0 &&
            offset > 0 && offset < 1 << 20)
            memory_read_u64(objects->pid, object + (uint64_t)offset, ret_dict);
        return 0;
    }
    if (memory_read_u64(objects->pid, object - 24, &word))
        return 0;
    if (layout->minor == 12 && word & 1)
        return word + 1;
    *ret_dict = word;
    if (word || layout->minor == 12)
        return 0;
    if (layout->minor == 11)
        return memory_read_u64(objects->pid, object - 32, &word) ? 0 : word;
    if (!(flags & INLINE_VALUES) ||
        memory_read_u64(objects->pid, type + layout->type_basic_size, &size) || size > 1 << 20)
        return 0;
    return object + size + layout->values_items;
}

uint64_t objects_attribute(const struct objects *objects, uint64_t object, const char *name)
{
    uint64_t dict;
    uint64_t keys;
    size_t count = 0;
    uint64_t type = objects_type(objects, object);
    uint64_t values = find_values(objects, object, type, objects_flags(objects, object), &dict);
    if (dict)
        return objects_dict_find(objects, dict, name);
    if (!values || memory_read_u64(objects->pid, type + objects->layout.type_cached_keys, &keys))
        return 0;
    const struct objects_entry *entries = read_entries(objects, keys, values, &count);
    return entries ? find_key(objects, entries, count, name) : 0;
}

uint64_t objects_module_dict(const struct objects *objects, uint64_t module)
{
    uint64_t dict;
    if (!objects_type(objects, module) ||
        memory_read_u64(objects->pid, module + MODULE_DICT, &dict) ||
        !(objects_flags(objects, dict) & OBJECTS_IS_DICT))
        return 0;
    return dict;
}

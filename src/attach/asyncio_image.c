/* SPDX-License-Identifier: MIT */
/* The section .AsyncioDebug of the file that holds _asyncio: a module of its own, or CPython itself.
 * Why: see asyncio_image.h.
 * Rules: as asyncio_image.h. */
#include "attach/asyncio_image.h"

#include "attach/elf_symbols.h"
#include "attach/maps.h"
#include "attach/memory.h"

#include <string.h>

enum { FIRST_TOLD = 14 };

static bool take(const struct elf_symbols *symbols, pid_t pid, struct layout *layout)
{
    uint64_t words[LAYOUTS_ASYNCIO_WORDS];
    uint64_t size;
    uint64_t address = elf_symbols_section(symbols, ".AsyncioDebug", &size);
    return address && size >= sizeof(words) &&
           memory_read(pid, address, words, sizeof(words)) == 0 &&
           layouts_take_asyncio(layout, words);
}

static bool read_module(const struct maps *maps, struct layout *layout)
{
    for (size_t i = 0; i < maps->count; i++) {
        struct elf_symbols *symbols;
        const struct maps_entry *entry = &maps->entries[i];
        if (!entry->inode || strncmp(maps_base_name(entry), "_asyncio", strlen("_asyncio")) != 0)
            continue;
        if (elf_symbols_open(maps, entry, &symbols))
            continue;
        bool taken = take(symbols, maps->pid, layout);
        elf_symbols_close(symbols);
        return taken;
    }
    return false;
}

void asyncio_image_read(pid_t pid, struct layout *layout)
{
    struct maps maps;
    struct elf_symbols *symbols;
    if (layout->minor < FIRST_TOLD || maps_read(pid, &maps))
        return;
    if (!read_module(&maps, layout) && elf_symbols_open_python(&maps, &symbols, NULL) == 0) {
        take(symbols, pid, layout);
        elf_symbols_close(symbols);
    }
    maps_done(&maps);
}

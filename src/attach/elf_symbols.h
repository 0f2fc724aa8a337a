/* SPDX-License-Identifier: MIT */
/* Where a symbol of a mapped ELF file lies in the process that maps it.
 * Why: `_PyRuntime` is where every reader of CPython starts, and a caller into the process needs the
 * addresses of its functions; dlsym answers for our own process only.
 * Rules: the file is read with pread, never mapped (its owner may truncate it), and nothing in it is
 * believed unchecked. 64-bit little-endian files of this machine only. */
#ifndef ULMA_ATTACH_ELF_SYMBOLS_H
#define ULMA_ATTACH_ELF_SYMBOLS_H

#include "attach/maps.h"

#include <stddef.h>
#include <stdint.h>

struct elf_symbols; /* one file as it is mapped in one process */

/* Opens the file behind `entry`. 0, or -errno: -ENOEXEC not an ELF file that we can read, -ENOENT its
 * load address is not to be seen in the maps. `maps` is needed for this call only. */
int elf_symbols_open(const struct maps *maps, const struct maps_entry *entry,
                     struct elf_symbols **ret_symbols);
void elf_symbols_close(struct elf_symbols *symbols); /* NULL is allowed */

/* The address in the process of a symbol that the file defines, or 0. What other code may link to
 * (.dynsym) is looked at first, then all that was not stripped (.symtab). */
uint64_t elf_symbols_find(const struct elf_symbols *symbols, const char *name);

/* The address and size in the process of a section that is loaded, such as `.PyRuntime`, or 0. */
uint64_t elf_symbols_section(const struct elf_symbols *symbols, const char *name,
                             uint64_t *ret_size);

/* What is added to an address of the file to have that of the process. */
uint64_t elf_symbols_bias(const struct elf_symbols *symbols);

/* Opens the file of the process that holds CPython: the one that defines _PyRuntime, be it the
 * executable or a libpython. 0; -ENOENT when there is none: no Python; or what kept us from reading
 * a file that may have been it. `ret_entry` (may be NULL) is that file's first mapping. */
int elf_symbols_open_python(const struct maps *maps, struct elf_symbols **ret_symbols,
                            const struct maps_entry **ret_entry);

#endif

/* SPDX-License-Identifier: MIT */
/* Reading an ELF file's headers, sections and symbol tables.
 * Why: see elf_symbols.h. Section headers rather than the dynamic segment: .symtab stands only there,
 * and what CPython's own tools read (.PyRuntime) is a section.
 * Rules: each size is checked against the file's before memory is asked for. Tables are searched from
 * end to end: this is done a few times for a process. */
#include "attach/elf_symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { OUR_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OUR_MACHINE = EM_AARCH64 };
#else
#error "ulma reads processes of x86-64 and aarch64"
#endif

enum { SECTIONS_MOST = 4096, SEGMENTS_MOST = 256, TABLE_BYTES_MOST = 256 << 20 };

struct table {
    Elf64_Sym *symbols;
    size_t count;
    char *names; /* terminated */
    size_t names_size;
};

struct elf_symbols {
    int fd;
    uint64_t file_size;
    Elf64_Ehdr header;
    Elf64_Shdr *sections;
    size_t section_count;
    char *section_names; /* terminated */
    size_t section_names_size;
    uint64_t bias;
    struct table dynamic, all;
};

/* `size` bytes at `offset` of the file and a zero behind them; NULL with errno. */
static void *read_part(const struct elf_symbols *elf, uint64_t offset, uint64_t size)
{
    if (size > TABLE_BYTES_MOST || offset > elf->file_size || size > elf->file_size - offset) {
        errno = ENOEXEC;
        return NULL;
    }
    char *part = malloc(size + 1);
    size_t used = 0;
    while (part && used < size) {
        ssize_t got = pread(elf->fd, part + used, size - used, (off_t)(offset + used));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : ENOEXEC; /* it has shrunk meanwhile */
            free(part);
            return NULL;
        }
        used += (size_t)got;
    }
    if (part)
        part[size] = '\0';
    return part;
}

static int read_header(struct elf_symbols *elf)
{
    Elf64_Ehdr *header = read_part(elf, 0, sizeof(*header));
    if (!header)
        return -errno;
    elf->header = *header;
    free(header);
    const Elf64_Ehdr *h = &elf->header;
    bool fine = memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
                h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == OUR_MACHINE &&
                (h->e_type == ET_DYN || h->e_type == ET_EXEC) && h->e_phnum <= SEGMENTS_MOST &&
                h->e_phentsize == sizeof(Elf64_Phdr);
    return fine ? 0 : -ENOEXEC;
}

/* A file may have no sections at all; then only nothing is found in it. */
static int read_sections(struct elf_symbols *elf)
{
    const Elf64_Ehdr *header = &elf->header;
    if (!header->e_shoff || !header->e_shnum)
        return 0;
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum > SECTIONS_MOST ||
        header->e_shstrndx >= header->e_shnum)
        return -ENOEXEC;
    elf->sections = read_part(elf, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr));
    if (!elf->sections)
        return -errno;
    elf->section_count = header->e_shnum;
    const Elf64_Shdr *names = &elf->sections[header->e_shstrndx];
    elf->section_names = read_part(elf, names->sh_offset, names->sh_size);
    elf->section_names_size = names->sh_size;
    return elf->section_names ? 0 : -errno;
}

static int read_table(struct elf_symbols *elf, uint32_t type, struct table *table)
{
    for (size_t i = 0; i < elf->section_count; i++) {
        const Elf64_Shdr *section = &elf->sections[i];
        if (section->sh_type != type || section->sh_entsize != sizeof(Elf64_Sym) ||
            section->sh_link >= elf->section_count)
            continue;
        const Elf64_Shdr *names = &elf->sections[section->sh_link];
        table->symbols = read_part(elf, section->sh_offset, section->sh_size);
        table->names = table->symbols ? read_part(elf, names->sh_offset, names->sh_size) : NULL;
        if (!table->names)
            return -errno;
        table->count = section->sh_size / sizeof(Elf64_Sym);
        table->names_size = names->sh_size;
        return 0;
    }
    return 0;
}

/* The first loaded segment's place in the maps against its place in the file. */
static int find_bias(struct elf_symbols *elf, const struct maps *maps,
                     const struct maps_entry *entry)
{
    size_t count = elf->header.e_phnum;
    Elf64_Phdr *segments = read_part(elf, elf->header.e_phoff, count * sizeof(*segments));
    if (!segments)
        return -errno;
    const uint64_t page_mask = ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
    int result = -ENOENT;
    for (size_t i = 0; i < count && result; i++) {
        if (segments[i].p_type != PT_LOAD || !segments[i].p_filesz)
            continue;
        for (size_t j = 0; j < maps->count && result; j++) {
            const struct maps_entry *mapped = &maps->entries[j];
            if (!maps_same_file(mapped, entry) ||
                mapped->offset != (segments[i].p_offset & page_mask))
                continue;
            elf->bias = mapped->start - (segments[i].p_vaddr & page_mask);
            result = 0;
        }
    }
    free(segments);
    return result;
}

static void table_done(struct table *table)
{
    free(table->symbols);
    free(table->names);
}

void elf_symbols_close(struct elf_symbols *symbols)
{
    if (!symbols)
        return;
    if (symbols->fd >= 0)
        close(symbols->fd);
    table_done(&symbols->dynamic);
    table_done(&symbols->all);
    free(symbols->sections);
    free(symbols->section_names);
    free(symbols);
}

int elf_symbols_open(const struct maps *maps, const struct maps_entry *entry,
                     struct elf_symbols **ret_symbols)
{
    struct stat status;
    struct elf_symbols *elf = calloc(1, sizeof(*elf));
    if (!elf)
        return -ENOMEM;
    elf->fd = maps_open(maps, entry);
    int result = elf->fd < 0 ? elf->fd : 0;
    if (result == 0 && fstat(elf->fd, &status))
        result = -errno;
    if (result == 0) {
        elf->file_size = (uint64_t)status.st_size;
        result = read_header(elf);
    }
    if (result == 0)
        result = read_sections(elf);
    if (result == 0)
        result = find_bias(elf, maps, entry);
    if (result == 0)
        result = read_table(elf, SHT_DYNSYM, &elf->dynamic);
    if (result == 0)
        result = read_table(elf, SHT_SYMTAB, &elf->all);
    if (result)
        elf_symbols_close(elf);
    else
        *ret_symbols = elf;
    return result;
}

/* The address in the file, or 0. */
static uint64_t find_in(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        const Elf64_Sym *symbol = &table->symbols[i];
        unsigned type = ELF64_ST_TYPE(symbol->st_info);
        if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value || symbol->st_name == 0 ||
            symbol->st_name >= table->names_size ||
            (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE))
            continue;
        if (strcmp(table->names + symbol->st_name, name) == 0)
            return symbol->st_value;
    }
    return 0;
}

uint64_t elf_symbols_find(const struct elf_symbols *symbols, const char *name)
{
    uint64_t value = find_in(&symbols->dynamic, name);
    if (!value)
        value = find_in(&symbols->all, name);
    return value ? value + symbols->bias : 0;
}

uint64_t elf_symbols_section(const struct elf_symbols *symbols, const char *name,
                             uint64_t *ret_size)
{
    for (size_t i = 0; i < symbols->section_count; i++) {
        const Elf64_Shdr *section = &symbols->sections[i];
        if (!(section->sh_flags & SHF_ALLOC) || section->sh_name >= symbols->section_names_size ||
            strcmp(symbols->section_names + section->sh_name, name) != 0)
            continue;
        *ret_size = section->sh_size;
        return section->sh_addr + symbols->bias;
    }
    return 0;
}

uint64_t elf_symbols_bias(const struct elf_symbols *symbols)
{
    return symbols->bias;
}

/* Each file once: whether no earlier mapping is of it. */
static bool is_first_of_file(const struct maps *maps, const struct maps_entry *entry)
{
    if (!entry->inode)
        return false;
    for (const struct maps_entry *other = maps->entries; other < entry; other++)
        if (maps_same_file(other, entry))
            return false;
    return true;
}

static bool holds_python(const struct elf_symbols *elf)
{
    uint64_t size;
    return elf_symbols_find(elf, "_PyRuntime") || elf_symbols_section(elf, ".PyRuntime", &size);
}

int elf_symbols_open_python(const struct maps *maps, struct elf_symbols **ret_symbols,
                            const struct maps_entry **ret_entry)
{
    int result = -ENOENT;
    for (const struct maps_entry *entry = maps->entries; entry < maps->entries + maps->count;
         entry++) {
        /* A Python started through a loader of its own is not what /proc/PID/exe leads to. */
        if (!is_first_of_file(maps, entry) ||
            (!strstr(maps_base_name(entry), "python") && !maps_is_executable(maps, entry)))
            continue;
        struct elf_symbols *elf;
        int opened = elf_symbols_open(maps, entry, &elf);
        if (opened == 0 && holds_python(elf)) {
            *ret_symbols = elf;
            if (ret_entry)
                *ret_entry = entry;
            return 0;
        }
        if (opened == 0)
            elf_symbols_close(elf);
        else if (opened != -ENOEXEC)
            result = opened;
    }
    return result;
}

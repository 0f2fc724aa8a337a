/* SPDX-License-Identifier: MIT */
/* The tables: which words there are, changing them, putting them back.
 * How: every loaded object's dynamic section has its relocations; those of a symbol that is ours say which word holds its
 * address (JUMP_SLOT, GLOB_DAT, and the plain address in a table of function pointers: SQLite has one). A word is ours to
 * change where it holds the C library's function, or is not bound yet, that is, points back into its own object.
 * Rules: words that the loader has made read-only (RELRO) are made writable for the store, and read-only again. What stood
 * there is put back, the stub of one that was not bound, too, and only where ours stands there still: an object that was
 * unloaded has none. The loader holds its lock while an object is looked at, so that it stays. */
#include "sources/io/io_probe.h"

#include "probe/py/pyapi.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { JUMP_SLOT = R_X86_64_JUMP_SLOT, GLOB_DAT = R_X86_64_GLOB_DAT, ADDRESS = R_X86_64_64 };
#else
enum { JUMP_SLOT = R_AARCH64_JUMP_SLOT, GLOB_DAT = R_AARCH64_GLOB_DAT, ADDRESS = R_AARCH64_ABS64 };
#endif

enum { PAGE = 4096, NAME_SLOTS = 512, WORDS_MOST = 1 << 20 };

/* A word that was changed, and what stood there. */
struct word {
    uintptr_t *at, before;
};

static struct word *words; /* WORDS_MOST of address space, of which little is ever touched */
static size_t word_count, word_found;
static unsigned long long loads_seen; /* of the loader, when the tables were last looked at */
static uint32_t changed_for;          /* sources; 0: nothing is changed */
static unsigned char entry_of_name[NAME_SLOTS]; /* 1 + its number, by a hash of the name */

/* Objects may be looked at by threads without the GIL. */
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;
static pid_t looked_in; /* a fork's child has the lock as its parent's threads had it */

static void lock(void)
{
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    pid_t here = (pid_t)syscall(SYS_getpid);
    if (__atomic_exchange_n(&looked_in, here, __ATOMIC_ACQ_REL) != here)
        memcpy(&looking, &unlocked, sizeof(looking));
    pthread_mutex_lock(&looking);
}

/* --- names ---------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261U;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash;
}

static void index_names(void)
{
    memset(entry_of_name, 0, sizeof(entry_of_name));
    for (unsigned char i = 0; io_entries[i].symbol; i++) {
        uint32_t at = hash_of(io_entries[i].symbol);
        while (entry_of_name[at % NAME_SLOTS])
            at++;
        entry_of_name[at % NAME_SLOTS] = i + 1;
    }
}

static const struct io_entry *find_entry(const char *name)
{
    for (uint32_t at = hash_of(name); entry_of_name[at % NAME_SLOTS]; at++) {
        const struct io_entry *entry = &io_entries[entry_of_name[at % NAME_SLOTS] - 1];
        if (strcmp(entry->symbol, name) == 0)
            return entry->real && (entry->source & changed_for) ? entry : NULL;
    }
    return NULL;
}

/* --- an object ------------------------------------------------------------------------------ */

struct object {
    uintptr_t base, from, to;         /* where it lies */
    uintptr_t sealed_from, sealed_to; /* of that, what the loader has made read-only */
    const Elf64_Sym *symbols;
    const char *strings;
    const Elf64_Rela *tables[2];
    size_t bytes[2];
};

static uintptr_t address_in(const struct object *object, Elf64_Addr word)
{
    return word < object->base ? object->base + word
                               : word; /* the loader has added it already, or not */
}

static void read_dynamic(struct object *object, const Elf64_Dyn *dynamic)
{
    uintptr_t tables[2] = {0}, symbols = 0, strings = 0;
    bool with_addends = true;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        uintptr_t at = address_in(object, dynamic->d_un.d_ptr);
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            symbols = at;
            break;
        case DT_STRTAB:
            strings = at;
            break;
        case DT_RELA:
            tables[0] = at;
            break;
        case DT_RELASZ:
            object->bytes[0] = dynamic->d_un.d_val;
            break;
        case DT_JMPREL:
            tables[1] = at;
            break;
        case DT_PLTRELSZ:
            object->bytes[1] = dynamic->d_un.d_val;
            break;
        case DT_PLTREL:
            with_addends = dynamic->d_un.d_val == DT_RELA;
            break;
        default:
            break;
        }
    }
    object->symbols = (const Elf64_Sym *)symbols; /* NOLINT(performance-no-int-to-ptr) */
    object->strings = (const char *)strings;      /* NOLINT(performance-no-int-to-ptr) */
    for (int i = 0; i < 2; i++)
        if (tables[i] && symbols && strings && with_addends)
            object->tables[i] =
                (const Elf64_Rela *)tables[i]; /* NOLINT(performance-no-int-to-ptr) */
}

static void read_object(struct object *object, const struct dl_phdr_info *info)
{
    const Elf64_Dyn *dynamic = NULL;
    *object = (struct object){.base = info->dlpi_addr, .from = UINTPTR_MAX};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *header = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC)
            dynamic = (const Elf64_Dyn *)at;  /* NOLINT(performance-no-int-to-ptr) */
        if (header->p_type == PT_GNU_RELRO) { /* whole pages, as the loader does it */
            object->sealed_from = at & ~(uintptr_t)(PAGE - 1);
            object->sealed_to = (at + header->p_memsz) & ~(uintptr_t)(PAGE - 1);
        }
        if (header->p_type != PT_LOAD)
            continue;
        object->from = at < object->from ? at : object->from;
        object->to = at + header->p_memsz > object->to ? at + header->p_memsz : object->to;
    }
    if (dynamic)
        read_dynamic(object, dynamic);
}

static bool holds(const struct object *object, uintptr_t address)
{
    return address >= object->from && address < object->to;
}

/* The probe itself, the loader, the C library and those that belong to it. */
static bool is_ours_or_libc(const struct object *object, const struct dl_phdr_info *info)
{
    const char *slash = strrchr(info->dlpi_name, '/'), *name = slash ? slash + 1 : info->dlpi_name;
    uintptr_t real;
    memcpy(&real, &io_entries[0].real, sizeof(real));
    return holds(object, (uintptr_t)io_entries) || holds(object, real) ||
           strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "libpthread", 10) == 0 ||
           strncmp(name, "linux-vdso", 10) == 0 || strncmp(name, "libc.so", 7) == 0;
}

/* --- a word --------------------------------------------------------------------------------- */

/* True: it has been stored. */
static bool store(const struct object *object, uintptr_t *at, uintptr_t value)
{
    uintptr_t page = (uintptr_t)at & ~(uintptr_t)(PAGE - 1);
    void *memory = (void *)page; /* NOLINT(performance-no-int-to-ptr) */
    bool is_sealed = page >= object->sealed_from && page < object->sealed_to;
    if (is_sealed && mprotect(memory, PAGE, PROT_READ | PROT_WRITE))
        return false;
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
    if (is_sealed)
        mprotect(memory, PAGE, PROT_READ);
    return true;
}

struct look {
    bool restores;
    bool failed;
};

static void change_word(struct look *look, const struct object *object,
                        const struct io_entry *entry, uintptr_t *at)
{
    uintptr_t real, wrapper, before = __atomic_load_n(at, __ATOMIC_RELAXED);
    memcpy(&real, &entry->real, sizeof(real));
    memcpy(&wrapper, &entry->wrapper, sizeof(wrapper));
    if (before != real && !holds(object, before))
        return;
    if (word_count == WORDS_MOST) {
        look->failed = true;
        return;
    }
    words[word_count++] = (struct word){at, before};
    if (!store(object, at, wrapper))
        word_count--;
}

/* They are found in the order in which they were changed, nearly always. */
static uintptr_t value_before(const uintptr_t *at, uintptr_t otherwise)
{
    for (size_t i = 0; i < word_count; i++) {
        word_found = word_found + 1 < word_count ? word_found + 1 : 0;
        if (words[word_found].at == at)
            return words[word_found].before;
    }
    return otherwise;
}

static void restore_word(const struct object *object, const struct io_entry *entry, uintptr_t *at)
{
    uintptr_t real, wrapper;
    memcpy(&real, &entry->real, sizeof(real));
    memcpy(&wrapper, &entry->wrapper, sizeof(wrapper));
    if (__atomic_load_n(at, __ATOMIC_RELAXED) == wrapper)
        store(object, at, value_before(at, real));
}

static void look_at_table(struct look *look, const struct object *object, const Elf64_Rela *table,
                          size_t count)
{
    for (const Elf64_Rela *entry = table; entry < table + count; entry++) {
        uint32_t type = (uint32_t)ELF64_R_TYPE(entry->r_info);
        uint32_t symbol = (uint32_t)ELF64_R_SYM(entry->r_info);
        if (!symbol || (type != JUMP_SLOT && type != GLOB_DAT && type != ADDRESS) ||
            (type == ADDRESS && entry->r_addend))
            continue;
        const Elf64_Sym *of = &object->symbols[symbol];
        const struct io_entry *known =
            of->st_shndx == SHN_UNDEF ? find_entry(object->strings + of->st_name) : NULL;
        uintptr_t at = object->base + entry->r_offset;
        if (!known)
            continue;
        if (look->restores)
            restore_word(object, known, (uintptr_t *)at); /* NOLINT(performance-no-int-to-ptr) */
        else
            change_word(look, object, known,
                        (uintptr_t *)at); /* NOLINT(performance-no-int-to-ptr) */
    }
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *context)
{
    struct look *look = context;
    struct object object;
    (void)size;
    read_object(&object, info);
    if (is_ours_or_libc(&object, info))
        return 0;
    for (int i = 0; i < 2; i++)
        if (object.tables[i])
            look_at_table(look, &object, object.tables[i], object.bytes[i] / sizeof(Elf64_Rela));
    return 0;
}

/* --- all of them ---------------------------------------------------------------------------- */

static int read_loads(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(unsigned long long *)context = info->dlpi_adds;
    return 1;
}

static unsigned long long loads(void)
{
    unsigned long long count = 0;
    dl_iterate_phdr(read_loads, &count);
    return count;
}

static bool change(void)
{
    struct look look = {.restores = false};
    loads_seen = loads();
    dl_iterate_phdr(look_at_object, &look);
    return !look.failed;
}

bool io_tables_change(uint32_t sources)
{
    if (!words) {
        void *memory = mmap(NULL, WORDS_MOST * sizeof(*words), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            return false;
        words = memory;
    }
    lock();
    index_names();
    changed_for |= sources;
    bool done = change();
    pthread_mutex_unlock(&looking);
    return done;
}

void io_tables_restore(void)
{
    struct look look = {.restores = true};
    lock();
    if (changed_for)
        dl_iterate_phdr(look_at_object, &look);
    changed_for = 0;
    word_count = word_found = 0;
    pthread_mutex_unlock(&looking);
}

void io_tables_look_again(void)
{
    lock();
    if (changed_for && loads() != loads_seen)
        change();
    pthread_mutex_unlock(&looking);
}

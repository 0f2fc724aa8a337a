/* SPDX-License-Identifier: MIT */
/* Finding CPython in a process and learning its version.
 * Why: see python_image.h. From 3.13 on _PyRuntime says which version it is, 3.11 and 3.12 export
 * Py_Version; 3.9 and 3.10 keep it only in the text that sys.version was made of, in their static data.
 * Rules: as python_image.h. */
#include "attach/python_image.h"

#include "attach/elf_symbols.h"
#include "attach/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATIC_BYTES_MOST = 32 << 20 };

enum python_refusal python_image_why_closed(pid_t pid)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (stat(path, &status))
        return PYTHON_GONE;
    if (status.st_uid != geteuid())
        return PYTHON_OTHER_USER;
    char scope = '0';
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file) {
        scope = (char)fgetc(file);
        fclose(file);
    }
    return scope >= '1' && scope <= '3' ? PYTHON_PTRACE_SCOPE : PYTHON_NO_RIGHT;
}

enum python_refusal python_image_refusal(pid_t pid, int error)
{
    switch (error) {
    case 0:
        return PYTHON_FINE;
    case -EPERM:
    case -EACCES:
        return python_image_why_closed(pid);
    case -ENOMEM:
        return PYTHON_NO_MEMORY;
    case -ESRCH:
        return PYTHON_GONE;
    default:
        return PYTHON_UNKNOWN_LAYOUT;
    }
}

/* A zombie has no memory; neither has a kernel thread, which is no Python. */
static enum python_refusal why_no_memory(pid_t pid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return PYTHON_GONE;
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && strncmp(name_end, ") Z", 3) == 0 ? PYTHON_ZOMBIE : PYTHON_NONE;
}

/* `3.10.13 (` or `3.9.0rc1+ (` after a zero byte: what sys.version begins with. */
static bool read_version_text(const char *text, const char *end, struct python_image *image)
{
    const char *at = text;
    int dots = 0;
    while (at < end && (isdigit((unsigned char)*at) || (*at == '.' && dots < 2)))
        dots += *at++ == '.';
    while (at < end && (islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '+'))
        at++;
    size_t size = (size_t)(at - text);
    if (dots != 2 || size >= sizeof(image->version) || end - at < 2 || memcmp(at, " (", 2) != 0)
        return false;
    memcpy(image->version, text, size);
    image->version[size] = '\0';
    image->minor = atoi(image->version + 2);
    return true;
}

static bool search_version(const char *bytes, size_t size, struct python_image *image)
{
    static const char start[] = {'\0', '3', '.'};
    const char *end = bytes + size;
    for (const char *at = bytes; at < end; at++) {
        at = memmem(at, (size_t)(end - at), start, sizeof(start));
        if (!at)
            return false;
        if (read_version_text(at + 1, end, image))
            return true;
    }
    return false;
}

/* Searches the data of the image: the writable mapping that _PyRuntime is in and what adjoins it. */
static bool find_version_text(const struct maps *maps, struct python_image *image)
{
    const struct maps_entry *entry = maps_find(maps, image->runtime);
    bool found = false;
    if (!entry)
        return false;
    while (entry > maps->entries && entry[-1].end == entry->start && entry[-1].write)
        entry--;
    for (uint64_t end = entry->start; !found && entry < maps->entries + maps->count &&
                                      entry->start == end && entry->write && entry->read;
         end = entry->end, entry++) {
        size_t size = entry->end - entry->start;
        char *bytes = size <= STATIC_BYTES_MOST ? malloc(size) : NULL;
        if (!bytes)
            continue;
        ssize_t got = memory_read_some(maps->pid, entry->start, bytes, size);
        found = got > 0 && search_version(bytes, (size_t)got, image);
        free(bytes);
    }
    return found;
}

static void put_version(struct python_image *image, uint32_t version)
{
    static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
    const char *level = levels[version >> 4 & 15];
    image->minor = version >> 24 == 3 ? (int)(version >> 16 & 0xff) : -1;
    snprintf(image->version, sizeof(image->version), "%u.%u.%u", version >> 24,
             version >> 16 & 0xff, version >> 8 & 0xff);
    size_t size = strlen(image->version);
    if (level)
        snprintf(image->version + size, sizeof(image->version) - size, "%s%u", level, version & 15);
}

/* The layout that the process tells of itself goes over the table's. */
static enum python_refusal take_layout(pid_t pid, struct python_image *image)
{
    const struct layout *known = layouts_find(image->minor);
    if (!known)
        return PYTHON_UNSUPPORTED;
    image->layout = *known;
    unsigned count = layouts_word_count(image->minor);
    if (!count)
        return PYTHON_FINE;
    uint64_t words[LAYOUTS_WORDS_MOST];
    int result = memory_read(pid, image->runtime, words, count * sizeof(*words));
    if (result)
        return python_image_refusal(pid, result);
    return layouts_take(&image->layout, words) ? PYTHON_FINE : PYTHON_UNKNOWN_LAYOUT;
}

static enum python_refusal read_version(const struct maps *maps, const struct elf_symbols *symbols,
                                        struct python_image *image)
{
    unsigned char head[LAYOUTS_COOKIE_BYTES];
    struct layouts_told told;
    uint32_t version;
    int result = memory_read(maps->pid, image->runtime, head, sizeof(head));
    if (result)
        return python_image_refusal(maps->pid, result);
    if (layouts_read_head(head, &told)) {
        put_version(image, told.version);
        if (told.free_threaded)
            return PYTHON_FREE_THREADED;
        return take_layout(maps->pid, image);
    }
    uint64_t address = elf_symbols_find(symbols, "Py_Version");
    if (address && memory_read_u32(maps->pid, address, &version) == 0)
        put_version(image, version);
    else if (!find_version_text(maps, image))
        return PYTHON_NOT_RUNNING;
    if (layouts_word_count(image->minor))
        return PYTHON_UNKNOWN_LAYOUT; /* it should have told its layout */
    return take_layout(maps->pid, image);
}

static enum python_refusal read_image(const struct maps *maps, struct python_image *image)
{
    struct elf_symbols *symbols;
    const struct maps_entry *entry;
    int result = elf_symbols_open_python(maps, &symbols, &entry);
    if (result == -ENOENT || result == -ESTALE)
        return PYTHON_NONE;
    if (result)
        return python_image_refusal(maps->pid, result);
    uint64_t size;
    snprintf(image->path, sizeof(image->path), "%s", entry->path);
    image->runtime = elf_symbols_find(symbols, "_PyRuntime");
    if (!image->runtime)
        image->runtime = elf_symbols_section(symbols, ".PyRuntime", &size);
    image->code_type = elf_symbols_find(symbols, "PyCode_Type");
    image->float_type = elf_symbols_find(symbols, "PyFloat_Type");
    image->bool_type = elf_symbols_find(symbols, "PyBool_Type");
    image->none = elf_symbols_find(symbols, "_Py_NoneStruct");
    enum python_refusal refusal = read_version(maps, symbols, image);
    if (refusal == PYTHON_FINE && maps_has_musl(maps))
        refusal = PYTHON_MUSL;
    if (refusal == PYTHON_FINE && !image->code_type)
        refusal = PYTHON_UNKNOWN_LAYOUT;
    elf_symbols_close(symbols);
    return refusal;
}

enum python_refusal python_image_read(pid_t pid, struct python_image *ret_image)
{
    struct maps maps;
    *ret_image = (struct python_image){.minor = -1};
    int result = maps_read(pid, &maps);
    if (result == -ENODATA)
        return why_no_memory(pid);
    if (result)
        return python_image_refusal(pid, result);
    enum python_refusal refusal = read_image(&maps, ret_image);
    maps_done(&maps);
    return refusal;
}

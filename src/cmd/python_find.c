/* SPDX-License-Identifier: MIT */
/* PATH, $VIRTUAL_ENV and the first page of an ELF file.
 * Why: see python_find.h.
 * Rules: reads, never runs anything: starting a Python to ask it would cost its start-up. */
#include "cmd/python_find.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_executable(const char *path)
{
    struct stat status;
    if (stat(path, &status))
        return errno == EACCES ? -EACCES : -ENOENT;
    if (!S_ISREG(status.st_mode) || access(path, X_OK))
        return -EACCES;
    return 0;
}

int command_find(const char *name, char *path, size_t size)
{
    if (strchr(name, '/')) {
        if ((size_t)snprintf(path, size, "%s", name) >= size)
            return -ENOENT;
        return check_executable(path);
    }
    const char *list = getenv("PATH");
    if (!list)
        list = "/usr/local/bin:/usr/bin:/bin"; /* what execvp falls back to, but for `.` */
    int best = -ENOENT;
    while (*name) {
        size_t length = strcspn(list, ":");
        /* An empty entry means the current directory. */
        int written = length > 0 ? snprintf(path, size, "%.*s/%s", (int)length, list, name)
                                 : snprintf(path, size, "./%s", name);
        if (written >= 0 && (size_t)written < size) {
            int result = check_executable(path);
            if (result == 0)
                return 0;
            struct stat status;
            if (result == -EACCES && stat(path, &status) == 0 && S_ISREG(status.st_mode))
                best = -EACCES;
        }
        if (!list[length])
            break;
        list += length + 1;
    }
    return best;
}

int python_find(const char *word, char *path, size_t size, const char **ret_argv0)
{
    if (word) {
        *ret_argv0 = word;
        return command_find(word, path, size);
    }
    const char *environment = getenv("VIRTUAL_ENV");
    if (environment && *environment) {
        int written = snprintf(path, size, "%s/bin/python", environment);
        if (written > 0 && (size_t)written < size && check_executable(path) == 0) {
            *ret_argv0 = path;
            return 0;
        }
    }
    *ret_argv0 = "python3";
    return command_find("python3", path, size);
}

/* PT_INTERP's string; false when there is none. */
static bool read_interpreter(int fd, const Elf64_Ehdr *header, char *text, size_t size)
{
    for (unsigned i = 0; i < header->e_phnum && i < 64; i++) {
        Elf64_Phdr segment;
        off_t offset = (off_t)(header->e_phoff + i * (uint64_t)header->e_phentsize);
        if (pread(fd, &segment, sizeof(segment), offset) != (ssize_t)sizeof(segment))
            return false;
        if (segment.p_type != PT_INTERP)
            continue;
        size_t length = segment.p_filesz < size ? segment.p_filesz : size - 1;
        ssize_t got = pread(fd, text, length, (off_t)segment.p_offset);
        if (got <= 0)
            return false;
        text[got] = '\0';
        return true;
    }
    return false;
}

enum file_kind file_kind_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return FILE_OTHER;
    enum file_kind kind = FILE_OTHER;
    Elf64_Ehdr header;
    char interpreter[256];
    if (pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
        memcmp(header.e_ident, ELFMAG, SELFMAG) == 0) {
        kind = FILE_ELF;
        if (header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_phentsize == sizeof(Elf64_Phdr) &&
            read_interpreter(fd, &header, interpreter, sizeof(interpreter)) &&
            strstr(interpreter, "ld-musl"))
            kind = FILE_ELF_MUSL;
    }
    close(fd);
    return kind;
}

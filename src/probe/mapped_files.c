/* SPDX-License-Identifier: MIT */
/* Reading /proc/self/maps.
 * Why: see mapped_files.h. */
#include "probe/mapped_files.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MOST = 4096 };

static struct mapped_file *files; /* in order of their addresses */
static size_t file_count;

/* A file's: its line ends with a path. */
static void add_file(const char *line, const char *end)
{
    char *at;
    uintptr_t from = strtoul(line, &at, 16), to = *at ? strtoul(at + 1, &at, 16) : 0;
    const char *path = to ? memchr(at, '/', (size_t)(end - at)) : NULL;
    if (path && file_count < FILES_MOST)
        files[file_count++] = (struct mapped_file){from, to, strncmp(at, " rw", 3) == 0};
}

bool mapped_files_read(void)
{
    char text[8192];
    size_t kept = 0;
    ssize_t got;
    if (!files && !(files = malloc(FILES_MOST * sizeof(*files))))
        return false;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    file_count = 0;
    while (fd >= 0 && (got = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
        text[kept + (size_t)got] = '\0';
        char *line = text, *end;
        for (; (end = strchr(line, '\n')); line = end + 1)
            add_file(line, end);
        kept = strlen(line);
        memmove(text, line, kept);
        if (kept == sizeof(text) - 1)
            kept = 0; /* no line of maps is that long */
    }
    if (fd >= 0)
        close(fd);
    return true;
}

const struct mapped_file *mapped_files_find(const void *address)
{
    size_t low = 0, high = file_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)address < files[middle].from)
            high = middle;
        else if ((uintptr_t)address >= files[middle].to)
            low = middle + 1;
        else
            return &files[middle];
    }
    return NULL;
}

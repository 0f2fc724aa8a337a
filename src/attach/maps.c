/* SPDX-License-Identifier: MIT */
/* Parsing /proc/PID/maps and opening what is behind a mapping.
 * Why: see maps.h. /proc/PID/map_files is the mapped file itself, whatever became of its path, but
 * needs CAP_CHECKPOINT_RESTORE; so the path below /proc/PID/root and /proc/PID/exe follow, and count
 * only when their inode is the one that is mapped. st_dev is not compared: overlay and btrfs show
 * another one there than in maps.
 * Rules: as maps.h. */
#include "attach/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS_BYTES_MOST = 64 << 20, PATH_BYTES = 4096 + 64 };

/* The whole of a file of /proc, terminated. */
static int read_whole(const char *path, char **ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    size_t room = 64 << 10;
    size_t used = 0;
    char *text = malloc(room);
    int result = text ? 0 : -ENOMEM;
    while (result == 0) {
        ssize_t got = read(fd, text + used, room - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            result = got < 0 ? -errno : 0;
            break;
        }
        used += (size_t)got;
        if (room - used < 4096) {
            char *more = room < MAPS_BYTES_MOST ? realloc(text, room * 2) : NULL;
            if (!more)
                result = -ENOMEM;
            else
                text = more, room *= 2;
        }
    }
    close(fd);
    if (result < 0) {
        free(text);
        return result;
    }
    text[used] = '\0';
    *ret_text = text;
    return 0;
}

static bool parse_line(char *line, struct maps_entry *entry)
{
    static const char deleted[] = " (deleted)";
    unsigned long long start;
    unsigned long long end;
    unsigned long long offset;
    unsigned long long inode;
    char rights[5];
    int path = 0;
    if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, rights, &offset,
               &entry->device_major, &entry->device_minor, &inode, &path) < 7 ||
        start >= end)
        return false;
    entry->start = start;
    entry->end = end;
    entry->offset = offset;
    entry->inode = inode;
    entry->read = rights[0] == 'r';
    entry->write = rights[1] == 'w';
    entry->execute = rights[2] == 'x';
    char *text = path > 0 ? line + path : line + strlen(line);
    size_t size = strlen(text);
    if (inode && size >= sizeof(deleted) && !strcmp(text + size - sizeof(deleted) + 1, deleted)) {
        text[size - sizeof(deleted) + 1] = '\0';
        entry->deleted = true;
    }
    entry->path = text;
    return true;
}

static int parse(struct maps *maps)
{
    size_t lines = 0;
    for (const char *byte = maps->text; *byte; byte++)
        lines += *byte == '\n';
    maps->entries = calloc(lines + 1, sizeof(*maps->entries));
    if (!maps->entries)
        return -ENOMEM;
    char *rest = NULL;
    for (char *line = strtok_r(maps->text, "\n", &rest); line && maps->count < lines;
         line = strtok_r(NULL, "\n", &rest)) {
        if (!parse_line(line, &maps->entries[maps->count]))
            return -EBADMSG;
        maps->count++;
    }
    return maps->count ? 0 : -ENODATA;
}

int maps_read(pid_t pid, struct maps *ret_maps)
{
    char path[64];
    struct maps maps = {.pid = pid};
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    int result = read_whole(path, &maps.text);
    if (result == 0 && maps.text)
        result = parse(&maps);
    if (result == 0)
        *ret_maps = maps;
    else
        maps_done(&maps);
    return result;
}

void maps_done(struct maps *maps)
{
    free(maps->entries);
    free(maps->text);
    *maps = (struct maps){0};
}

const struct maps_entry *maps_find(const struct maps *maps, uint64_t address)
{
    size_t low = 0;
    size_t high = maps->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address >= maps->entries[middle].end)
            low = middle + 1;
        else
            high = middle;
    }
    bool holds = low < maps->count && address >= maps->entries[low].start;
    return holds ? &maps->entries[low] : NULL;
}

bool maps_same_file(const struct maps_entry *a, const struct maps_entry *b)
{
    return a->inode && a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor;
}

const char *maps_base_name(const struct maps_entry *entry)
{
    const char *slash = strrchr(entry->path, '/');
    return slash ? slash + 1 : entry->path;
}

bool maps_has_musl(const struct maps *maps)
{
    for (size_t i = 0; i < maps->count; i++) {
        const char *name = maps_base_name(&maps->entries[i]);
        if (strncmp(name, "ld-musl", 7) == 0 || strncmp(name, "libc.musl", 9) == 0)
            return true;
    }
    return false;
}

/* A descriptor, or -errno; never a FIFO or a device that a hostile path leads to. */
static int open_regular(const char *path, const struct maps_entry *entry)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_ino == entry->inode)
        return fd;
    close(fd);
    return -ESTALE;
}

int maps_open(const struct maps *maps, const struct maps_entry *entry)
{
    char path[PATH_BYTES];
    if (!entry->inode)
        return -ENOENT;
    snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)maps->pid,
             (unsigned long long)entry->start, (unsigned long long)entry->end);
    int fd = open_regular(path, entry);
    if (fd < 0) {
        snprintf(path, sizeof(path), "/proc/%d/exe", (int)maps->pid);
        fd = open_regular(path, entry);
    }
    if (fd < 0 && entry->path[0] == '/') {
        snprintf(path, sizeof(path), "/proc/%d/root%s", (int)maps->pid, entry->path);
        fd = open_regular(path, entry);
    }
    return fd;
}

bool maps_is_executable(const struct maps *maps, const struct maps_entry *entry)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)maps->pid);
    return entry->inode && stat(path, &status) == 0 && status.st_ino == entry->inode;
}

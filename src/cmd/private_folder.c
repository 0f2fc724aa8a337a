/* SPDX-License-Identifier: MIT */
/* Making, filling and removing it.
 * Why: see private_folder.h.
 * Rules: removal goes by descriptor, follows no link, and knows two levels (Python writes a
 * __pycache__ beside sitecustomize.py). */
#include "cmd/private_folder.h"

#include "cmd/embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PLACE_COUNT = 5, NAME_PREFIX_SIZE = 64 };

/* Candidate number `index`, or NULL where this environment has none. */
static const char *place(int index, char *buffer, size_t size)
{
    const char *path = NULL;
    switch (index) {
    case 0:
        path = getenv("XDG_RUNTIME_DIR");
        break;
    case 1:
        path = getenv("TMPDIR");
        break;
    case 2:
        path = "/tmp";
        break;
    case 3:
        path = "/var/tmp";
        break;
    default:
        path = getenv("HOME");
        if (path && *path && (size_t)snprintf(buffer, size, "%s/.cache", path) < size)
            path = buffer;
        break;
    }
    /* A colon would end it on PYTHONPATH; a relative one would follow the target's chdir. */
    return path && path[0] == '/' && !strchr(path, ':') ? path : NULL;
}

static unsigned long pid_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long)status.st_ino : 0;
}

static int write_file(const char *folder, const char *name, const unsigned char *bytes, size_t size,
                      mode_t mode)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int result = 0;
    while (size > 0 && result == 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0) {
            result = errno == EINTR ? 0 : -errno;
            continue;
        }
        bytes += written;
        size -= (size_t)written;
    }
    if (close(fd) && result == 0)
        result = -errno;
    return result;
}

static int fill(const char *folder)
{
    int result = write_file(folder, "sitecustomize.py", sitecustomize_image,
                            (size_t)(sitecustomize_image_end - sitecustomize_image), 0600);
    if (result == 0)
        result = write_file(folder, "ulma_probe.so", probe_image,
                            (size_t)(probe_image_end - probe_image), 0700);
    return result;
}

static int make_in(struct private_folder *folder, const char *parent)
{
    struct statvfs system;
    if (statvfs(parent, &system))
        return -errno;
    if (system.f_flag & ST_NOEXEC)
        return -EACCES;
    int length = snprintf(folder->path, sizeof(folder->path), "%s/ulma-%d-%lu-XXXXXX", parent,
                          (int)getpid(), pid_namespace());
    if (length < 0 || (size_t)length >= sizeof(folder->path) - NAME_PREFIX_SIZE)
        return -ENAMETOOLONG;
    if (!mkdtemp(folder->path))
        return -errno;
    int result = fill(folder->path);
    if (result)
        private_folder_remove(folder);
    return result;
}

int private_folder_make(struct private_folder *folder)
{
    int result = -ENOENT;
    for (int i = 0; i < PLACE_COUNT; i++) {
        char buffer[PATH_MAX];
        const char *parent = place(i, buffer, sizeof(buffer));
        if (!parent)
            continue;
        result = make_in(folder, parent);
        if (result == 0)
            return 0;
    }
    folder->path[0] = '\0';
    return result;
}

bool private_folder_refusal(const struct private_folder *folder, char *text, size_t size)
{
    char path[PATH_MAX];
    if (!folder->path[0] ||
        (size_t)snprintf(path, sizeof(path), "%s/refused", folder->path) >= sizeof(path))
        return false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

bool private_folder_interpreters(const struct private_folder *folder)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/interpreters", folder->path);
    return folder->path[0] && access(path, F_OK) == 0;
}

/* What is in the directory, `depth` levels down. Takes the descriptor. */
static void empty_directory(int fd, int depth)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) == 0 || depth == 0)
            continue;
        int below = openat(fd, entry->d_name, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
        if (below >= 0) {
            empty_directory(below, depth - 1);
            unlinkat(fd, entry->d_name, AT_REMOVEDIR);
        }
    }
    closedir(directory);
}

static bool remove_tree(const char *path)
{
    int fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        empty_directory(fd, 1);
    return rmdir(path) == 0;
}

void private_folder_remove(struct private_folder *folder)
{
    if (folder->path[0])
        remove_tree(folder->path);
    folder->path[0] = '\0';
}

/* Ours by name, owner and mode, and its maker is gone. */
static bool is_stale(const char *parent, const char *name, char *path, size_t size)
{
    int pid;
    unsigned long namespace;
    int used = 0;
    if (sscanf(name, "ulma-%d-%lu-%n", &pid, &namespace, &used) != 2 || used == 0 ||
        strlen(name + used) != 6 || pid <= 0 || namespace != pid_namespace())
        return false;
    struct stat status;
    if ((size_t)snprintf(path, size, "%s/%s", parent, name) >= size || lstat(path, &status))
        return false;
    return S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & 0777) == 0700 && kill(pid, 0) && errno == ESRCH;
}

int private_folder_clear_stale(void)
{
    int cleared = 0;
    for (int i = 0; i < PLACE_COUNT; i++) {
        char buffer[PATH_MAX], path[PATH_MAX];
        const char *parent = place(i, buffer, sizeof(buffer));
        DIR *directory = parent ? opendir(parent) : NULL;
        if (!directory)
            continue;
        struct dirent *entry;
        while ((entry = readdir(directory))) {
            if (is_stale(parent, entry->d_name, path, sizeof(path)))
                cleared += remove_tree(path);
        }
        closedir(directory);
    }
    return cleared;
}

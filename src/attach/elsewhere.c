/* SPDX-License-Identifier: MIT */
/* NSpid, namespaces' inodes, and openat2 below /proc/PID/root.
 * Why: see elsewhere.h. Why openat2: a link in a chroot otherwise leads to the host's files.
 * Rules: as there. */
#include "attach/elsewhere.h"

#include "attach/inject_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool look_at(pid_t pid, const char *name, struct stat *ret_status)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return stat(path, ret_status) == 0;
}

pid_t elsewhere_own_pid(pid_t pid, uint64_t *ret_namespace)
{
    char text[8192];
    struct stat status;
    *ret_namespace = look_at(pid, "ns/pid", &status) ? status.st_ino : 0;
    if (inject_read_proc(pid, "status", text, sizeof(text)) <= 0)
        return 0;
    char *line = strstr(text, "\nNSpid:"); /* one number for each namespace, its own last */
    if (!line)
        return pid;
    line[1 + strcspn(line + 1, "\n")] = '\0';
    const char *last = strrchr(line, '\t');
    return last ? (pid_t)strtol(last + 1, NULL, 10) : pid;
}

bool elsewhere_has_other_files(pid_t pid)
{
    struct stat theirs, ours;
    if (!look_at(pid, "ns/mnt", &theirs) || stat("/proc/self/ns/mnt", &ours))
        return false; /* not ours to look into */
    if (theirs.st_ino != ours.st_ino)
        return true;
    return look_at(pid, "root/", &theirs) && stat("/", &ours) == 0 &&
           (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev);
}

int elsewhere_open_directory(pid_t pid, const char *path)
{
    char name[64];
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS};
    snprintf(name, sizeof(name), "/proc/%d/root", (int)pid);
    int root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    int error = errno;
    close(root);
    return fd < 0 ? -error : fd;
}

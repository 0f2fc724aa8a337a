/* SPDX-License-Identifier: MIT */
/* Control pages by pread, locks by fcntl, the signal by a pidfd.
 * Why: see armed.h.
 * Rules: a PID is checked against the page's start time before anything is sent to it. */
#include "attach/armed.h"

#include "attach/elsewhere.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum { LOOK_AGAIN_US = 2000, SIGNAL_AGAIN_MS = 50, FIELD_START_TIME = 22 };

/* --- the process ---------------------------------------------------------------------------- */

/* The whole of a small file of /proc, terminated. Its length, or -1. */
static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

/* 0: no such process, or a zombie. */
static uint64_t start_time(pid_t pid)
{
    char text[1024];
    if (read_proc(pid, "stat", text, sizeof(text)) <= 0)
        return 0;
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
        return 0;
    for (int field = 2; at && field < FIELD_START_TIME; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static bool catches_signal(pid_t pid)
{
    char text[8192];
    if (read_proc(pid, "status", text, sizeof(text)) <= 0)
        return false;
    const char *mask = strstr(text, "\nSigCgt:");
    return mask && (strtoull(mask + strlen("\nSigCgt:"), NULL, 16) >> (SIGURG - 1) & 1);
}

/* Whether a line of /proc/PID/maps holds `text`; read for one's own processes without a right to
 * ptrace. */
static bool maps(pid_t pid, const char *text)
{
    char path[64], line[PATH_MAX + 128];
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof(line), file))
        found = strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return found;
}

bool armed_has_probe(pid_t pid)
{
    return maps(pid, "ulma_probe");
}

bool armed_may_be(pid_t pid)
{
    return catches_signal(pid) && armed_has_probe(pid);
}

static bool is_of_this_boot(const struct armed_page *page)
{
    char boot[SESSION_BOOT_ID_SIZE] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, boot, sizeof(boot) - 1) : 0;
    if (fd >= 0)
        close(fd);
    boot[got > 0 ? strcspn(boot, "\n") : 0] = '\0';
    return strncmp(boot, page->boot_id, sizeof(boot)) == 0;
}

/* What the process with this page is called here; `pid` is one that it may be, 0: none is known. 0: it
 * has no PID here. */
static pid_t pid_here(const struct armed_page *page, pid_t pid)
{
    struct stat status;
    uint64_t namespace = 0;
    if (!is_of_this_boot(page))
        return 0;
    if (stat("/proc/self/ns/pid", &status) == 0 && page->pid_namespace == status.st_ino)
        return (pid_t)page->pid;
    if (pid > 0 && elsewhere_own_pid(pid, &namespace) == (pid_t)page->pid &&
        page->pid_namespace == namespace)
        return pid;
    return 0;
}

/* --- the page ------------------------------------------------------------------------------- */

bool armed_is_name(const char *name)
{
    char *end;
    if (name[0] < '0' || name[0] > '9')
        return false;
    strtoul(name, &end, 10);
    return *end == '-' && strspn(end + 1, "0123456789abcdef") == 16 &&
           strcmp(end + 17, ARMED_SUFFIX) == 0;
}

static int read_page(struct armed *armed)
{
    ssize_t got = pread(armed->fd, &armed->page, sizeof(armed->page), 0);
    if (got < 0)
        return -errno;
    struct armed_page *page = &armed->page;
    if (got != (ssize_t)sizeof(*page) || page->magic != ARMED_MAGIC || page->format != ARMED_FORMAT)
        return -EINVAL;
    page->boot_id[sizeof(page->boot_id) - 1] = '\0';
    page->python[sizeof(page->python) - 1] = '\0';
    page->reason[sizeof(page->reason) - 1] = '\0';
    page->session[sizeof(page->session) - 1] = '\0';
    return 0;
}

/* Who has the lock at `byte`: 0 nobody, -1 somebody whom this PID namespace does not know. */
static pid_t holder(const struct armed *armed, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    if (fcntl(armed->fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid > 0 ? lock.l_pid : -1;
}

/* The lock says it anywhere. A program that closes descriptors it does not know (daemons do) loses it:
 * then the page is still mapped by a process that began when the page says. */
static bool lives(const struct armed *armed)
{
    pid_t pid = holder(armed, ARMED_TARGET_LOCK);
    if (pid)
        return !armed->here || pid == armed->pid;
    return armed->here && start_time(armed->pid) == armed->page.start_time &&
           maps(armed->pid, strrchr(armed->path, '/') + 1);
}

/* `pid`: as for pid_here. */
static int open_page(struct armed *armed, const char *path, pid_t pid)
{
    *armed = (struct armed)ARMED_NONE;
    const char *slash = strrchr(path, '/');
    if (!slash || (size_t)snprintf(armed->path, sizeof(armed->path), "%s", path) >= PATH_MAX)
        return -EINVAL;
    snprintf(armed->directory, sizeof(armed->directory), "%.*s", (int)(slash - path), path);
    armed->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (armed->fd < 0)
        return -errno;
    struct stat status;
    int result = fstat(armed->fd, &status) ? -errno : 0;
    if (result == 0 && (!S_ISREG(status.st_mode) || (status.st_mode & 077) || status.st_nlink > 1))
        result = -EPERM;
    if (result == 0)
        result = read_page(armed);
    if (result) {
        armed_close(armed);
        return result;
    }
    armed->pid = pid_here(&armed->page, pid);
    armed->uid = status.st_uid;
    armed->here = armed->pid > 0;
    if (!armed->here)
        armed->pid = (pid_t)armed->page.pid;
    if (armed->here)
        armed->pid_fd = (int)syscall(SYS_pidfd_open, armed->pid, 0);
    /* With the pidfd open first, what is checked and what is signalled are one process. */
    return lives(armed) ? 0 : -ESTALE;
}

int armed_open(struct armed *armed, const char *path)
{
    return open_page(armed, path, 0);
}

void armed_close(struct armed *armed)
{
    if (armed->fd >= 0)
        close(armed->fd);
    if (armed->pid_fd >= 0)
        close(armed->pid_fd);
    if (armed->root_fd >= 0)
        close(armed->root_fd);
    armed->fd = armed->pid_fd = armed->root_fd = -1;
}

/* --- finding -------------------------------------------------------------------------------- */

/* The page of a process that calls itself `own_pid`; `pid`: what it is called here, 0: it does not matter. */
static int find_in(struct armed *armed, pid_t own_pid, pid_t pid, const char *path)
{
    DIR *directory = opendir(path);
    *armed = (struct armed)ARMED_NONE;
    if (!directory)
        return -errno;
    int result = -ENOENT;
    struct dirent *entry;
    while (result && (entry = readdir(directory))) {
        char name[PATH_MAX];
        if (!armed_is_name(entry->d_name) || strtol(entry->d_name, NULL, 10) != own_pid ||
            (size_t)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= sizeof(name))
            continue;
        result = open_page(armed, name, pid);
        if (result == 0 && (!pid || (armed->here && armed->pid == pid)))
            break;
        armed_close(armed);
        result = -ENOENT;
    }
    closedir(directory);
    return result;
}

int armed_find_in(struct armed *armed, pid_t pid, const char *directory)
{
    return find_in(armed, pid, 0, directory);
}

/* In a directory by the process's own name for it. Through the descriptor, which is what was checked: its
 * name may be another directory's in the next moment. */
static int find_there(struct armed *armed, pid_t own_pid, pid_t pid, const char *path)
{
    char name[64];
    if (!elsewhere_has_other_files(pid))
        return find_in(armed, own_pid, pid, path);
    int fd = elsewhere_open_directory(pid, path);
    if (fd < 0)
        return fd;
    snprintf(name, sizeof(name), "/proc/self/fd/%d/.", fd);
    int result = find_in(armed, own_pid, pid, name);
    if (result == 0)
        armed->root_fd = fd;
    else
        close(fd);
    return result;
}

/* What the process was started with; relative ones are not looked for. */
static bool own_directory(pid_t pid, char *path, size_t size)
{
    char name[64], *line = NULL;
    size_t room = 0;
    snprintf(name, sizeof(name), "/proc/%d/environ", (int)pid);
    FILE *file = fopen(name, "re");
    bool found = false;
    while (file && !found && getdelim(&line, &room, '\0', file) > 0) {
        found = strncmp(line, "ULMA_DIR=/", strlen("ULMA_DIR=/")) == 0;
        if (found)
            snprintf(path, size, "%s", line + strlen("ULMA_DIR="));
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static int find_anywhere(struct armed *armed, pid_t pid, uid_t uid, const char *directory)
{
    char path[PATH_MAX];
    uint64_t namespace;
    pid_t own_pid = elsewhere_own_pid(pid, &namespace);
    if (directory && find_in(armed, own_pid, pid, directory) == 0)
        return 0;
    if (own_directory(pid, path, sizeof(path)) && find_there(armed, own_pid, pid, path) == 0)
        return 0;
    snprintf(path, sizeof(path), "/dev/shm/ulma-%u", (unsigned)uid);
    return find_there(armed, own_pid, pid, path) == 0 ? 0 : -ENOENT;
}

int armed_find(struct armed *armed, pid_t pid, const char *directory, int timeout_ms)
{
    char path[64];
    struct stat status;
    *armed = (struct armed)ARMED_NONE;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (!start_time(pid) || stat(path, &status))
        return -ESRCH;
    int result = find_anywhere(armed, pid, status.st_uid, directory);
    if (result == 0)
        return 0;
    if (status.st_uid != geteuid() && geteuid() != 0)
        return -EACCES;
    if (timeout_ms <= 0 || !armed_may_be(pid))
        return result;
    uint64_t begin = clock_monotonic_ns();
    struct armed child = {.pid = pid, .here = true, .pid_fd = (int)syscall(SYS_pidfd_open, pid, 0)};
    if (armed_signal(&child) == 0) {
        while (result && clock_monotonic_ns() - begin < (uint64_t)timeout_ms * MS_NS) {
            usleep(LOOK_AGAIN_US);
            result = find_anywhere(armed, pid, status.st_uid, directory);
        }
    }
    if (child.pid_fd >= 0)
        close(child.pid_fd);
    return result;
}

/* --- following and asking ------------------------------------------------------------------- */

bool armed_lives(const struct armed *armed)
{
    return holder(armed, ARMED_TARGET_LOCK) != 0;
}

bool armed_is_removed(const struct armed *armed)
{
    struct stat status;
    return fstat(armed->fd, &status) == 0 && status.st_nlink == 0;
}

pid_t armed_follower(const struct armed *armed)
{
    return holder(armed, ARMED_COLLECTOR_LOCK);
}

int armed_follow(struct armed *armed)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ARMED_COLLECTOR_LOCK, .l_len = 1};
    return fcntl(armed->fd, F_SETLK, &lock) ? -EBUSY : 0;
}

static void bell_path(const struct armed *armed, char *path, size_t size)
{
    snprintf(path, size, "%.*s" ARMED_BELL, (int)(strlen(armed->path) - strlen(ARMED_SUFFIX)),
             armed->path);
}

int armed_unlink(const struct armed *armed)
{
    char path[PATH_MAX];
    bell_path(armed, path, sizeof(path));
    unlink(path);
    return unlink(armed->path) ? -errno : 0;
}

/* A byte is enough; a FIFO that is full has enough of them. */
static int ring_bell(const struct armed *armed)
{
    char path[PATH_MAX];
    struct stat status;
    bell_path(armed, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return armed_lives(armed) ? -EAGAIN : -ESRCH;
    bool rung = fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
                (write(fd, "", 1) == 1 || errno == EAGAIN);
    close(fd);
    return rung ? 0 : -EAGAIN;
}

int armed_signal(const struct armed *armed)
{
    if (!armed->here)
        return ring_bell(armed);
    if (!catches_signal(armed->pid))
        return start_time(armed->pid) ? -EAGAIN : -ESRCH;
    int result = armed->pid_fd >= 0
                     ? (int)syscall(SYS_pidfd_send_signal, armed->pid_fd, SIGURG, NULL, 0)
                     : kill(armed->pid, SIGURG);
    return result ? -errno : 0;
}

/* `serial` last: the probe reads it first. */
static int write_wish(struct armed *armed, enum armed_wish wish, const char *session)
{
    struct armed_page *page = &armed->page;
    int result = read_page(armed);
    if (result)
        return result;
    page->wish = wish;
    memset(page->session, 0, sizeof(page->session));
    snprintf(page->session, sizeof(page->session), "%s", session ? session : "");
    page->serial++;
    size_t at = offsetof(struct armed_page, wish), serial = offsetof(struct armed_page, serial);
    if (pwrite(armed->fd, (const char *)page + at, serial - at, (off_t)at) !=
            (ssize_t)(serial - at) ||
        pwrite(armed->fd, (const void *)&page->serial, sizeof(page->serial), (off_t)serial) !=
            (ssize_t)sizeof(page->serial))
        return -EIO;
    return 0;
}

int armed_ask(struct armed *armed, enum armed_wish wish, const char *session, int timeout_ms)
{
    return armed_ask_long(armed, wish, session, timeout_ms, NULL, NULL);
}

int armed_ask_long(struct armed *armed, enum armed_wish wish, const char *session, int timeout_ms,
                   bool (*goes_on)(void *context), void *context)
{
    int result = write_wish(armed, wish, session);
    if (result)
        return result;
    uint32_t serial = armed->page.serial;
    uint64_t begin = clock_monotonic_ns(), signal_at = begin;
    for (;;) {
        uint64_t now = clock_monotonic_ns();
        int sent = 0;
        if (now >= signal_at) {
            sent = armed_signal(armed);
            signal_at = now + SIGNAL_AGAIN_MS * MS_NS;
        }
        if (read_page(armed) == 0 && armed->page.answered == serial)
            return armed->page.answer == ARMED_DONE ? 0 : -ECONNREFUSED;
        if (sent == -ESRCH || sent == -EPERM)
            return sent;
        bool late = now - begin >= (uint64_t)timeout_ms * MS_NS;
        if (late && !(goes_on && goes_on(context))) {
            write_wish(armed, ARMED_LEAVE, NULL);
            return sent ? sent : -ETIMEDOUT;
        }
        usleep(LOOK_AGAIN_US);
    }
}

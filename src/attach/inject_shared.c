/* SPDX-License-Identifier: MIT */
/* The memfd that the process and ulma both map: planned, made, proved, taken away.
 * Why planned: the process makes and maps it in one stop, without coming back to us between two calls. So
 * which number its descriptor will have is foreseen (the lowest that is free), and where it is mapped is
 * chosen by us (far from all else). Both may turn out otherwise, since the process's other threads run
 * meanwhile; nothing of it is used before /proc says that it is as planned.
 * Why a lock: a memfd whose ulma was killed is told from one whose ulma is at work by who has it open:
 * the lock goes with its owner. The next ulma takes away what it finds.
 * Rules: only what /proc shows to be our file, in our place, is ever unmapped. */
#include "attach/inject_parts.h"
#include "attach/maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    YOUNG_S = 2, /* an empty memfd is so long that of an ulma which is about to fill it */
    LINK_BYTES = 64,
    LOOKS = 5,
    MEMFD_EXEC = 0x10,     /* Linux 6.3; before, every memfd may be executed */
    LEFTOVERS_OF_FILE = 3, /* the descriptor and two mappings */
};

#define HOLE_LEAST   UINT64_C(0x40000000) /* 1 GiB: nobody comes near by chance */
#define ADDRESS_MOST UINT64_C(0x7fffffffe000)

/* --- what there is -------------------------------------------------------------------------- */

/* Whether the descriptor is of a memfd of an ulma; its name. */
static bool read_name(pid_t pid, const char *fd, char name[INJECT_NAME_BYTES])
{
    static const char prefix[] = "/memfd:ulma-";
    char path[64], link[LINK_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, fd);
    ssize_t size = readlink(path, link, sizeof(link) - 1);
    if (size < 0)
        return false;
    link[size] = '\0';
    if (strncmp(link, prefix, sizeof(prefix) - 1) != 0)
        return false;
    link[strcspn(link, " ")] = '\0'; /* " (deleted)" */
    snprintf(name, INJECT_NAME_BYTES, "%.15s", link + sizeof("/memfd:") - 1);
    return true;
}

static int open_theirs(pid_t pid, long fd)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%ld", (int)pid, fd);
    int own = open(path, O_RDWR | O_CLOEXEC);
    return own < 0 ? -errno : own;
}

/* The ulma that made it lives no more. */
static bool is_abandoned(int own_fd, const struct stat *status)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    bool young = status->st_size == 0 && now.tv_sec - status->st_ctim.tv_sec < YOUNG_S;
    return !young && fcntl(own_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

static void note_leftover(struct inject_shared *shared, struct inject_leftover leftover)
{
    if (shared->leftover_count < INJECT_LEFTOVERS_MOST)
        shared->leftovers[shared->leftover_count++] = leftover;
}

static bool is_noted(const struct inject_shared *shared, long fd)
{
    for (size_t i = 0; i < shared->leftover_count; i++)
        if (shared->leftovers[i].bytes == 0 && shared->leftovers[i].fd == fd)
            return true;
    return false;
}

/* Its descriptor, and where it is mapped. */
static void note_file(const struct maps *maps, struct inject_shared *shared, long fd,
                      const struct stat *status)
{
    note_leftover(shared, (struct inject_leftover){.fd = fd});
    for (size_t i = 0; i < maps->count; i++) {
        const struct maps_entry *entry = &maps->entries[i];
        if (entry->inode == status->st_ino && strncmp(entry->path, "/memfd:ulma-", 12) == 0)
            note_leftover(shared,
                          (struct inject_leftover){.fd = -1,
                                                   .start = entry->start,
                                                   .bytes = (size_t)(entry->end - entry->start)});
    }
}

static bool note_abandoned(const struct maps *maps, struct inject_shared *shared, long fd)
{
    struct stat status;
    int own = open_theirs(maps->pid, fd);
    if (own < 0)
        return false;
    bool room = shared->leftover_count + LEFTOVERS_OF_FILE <= INJECT_LEFTOVERS_MOST;
    bool abandoned = room && fstat(own, &status) == 0 && is_abandoned(own, &status);
    close(own);
    if (abandoned)
        note_file(maps, shared, fd, &status);
    return abandoned;
}

static int compare(const void *a, const void *b)
{
    long left = *(const long *)a, right = *(const long *)b;
    return left < right ? -1 : left > right;
}

/* All descriptors that stay: sorted; the caller frees them. Their number, or -errno. */
static ssize_t list_descriptors(const struct maps *maps, struct inject_shared *shared, long **ret)
{
    char path[64], name[INJECT_NAME_BYTES];
    size_t count = 0, room = 0;
    long *list = NULL;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)maps->pid);
    DIR *directory = opendir(path);
    if (!directory)
        return -errno;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        long fd = strtol(entry->d_name, NULL, 10);
        if (is_noted(shared, fd) ||
            (read_name(maps->pid, entry->d_name, name) && note_abandoned(maps, shared, fd)))
            continue; /* closed before the new one is made */
        if (count == room) {
            long *more = realloc(list, (room = room * 2 + 64) * sizeof(*list));
            if (!more)
                break;
            list = more;
        }
        list[count++] = fd;
    }
    closedir(directory);
    if (count)
        qsort(list, count, sizeof(*list), compare);
    *ret = list;
    return (ssize_t)count;
}

/* The number that the next descriptor gets. */
static int foresee_descriptor(const struct maps *maps, struct inject_shared *shared)
{
    long *list = NULL;
    ssize_t count = list_descriptors(maps, shared, &list);
    if (count < 0)
        return (int)count;
    shared->fd = 0;
    for (ssize_t i = 0; list && i < count && list[i] <= shared->fd; i++)
        if (list[i] == shared->fd)
            shared->fd++;
    free(list);
    struct rlimit limit;
    if (prlimit(maps->pid, RLIMIT_NOFILE, NULL, &limit) == 0 &&
        (rlim_t)shared->fd >= limit.rlim_cur)
        return -EMFILE;
    return 0;
}

/* Somewhere in the greatest hole, far from its ends. */
static int choose_address(const struct maps *maps, struct inject_shared *shared)
{
    uint64_t before = PAGE * 16, hole = 0, start = 0, random = 0;
    for (size_t i = 0; i <= maps->count; i++) {
        uint64_t end = i < maps->count ? maps->entries[i].start : ADDRESS_MOST;
        if (end > ADDRESS_MOST)
            end = ADDRESS_MOST;
        if (end > before && end - before > hole) {
            hole = end - before;
            start = before;
        }
        if (i < maps->count)
            before = maps->entries[i].end;
    }
    if (hole < HOLE_LEAST + shared->bytes || getrandom(&random, sizeof(random), 0) < 0)
        return -ENOMEM;
    uint64_t quarter = hole / 4 + 1; /* never 0 */
    shared->base = (start + quarter + random % quarter) & ~(uint64_t)(PAGE - 1);
    return 0;
}

int inject_shared_plan(pid_t pid, size_t bytes, struct inject_shared *shared)
{
    struct maps maps = {0};
    uint32_t random = 0;
    inject_shared_done(shared);
    if (getrandom(&random, sizeof(random), 0) < 0)
        return -errno;
    shared->bytes = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
    snprintf(shared->name, sizeof(shared->name), "ulma-%08x", random);
    int error = maps_read(pid, &maps);
    if (!error)
        error = foresee_descriptor(&maps, shared);
    if (!error)
        error = choose_address(&maps, shared);
    maps_done(&maps);
    return error;
}

/* --- calls ---------------------------------------------------------------------------------- */

static size_t add_leftovers(const struct inject_shared *shared, struct inject_call *calls,
                            size_t count)
{
    for (size_t i = 0; i < shared->leftover_count; i++) {
        const struct inject_leftover *leftover = &shared->leftovers[i];
        calls[count++] = leftover->bytes
                             ? (struct inject_call){SYS_munmap, {leftover->start, leftover->bytes}}
                             : (struct inject_call){SYS_close, {(uint64_t)leftover->fd}};
    }
    return count;
}

static uint64_t memfd_flags(void)
{
    int own = memfd_create("ulma", MFD_CLOEXEC | MEMFD_EXEC);
    if (own >= 0)
        close(own);
    return own < 0 && errno == EINVAL ? MFD_CLOEXEC : MFD_CLOEXEC | MEMFD_EXEC;
}

/* The first page may be executed and not written, the others written and not executed. */
size_t inject_shared_calls(struct inject_shared *shared, struct inject_call *calls)
{
    const uint64_t flags = MAP_SHARED | MAP_FIXED_NOREPLACE, fd = (uint64_t)shared->fd;
    size_t count = add_leftovers(shared, calls, 0);
    calls[count++] = (struct inject_call){SYS_memfd_create, {INJECT_NAME_HERE, memfd_flags()}};
    calls[count++] =
        (struct inject_call){SYS_mmap, {shared->base, PAGE, PROT_READ | PROT_EXEC, flags, fd, 0}};
    calls[count++] = (struct inject_call){
        SYS_mmap,
        {shared->base + PAGE, shared->bytes - PAGE, PROT_READ | PROT_WRITE, flags, fd, PAGE}};
    return count;
}

size_t inject_shared_uncalls(struct inject_shared *shared, struct inject_call *calls)
{
    if (shared->own_fd >= 0) {
        note_leftover(shared, (struct inject_leftover){
                                  .fd = -1, .start = shared->base, .bytes = shared->bytes});
        note_leftover(shared, (struct inject_leftover){.fd = shared->fd});
    }
    return add_leftovers(shared, calls, 0);
}

/* --- what came of them ---------------------------------------------------------------------- */

static const struct maps_entry *entry_at(const struct maps *maps, uint64_t start, uint64_t end,
                                         uint64_t offset)
{
    const struct maps_entry *entry = maps_find(maps, start);
    bool same = entry && entry->start == start && entry->end == end && entry->offset == offset &&
                entry->inode;
    return same ? entry : NULL;
}

/* Of a file that is not ours: another one had our number. Whatever else lies there is not of our making. */
static void note_mapped(struct inject_shared *shared, const struct maps_entry *entry)
{
    if (entry)
        note_leftover(shared,
                      (struct inject_leftover){.fd = -1,
                                               .start = entry->start,
                                               .bytes = (size_t)(entry->end - entry->start)});
}

/* Where the memfd has become a descriptor of another number, or was not made: -1. */
static long find_descriptor(pid_t pid, const struct inject_shared *shared)
{
    char path[64], name[INJECT_NAME_BYTES];
    long fd = -1;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && fd < 0 && (entry = readdir(directory));)
        if (read_name(pid, entry->d_name, name) && strcmp(name, shared->name) == 0)
            fd = strtol(entry->d_name, NULL, 10);
    if (directory)
        closedir(directory);
    return fd;
}

static bool is_as_planned(const struct maps *maps, const struct inject_shared *shared)
{
    struct stat status;
    const struct maps_entry *code = entry_at(maps, shared->base, shared->base + PAGE, 0);
    const struct maps_entry *data =
        entry_at(maps, shared->base + PAGE, shared->base + shared->bytes, PAGE);
    return code && data && maps_same_file(code, data) && code->execute && !code->write &&
           data->write && !data->execute && fstat(shared->own_fd, &status) == 0 &&
           status.st_ino == code->inode;
}

/* Ours from now on, and of this size. */
static int take(struct inject_shared *shared)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(shared->own_fd, F_OFD_SETLK, &lock) ||
        ftruncate(shared->own_fd, (off_t)shared->bytes))
        return -errno;
    void *pages = mmap(NULL, shared->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                       shared->own_fd, 0);
    if (pages == MAP_FAILED)
        return -errno;
    shared->pages = pages;
    return 0;
}

int inject_shared_open(pid_t pid, struct inject_shared *shared)
{
    struct maps maps = {0};
    shared->leftover_count = 0; /* it is gone: the calls have been made */
    int error = maps_read(pid, &maps);
    long fd = -1;
    /* A list that changes while it is read may lack one that is there. */
    for (int look = 0; look < LOOKS && fd < 0; look++)
        fd = find_descriptor(pid, shared);
    if (!error && fd >= 0)
        shared->own_fd = open_theirs(pid, fd);
    if (!error && fd == shared->fd && shared->own_fd >= 0 && is_as_planned(&maps, shared)) {
        maps_done(&maps);
        return take(shared);
    }
    if (!error) {
        note_mapped(shared, entry_at(&maps, shared->base, shared->base + PAGE, 0));
        note_mapped(shared,
                    entry_at(&maps, shared->base + PAGE, shared->base + shared->bytes, PAGE));
        if (fd >= 0)
            note_leftover(shared, (struct inject_leftover){.fd = fd});
        /* Made, and not where it was foreseen: its other threads were quicker. */
        error = fd >= 0 ? -EAGAIN : -EACCES;
    }
    maps_done(&maps);
    if (shared->own_fd >= 0)
        close(shared->own_fd);
    shared->own_fd = -1;
    return error;
}

void inject_shared_done(struct inject_shared *shared)
{
    if (shared->pages)
        munmap(shared->pages, shared->bytes);
    if (shared->own_fd >= 0)
        close(shared->own_fd);
    shared->pages = NULL;
    shared->own_fd = -1;
}

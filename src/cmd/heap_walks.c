/* SPDX-License-Identifier: MIT */
/* The file of a walk: made, filled by the process, read.
 * Why: see heap_walks.h. */
#include "cmd/heap_walks.h"

#include "base/clock.h"
#include "cmd/job_process.h"
#include "cmd/message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Made and paid for by us; the process may be in a small cgroup. */
static int make_file(const struct armed *armed, const char *wanted, char *path, size_t size)
{
    struct heap_census_header header = {.magic = HEAP_CENSUS_MAGIC, .format = HEAP_CENSUS_FORMAT};
    uint64_t random = clock_monotonic_ns();
    if (getrandom(&random, sizeof(random), 0) < 0)
        random ^= (uint64_t)getpid();
    if ((size_t)snprintf(path, size, "%s/%d-%016" PRIx64 ".census", armed->directory,
                         (int)armed->page.pid, random) >= size)
        return -ENAMETOOLONG;
    snprintf(header.wanted, sizeof(header.wanted), "%s", wanted ? wanted : "");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = posix_fallocate(fd, 0, HEAP_CENSUS_SIZE);
    if (!error && pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
        error = EIO;
    if (!error && geteuid() == 0 && fchown(fd, armed->uid, (gid_t)-1))
        error = errno;
    if (!error)
        return fd;
    close(fd);
    unlink(path);
    return -error;
}

/* The process has begun to walk: it takes as long as it takes. */
static bool has_begun(void *context)
{
    struct heap_census_header header;
    return pread(*(const int *)context, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
           header.row_count != 0;
}

static int by_type(const void *left, const void *right)
{
    const struct heap_census_row *a = left, *b = right;
    return strcmp(a->type, b->type);
}

/* Types of one name are one row: a class that is made anew in each call leaves many. */
static void merge(struct heap_walk *walk)
{
    uint32_t kept = 0;
    qsort(walk->rows, walk->header.row_count, sizeof(*walk->rows), by_type);
    for (uint32_t i = 0; i < walk->header.row_count; i++) {
        struct heap_census_row *row = &walk->rows[i];
        if (kept && strcmp(walk->rows[kept - 1].type, row->type) == 0) {
            walk->rows[kept - 1].objects += row->objects;
            walk->rows[kept - 1].bytes += row->bytes;
            walk->rows[kept - 1].referrers += row->referrers;
        } else if (row->objects) {
            walk->rows[kept++] = *row;
        }
    }
    walk->header.row_count = kept;
}

static int read_file(int fd, struct heap_walk *walk)
{
    if (pread(fd, &walk->header, sizeof(walk->header), 0) != (ssize_t)sizeof(walk->header))
        return -EIO;
    uint32_t count = walk->header.row_count;
    if (count == 0 || count > HEAP_CENSUS_ROWS)
        return -EBADMSG;
    walk->header.wanted[HEAP_CENSUS_NAME_SIZE - 1] = '\0';
    size_t size = count * sizeof(*walk->rows);
    walk->rows = malloc(size);
    if (!walk->rows)
        return -ENOMEM;
    if (pread(fd, walk->rows, size, HEAP_CENSUS_HEADER_SIZE) != (ssize_t)size)
        return -EIO;
    for (uint32_t i = 0; i < count; i++)
        walk->rows[i].type[HEAP_CENSUS_NAME_SIZE - 1] = '\0';
    merge(walk);
    return 0;
}

static bool ask(struct armed *armed, const char *name, int timeout_ms, int fd)
{
    int pid = (int)armed->pid;
    int result = armed_ask_long(armed, ARMED_CENSUS, name, timeout_ms, has_begun, &fd);
    if (result == -ECONNREFUSED)
        message_error("the heap of PID %d cannot be walked: %s", pid, armed->page.reason);
    else if (result == -ESRCH)
        message_error("PID %d has ended", pid);
    else if (result)
        message_error(
            "PID %d did not answer: its main thread is stopped, or in a call that lets no "
            "signal handler run; `ulma dump %d` shows where, --timeout S waits longer",
            pid, pid);
    return result == 0;
}

bool heap_walk_take(struct armed *armed, const char *wanted, int timeout_ms,
                    struct heap_walk *ret_walk)
{
    char path[PATH_MAX];
    int fd = make_file(armed, wanted, path, sizeof(path));
    if (fd < 0) {
        message_error("no room for the census in %s (%s): it takes %d MB there", armed->directory,
                      strerror(-fd), HEAP_CENSUS_SIZE >> 20);
        return false;
    }
    bool answered = ask(armed, strrchr(path, '/') + 1, timeout_ms, fd);
    unlink(path); /* the process has done so, if it came to that */
    int result = answered ? read_file(fd, ret_walk) : 0;
    close(fd);
    if (result)
        message_error("what PID %d told of its heap makes no sense (%s): try again",
                      (int)armed->pid, strerror(-result));
    return answered && result == 0;
}

void heap_walk_done(struct heap_walk *walk)
{
    free(walk->rows);
    *walk = (struct heap_walk){.rows = NULL};
}

/* SPDX-License-Identifier: MIT */
/* Stolen time, and what the kernel says of a process.
 * Why: see stolen.h.
 * Rules: as there. */
#include "model/stolen.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DOUBT_NS = 2 * 1000 * 1000, DOUBT_PART = 200 };

static ssize_t read_file(const char *path, char *text, size_t most)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, most) : -1;
    if (fd >= 0)
        close(fd);
    return size;
}

uint64_t stolen_process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time))
        return 0;
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

bool stolen_process_modes(pid_t pid, uint64_t *ret_user, uint64_t *ret_kernel)
{
    enum { SKIPPED = 11 }; /* fields between the name and utime: proc_pid_stat(5) */
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    ssize_t size = read_file(path, text, sizeof(text) - 1);
    char *at = size > 0 ? memrchr(text, ')', (size_t)size) : NULL;
    if (!at)
        return false;
    text[size] = '\0';
    for (int i = 0; i <= SKIPPED && at; i++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, "%" SCNu64 " %" SCNu64, ret_user, ret_kernel) == 2;
}

double stolen_share(int64_t on_cpu_ns, int64_t counted_ns)
{
    int64_t stolen_ns = on_cpu_ns - counted_ns;
    if (counted_ns <= 0 || stolen_ns < DOUBT_NS || stolen_ns < on_cpu_ns / DOUBT_PART)
        return 0;
    return (double)stolen_ns / (double)on_cpu_ns;
}

uint64_t stolen_process_rss(pid_t pid)
{
    char path[64], text[128];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    ssize_t size = read_file(path, text, sizeof(text) - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoul(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* SPDX-License-Identifier: MIT */
/* Stolen time: one clock, one quotient.
 * Why: see stolen.h.
 * Rules: as there. */
#include "model/stolen.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DOUBT_NS = 2 * 1000 * 1000, DOUBT_PART = 200 };

uint64_t stolen_process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time))
        return 0;
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
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
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoul(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

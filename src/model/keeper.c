/* SPDX-License-Identifier: MIT */
/* The keeper: what the collector needs of the file system.
 * Why a thread: adding a ring allocates pages of a tmpfs, /proc is read line by line; the fold must
 * not wait for either.
 * Rules: I/O without the lock; the lock only to hand over what was read. */
#include "model/family.h"
#include "model/io_lookup.h"
#include "model/schedstat.h"
#include "wire/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_NS = 200 * 1000 * 1000, NAMES_AT_ONCE = 32 };

/* --- rings ---------------------------------------------------------------------------------- */

uint32_t keeper_count_threads(pid_t pid)
{
    char path[64], line[256];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "Threads: %u", &count) != 1)
        continue;
    if (file)
        fclose(file);
    return count;
}

static int add_rings_guarded(void *context)
{
    struct collector *collector = context;
    while ((mapping_free_rings(collector->mapping) < COLLECTOR_FREE_RINGS ||
            collector->mapping->rings_made <= collector->first_rings) &&
           mapping_add_ring(collector->mapping) == 0)
        atomic_store_explicit(&collector->drain.ring_count, collector->mapping->rings_made,
                              memory_order_release);
    return 0;
}

static void add_rings(struct collector *collector)
{
    if (!collector->drain.joined)
        guard_run(add_rings_guarded, collector);
}

/* --- names of threads that Python does not know ---------------------------------------------- */

/* The process of the thread, as /proc has it. */
static uint32_t owner_of(const struct collector *collector, const struct track *track)
{
    if (track->process != &collector->model.first)
        return track->process->pid;
    return collector->options.target > 0 ? (uint32_t)collector->options.target : track->tid;
}

struct nameless {
    uint32_t pid, tid; /* pid 0: not known */
};

static uint32_t list_nameless(struct collector *collector, struct nameless *list)
{
    uint32_t count = 0;
    collector_enter(collector);
    for (struct track *track = collector->model.tracks; track && count < NAMES_AT_ONCE;
         track = track->next)
        if (track->seen && track->tid && track->name[0] == '\0')
            list[count++] = (struct nameless){owner_of(collector, track), track->tid};
    collector_leave(collector);
    return count;
}

static bool read_comm(const struct nameless *thread, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", thread->pid, thread->tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, name, size - 1);
    close(fd);
    if (length <= 0)
        return false;
    name[length] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return true;
}

static void give_name(struct collector *collector, uint32_t tid, const char *name)
{
    collector_enter(collector);
    struct track *track = family_find_tid(&collector->drain, tid);
    if (track && track->name[0] == '\0')
        snprintf(track->name, sizeof(track->name), "%s", name);
    collector_leave(collector);
}

static void name_threads(struct collector *collector)
{
    struct nameless list[NAMES_AT_ONCE];
    char name[TRACK_NAME_SIZE];
    uint32_t count = collector->options.no_pids ? 0 : list_nameless(collector, list);
    for (uint32_t i = 0; i < count; i++)
        if (read_comm(&list[i], name, sizeof(name)))
            give_name(collector, list[i].tid, name);
}

/* --- the thread ----------------------------------------------------------------------------- */

static void wait_for_wake(struct collector *collector, long ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (sem_timedwait(&collector->keeper_wake, &until) && errno == EINTR)
        continue;
    while (sem_trywait(&collector->keeper_wake) == 0)
        continue;
}

void *keeper_run(void *context)
{
    struct collector *collector = context;
    uint64_t next_names_ns = 0;
    if (collector->options.target > 0)
        collector->first_rings = keeper_count_threads(collector->options.target);
    while (!atomic_load(&collector->stop)) {
        add_rings(collector);
        budget_call(collector);
        family_keep(collector);
        io_lookup(collector);
        off_cpu_poll(collector);
        if (clock_monotonic_ns() >= next_names_ns) {
            name_threads(collector);
            next_names_ns = clock_monotonic_ns() + NAMES_NS;
        }
        wait_for_wake(collector, collector->off_cpu.records ? NAMES_NS : SCHEDSTAT_WINDOW_NS);
    }
    return NULL;
}

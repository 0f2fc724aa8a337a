/* SPDX-License-Identifier: MIT */
/* Making a child's session.
 * Why: see child_session.h.
 * Rules: all that will ever be written is allocated first: a store into a hole of a full tmpfs would be
 * SIGBUS. Without Python.h, beside which some functions get names that older C libraries lack. */
#include "probe/child_session.h"

#include "base/command.h"
#include "probe/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { MOST_OF_A_PID = 1000 };

/* The header of the first process's session, while this process is a child of the family. */
static struct session_header *root_header;

void child_session_begin(const char *path)
{
    snprintf(link_to.root, sizeof(link_to.root), "%s", path);
}

void child_session_forget(void)
{
    if (root_header)
        munmap(root_header, SESSION_HEADER_SIZE);
    root_header = NULL;
}

static int map_root(const char *root, char *reason, size_t size)
{
    size_t length;
    child_session_forget();
    int fd = link_open_file(root, &length, reason, size);
    if (fd < 0)
        return -1;
    void *base = mmap(NULL, SESSION_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED) {
        snprintf(reason, size, "mapping the session failed: %s", strerror(errno));
        return -1;
    }
    if (link_header_is_sound(base, length)) {
        root_header = base;
        return 0;
    }
    munmap(base, SESSION_HEADER_SIZE);
    snprintf(reason, size, "the session file has a format that this probe does not know");
    return -1;
}

/* DIRECTORY/PID-RANDOM beside the root's, RANDOM as there. A new file; its descriptor or -1. */
static int make_file(const char *root, char *path, size_t size)
{
    const char *name = strrchr(root, '/');
    const char *random = name ? strchr(name, '-') : NULL;
    if (!random)
        return -1;
    for (int i = 0; i < MOST_OF_A_PID; i++) {
        int length =
            snprintf(path, size, "%.*s/%d%s", (int)(name - root), root, (int)getpid(), random);
        if (i > 0 && length > 0 && (size_t)length < size)
            length += snprintf(path + length, size - (size_t)length, ".%d", i);
        if (length < 0 || (size_t)length >= size)
            return -1;
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool has_room(int fd, uint64_t bytes)
{
    struct statvfs space;
    return fstatvfs(fd, &space) == 0 && (uint64_t)space.f_bavail * space.f_frsize / 2 >= bytes;
}

static int allocate(int fd, uint64_t bytes)
{
    int error;
    do {
        error = posix_fallocate(fd, 0, (off_t)bytes);
    } while (error == EINTR);
    return error;
}

static void read_command(char *text, size_t size)
{
    char words[1024];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, words, sizeof(words)) : 0;
    if (fd >= 0)
        close(fd);
    command_write(text, size, words, got > 0 ? (size_t)got : 0);
}

static void make_ring(unsigned char *base, uint32_t index, uint64_t offset, uint32_t bytes)
{
    const struct session_header *header = (const struct session_header *)base;
    struct ring_shared *ring = (struct ring_shared *)(base + header->rings_offset) + index;
    ring->kind = RING_DRAIN;
    ring->capacity = bytes / (uint32_t)sizeof(struct event);
    ring->offset = offset;
    atomic_store_explicit(&ring->state, index == 0 ? RING_TAKEN : RING_FREE, memory_order_release);
}

/* As the root's, but for what is of this process. The magic comes last: who finds the file before has
 * found none. */
static void fill(unsigned char *base, uint32_t parent)
{
    struct session_header *header = (struct session_header *)base;
    struct timespec now;
    memcpy((char *)header + sizeof(header->magic), (char *)root_header + sizeof(header->magic),
           offsetof(struct session_header, wanted) - sizeof(header->magic));
    clock_gettime(CLOCK_REALTIME, &now);
    header->start_time_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    header->start_counter = clock_counter((enum clock_source)header->clock_kind);
    atomic_init(&header->wanted, atomic_load(&root_header->wanted));
    atomic_init(&header->sources_wanted, atomic_load(&root_header->sources_wanted));
    header->sources_asked = root_header->sources_asked;
    atomic_init(&header->rules_wanted, atomic_load(&root_header->rules_wanted));
    atomic_init(&header->start_off, atomic_load(&root_header->start_off));
    atomic_init(&header->follow_children, 1);
    header->follow_forks = root_header->follow_forks;
    header->parent_pid = parent ? parent : (uint32_t)getppid();
    read_command(header->command, sizeof(header->command));
    memset(base + header->modes_offset, MODE_RECORD, SESSION_ID_LIMIT);
    make_ring(base, 0, header->events_offset, SESSION_CHILD_CONTROL_BYTES);
    make_ring(base, 1, header->events_offset + SESSION_CHILD_CONTROL_BYTES,
              session_child_ring_bytes(header->size - header->events_offset));
    atomic_init(&header->rings_made, 2);
    atomic_thread_fence(memory_order_release);
    header->magic = SESSION_MAGIC;
}

static int make_session(const char *root, uint32_t parent, char *path, size_t size)
{
    uint64_t whole = root_header->size;
    uint64_t bytes = root_header->events_offset + SESSION_CHILD_CONTROL_BYTES +
                     session_child_ring_bytes(whole - root_header->events_offset);
    int fd = bytes <= whole ? make_file(root, path, size) : -1;
    if (fd < 0)
        return -1;
    void *base = MAP_FAILED;
    if (has_room(fd, bytes) && ftruncate(fd, (off_t)whole) == 0 && allocate(fd, bytes) == 0)
        base = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED) {
        unlink(path);
        return -1;
    }
    fill(base, parent);
    munmap(base, (size_t)bytes);
    return 0;
}

int child_session_join(const char *root, uint32_t parent, char *reason, size_t size)
{
    char path[sizeof(link_to.path)];
    if (map_root(root, reason, size))
        return -1;
    if (!atomic_load(&root_header->follow_children)) {
        snprintf(reason, size, "children are not followed");
        return -1;
    }
    if (make_session(root, parent, path, sizeof(path))) {
        snprintf(reason, size, "no room for a session beside %s", root);
        atomic_fetch_add(&root_header->children_refused, 1);
        return -1;
    }
    int result = link_open(path, reason, size);
    if (result) {
        unlink(path);
        atomic_fetch_add(&root_header->children_refused, 1);
        return -1;
    }
    child_session_begin(root);
    link_to.sleeping = &root_header->sleeping;
    return 0;
}

void child_session_await(void)
{
    /* Of the first process's children it is the session that they still have mapped. */
    struct session_header *header = root_header ? root_header
                                                : (struct session_header *)link_to.base;
    uint32_t index = atomic_fetch_add(&header->waiting_count, 1);
    if (index < SESSION_WAITING_LIMIT)
        atomic_store(&header->waiting[index], (uint32_t)getpid());
    else
        atomic_fetch_add(&header->children_refused, 1);
}

bool child_session_is_over(void)
{
    return root_header && link_to.header &&
           (!atomic_load(&root_header->follow_children) || !link_collector_lives());
}

void child_session_tell(void)
{
    atomic_fetch_add(&root_header->children_made, 1);
    /* Always: the word alone would be read 50 ms later, and a ring may be full by then. */
    writer_wake_collector();
}

/* SPDX-License-Identifier: MIT */
/* Making and opening a session file, and adding rings.
 * Why: see mapping.h. All that the target will ever write is allocated before it can see it: a store
 * into a hole of a full tmpfs would be SIGBUS in the target.
 * Rules: openat below a checked directory descriptor only, never through a symlink. */
#include "wire/mapping.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { RING_ALIGN = 4096, FIRST_RINGS = 5, CONTROL_CAPACITY = 1 << 14 };
enum { FIRST_RING_BYTES = 1 << 22, MOST_RING_BYTES = 1 << 20, LEAST_RING_BYTES = 1 << 16 };

static uint64_t align_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) / step * step;
}

static void lay_out(struct mapping *mapping)
{
    mapping->modes_offset = SESSION_HEADER_SIZE;
    mapping->gone_offset = mapping->modes_offset + SESSION_MODES_BYTES;
    mapping->definitions_offset = mapping->gone_offset + SESSION_GONE_CAPACITY * sizeof(uint32_t);
    mapping->rings_offset = mapping->definitions_offset + SESSION_DEFINITIONS_SIZE;
    mapping->events_offset = align_up(
        mapping->rings_offset + SESSION_RING_LIMIT * sizeof(struct ring_shared), RING_ALIGN);
}

void mapping_default_directory(uid_t uid, char *path, size_t size)
{
    snprintf(path, size, "/dev/shm/ulma-%u", (unsigned)uid);
}

/* The directory's descriptor; made when absent; refused when open to others or another's. */
static int open_directory(const struct mapping_options *options)
{
    if (mkdir(options->directory, 0700) == 0) {
        if (options->owner != geteuid() && chown(options->directory, options->owner, (gid_t)-1))
            return -errno;
    } else if (errno != EEXIST) {
        return -errno;
    }
    int fd = open(options->directory, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat status;
    if (fstat(fd, &status) || status.st_uid != options->owner || (status.st_mode & 07777) != 0700) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

static void read_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    text[0] = '\0';
    if (!file)
        return;
    if (fgets(text, (int)size, file))
        text[strcspn(text, "\n")] = '\0';
    fclose(file);
}

static void fill_header(struct mapping *mapping, const struct mapping_options *options)
{
    struct session_header *header = mapping_header(mapping);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    header->format = SESSION_FORMAT;
    header->header_size = sizeof(struct session_header);
    header->size = mapping->size;
    header->modes_offset = mapping->modes_offset;
    header->gone_offset = mapping->gone_offset;
    header->definitions_offset = mapping->definitions_offset;
    header->rings_offset = mapping->rings_offset;
    header->events_offset = mapping->events_offset;
    header->id_limit = SESSION_ID_LIMIT;
    header->ring_limit = SESSION_RING_LIMIT;
    header->gone_capacity = SESSION_GONE_CAPACITY;
    header->definitions_size = SESSION_DEFINITIONS_SIZE;
    header->clock_kind = options->clock_kind;
    atomic_init(&header->on_full, options->on_full);
    atomic_init(&header->modes_vary, options->modes_vary);
    atomic_init(&header->rules_wanted, options->rules_wanted);
    header->start_time_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    header->start_counter = clock_counter((enum clock_source)options->clock_kind);
    header->collector_pid = (uint32_t)getpid();
    header->collector_uid = (uint32_t)geteuid();
    read_line("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) == 0)
        header->pid_namespace = status.st_ino;
    atomic_init(&header->wanted, options->start_off ? WANTED_OFF : WANTED_ON);
    atomic_init(&header->start_off, options->start_off);
    atomic_init(&header->sources_wanted, options->sources);
    header->sources_asked = options->sources | options->later;
    atomic_init(&header->follow_children, options->follow_children);
    header->follow_forks = options->follow_forks;
    memset(mapping->base + mapping->modes_offset, MODE_RECORD, SESSION_ID_LIMIT);
    atomic_thread_fence(memory_order_release);
    header->magic = SESSION_MAGIC;
}

/* The ring directory and what precedes it may not be holes either. */
static int allocate(struct mapping *mapping, uint64_t offset, uint64_t size)
{
    int error;
    do {
        error = posix_fallocate(mapping->fd, (off_t)offset, (off_t)size);
    } while (error == EINTR);
    return -error;
}

/* The kernel drops this lock when the collector dies, however it dies; the probe asks for it. */
static int lock_as_collector(int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SESSION_COLLECTOR_LOCK, .l_len = 1};
    return fcntl(fd, F_SETLK, &lock) == 0 ? 0 : -errno;
}

static int map_file(struct mapping *mapping)
{
    void *base = mmap(NULL, mapping->size, PROT_READ | PROT_WRITE, MAP_SHARED, mapping->fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    mapping->base = base;
    return 0;
}

static int set_path(const struct mapping_options *options, const char *name,
                    struct mapping *mapping)
{
    if (asprintf(&mapping->path, "%s/%s", options->directory, name) >= 0)
        return 0;
    mapping->path = NULL;
    return -ENOMEM;
}

/* Without a name, where the file system can: a collector that is killed while it makes a session then
 * leaves none that is half made, which nobody could tell from a file of somebody else's. */
static int make_file(const struct mapping_options *options, int directory, const char *name,
                     struct mapping *mapping)
{
    int result = 0;
    struct statvfs space;
    if (fstatvfs(directory, &space) == 0) {
        uint64_t half = (uint64_t)space.f_bavail * space.f_frsize / 2;
        if (mapping->buffer_bytes > half)
            mapping->buffer_bytes = align_up(half, RING_ALIGN);
    }
    mapping->size = (size_t)(mapping->events_offset + mapping->buffer_bytes);
    mapping->fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (mapping->fd < 0) {
        mapping->fd =
            openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        result = mapping->fd < 0 ? -errno : set_path(options, name, mapping);
    }
    if (result)
        return result;
    if (options->owner != geteuid() && fchown(mapping->fd, options->owner, (gid_t)-1))
        result = -errno;
    else if (ftruncate(mapping->fd, (off_t)mapping->size))
        result = -errno;
    return result;
}

/* It has all that a session has: from here on it can be found. */
static int give_name(const struct mapping_options *options, int directory, const char *name,
                     struct mapping *mapping)
{
    char self[64];
    if (mapping->path)
        return 0;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", mapping->fd);
    if (linkat(AT_FDCWD, self, directory, name, AT_SYMLINK_FOLLOW))
        return -errno;
    return set_path(options, name, mapping);
}

int mapping_create(const struct mapping_options *options, const char *name,
                   struct mapping *ret_mapping)
{
    struct mapping mapping = {.fd = -1, .buffer_bytes = options->buffer_bytes};
    lay_out(&mapping);
    int directory = open_directory(options);
    if (directory < 0)
        return directory;
    int result = make_file(options, directory, name, &mapping);
    if (result == 0)
        result = lock_as_collector(mapping.fd);
    if (result == 0)
        result = allocate(&mapping, 0, mapping.events_offset);
    if (result == 0)
        result = map_file(&mapping);
    if (result == 0) {
        fill_header(&mapping, options);
        for (int i = 0; i < FIRST_RINGS && result == 0; i++)
            result = mapping_add_ring(&mapping);
        if (mapping.rings_made > 1) /* a control ring and one more do for a start */
            result = 0;
    }
    if (result == 0)
        result = give_name(options, directory, name, &mapping);
    close(directory);
    if (result) {
        mapping_unlink(&mapping);
        mapping_close(&mapping);
        return result;
    }
    *ret_mapping = mapping;
    return 0;
}

static bool layout_is_sound(const struct session_header *header, size_t size)
{
    struct mapping expected = {.fd = -1};
    lay_out(&expected);
    return header->magic == SESSION_MAGIC && header->format == SESSION_FORMAT &&
           header->size == size && size >= expected.events_offset &&
           header->modes_offset == expected.modes_offset &&
           header->gone_offset == expected.gone_offset &&
           header->definitions_offset == expected.definitions_offset &&
           header->rings_offset == expected.rings_offset &&
           header->events_offset == expected.events_offset &&
           header->id_limit == SESSION_ID_LIMIT && header->ring_limit == SESSION_RING_LIMIT &&
           header->gone_capacity == SESSION_GONE_CAPACITY &&
           header->definitions_size == SESSION_DEFINITIONS_SIZE;
}

int mapping_of_memory(void *bytes, size_t size, struct mapping *ret_mapping)
{
    struct mapping mapping = {.fd = -1, .base = bytes, .size = size};
    if (size < SESSION_HEADER_SIZE || !layout_is_sound(bytes, size))
        return -EINVAL;
    lay_out(&mapping);
    mapping.buffer_bytes = size - mapping.events_offset;
    *ret_mapping = mapping;
    return 0;
}

int mapping_open(const char *path, struct mapping *ret_mapping)
{
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat status;
    int result = 0;
    void *base = MAP_FAILED;
    if (fstat(fd, &status))
        result = -errno;
    else if (!S_ISREG(status.st_mode) || status.st_size < SESSION_HEADER_SIZE)
        result = -EINVAL;
    else if ((base = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                          0)) == MAP_FAILED)
        result = -errno;
    struct mapping mapping;
    if (result == 0)
        result = mapping_of_memory(base, (size_t)status.st_size, &mapping);
    if (result == 0) {
        mapping.fd = fd;
        mapping.path = strdup(path);
        *ret_mapping = mapping;
        return 0;
    }
    if (base != MAP_FAILED)
        munmap(base, (size_t)status.st_size);
    close(fd);
    return result;
}

int mapping_adopt(struct mapping *mapping)
{
    mapping->rings_made = 2;
    mapping->events_used = SESSION_CHILD_CONTROL_BYTES +
                           session_child_ring_bytes(mapping->buffer_bytes);
    if (mapping->events_used > mapping->buffer_bytes)
        return -EINVAL;
    return lock_as_collector(mapping->fd);
}

void mapping_unlink(struct mapping *mapping)
{
    if (!mapping->path)
        return;
    unlink(mapping->path);
    free(mapping->path);
    mapping->path = NULL;
}

void mapping_close(struct mapping *mapping)
{
    if (mapping->fd >= 0) {
        if (mapping->base)
            munmap(mapping->base, mapping->size);
        close(mapping->fd);
    }
    free(mapping->path);
    *mapping = (struct mapping){.fd = -1};
}

struct session_header *mapping_header(const struct mapping *mapping)
{
    return (struct session_header *)mapping->base;
}

_Atomic unsigned char *mapping_modes(const struct mapping *mapping)
{
    return (_Atomic unsigned char *)(mapping->base + mapping->modes_offset);
}

_Atomic unsigned char *mapping_lines(const struct mapping *mapping)
{
    return mapping_modes(mapping) + SESSION_ID_LIMIT;
}

struct ring_shared *mapping_ring(const struct mapping *mapping, uint32_t index)
{
    if (index >= SESSION_RING_LIMIT)
        return NULL;
    return (struct ring_shared *)(mapping->base + mapping->rings_offset) + index;
}

const struct event *mapping_ring_events(const struct mapping *mapping, uint32_t index,
                                        uint32_t *ret_capacity)
{
    const struct ring_shared *ring = mapping_ring(mapping, index);
    if (!ring)
        return NULL;
    uint32_t capacity = *(volatile const uint32_t *)&ring->capacity;
    uint64_t offset = *(volatile const uint64_t *)&ring->offset;
    if (capacity < RING_MIN_CAPACITY || capacity > RING_MAX_CAPACITY ||
        (capacity & (capacity - 1)) != 0 || offset % 64 != 0 || offset < mapping->events_offset ||
        offset > mapping->size || (mapping->size - offset) / sizeof(struct event) < capacity)
        return NULL;
    *ret_capacity = capacity;
    return (const struct event *)(mapping->base + offset);
}

uint32_t mapping_gone_id(const struct mapping *mapping, uint32_t number)
{
    const volatile uint32_t *ids =
        (const volatile uint32_t *)(mapping->base + mapping->gone_offset);
    return ids[number % SESSION_GONE_CAPACITY];
}

/* A NUL, which Python allows in a name, is told as Python shows it: two names that differ after one
 * stay two. */
static char *cut_string(char **buffer, const unsigned char **bytes, size_t size)
{
    char *text = *buffer, *to = text;
    for (size_t i = 0; i < size && to + 4 <= text + DEFINITION_STRING_LIMIT; i++) {
        char letter = (char)(*bytes)[i];
        if (letter)
            *to++ = letter;
        else
            to = stpcpy(to, "\\x00");
    }
    *to = '\0';
    *buffer = to + 1;
    *bytes += size;
    return text;
}

int mapping_definition(const struct mapping *mapping, uint32_t id, char *buffer,
                       struct definition_text *ret_text)
{
    if (id == 0 || id >= SESSION_ID_LIMIT)
        return -ENOENT;
    const unsigned char *area = mapping->base + mapping->definitions_offset;
    const _Atomic uint32_t *slots = (const _Atomic uint32_t *)area;
    uint64_t offset = (uint64_t)atomic_load_explicit(&slots[id], memory_order_acquire) * 8;
    if (offset == 0)
        return -ENOENT;
    if (offset < SESSION_ID_LIMIT * sizeof(uint32_t) ||
        offset + sizeof(struct definition) > SESSION_DEFINITIONS_SIZE)
        return -EBADMSG;
    struct definition fixed;
    memcpy(&fixed, area + offset, sizeof(fixed));
    if (fixed.id != id || fixed.name_size > DEFINITION_STRING_LIMIT ||
        fixed.qualname_size > DEFINITION_STRING_LIMIT ||
        fixed.module_size > DEFINITION_STRING_LIMIT || fixed.file_size > DEFINITION_STRING_LIMIT)
        return -EBADMSG;
    uint64_t strings = (uint64_t)fixed.name_size + fixed.qualname_size + fixed.module_size +
                       fixed.file_size;
    if (offset + sizeof(fixed) + strings > SESSION_DEFINITIONS_SIZE)
        return -EBADMSG;
    const unsigned char *bytes = area + offset + sizeof(fixed);
    ret_text->fixed = fixed;
    ret_text->name = cut_string(&buffer, &bytes, fixed.name_size);
    ret_text->qualname = cut_string(&buffer, &bytes, fixed.qualname_size);
    ret_text->module = cut_string(&buffer, &bytes, fixed.module_size);
    ret_text->file = cut_string(&buffer, &bytes, fixed.file_size);
    return 0;
}

/* The first quarter of the budget goes in rings of a megabyte, the next in halves, then in eighths and
 * sixteenths, so that a program of three threads has deep rings and one of two hundred has a ring for
 * each: by default 5, 16, 64 and 128 of them, the control ring included. The first thread, most often the
 * only busy one, has four megabytes: a megabyte is full in 2 ms of calls and nothing else, less than a
 * collector on a busy machine may have to wait for a CPU (docs/benchmarks.md). */
static uint64_t next_ring_bytes(const struct mapping *mapping)
{
    static const unsigned char shifts[] = {0, 1, 3, 4};
    uint64_t size = MOST_RING_BYTES;
    uint64_t quarter = mapping->buffer_bytes / sizeof(shifts);
    while (size > LEAST_RING_BYTES && size > mapping->buffer_bytes / 16)
        size /= 2; /* a small budget is for several threads, too */
    uint64_t used = quarter ? mapping->events_used / quarter : 0;
    size >>= shifts[used < sizeof(shifts) ? used : sizeof(shifts) - 1];
    if (size < LEAST_RING_BYTES)
        size = LEAST_RING_BYTES;
    if (mapping->rings_made == 1 && mapping->buffer_bytes / 8 >= FIRST_RING_BYTES)
        size = FIRST_RING_BYTES;
    uint64_t left = mapping->buffer_bytes - mapping->events_used;
    while (size > left && size > LEAST_RING_BYTES)
        size /= 2;
    return size <= left ? size : 0;
}

static uint64_t control_bytes(const struct mapping *mapping)
{
    uint64_t most = CONTROL_CAPACITY * sizeof(struct event);
    return mapping->buffer_bytes / 8 < most ? LEAST_RING_BYTES : most;
}

int mapping_add_ring(struct mapping *mapping)
{
    uint32_t index = mapping->rings_made;
    if (index >= SESSION_RING_LIMIT)
        return -EMFILE;
    uint64_t size = index == 0 ? control_bytes(mapping) : next_ring_bytes(mapping);
    if (size == 0 || mapping->events_used + size > mapping->buffer_bytes)
        return -ENOSPC;
    uint64_t offset = mapping->events_offset + mapping->events_used;
    int result = allocate(mapping, offset, size);
    if (result)
        return result;
    struct ring_shared *ring = mapping_ring(mapping, index);
    ring->kind = RING_DRAIN;
    ring->capacity = (uint32_t)(size / sizeof(struct event));
    ring->offset = offset;
    atomic_store_explicit(&ring->state, index == 0 ? RING_TAKEN : RING_FREE, memory_order_release);
    mapping->events_used += size;
    mapping->rings_made = index + 1;
    atomic_store_explicit(&mapping_header(mapping)->rings_made, index + 1, memory_order_release);
    return 0;
}

uint32_t mapping_free_rings(const struct mapping *mapping)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < mapping->rings_made; i++) {
        const struct ring_shared *ring = mapping_ring(mapping, i);
        count += atomic_load_explicit(&ring->state, memory_order_acquire) == RING_FREE;
    }
    return count;
}

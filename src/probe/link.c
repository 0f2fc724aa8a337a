/* SPDX-License-Identifier: MIT */
/* Opening and claiming a session from inside the target.
 * Why: see link.h.
 * Rules: opened by path, without following a link, and only if it is ours: a session names no one
 * else's memory. The first process that claims it has it; others are counted and go on unprofiled. */
#include "probe/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Modes of no session. */
static const unsigned char all_off[1] = {MODE_OFF};
static const unsigned char no_lines[1] = {LINES_NO};

struct link link_to = {.modes = all_off,
                       .lines = no_lines,
                       .clock = CLOCK_MONOTONIC_NS,
                       .serial = &link_to.serial_seen};

bool link_header_is_sound(const struct session_header *header, size_t size)
{
    return header->magic == SESSION_MAGIC && header->format == SESSION_FORMAT &&
           header->size == size && header->id_limit == SESSION_ID_LIMIT &&
           header->ring_limit == SESSION_RING_LIMIT &&
           header->gone_capacity == SESSION_GONE_CAPACITY &&
           header->definitions_size == SESSION_DEFINITIONS_SIZE &&
           header->modes_offset + SESSION_MODES_BYTES <= size &&
           header->gone_offset + SESSION_GONE_CAPACITY * sizeof(uint32_t) <= size &&
           header->definitions_offset + SESSION_DEFINITIONS_SIZE <= size &&
           header->rings_offset + SESSION_RING_LIMIT * sizeof(struct ring_shared) <= size;
}

static bool claim(struct session_header *header)
{
    uint32_t nobody = 0;
    if (atomic_compare_exchange_strong(&header->target_pid, &nobody, (uint32_t)getpid()))
        return true;
    if (!atomic_load(&header->follow_children))
        atomic_fetch_add(&header->claims_refused, 1);
    return false;
}

int link_open_file(const char *path, size_t *ret_length, char *reason, size_t size)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        snprintf(reason, size, "opening the session failed: %s", strerror(errno));
        return -1;
    }
    /* By number: before glibc 2.33 fstat is no symbol of the library. */
    if (syscall(SYS_fstat, fd, &status) || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & 077) != 0 || status.st_size < SESSION_HEADER_SIZE) {
        snprintf(reason, size, "the session file is not this user's own; nothing is recorded");
        close(fd);
        return -1;
    }
    *ret_length = (size_t)status.st_size;
    return fd;
}

static int map_session(int fd, size_t length, char *reason, size_t size)
{
    void *base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        snprintf(reason, size, "mapping the session failed: %s", strerror(errno));
        return -1;
    }
    struct session_header *header = base;
    if (!link_header_is_sound(header, length)) {
        munmap(base, length);
        snprintf(reason, size, "the session file has a format that this probe does not know");
        return -1;
    }
    if (!claim(header)) {
        munmap(base, length);
        snprintf(reason, size, "the session belongs to another process");
        return LINK_TAKEN;
    }
    link_to.base = base;
    link_to.size = length;
    link_to.header = header;
    return 0;
}

void link_obey_full(void)
{
    link_to.wait = atomic_load_explicit(&link_to.header->on_full, memory_order_relaxed) ==
                   ON_FULL_WAIT;
}

static void take_addresses(void)
{
    struct session_header *header = link_to.header;
    link_to.modes = link_to.base + header->modes_offset;
    link_to.lines = link_to.modes + SESSION_ID_LIMIT;
    unsigned char *modes = link_to.base + header->modes_offset;
    link_to.rule_numbers = (const uint16_t *)(modes + SESSION_RULE_NUMBERS_AT);
    link_to.rules = (struct session_rule *)(modes + SESSION_RULES_AT);
    link_to.gone = (uint32_t *)(link_to.base + header->gone_offset);
    link_to.definitions = link_to.base + header->definitions_offset;
    link_to.rings = (struct ring_shared *)(link_to.base + header->rings_offset);
    link_to.clock = (enum clock_source)header->clock_kind;
    link_to.flight = header->flight == 1;
    link_obey_full();
    link_to.generation++;
    link_to.stacks_told = atomic_load(&header->stacks_wanted);
    link_to.serial = &header->switch_serial;
    link_to.sleeping = &header->sleeping;
    link_to.orphan = false;
    link_to.root[0] = '\0';
}

static int take(int fd, size_t length, const char *path, char *reason, size_t size)
{
    int result = map_session(fd, length, reason, size);
    /* The descriptor goes: asking for the lock opens the file anew, so that the target has no
     * descriptor more than it would have without ulma. */
    close(fd);
    if (result)
        return result;
    take_addresses();
    snprintf(link_to.path, sizeof(link_to.path), "%s", path);
    return 0;
}

int link_open(const char *path, char *reason, size_t size)
{
    size_t length;
    int fd = link_open_file(path, &length, reason, size);
    return fd < 0 ? -1 : take(fd, length, path, reason, size);
}

int link_take(int fd, const char *path, char *reason, size_t size)
{
    struct stat status;
    size_t length = syscall(SYS_fstat, fd, &status) ? 0 : (size_t)status.st_size;
    return take(fd, length, path, reason, size);
}

int link_open_private(char *reason, size_t size)
{
    enum { MODES_AT = SESSION_HEADER_SIZE, GONE_AT = MODES_AT + SESSION_MODES_BYTES };
    enum { DEFINITIONS_AT = GONE_AT + SESSION_GONE_CAPACITY * 4 };
    enum { RINGS_AT = DEFINITIONS_AT + SESSION_DEFINITIONS_SIZE };
    size_t length = RINGS_AT + SESSION_RING_LIMIT * sizeof(struct ring_shared);
    void *base = mmap(NULL, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        snprintf(reason, size, "no memory to measure the probe's cost in: %s", strerror(errno));
        return -1;
    }
    link_to.base = base;
    link_to.size = length;
    struct session_header *header = link_to.header = base;
    header->modes_offset = MODES_AT;
    header->gone_offset = GONE_AT;
    header->definitions_offset = DEFINITIONS_AT;
    header->rings_offset = RINGS_AT;
#if defined(__x86_64__)
    header->clock_kind = CLOCK_KIND_TSC;
#elif defined(__aarch64__)
    header->clock_kind = CLOCK_KIND_CNTVCT;
#else
    header->clock_kind = CLOCK_KIND_MONOTONIC;
#endif
    atomic_init(&header->on_full, ON_FULL_DROP);
    atomic_store(&header->sources_wanted, SOURCE_CALLS | SOURCE_C_CALLS);
    take_addresses();
    /* The first ids alone, which are calibration's own; what other threads call meanwhile is off. */
    memset(link_to.base + MODES_AT, MODE_RECORD, 4096);
    return 0;
}

void link_forget(void)
{
    link_to.header = NULL;
    link_to.serial = &link_to.serial_seen;
    link_to.generation++;
}

void link_close(void)
{
    link_forget();
    link_to.modes = all_off;
    link_to.lines = no_lines;
    link_to.flight = false;
    if (link_to.base)
        munmap(link_to.base, link_to.size);
    link_to.base = NULL;
}

bool link_collector_lives(void)
{
    /* A child's session is its own until the collector has found it. */
    const char *path = link_to.root[0] ? link_to.root : link_to.path;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SESSION_COLLECTOR_LOCK, .l_len = 1};
    bool lives = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return lives;
}

/* SPDX-License-Identifier: MIT */
/* Making and sizing the flight recorder's file; a cap on those that crashes leave.
 * Why: see flight_file.h.
 * Rules: without Python.h, beside which some functions get names that older C libraries lack. A file is
 * removed only when nobody has it mapped (its lock is free), oldest first. One of another boot may be
 * another machine's, on a mount that both share, where locks may not be seen: it goes only when its last
 * sign of life is a day old. A file that is no session of this format is left alone. */
#include "probe/flight_file.h"

#include "base/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum { PATH_SIZE = 256, ALIGN = 4096, CLEAR_PASSES = 64, LIMIT_SHARE = 16 };

/* --- words ---------------------------------------------------------------------------------- */

/* A number with at most three decimals, in thousandths, and what follows it. */
static const char *read_thousandths(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    int decimals = -1, digits = 0;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && decimals < 0); text++) {
        if (*text == '.') {
            decimals = 0;
            continue;
        }
        if (decimals == 3 || ++digits > 9)
            return NULL;
        value = value * 10 + (uint64_t)(*text - '0');
        decimals += decimals >= 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 3; i++)
        value *= 10;
    *ret_value = value;
    return digits ? text : NULL;
}

static bool read_keep(const char *text, size_t length, uint64_t *ret_ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"", SECOND_NS}, {"ms", 1000000}, {"s", SECOND_NS}, {"m", 60 * SECOND_NS}};
    uint64_t thousandths;
    const char *unit = read_thousandths(text, &thousandths);
    for (size_t i = 0; unit && i < sizeof(units) / sizeof(units[0]); i++) {
        size_t left = length - (size_t)(unit - text);
        if (left != strlen(units[i].unit) || strncmp(unit, units[i].unit, left) != 0)
            continue;
        *ret_ns = thousandths * (units[i].ns / 1000);
        return *ret_ns > 0 && *ret_ns <= 3600 * SECOND_NS;
    }
    return false;
}

static bool read_budget(const char *text, size_t length, uint32_t *ret_thousandths)
{
    uint64_t thousandths;
    const char *end = read_thousandths(text, &thousandths);
    if (!end || end != text + length || thousandths > 100 * 1000)
        return false;
    *ret_thousandths = (uint32_t)thousandths;
    return true;
}

int flight_file_read_wish(const char *words, struct flight_wish *ret_wish, char *reason,
                          size_t size)
{
    static const char budget[] = "budget=", keep[] = "keep=";
    struct flight_wish wish = {FLIGHT_KEEP_MS * UINT64_C(1000000), FLIGHT_BUDGET_THOUSANDTHS};
    while (*words) {
        size_t length = strcspn(words, ",");
        bool fine = false;
        if (strncmp(words, budget, sizeof(budget) - 1) == 0)
            fine = read_budget(words + sizeof(budget) - 1, length - (sizeof(budget) - 1),
                               &wish.budget_thousandths);
        else if (strncmp(words, keep, sizeof(keep) - 1) == 0)
            fine = read_keep(words + sizeof(keep) - 1, length - (sizeof(keep) - 1), &wish.keep_ns);
        if (!fine) {
            snprintf(reason, size,
                     "the flight recorder does not know `%.*s`: it takes budget=PCT (0 to 100) and "
                     "keep=S (up to an hour), as in ULMA=flight,budget=2,keep=30s",
                     (int)(length < 80 ? length : 80), words);
            return -1;
        }
        words += length;
        words += *words == ',';
    }
    *ret_wish = wish;
    return 0;
}

/* --- sizes ---------------------------------------------------------------------------------- */

static size_t read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

static void lower_to(uint64_t *limit, const char *folder, const char *name)
{
    char path[PATH_SIZE * 2], text[32];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!read_text(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
        return;
    uint64_t value = strtoull(text, NULL, 10);
    if (value < *limit)
        *limit = value;
}

/* Of a control group that a line of /proc/self/cgroup names, and of those above it. */
static void lower_to_group(uint64_t *limit, const char *line)
{
    char folder[PATH_SIZE * 2];
    bool second = strncmp(line, "0::/", 4) == 0;
    const char *group = strstr(line, second ? "/" : ":memory:/");
    if (!group)
        return;
    const char *root = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char *name = second ? "memory.max" : "memory.limit_in_bytes";
    group += second ? 0 : strlen(":memory:");
    size_t prefix = strlen(root);
    snprintf(folder, sizeof(folder), "%s%s", root, group);
    while (strlen(folder) > prefix) {
        lower_to(limit, folder, name);
        *strrchr(folder, '/') = '\0';
    }
    lower_to(limit, folder, name);
}

/* What memory the process may use at all; UINT64_MAX: nobody says. */
static uint64_t memory_limit(void)
{
    char text[2048], *line = text, *end;
    uint64_t limit = UINT64_MAX;
    read_text("/proc/self/cgroup", text, sizeof(text));
    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        lower_to_group(&limit, line);
    }
    return limit;
}

struct sizes {
    uint64_t first, rings, kept_ns;
};

/* The first thread's ring holds what is to be kept; all others together have as much once more. */
static bool choose_sizes(const struct flight_wish *wish, uint64_t free_bytes, uint64_t fixed,
                         struct sizes *ret_sizes)
{
    uint64_t most = memory_limit() / LIMIT_SHARE, half = free_bytes / 2;
    uint64_t wanted =
        (uint64_t)((double)wish->keep_ns / 1e9 * FLIGHT_EVENTS_PER_S * sizeof(struct event));
    uint64_t first = FLIGHT_LEAST_RING;
    if (half < fixed + 2 * first)
        return false;
    if (most > half - fixed)
        most = half - fixed;
    while (first < wanted && first < FLIGHT_MOST_RING && 4 * first <= most)
        first *= 2;
    uint64_t kept_ns = (uint64_t)((double)first / sizeof(struct event) / FLIGHT_EVENTS_PER_S * 1e9);
    *ret_sizes =
        (struct sizes){first, 2 * first, kept_ns < wish->keep_ns ? kept_ns : wish->keep_ns};
    return true;
}

/* --- those that are over -------------------------------------------------------------------- */

struct left_over {
    uint32_t count;
    uint64_t bytes, oldest_ns;
    char oldest[PATH_SIZE];
};

static uint64_t real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* When the process last gave a sign of life; 0: the file is not to be touched. */
static uint64_t last_sign_ns(int fd)
{
    static union {
        struct session_header header;
        char bytes[SESSION_HEADER_SIZE];
    } found;
    char boot[SESSION_BOOT_ID_SIZE];
    if (flock(fd, LOCK_SH | LOCK_NB) ||
        pread(fd, &found, sizeof(found), 0) != (ssize_t)sizeof(found))
        return 0;
    const struct session_header *header = &found.header;
    if (header->magic != SESSION_MAGIC || header->format != SESSION_FORMAT || !header->flight)
        return 0;
    uint64_t pair_ns = atomic_load(&header->pair_time_ns), start_ns = header->start_time_ns;
    uint64_t sign_ns = pair_ns > start_ns ? pair_ns : start_ns;
    read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
    boot[strcspn(boot, "\n")] = '\0';
    bool of_this_boot = strncmp(boot, header->boot_id, sizeof(boot)) == 0;
    return of_this_boot || real_ns() > sign_ns + 24 * 3600 * SECOND_NS ? sign_ns : 0;
}

static bool is_flight_name(const char *name)
{
    size_t length = strlen(name), suffix = strlen(FLIGHT_SUFFIX);
    return length > suffix && length < 100 && strcmp(name + length - suffix, FLIGHT_SUFFIX) == 0;
}

static void look_at(int directory, const char *name, struct left_over *left)
{
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    uint64_t sign_ns = syscall(SYS_fstat, fd, &status) == 0 && S_ISREG(status.st_mode) &&
                               status.st_uid == geteuid()
                           ? last_sign_ns(fd)
                           : 0;
    close(fd);
    if (!sign_ns)
        return;
    left->count++;
    left->bytes += (uint64_t)status.st_blocks * 512;
    if (!left->oldest[0] || sign_ns < left->oldest_ns) {
        left->oldest_ns = sign_ns;
        snprintf(left->oldest, sizeof(left->oldest), "%s", name);
    }
}

/* One more is to be made. Returns how many were removed. */
static uint32_t clear_left_over(const char *path, int directory)
{
    uint32_t cleared = 0;
    for (int pass = 0; pass < CLEAR_PASSES; pass++) {
        struct left_over left = {0};
        DIR *entries = opendir(path);
        struct dirent *entry;
        while (entries && (entry = readdir(entries)))
            if (is_flight_name(entry->d_name))
                look_at(directory, entry->d_name, &left);
        if (entries)
            closedir(entries);
        if (!left.oldest[0] ||
            (left.count < FLIGHT_FILES_MOST && left.bytes < FLIGHT_FILES_BYTES) ||
            unlinkat(directory, left.oldest, 0))
            break;
        cleared++;
    }
    return cleared;
}

/* --- making --------------------------------------------------------------------------------- */

static void lay_out(struct session_header *header)
{
    uint64_t rings_end;
    header->modes_offset = SESSION_HEADER_SIZE;
    header->gone_offset = header->modes_offset + SESSION_MODES_BYTES;
    header->definitions_offset = header->gone_offset + SESSION_GONE_CAPACITY * sizeof(uint32_t);
    header->rings_offset = header->definitions_offset + SESSION_DEFINITIONS_SIZE;
    rings_end = header->rings_offset + SESSION_RING_LIMIT * sizeof(struct ring_shared);
    header->events_offset = (rings_end + ALIGN - 1) / ALIGN * ALIGN;
    header->id_limit = SESSION_ID_LIMIT;
    header->ring_limit = SESSION_RING_LIMIT;
    header->gone_capacity = SESSION_GONE_CAPACITY;
    header->definitions_size = SESSION_DEFINITIONS_SIZE;
}

enum clock_source flight_file_clock(void)
{
#if defined(__x86_64__)
    char name[32];
    read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
              sizeof(name));
    return strcmp(name, "tsc\n") == 0 ? CLOCK_TSC : CLOCK_MONOTONIC_NS;
#elif defined(__aarch64__)
    return CLOCK_CNTVCT;
#else
    return CLOCK_MONOTONIC_NS;
#endif
}

static void read_command(char *text, size_t size)
{
    char words[1024] = {0};
    command_write(text, size, words, read_text("/proc/self/cmdline", words, sizeof(words)));
}

static void fill_header(struct session_header *header, const struct flight_wish *wish,
                        const struct sizes *sizes, double ticks_per_ns)
{
    struct stat status;
    lay_out(header);
    header->format = SESSION_FORMAT;
    header->header_size = sizeof(struct session_header);
    header->size = header->events_offset + SESSION_CHILD_CONTROL_BYTES + sizes->rings;
    header->clock_kind = flight_file_clock();
    header->start_time_ns = real_ns();
    header->start_counter = clock_counter((enum clock_source)header->clock_kind);
    atomic_init(&header->pair_counter, header->start_counter);
    atomic_init(&header->pair_time_ns, header->start_time_ns);
    read_text("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
    header->boot_id[strcspn(header->boot_id, "\n")] = '\0';
    if (syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &status, 0) == 0)
        header->pid_namespace = status.st_ino;
    atomic_init(&header->on_full, ON_FULL_DROP);
    atomic_init(&header->modes_vary, wish->budget_thousandths > 0);
    atomic_init(&header->wanted, WANTED_ON);
    atomic_init(&header->sources_wanted, SOURCE_CALLS);
    read_command(header->command, sizeof(header->command));
    header->flight = 1;
    header->flight_budget_thousandths = wish->budget_thousandths;
    header->flight_keep_ns = wish->keep_ns;
    header->flight_kept_ns = sizes->kept_ns;
    header->flight_first_bytes = sizes->first;
    header->flight_ring_bytes = sizes->rings;
    header->counter_hz = header->clock_kind == CLOCK_MONOTONIC_NS ? SECOND_NS
                                                                  : (uint64_t)(ticks_per_ns * 1e9);
}

static int allocate(int fd, uint64_t offset, uint64_t bytes)
{
    int error;
    do {
        error = posix_fallocate(fd, (off_t)offset, (off_t)bytes);
    } while (error == EINTR);
    return error;
}

static void make_ring(unsigned char *base, uint32_t index, uint64_t offset, uint64_t bytes)
{
    struct session_header *header = (struct session_header *)base;
    struct ring_shared *ring = (struct ring_shared *)(base + header->rings_offset) + index;
    ring->kind = index == 0 ? RING_DRAIN : RING_OVERWRITE;
    ring->capacity = (uint32_t)(bytes / sizeof(struct event));
    ring->offset = offset;
    atomic_store_explicit(&ring->state, index == 0 ? RING_TAKEN : RING_FREE, memory_order_release);
    atomic_store_explicit(&header->rings_made, index + 1, memory_order_release);
}

/* The magic comes last: who finds the file before has found none. */
static int fill_file(int fd, const struct session_header *header)
{
    uint64_t bytes = header->events_offset + SESSION_CHILD_CONTROL_BYTES +
                     header->flight_first_bytes;
    int error = ftruncate(fd, (off_t)header->size) ? errno : allocate(fd, 0, bytes);
    if (error)
        return error;
    unsigned char *base = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return errno;
    memcpy(base, header, sizeof(*header));
    memset(base + header->modes_offset, MODE_RECORD, SESSION_ID_LIMIT);
    make_ring(base, 0, header->events_offset, SESSION_CHILD_CONTROL_BYTES);
    make_ring(base, 1, header->events_offset + SESSION_CHILD_CONTROL_BYTES,
              header->flight_first_bytes);
    atomic_thread_fence(memory_order_release);
    ((struct session_header *)base)->magic = SESSION_MAGIC;
    munmap(base, (size_t)bytes);
    return 0;
}

static int make_file(int directory, const char *place, struct session_header *header, char *path,
                     size_t path_size)
{
    uint64_t random = 0;
    if (syscall(SYS_getrandom, &random, sizeof(random), 0) != (long)sizeof(random))
        random = clock_monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15);
    int length = snprintf(path, path_size, "%s/%d-%016llx" FLIGHT_SUFFIX, place, (int)getpid(),
                          (unsigned long long)random);
    if (length < 0 || (size_t)length >= path_size)
        return -ENAMETOOLONG;
    const char *name = path + strlen(place) + 1;
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* Where a file system has no locks, a living file cannot be told from a dead one: not there. */
    int error = flock(fd, LOCK_EX | LOCK_NB) ? errno : fill_file(fd, header);
    if (!error)
        return fd;
    unlinkat(directory, name, 0);
    close(fd);
    return -error;
}

int flight_file_make(const char *directory, const struct flight_wish *wish, double ticks_per_ns,
                     char *path, size_t path_size, char *reason, size_t size)
{
    static struct session_header header;
    struct statvfs space;
    struct sizes sizes;
    int place = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (place < 0) {
        snprintf(reason, size, "opening %s: %s", directory, strerror(errno));
        return -1;
    }
    memset(&header, 0, sizeof(header));
    uint32_t cleared = clear_left_over(directory, place);
    lay_out(&header);
    uint64_t free_bytes = fstatvfs(place, &space) == 0 ? (uint64_t)space.f_bavail * space.f_frsize
                                                       : 0;
    int fd = -ENOSPC;
    if (choose_sizes(wish, free_bytes, header.events_offset + SESSION_CHILD_CONTROL_BYTES,
                     &sizes)) {
        fill_header(&header, wish, &sizes, ticks_per_ns);
        header.flight_cleared = cleared;
        fd = make_file(place, directory, &header, path, path_size);
    }
    close(place);
    if (fd < 0)
        snprintf(reason, size,
                 "making the flight recorder's file in %s: %s; set ULMA_DIR to a "
                 "directory of your own with room",
                 directory, strerror(-fd));
    return fd < 0 ? -1 : fd;
}

/* --- rings ---------------------------------------------------------------------------------- */

static uint64_t next_bytes(uint64_t left)
{
    uint64_t bytes = FLIGHT_LEAST_RING;
    while (bytes * 4 <= left)
        bytes *= 2;
    return bytes;
}

bool flight_file_add_ring(void)
{
    const struct session_header *header = link_to.header;
    uint32_t made = atomic_load_explicit(&header->rings_made, memory_order_relaxed);
    uint64_t used = 0;
    if (made == 0 || made >= SESSION_RING_LIMIT)
        return false;
    for (uint32_t i = 1; i < made; i++)
        used += (uint64_t)link_to.rings[i].capacity * sizeof(struct event);
    uint64_t offset = header->events_offset + SESSION_CHILD_CONTROL_BYTES + used;
    if (offset >= link_to.size || link_to.size - offset < FLIGHT_LEAST_RING)
        return false;
    uint64_t bytes = next_bytes(link_to.size - offset);
    int fd = open(link_to.path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    int error = allocate(fd, offset, bytes);
    close(fd);
    if (!error)
        make_ring(link_to.base, made, offset, bytes);
    return !error;
}

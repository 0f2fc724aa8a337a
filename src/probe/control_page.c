/* SPDX-License-Identifier: MIT */
/* A file of one page: made, mapped, locked, obeyed.
 * Why: see control_page.h.
 * Rules: the descriptor stays open for its lock (closing any descriptor of the file would drop it), at
 * a high number and closed on exec, so that no program meets it by counting from 3. */
#include "probe/control_page.h"

#include "probe/flight.h"
#include "probe/switch.h"
#include "sources/census/census_probe.h"
#include "wire/armed_page.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DIRECTORY_SIZE = 160, LOW_DESCRIPTOR = 200 };

/* A descriptor that stays open. A program may have closed it, and have another file under its number. */
struct kept {
    int fd; /* -1: none */
    uint64_t device, inode;
};

static struct {
    struct armed_page *page; /* NULL: none */
    struct kept file, bell;
    pid_t pid; /* whose it is */
    bool armed;
    uint32_t seen;                  /* the serial last obeyed */
    char directory[DIRECTORY_SIZE]; /* as given */
    char place[DIRECTORY_SIZE];     /* where the page is */
    char path[DIRECTORY_SIZE + ARMED_NAME_SIZE];
    char bell_path[DIRECTORY_SIZE + ARMED_NAME_SIZE];
} own = {.file.fd = -1, .bell.fd = -1};

static struct kept keep(int fd)
{
    struct stat status;
    if (fd < 0 || syscall(SYS_fstat, fd, &status))
        return (struct kept){.fd = fd};
    return (struct kept){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
}

static bool is_kept(const struct kept *kept)
{
    struct stat status;
    return kept->fd >= 0 && syscall(SYS_fstat, kept->fd, &status) == 0 &&
           status.st_dev == kept->device && status.st_ino == kept->inode;
}

static void let_go(struct kept *kept)
{
    if (is_kept(kept))
        close(kept->fd);
    kept->fd = -1;
}

/* To a number where no program meets it. By number: beside Python.h, fcntl is fcntl64, which glibc has
 * only since 2.28. */
static int move_up(int low)
{
    int fd = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, LOW_DESCRIPTOR);
    if (fd < 0)
        return low;
    close(low);
    return fd;
}

/* --- making --------------------------------------------------------------------------------- */

static void read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
}

/* The 22nd field of /proc/self/stat; the second may hold blanks and brackets. */
static uint64_t start_time(void)
{
    char text[1024];
    read_file("/proc/self/stat", text, sizeof(text));
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void fill(struct armed_page *page)
{
    struct stat status;
    memset(page, 0, sizeof(*page));
    page->format = ARMED_FORMAT;
    page->pid = (uint32_t)getpid();
    page->start_time = start_time();
    read_file("/proc/sys/kernel/random/boot_id", page->boot_id, sizeof(page->boot_id));
    page->boot_id[strcspn(page->boot_id, "\n")] = '\0';
    if (syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &status, 0) == 0)
        page->pid_namespace = status.st_ino;
    const char *version = Py_GetVersion();
    snprintf(page->python, sizeof(page->python), "%.*s", (int)strcspn(version, " "), version);
}

static int refuse(char *reason, size_t size, const char *what, int error)
{
    snprintf(reason, size, "%s %s: %s; set ULMA_DIR to a directory of your own", what, own.place,
             strerror(error));
    return -1;
}

static void choose_place(void)
{
    const char *directory = own.directory[0] ? own.directory : getenv("ULMA_DIR");
    char here[DIRECTORY_SIZE / 2] = "";
    if (!directory || !*directory)
        snprintf(own.place, sizeof(own.place), "/dev/shm/ulma-%u", (unsigned)geteuid());
    else if (directory[0] == '/' || !getcwd(here, sizeof(here)))
        snprintf(own.place, sizeof(own.place), "%s", directory);
    else
        snprintf(own.place, sizeof(own.place), "%s/%.*s", here, DIRECTORY_SIZE / 2 - 1, directory);
}

static int open_place(char *reason, size_t size)
{
    struct stat status;
    if (mkdir(own.place, 0700) && errno != EEXIST)
        return refuse(reason, size, "making", errno);
    int fd = open(own.place, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(reason, size, "opening", errno);
    if (syscall(SYS_fstat, fd, &status) == 0 && status.st_uid == geteuid() &&
        (status.st_mode & 07777) == 0700)
        return fd;
    close(fd);
    snprintf(reason, size,
             "the session directory %s must belong to this user and have mode 0700: remove it, or "
             "set ULMA_DIR to a directory of your own",
             own.place);
    return -1;
}

/* A file that did not exist, as long as the page; its descriptor. It is nobody's page until it has its
 * magic, which comes with the lock: `ulma ps` clears pages that nobody has locked. */
static int make_file(int directory, char *reason, size_t size)
{
    uint64_t random = 0;
    if (syscall(SYS_getrandom, &random, sizeof(random), 0) != (long)sizeof(random))
        random = clock_monotonic_ns();
    char name[ARMED_NAME_SIZE];
    snprintf(name, sizeof(name), "%d-%016llx" ARMED_SUFFIX, (int)getpid(),
             (unsigned long long)random);
    snprintf(own.path, sizeof(own.path), "%s/%s", own.place, name);
    union {
        struct armed_page page;
        char bytes[ARMED_PAGE_SIZE];
    } content;
    memset(&content, 0, sizeof(content));
    fill(&content.page);
    int low =
        openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)0600);
    if (low < 0)
        return refuse(reason, size, "making a control page in", errno);
    /* Written, not left a hole: a store into a hole of a full tmpfs would be SIGBUS. */
    int error = write(low, &content, sizeof(content)) == (ssize_t)sizeof(content) ? 0 : ENOSPC;
    int fd = move_up(low);
    if (!error)
        return fd;
    unlinkat(directory, name, 0);
    close(fd);
    return refuse(reason, size, "making a control page in", error);
}

/* The bell: whoever writes into it has the kernel send us SIGURG. Only those who have no PID of ours need
 * it, so that a file system without FIFOs is no reason to refuse. */
static void make_bell(int directory)
{
    const char *name = strrchr(own.path, '/') + 1;
    snprintf(own.bell_path, sizeof(own.bell_path), "%s/%.*s" ARMED_BELL, own.place,
             (int)(strlen(name) - strlen(ARMED_SUFFIX)), name);
    const char *bell = strrchr(own.bell_path, '/') + 1;
    if (syscall(SYS_mknodat, directory, bell, S_IFIFO | 0600, 0))
        return;
    int low = openat(directory, bell, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    int fd = low >= 0 ? move_up(low) : -1;
    if (fd < 0 || syscall(SYS_fcntl, fd, F_SETOWN, getpid()) ||
        syscall(SYS_fcntl, fd, F_SETSIG, SIGURG) ||
        syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK | O_ASYNC)) {
        if (fd >= 0)
            close(fd);
        unlinkat(directory, bell, 0);
        return;
    }
    own.bell = keep(fd);
}

static void empty_bell(void)
{
    char bytes[64];
    while (is_kept(&own.bell) && read(own.bell.fd, bytes, sizeof(bytes)) > 0)
        continue;
}

int control_page_make(const char *directory, char *reason, size_t size)
{
    if (strlen(directory) >= DIRECTORY_SIZE) {
        snprintf(reason, size, "the session directory's name is longer than %d bytes",
                 DIRECTORY_SIZE - 1);
        return -1;
    }
    if (directory != own.directory)
        snprintf(own.directory, sizeof(own.directory), "%s", directory);
    choose_place();
    int place = open_place(reason, size);
    if (place < 0)
        return -1;
    int fd = make_file(place, reason, size);
    if (fd >= 0)
        make_bell(place);
    close(place);
    if (fd < 0)
        return -1;
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ARMED_TARGET_LOCK, .l_len = 1};
    void *page = mmap(NULL, ARMED_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED || syscall(SYS_fcntl, fd, F_SETLK, &lock)) {
        refuse(reason, size, "a control page in", errno);
        unlink(own.path);
        unlink(own.bell_path);
        let_go(&own.bell);
        close(fd);
        return -1;
    }
    own.page = page;
    atomic_thread_fence(memory_order_release);
    own.page->magic = ARMED_MAGIC;
    own.file = keep(fd);
    own.pid = getpid();
    own.armed = true;
    own.seen = 0;
    control_page_tell_flight(flight_is_wanted());
    return 0;
}

/* --- having --------------------------------------------------------------------------------- */

bool control_page_is_armed(void)
{
    return own.armed;
}

void control_page_ready(void)
{
    if (own.page)
        atomic_store_explicit(&own.page->ready, 1, memory_order_release);
}

const char *control_page_place(void)
{
    return own.place;
}

void control_page_tell_flight(bool on)
{
    if (own.page)
        atomic_store_explicit(&own.page->flight, on, memory_order_release);
}

void control_page_forget(void)
{
    if (!own.page)
        return;
    /* In a fork's child page and lock are the parent's; closing a copy does not drop that lock. */
    let_go(&own.file);
    let_go(&own.bell);
    munmap(own.page, ARMED_PAGE_SIZE);
    own.page = NULL;
}

void control_page_remove(void)
{
    if (own.page && own.pid == getpid()) {
        unlink(own.path);
        unlink(own.bell_path);
    }
    control_page_forget();
    own.armed = false;
}

/* A plain end of the process; what is killed or leaves by _exit is cleared by `ulma ps`. */
__attribute__((destructor)) static void at_exit(void)
{
    control_page_remove();
}

/* --- obeying -------------------------------------------------------------------------------- */

static int do_wish(uint32_t wish, const char *session, char *reason, size_t size)
{
    char path[DIRECTORY_SIZE + ARMED_NAME_SIZE];
    if (wish == ARMED_FLY)
        return flight_begin(session, reason, size);
    if (wish == ARMED_DISARM)
        flight_end();
    if (wish == ARMED_LEAVE || wish == ARMED_DISARM) {
        switch_leave();
        flight_resume();
        return 0;
    }
    if (wish != ARMED_JOIN && wish != ARMED_CENSUS) {
        snprintf(reason, size, "the probe in the process is an older one, which cannot do that");
        return -1;
    }
    if (!*session || strchr(session, '/')) {
        snprintf(reason, size, "the control page names no session");
        return -1;
    }
    snprintf(path, sizeof(path), "%s/%s", own.place, session);
    if (wish == ARMED_CENSUS)
        return census_run(path, reason, size);
    int result = switch_join(path, reason, size);
    if (result)
        flight_resume();
    return result;
}

void control_page_obey(void)
{
    char session[ARMED_NAME_SIZE], reason[SESSION_REASON_SIZE] = "";
    empty_bell();
    if (!own.armed || switch_is_busy())
        return; /* busy: who wished it asks again */
    if (!own.page) {
        /* A fork's child, asked for the first time. It has no one to tell a refusal. */
        if (control_page_make(own.directory, reason, sizeof(reason)) == 0)
            control_page_ready();
        return;
    }
    struct armed_page *page = own.page;
    /* Pairs with the collector's writes: `serial` is its last. */
    uint32_t serial = atomic_load_explicit(&page->serial, memory_order_acquire);
    if (serial == own.seen)
        return;
    own.seen = serial;
    uint32_t wish = page->wish;
    memcpy(session, page->session, sizeof(session));
    session[sizeof(session) - 1] = '\0';
    int result = do_wish(wish, session, reason, sizeof(reason));
    memcpy(page->reason, reason, sizeof(page->reason));
    page->answer = result ? ARMED_REFUSED : ARMED_DONE;
    if (wish == ARMED_DISARM)
        switch_give_signal_back();
    atomic_store_explicit(&page->answered, serial, memory_order_release);
    if (wish == ARMED_DISARM)
        control_page_remove();
}

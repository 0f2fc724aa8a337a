/* SPDX-License-Identifier: MIT */
/* Running Python in a process by its own door for debuggers (PEP 768, 3.14 and newer), without ptrace.
 * Why second: it is heard only when the process handles some request anyway (a thread waits for the GIL, the garbage
 * collector is due, a signal came); one that sleeps does not hear it at all.
 * How: a script lies in a directory of the process's own tree, its path is written into the main thread's state, and the
 * word beside it raised. `eval_breaker` is left alone: to set a bit of it is not safe while the process runs.
 * Rules: the script begins only if it can unlink the file `claim`, which one of both does: what was given up never
 * runs. Nor does what a killed ulma has left: nobody holds the lock on that file any more, and the script takes its
 * folder away. What the process writes is anybody's text. */
#include "attach/elsewhere.h"
#include "attach/inject_parts.h"
#include "attach/memory.h"
#include "attach/python_image.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum {
    FIRST_MINOR = 14,
    LOOK_MS = 1,
    THREADS_MOST = 10000,
    PATH_BYTES = 96,
    SUPPORT_WORDS = 6, /* debugger_support, the last of _Py_DebugOffsets */
    GRACE_S = 10,      /* for one that has begun */
};

/* In the order of _Py_DebugOffsets. */
struct support {
    uint64_t eval_breaker, of_thread, enabled, pending, path, path_bytes;
};
static_assert(sizeof(struct support) == SUPPORT_WORDS * sizeof(uint64_t), "as CPython tells it");

struct script {
    pid_t pid;
    int pidfd;
    int parent, folder, claim, result; /* descriptors */
    char name[32];
    char path[PATH_BYTES]; /* of the script, as the process sees it */
    uint64_t pending;      /* address */
};

static const char *const files[] = {"script.py", "claim", "result", "blob"};

/* --- the process's words --------------------------------------------------------------------- */

static int read_support(const struct python_image *image, pid_t pid, struct support *ret_support)
{
    unsigned count = layouts_word_count(image->minor);
    if (image->minor < FIRST_MINOR || count < SUPPORT_WORDS)
        return -EOPNOTSUPP;
    int error = memory_read(pid, image->runtime + (count - SUPPORT_WORDS) * sizeof(uint64_t),
                            ret_support, sizeof(*ret_support));
    enum { MOST = 1 << 20 };
    const struct support *told = ret_support;
    if (!error && (told->of_thread > MOST || told->enabled > MOST || told->pending > MOST ||
                   told->path > MOST || told->path_bytes < PATH_BYTES))
        error = -EOPNOTSUPP;
    return error;
}

/* The state of the process's first thread, which is Python's main thread. */
static int find_thread(const struct python_image *image, pid_t pid, uint64_t interpreter,
                       uint64_t *ret_thread)
{
    const struct layout *layout = &image->layout;
    uint64_t thread, number;
    int error = memory_read_u64(pid, interpreter + layout->interpreter_threads, &thread);
    uint64_t unused;
    pid_t wanted = elsewhere_own_pid(pid, &unused);
    for (int i = 0; !error && thread && i < THREADS_MOST; i++) {
        error = memory_read_u64(pid, thread + layout->thread_native_id, &number);
        if (!error && number == (uint64_t)wanted) {
            *ret_thread = thread;
            return 0;
        }
        if (!error)
            error = memory_read_u64(pid, thread + layout->thread_next, &thread);
    }
    return error ? error : -EOPNOTSUPP;
}

static int write_memory(pid_t pid, uint64_t address, const void *bytes, size_t size)
{
    union {
        const void *given;
        void *bytes;
    } ours = {.given = bytes};
    struct iovec local = {ours.bytes, size};
    struct iovec remote = {(void *)(uintptr_t)address,
                           size}; /* NOLINT(performance-no-int-to-ptr) */
    ssize_t done = process_vm_writev(pid, &local, 1, &remote, 1, 0);
    return done < 0 ? -errno : done == (ssize_t)size ? 0 : -EFAULT;
}

static int raise_pending(const struct script *script, uint32_t value)
{
    return write_memory(script->pid, script->pending, &value, sizeof(value));
}

/* Where the word is, and that the process listens to it. -EOPNOTSUPP: it does not. */
static int find_door(struct script *script, uint64_t *ret_path)
{
    struct python_image image;
    struct support support;
    uint64_t interpreter, thread = 0;
    uint32_t enabled = 0;
    if (python_image_read(script->pid, &image) != PYTHON_FINE)
        return -EOPNOTSUPP;
    int error = read_support(&image, script->pid, &support);
    if (!error)
        error = memory_read_u64(script->pid, image.runtime + image.layout.runtime_interpreters,
                                &interpreter);
    /* The list begins with the youngest. */
    for (uint64_t next = error ? 0 : interpreter; next && !error;) {
        interpreter = next;
        error = memory_read_u64(script->pid, next + image.layout.interpreter_next, &next);
    }
    if (!error)
        error = memory_read_u32(script->pid, interpreter + support.enabled, &enabled);
    if (!error && enabled != 1)
        error = -EOPNOTSUPP;
    if (!error)
        error = find_thread(&image, script->pid, interpreter, &thread);
    if (error)
        return error;
    script->pending = thread + support.of_thread + support.pending;
    *ret_path = thread + support.of_thread + support.path;
    return 0;
}

bool inject_has_door(pid_t pid)
{
    struct script script = {.pid = pid};
    uint64_t path;
    return find_door(&script, &path) == 0;
}

/* --- files in its tree ----------------------------------------------------------------------- */

static int make_file(const struct script *script, const char *name, const struct stat *owner)
{
    int fd = openat(script->folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && owner->st_uid != geteuid() && fchown(fd, owner->st_uid, owner->st_gid)) {
        close(fd);
        return -EPERM;
    }
    return fd < 0 ? -errno : fd;
}

static int write_file(const struct script *script, const char *name, const struct stat *owner,
                      const void *bytes, size_t size)
{
    const char *next = bytes;
    int fd = make_file(script, name, owner);
    int error = fd < 0 ? fd : 0;
    while (!error && size > 0) {
        ssize_t done = write(fd, next, size);
        if (done < 0 && errno != EINTR)
            error = -errno;
        next += done > 0 ? done : 0;
        size -= done > 0 ? (size_t)done : 0;
    }
    if (fd >= 0)
        close(fd);
    return error;
}

static int hold_claim(struct script *script, const struct stat *owner)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    script->claim = make_file(script, "claim", owner);
    if (script->claim < 0)
        return script->claim;
    return fcntl(script->claim, F_SETLK, &lock) ? -errno : 0;
}

/* In /tmp, else in /dev/shm. */
static int make_folder(struct script *script, const struct stat *owner)
{
    static const char *const parents[] = {"/tmp", "/dev/shm"};
    uint64_t random;
    int error = -ENOENT;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EAGAIN;
    snprintf(script->name, sizeof(script->name), "ulma-%016llx", (unsigned long long)random);
    for (int i = 0; i < 2; i++) {
        script->parent = elsewhere_open_directory(script->pid, parents[i]);
        if (script->parent < 0)
            continue;
        snprintf(script->path, sizeof(script->path), "%s/%s/%s", parents[i], script->name,
                 files[0]);
        if (mkdirat(script->parent, script->name, 0700) == 0)
            script->folder = openat(script->parent, script->name,
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (script->folder >= 0 && (owner->st_uid == geteuid() ||
                                    fchown(script->folder, owner->st_uid, owner->st_gid) == 0))
            return 0;
        error = -errno;
        close(script->parent);
        script->parent = -1;
    }
    return error;
}

static void take_files_away(struct script *script)
{
    for (size_t i = 0; script->folder >= 0 && i < sizeof(files) / sizeof(*files); i++)
        unlinkat(script->folder, files[i], 0);
    if (script->parent >= 0 && script->name[0])
        unlinkat(script->parent, script->name, AT_REMOVEDIR);
    const int fds[] = {script->parent, script->folder, script->claim, script->result};
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int fill_folder(struct script *script, const char *code,
                       const struct attach_options *options)
{
    char proc[32];
    struct stat owner;
    size_t room = inject_script_bytes(code);
    char *text = malloc(room);
    snprintf(proc, sizeof(proc), "/proc/%d", (int)script->pid);
    int error = !text ? -ENOMEM : stat(proc, &owner) ? -errno : make_folder(script, &owner);
    if (!error) {
        char folder[PATH_BYTES];
        snprintf(folder, sizeof(folder), "%.*s", (int)(strlen(script->path) - strlen(files[0]) - 1),
                 script->path);
        inject_write_script(text, code, folder);
        error = write_file(script, "blob", &owner, options->blob, options->blob_bytes);
    }
    error = error ? error : write_file(script, files[0], &owner, text, strlen(text));
    error = error ? error : hold_claim(script, &owner);
    if (!error) {
        script->result = make_file(script, "result", &owner);
        error = script->result < 0 ? script->result : 0;
    }
    free(text);
    return error;
}

/* --- the wait -------------------------------------------------------------------------------- */

static bool has_ended(const struct script *script, int wait_ms)
{
    struct pollfd ended = {.fd = script->pidfd, .events = POLLIN};
    return poll(&ended, 1, wait_ms) > 0;
}

/* "ran", or what it raised. */
static bool read_result(const struct script *script, char *text, size_t size)
{
    ssize_t got = pread(script->result, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    for (char *byte = text; *byte; byte++)
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
            *byte = '?';
    return got > 0;
}

static bool withdraw(const struct script *script)
{
    raise_pending(script, 0);
    return unlinkat(script->folder, "claim", 0) == 0;
}

/* 0 with the result; -ESRCH; -ETIMEDOUT: it was withdrawn; -EINPROGRESS. */
static int wait_for_result(const struct script *script, uint64_t deadline_ns,
                           bool (*is_cancelled)(void), char *text, size_t size)
{
    uint64_t limit_ns = 0;
    for (;;) {
        if (read_result(script, text, size))
            return 0;
        if (has_ended(script, LOOK_MS))
            return -ESRCH;
        uint64_t now = clock_monotonic_ns();
        if (limit_ns) {
            if (now > limit_ns)
                return -EINPROGRESS;
        } else if (now >= deadline_ns || (is_cancelled && is_cancelled())) {
            if (withdraw(script))
                return -ETIMEDOUT;
            limit_ns = now + GRACE_S * SECOND_NS;
        }
    }
}

static int tell(const struct script *script, int error, const char *text,
                struct attach_outcome *outcome)
{
    int pid = (int)script->pid;
    switch (error) {
    case 0:
        outcome->way = ATTACH_WAY_SCRIPT;
        outcome->stops = 0; /* those that were tried before stopped nothing */
        outcome->stopped_ns = 0;
        return strcmp(text, "ran") == 0 ? 0 : inject_tell_raised(outcome, pid, text);
    case -ESRCH:
        return inject_tell(
            outcome, error,
            "process %d ended while ulma attached to it; there is nothing left to do", pid);
    case -EINPROGRESS:
        return inject_tell(outcome, error,
                           "process %d is still running what ulma gave it; wait for it, or look "
                           "with: ulma dump %d",
                           pid, pid);
    default:
        return error;
    }
}

int inject_by_script(pid_t pid, int pidfd, const char *code, const struct attach_options *options,
                     uint64_t deadline_ns, struct attach_outcome *outcome)
{
    struct script script = {
        .pid = pid, .pidfd = pidfd, .parent = -1, .folder = -1, .claim = -1, .result = -1};
    char text[INJECT_MESSAGE_BYTES] = "";
    uint64_t path;
    int error = find_door(&script, &path);
    if (!error)
        error = fill_folder(&script, code, options);
    if (!error)
        error = write_memory(pid, path, script.path, strlen(script.path) + 1);
    if (!error)
        error = raise_pending(&script, 1);
    if (!error)
        error =
            tell(&script,
                 wait_for_result(&script, deadline_ns, options->is_cancelled, text, sizeof(text)),
                 text, outcome);
    take_files_away(&script);
    return error;
}

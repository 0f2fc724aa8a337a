/* SPDX-License-Identifier: MIT */
/* The loader that a process runs, and what is said while it does not yet.
 * Why the probe travels as bytes: the process may see another file system, or none that it may execute
 * from; it makes a memfd of them, loads that, and closes it.
 * Why the descriptor's number stands in the memfd's name: the C library knows a loaded object by the
 * path that it was loaded by, and only so can a second attach find the first one's probe instead of
 * mapping another.
 * Why a thread for the stacks: the one that traces may not stop for them (ptrace(2) knows threads).
 * Rules: see arming.h. */
#include "cmd/arming.h"

#include "attach/inject.h"
#include "attach/inspect.h"
#include "base/clock.h"
#include "cmd/dump_print.h"
#include "cmd/embedded.h"
#include "cmd/job_process.h"
#include "cmd/message.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 500 /* before one is told why nothing happens */ };

/* Runs in the process. The first two `%s` are what tells this probe from those of other versions, the last one is the
 * directory of its control page. */
static const char loader[] =
    "import posix, _imp\n"
    "from _frozen_importlib import ModuleSpec\n"
    "from _frozen_importlib_external import ExtensionFileLoader\n"
    "def mapped():\n"
    "    with_number = b'/memfd:ulma_probe.%s.'\n"
    "    with_maps = posix.open('/proc/self/maps', posix.O_RDONLY | posix.O_CLOEXEC)\n"
    "    try:\n"
    "        text = b''\n"
    "        while True:\n"
    "            more = posix.read(with_maps, 65536)\n"
    "            if not more:\n"
    "                break\n"
    "            text += more\n"
    "    finally:\n"
    "        posix.close(with_maps)\n"
    "    at = text.find(with_number)\n"
    "    return int(text[at + len(with_number):].split(None, 1)[0]) if at >= 0 else None\n"
    "def make():\n"
    "    memory = posix.open('/proc/self/mem', posix.O_RDONLY | posix.O_CLOEXEC)\n"
    "    try:\n"
    "        image = blob if type(blob) is bytes else posix.pread(memory, blob[1], blob[0])\n"
    "    finally:\n"
    "        posix.close(memory)\n"
    "    number, file = memory, None\n" /* the lowest free one, unless a thread takes it */
    "    while file != number:\n"
    "        if file is not None:\n"
    "            posix.close(file)\n"
    "            number = file\n"
    "        file = posix.memfd_create('ulma_probe.%s.' + str(number), posix.MFD_CLOEXEC)\n"
    "    while image:\n"
    "        image = image[posix.write(file, image):]\n"
    "    return file\n"
    "number = mapped()\n"
    "file = make() if number is None else -1\n"
    "path = '/proc/self/fd/%%d' %% (file if number is None else number)\n"
    "try:\n"
    "    spec = ModuleSpec('ulma_probe', ExtensionFileLoader('ulma_probe', path), origin=path)\n"
    "    probe = _imp.create_dynamic(spec)\n"
    "    _imp.exec_dynamic(probe)\n"
    "    refusal = probe.arm_process('%s')\n"
    "finally:\n"
    "    if file >= 0:\n"
    "        posix.close(file)\n"
    "if refusal:\n"
    "    raise RuntimeError(refusal)\n";

/* FNV-1a: enough to tell builds apart. */
static uint64_t hash_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* --- while it waits ------------------------------------------------------------------------- */

struct wait {
    pid_t pid;
    bool over;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static struct timespec after_ms(int milliseconds)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += milliseconds * 1000000L;
    time.tv_sec += time.tv_nsec / 1000000000L;
    time.tv_nsec %= 1000000000L;
    return time;
}

static void show_stacks(pid_t pid)
{
    struct inspect *inspect;
    const struct inspect_options plain = {.locals = false};
    if (inspect_process(pid, &plain, &inspect) == PYTHON_FINE) {
        message_note("PID %d is in nothing that can be interrupted yet; where it is meanwhile:",
                     (int)pid);
        dump_print_text(inspect, stderr);
    }
    inspect_free(inspect);
}

static void *wait_and_tell(void *argument)
{
    struct wait *wait = argument;
    struct timespec until = after_ms(PATIENCE_MS);
    int result = 0;
    pthread_mutex_lock(&wait->mutex);
    while (!wait->over && result == 0)
        result = pthread_cond_timedwait(&wait->changed, &wait->mutex, &until);
    bool over = wait->over;
    pthread_mutex_unlock(&wait->mutex);
    if (!over && !message_is_quiet())
        show_stacks(wait->pid);
    return NULL;
}

static bool wait_begin(struct wait *wait, pid_t pid)
{
    pthread_condattr_t attributes;
    *wait = (struct wait){.pid = pid};
    pthread_mutex_init(&wait->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wait->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pthread_create(&wait->thread, NULL, wait_and_tell, wait) == 0;
}

static void wait_end(struct wait *wait)
{
    pthread_mutex_lock(&wait->mutex);
    wait->over = true;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->mutex);
    pthread_join(wait->thread, NULL);
}

/* --- arming --------------------------------------------------------------------------------- */

/* A signal that top and report hold back until the process is theirs. */
static bool is_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1;
}

/* What is loaded of it: the rest, behind, is for debuggers, and most of it. The process copies it while its main
 * thread does nothing else. */
static size_t loaded_bytes(void)
{
    const unsigned char *image = probe_image;
    Elf64_Ehdr head;
    size_t most = 0;
    memcpy(&head, image, sizeof(head));
    for (size_t i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr part;
        memcpy(&part, image + head.e_phoff + i * head.e_phentsize, sizeof(part));
        if (part.p_type == PT_LOAD && part.p_offset + part.p_filesz > most)
            most = part.p_offset + part.p_filesz;
    }
    return most;
}

/* Within quotes of Python's; where that would need more than the text itself, or an encoding, the process chooses. */
static const char *quotable(const char *directory)
{
    bool plain = directory && strlen(directory) < PATH_MAX;
    for (const char *byte = plain ? directory : ""; *byte; byte++)
        plain = plain && *byte != '\'' && *byte != '\\' && (unsigned char)*byte >= 0x20 &&
                (unsigned char)*byte < 0x7f;
    return plain ? directory : "";
}

static int run_loader(pid_t pid, const struct arming_wish *wish, struct attach_outcome *ret_outcome)
{
    char code[sizeof(loader) + 64 + PATH_MAX];
    char build[32];
    struct wait wait;
    size_t bytes = loaded_bytes();
    struct attach_options options = {.timeout_ns = wish->timeout_ns > 0 ? (uint64_t)wish->timeout_ns
                                                                        : 0,
                                     .blob = probe_image,
                                     .blob_bytes = bytes,
                                     .is_cancelled = wish->is_cancelled};
    snprintf(build, sizeof(build), "%016llx", (unsigned long long)hash_of(probe_image, bytes));
    snprintf(code, sizeof(code), loader, build, build, quotable(wish->directory));
    bool waiting = !wish->is_silent && wait_begin(&wait, pid);
    int error = attach_run_python(pid, code, &options, ret_outcome);
    if (waiting)
        wait_end(&wait);
    return error;
}

/* Its page goes with its memory, a moment before the process itself. */
static bool ends_now(pid_t pid)
{
    enum { MOMENT_MS = 200 };
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (ended.fd < 0)
        return errno == ESRCH;
    bool ends = poll(&ended, 1, MOMENT_MS) > 0;
    close(ended.fd);
    return ends;
}

/* One ulma attaches at a time: two in turns would each take the other's place in the thread for the process's own. The
 * lock is on its memory in /proc, which nobody can open who could not attach, and of which nothing is left, however
 * ulma ends. False: *ret_outcome says so. */
static bool take_turn(pid_t pid, const struct arming_wish *wish, int *ret_lock,
                      struct attach_outcome *ret_outcome)
{
    enum { WAIT_MS = 10000, LOOK_MS = 5 };
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    *ret_lock = open(path, O_RDONLY | O_CLOEXEC);
    if (*ret_lock < 0)
        return true; /* what the attach is refused for is told there */
    bool taken = false;
    for (int waited = 0; !taken && waited < WAIT_MS && !wish->is_cancelled(); waited += LOOK_MS) {
        taken = flock(*ret_lock, LOCK_EX | LOCK_NB) == 0;
        if (!taken)
            usleep(LOOK_MS * 1000);
    }
    if (!taken)
        snprintf(ret_outcome->text, sizeof(ret_outcome->text),
                 "another ulma is attaching to process %d: try again", (int)pid);
    return taken;
}

/* The probe was loaded, and there is no page. */
static int tell_no_page(pid_t pid, struct attach_outcome *outcome)
{
    const char *format =
        "process %d has loaded the probe, but its control page is not to be found: "
        "has it another /dev/shm, or an ULMA_DIR of its own?";
    bool ended = ends_now(pid);
    if (ended)
        format = "process %d ended while ulma attached to it; there is nothing left to do";
    else if (!armed_may_be(pid)) /* SIGURG was given back */
        format = "process %d was detached by somebody else while ulma attached to it, and runs on "
                 "without the probe: try again";
    snprintf(outcome->text, sizeof(outcome->text), format, (int)pid);
    return ended ? -ESRCH : -ENOENT;
}

static int arm_alone(struct armed *armed, pid_t pid, const struct arming_wish *wish,
                     struct attach_outcome *outcome, enum arming *ret_arming)
{
    *ret_arming = ARMING_BEFORE;
    if (armed_find(armed, pid, wish->directory, JOB_PROCESS_WAIT_MS) == 0)
        return 0;
    *ret_arming = ARMING_FAILED;
    int error = run_loader(pid, wish, outcome);
    if (error)
        return error;
    message_step("the main thread of PID %d was stopped for %.0f us, in %u stops", (int)pid,
                 (double)outcome->stopped_ns / 1e3, outcome->stops);
    if (armed_find(armed, pid, wish->directory, JOB_PROCESS_WAIT_MS))
        return tell_no_page(pid, outcome);
    *ret_arming = ARMING_NOW;
    return 0;
}

int arm_process_as(struct armed *armed, pid_t pid, const struct arming_wish *wish,
                   enum arming *ret_arming, struct attach_outcome *ret_outcome)
{
    *ret_outcome = (struct attach_outcome){0};
    *ret_arming = ARMING_BEFORE;
    if (armed_find(armed, pid, wish->directory, JOB_PROCESS_WAIT_MS) == 0)
        return 0;
    *ret_arming = ARMING_FAILED;
    int lock, error = -EBUSY;
    if (take_turn(pid, wish, &lock, ret_outcome))
        error = arm_alone(armed, pid, wish, ret_outcome, ret_arming);
    if (lock >= 0)
        close(lock);
    return error;
}

enum arming arm_process(struct armed *armed, pid_t pid, int64_t timeout_ns)
{
    struct arming_wish wish = {.timeout_ns = timeout_ns, .is_cancelled = is_interrupted};
    struct attach_outcome outcome;
    enum arming arming;
    if (arm_process_as(armed, pid, &wish, &arming, &outcome))
        message_error("%s", outcome.text);
    return arming;
}

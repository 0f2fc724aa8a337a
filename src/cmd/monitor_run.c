/* SPDX-License-Identifier: MIT */
/* Starting monitors, and looking after them.
 * Why: see monitor_run.h.
 * Rules: as there. */
#include "cmd/monitor_run.h"

#include "base/clock.h"
#include "cmd/launch.h"
#include "cmd/message.h"
#include "cmd/python_find.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS    UINT64_C(1000000000)
#define LOOK_MOST_NS (SECOND_NS / 10)

enum { READY_S = 30, HANGS_S = 5, LOOK_US = 2000 };

/* The package is beside the program in a clone, else where its Python finds it. */
static const char boot[] = "import sys\n"
                           "sys.path[:1] = sys.argv[1:2] if sys.argv[1] else []\n"
                           "from ulma import _monitor_child\n"
                           "sys.exit(_monitor_child.main(int(sys.argv[2]), sys.argv[3]))\n";

/* --- starting ---------------------------------------------------------------------------------- */

/* Where `python/ulma` of a clone is, or "". */
static void find_package(char *folder, size_t size)
{
    char path[PATH_MAX - 64], probe[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    folder[0] = '\0';
    if (length <= 0)
        return;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    *slash = '\0';
    snprintf(probe, sizeof(probe), "%s/../python/ulma/_monitor_child.py", path);
    if (access(probe, R_OK) == 0)
        snprintf(folder, size, "%s/../python", path);
}

/* Of an installed ulma, the Python beside it; --python's and a virtual environment's come first. */
static int find_python(const struct options *options, char *path, size_t size, const char **argv0)
{
    char beside[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", beside, sizeof(beside) - sizeof("/python3"));
    if (!options->python && length > 0) {
        beside[length] = '\0';
        char *slash = strrchr(beside, '/');
        if (slash) {
            memcpy(slash, "/python3", sizeof("/python3"));
            if (command_find(beside, path, size) == 0) {
                *argv0 = path;
                return 0;
            }
        }
    }
    return python_find(options->python, path, size, argv0);
}

static _Noreturn void become_monitor(const char *python, char *const *words, int fd)
{
    launch_leave_family();
    setenv("ULMA", "0", 1); /* a monitor is not profiled */
    /* Ctrl-C is for the target; the monitor still has its last words to say. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    fcntl(fd, F_SETFD, 0);
    execv(python, words);
    _exit(EXIT_CANNOT_EXECUTE);
}

static int start_python(struct monitor_run *run, size_t index, const struct options *options)
{
    char python[PATH_MAX], package[PATH_MAX], number[16];
    struct monitor_child *child = &run->children[index];
    const char *argv0;
    int result = find_python(options, python, sizeof(python), &argv0);
    if (result) {
        message_error("no Python to run %s with: %s; name one with --python", child->word,
                      strerror(-result));
        return EXIT_NOT_FOUND;
    }
    int fd = stream_make_file();
    result = fd < 0 ? fd : stream_open(&run->streams[index], fd);
    if (result) {
        message_error("cannot make shared memory for %s: %s", child->word, strerror(-result));
        return EXIT_ULMA_FAILED;
    }
    find_package(package, sizeof(package));
    snprintf(number, sizeof(number), "%d", fd);
    char *words[] = {(char *)argv0, (char *)"-c",        (char *)boot, package,
                     number,        (char *)child->word, NULL};
    child->pid = fork();
    if (child->pid == 0)
        become_monitor(python, words, fd);
    if (child->pid < 0) {
        child->pid = 0;
        message_error("cannot start a process for %s: %s", child->word, strerror(errno));
        return EXIT_ULMA_FAILED;
    }
    return EXIT_FINE;
}

static int open_given(struct monitor_run *run, size_t index)
{
    const char *word = run->children[index].word;
    char *end;
    long fd = strtol(word + 3, &end, 10);
    int result = *end || end == word + 3 || fd < 0 || fd > INT_MAX
                     ? -EINVAL
                     : stream_open(&run->streams[index], (int)fd);
    if (result == 0) {
        struct monitor_child *child = &run->children[index];
        memcpy(child->name, run->streams[index].header->name, sizeof(child->name) - 1);
        child->word = child->name; /* which says more than a number */
        return EXIT_FINE;
    }
    message_error("%s is no stream of a monitor that this ulma could write to: %s", word,
                  strerror(-result));
    return EXIT_ULMA_FAILED;
}

static uint32_t readiness(const struct stream *stream)
{
    return atomic_load_explicit(&stream->header->ready, memory_order_acquire);
}

static bool reap(struct monitor_child *child, int flags)
{
    pid_t got = child->pid ? waitpid(child->pid, &child->status, flags) : 0;
    if (got != child->pid || !child->pid)
        return false;
    child->pid = 0;
    return true;
}

static bool wait_until_ready(struct monitor_run *run, size_t index)
{
    struct monitor_child *child = &run->children[index];
    uint64_t until = clock_monotonic_ns() + READY_S * SECOND_NS;
    while (!readiness(&run->streams[index])) {
        if (reap(child, WNOHANG)) {
            /* It has said what was wrong. */
            message_error("%s could not be loaded: nothing was started", child->word);
            return false;
        }
        if (clock_monotonic_ns() > until) {
            message_error("%s was not loaded within %d s: nothing was started", child->word,
                          READY_S);
            return false;
        }
        usleep(LOOK_US);
    }
    return true;
}

/* Its words, cut at the commas. */
static bool split(struct monitor_run *run, const char *list)
{
    run->words = strdup(list);
    if (!run->words) {
        message_error("out of memory");
        return false;
    }
    char *rest = run->words;
    for (char *word; (word = strsep(&rest, ","));) {
        if (run->count == STREAMS_MOST) {
            message_error("`ulma monitor` runs at most %d monitors at once", STREAMS_MOST);
            return false;
        }
        if (!*word) {
            message_error("`%s` names no monitor between two commas: write FILE.py[:CLASS],…",
                          list);
            return false;
        }
        run->streams[run->count].fd = -1;
        run->children[run->count++].word = word;
    }
    return true;
}

int monitor_run_begin(struct monitor_run *run, const struct options *options, const char *list)
{
    *run = (struct monitor_run){0};
    if (!split(run, list))
        return EXIT_ULMA_FAILED;
    for (size_t i = 0; i < run->count; i++) {
        bool given = strncmp(run->children[i].word, "fd:", 3) == 0;
        int status = given ? open_given(run, i) : start_python(run, i, options);
        if (status)
            return status;
    }
    for (size_t i = 0; i < run->count; i++)
        if (!wait_until_ready(run, i))
            return EXIT_ULMA_FAILED;
    monitors_begin(&run->monitors, run->streams, run->count);
    return EXIT_FINE;
}

void monitor_run_start(struct monitor_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        atomic_store_explicit(&run->streams[i].header->state, STREAM_RUNS, memory_order_release);
}

/* --- looking after them ------------------------------------------------------------------------ */

static void say_how_it_died(const struct monitor_child *child)
{
    int status = child->status;
    if (WIFSIGNALED(status))
        message_error("%s was taken off: its process was ended by signal %d (%s)", child->word,
                      WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        message_error("%s was taken off: its process ended with status %d", child->word,
                      WEXITSTATUS(status));
}

/* It has left by itself where it says so: it has also said why, if there was something wrong. */
static bool has_died(struct monitor_run *run, size_t index)
{
    struct monitor_child *child = &run->children[index];
    const struct stream *stream = &run->streams[index];
    bool left = readiness(stream) == 2;
    bool died = child->pid ? reap(child, WNOHANG) : !stream_has_reader(stream);
    if (died && !left && child->status)
        say_how_it_died(child);
    else if (died && !left && !run->ended)
        message_error("%s was taken off: whoever read its events is gone", child->word);
    return died || left;
}

/* Nothing was done for long though there was something to do. Time in which nobody looked does not count: all of us were
 * stopped, say. */
static bool hangs(struct monitor_run *run, size_t index, uint64_t passed_ns)
{
    struct monitor_child *child = &run->children[index];
    const struct stream *stream = &run->streams[index];
    uint64_t progress = atomic_load_explicit(&stream->header->progress, memory_order_relaxed);
    bool stuck = progress == child->progress && !stream_is_empty(stream);
    child->progress = progress;
    child->stuck_ns = stuck ? child->stuck_ns + passed_ns : 0;
    return child->stuck_ns > HANGS_S * SECOND_NS;
}

static void take_off(struct monitor_run *run, size_t index)
{
    run->streams[index].off = true;
    run->children[index].gone = true;
}

bool monitor_run_look(struct monitor_run *run)
{
    size_t left = 0;
    uint64_t now = clock_monotonic_ns(), passed_ns = now - run->looked_ns;
    run->looked_ns = now;
    if (passed_ns > LOOK_MOST_NS)
        passed_ns = LOOK_MOST_NS;
    for (size_t i = 0; i < run->count; i++) {
        struct monitor_child *child = &run->children[i];
        if (child->gone)
            continue;
        if (has_died(run, i)) {
            take_off(run, i);
        } else if (hangs(run, i, passed_ns)) {
            message_error(
                "%s was taken off: it has been busy with its events for %d s, and more wait",
                child->word, HANGS_S);
            take_off(run, i);
            if (child->pid)
                kill(child->pid, SIGKILL);
        } else {
            left++;
        }
    }
    return left > 0;
}

/* --- the end ----------------------------------------------------------------------------------- */

static void say_lost(const struct monitor_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        uint64_t lost = atomic_load_explicit(&run->streams[i].header->lost, memory_order_relaxed);
        if (lost)
            message_note("%s was too slow for %llu events, which were dropped",
                         run->children[i].word, (unsigned long long)lost);
    }
}

/* It may still have its last words to say when all is read. */
static bool wait_for_last_words(struct monitor_child *child)
{
    uint64_t until = clock_monotonic_ns() + HANGS_S * SECOND_NS;
    while (child->pid && !reap(child, WNOHANG)) {
        if (clock_monotonic_ns() > until) {
            message_error("%s did not come to its end within %d s", child->word, HANGS_S);
            kill(child->pid, SIGKILL);
            reap(child, 0);
            return false;
        }
        usleep(LOOK_US);
    }
    return child->status == 0;
}

/* A stream that another program made is that one's to read, whenever it likes. */
static bool is_read(const struct monitor_run *run, size_t index)
{
    return run->children[index].gone || !run->children[index].pid ||
           stream_is_empty(&run->streams[index]);
}

bool monitor_run_end(struct monitor_run *run)
{
    bool good = true;
    run->ended = true;
    monitors_end(&run->monitors);
    for (size_t i = 0; i < run->count; i++) {
        while (!is_read(run, i)) {
            usleep(LOOK_US);
            monitor_run_look(run);
        }
        good = wait_for_last_words(&run->children[i]) && good;
    }
    say_lost(run);
    return good;
}

void monitor_run_close(struct monitor_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct monitor_child *child = &run->children[i];
        if (child->pid) {
            kill(child->pid, SIGKILL);
            reap(child, 0);
        }
        if (run->streams[i].header)
            stream_close(&run->streams[i]);
    }
    free(run->words);
    *run = (struct monitor_run){0};
}

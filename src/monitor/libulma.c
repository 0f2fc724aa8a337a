/* SPDX-License-Identifier: MIT */
/* libulma: the reader's end of streams, and the program that writes them.
 * Why it starts `ulma monitor` and holds no collector itself: whoever uses it gets no threads, no signal handlers and no
 * mapping of a hostile session, and a monitor that dies takes nothing with it.
 * Rules: those of ulma.h. Knows of ulma only the stream's format. */
#include "monitor/ulma.h"

#include "monitor/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    PAUSE_FIRST_US = 50,
    PAUSE_MOST_US = 2000,
    LOOK_EACH = 16, /* pauses between two looks at whether the writer lives */
    INDEX_FIRST = 256,
    DEFINITIONS_TYPES = 5,
};

extern char **environ;

/* Where in the definitions each number of a type is told; 0: it is not. */
struct index {
    uint32_t *at; /* in units of 8 bytes, + 1 */
    uint32_t count;
};

struct ulma_monitor {
    struct stream_header *header;
    const struct ulma_event *slots;
    const unsigned char *definitions;
    struct index index[DEFINITIONS_TYPES];
    uint64_t indexed;    /* bytes of definitions that were looked at */
    uint64_t tail, lent; /* taken back so far, and lent now */
    int fd;
    bool gone; /* the writer died */
};

struct ulma_session {
    pid_t pid;
    bool ended;
    int status;
    size_t count;
    struct ulma_monitor monitors[STREAMS_MOST];
};

/* --- one stream -------------------------------------------------------------------------------- */

static int map_stream(struct ulma_monitor *monitor, int fd)
{
    *monitor = (struct ulma_monitor){.fd = -1};
    int result = stream_map(fd, &monitor->header);
    if (result)
        return result;
    stream_lock(fd, STREAM_LOCK_READER);
    monitor->slots = stream_slots(monitor->header);
    monitor->definitions = stream_definitions(monitor->header);
    monitor->fd = fd;
    return 0;
}

static void unmap_stream(struct ulma_monitor *monitor)
{
    stream_unmap(monitor->header);
    if (monitor->fd >= 0)
        close(monitor->fd);
    for (int type = 0; type < DEFINITIONS_TYPES; type++)
        free(monitor->index[type].at);
    *monitor = (struct ulma_monitor){.fd = -1};
}

static void give_back(struct ulma_monitor *monitor)
{
    monitor->tail += monitor->lent;
    monitor->lent = 0;
    /* Pairs with the writer's acquire: what is below it may be overwritten. */
    atomic_store_explicit(&monitor->header->tail, monitor->tail, memory_order_release);
    atomic_fetch_add_explicit(&monitor->header->progress, 1, memory_order_relaxed);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t available(const struct ulma_monitor *monitor)
{
    /* Pairs with the writer's release: the events below it are there. */
    uint64_t head = atomic_load_explicit(&monitor->header->head, memory_order_acquire);
    uint64_t count = head - monitor->tail;
    return count <= STREAM_SLOTS ? count : 0;
}

/* It is over when nothing more comes, and what came has been read. */
static bool is_over(struct ulma_monitor *monitor, bool look)
{
    if (atomic_load_explicit(&monitor->header->state, memory_order_acquire) == STREAM_ENDED)
        return available(monitor) == 0;
    if (look && !stream_is_locked(monitor->fd, STREAM_LOCK_WRITER))
        monitor->gone = true;
    return monitor->gone && available(monitor) == 0;
}

/* Until an event is there. Their number, 0: the time is up, -ENODATA. */
static long wait_for_some(struct ulma_monitor *monitor, int timeout_ms)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : now_us() + (int64_t)timeout_ms * 1000;
    long pause_us = PAUSE_FIRST_US;
    for (unsigned round = 1;; round++) {
        uint64_t count = available(monitor);
        if (count)
            return (long)count;
        if (is_over(monitor, round % LOOK_EACH == 0))
            return -ENODATA;
        if (timeout_ms >= 0 && now_us() >= end)
            return 0;
        struct timespec pause = {.tv_nsec = pause_us * 1000};
        nanosleep(&pause, NULL);
        pause_us = pause_us * 2 < PAUSE_MOST_US ? pause_us * 2 : PAUSE_MOST_US;
    }
}

EXPORT long ulma_read(struct ulma_monitor *monitor, const struct ulma_event **ret_events,
                      size_t most, int timeout_ms)
{
    give_back(monitor);
    long count = wait_for_some(monitor, timeout_ms);
    if (count <= 0)
        return count;
    uint64_t at = monitor->tail % STREAM_SLOTS, whole = STREAM_SLOTS - at;
    uint64_t lent = (uint64_t)count < whole ? (uint64_t)count : whole;
    monitor->lent = lent < most ? lent : most;
    *ret_events = &monitor->slots[at];
    return (long)monitor->lent;
}

EXPORT long ulma_take(struct ulma_monitor *monitor, struct ulma_event *events, size_t most,
                      int timeout_ms)
{
    const struct ulma_event *lent;
    long count = ulma_read(monitor, &lent, most, timeout_ms);
    if (count > 0)
        memcpy(events, lent, (size_t)count * sizeof(*events));
    return count;
}

EXPORT void ulma_set_mask(struct ulma_monitor *monitor, uint64_t mask)
{
    atomic_store_explicit(&monitor->header->mask, mask, memory_order_relaxed);
}

EXPORT void ulma_set_slower(struct ulma_monitor *monitor, uint64_t duration_ns)
{
    atomic_store_explicit(&monitor->header->slower_ns, duration_ns, memory_order_relaxed);
}

EXPORT uint64_t ulma_lost(const struct ulma_monitor *monitor)
{
    return atomic_load_explicit(&monitor->header->lost, memory_order_relaxed);
}

EXPORT int ulma_is_recorded(const struct ulma_monitor *monitor)
{
    return (int)atomic_load_explicit(&monitor->header->recorded, memory_order_relaxed);
}

EXPORT void ulma_leave(struct ulma_monitor *monitor)
{
    ulma_set_mask(monitor, 0);
    atomic_store_explicit(&monitor->header->ready, 2, memory_order_release);
}

/* --- definitions ------------------------------------------------------------------------------- */

static void index_one(struct ulma_monitor *monitor, const struct stream_definition *definition)
{
    if (definition->type == 0 || definition->type >= DEFINITIONS_TYPES)
        return;
    struct index *index = &monitor->index[definition->type];
    if (definition->id >= index->count) {
        uint32_t count = index->count ? index->count : INDEX_FIRST;
        while (definition->id >= count && count < UINT32_MAX / 2)
            count *= 2;
        uint32_t *at = realloc(index->at, count * sizeof(*at));
        if (!at)
            return;
        memset(at + index->count, 0, (count - index->count) * sizeof(*at));
        index->at = at;
        index->count = count;
    }
    index->at[definition->id] = (uint32_t)(monitor->indexed / 8) + 1;
}

static void index_all(struct ulma_monitor *monitor)
{
    uint64_t used = atomic_load_explicit(&monitor->header->definitions_used, memory_order_acquire);
    struct stream_definition definition;
    while (used <= STREAM_DEFINITIONS_BYTES && monitor->indexed + sizeof(definition) <= used) {
        memcpy(&definition, monitor->definitions + monitor->indexed, sizeof(definition));
        if (definition.bytes < sizeof(definition) || definition.bytes > used - monitor->indexed)
            return;
        index_one(monitor, &definition);
        monitor->indexed += definition.bytes;
    }
}

/* The bytes behind its head; NULL: it was not told. */
static const unsigned char *find(struct ulma_monitor *monitor, enum stream_definition_type type,
                                 uint32_t id)
{
    struct index *index = &monitor->index[type];
    if (id >= index->count || !index->at[id])
        index_all(monitor);
    if (id >= index->count || !index->at[id])
        return NULL;
    uint64_t at = (uint64_t)(index->at[id] - 1) * 8;
    return monitor->definitions + at + sizeof(struct stream_definition);
}

static void read_words(const unsigned char **at, uint32_t words[2])
{
    memcpy(words, *at, 2 * sizeof(*words));
    *at += 2 * sizeof(*words);
}

static const char *read_string(const unsigned char **at)
{
    const char *string = (const char *)*at;
    *at += strlen(string) + 1;
    return string;
}

EXPORT int ulma_function(struct ulma_monitor *monitor, uint32_t function,
                         struct ulma_function_info *ret_info)
{
    uint32_t words[2];
    const unsigned char *at = find(monitor, STREAM_FUNCTION, function);
    if (!at)
        return -ENOENT;
    read_words(&at, words);
    ret_info->line = words[0];
    ret_info->kind = words[1];
    ret_info->name = read_string(&at);
    ret_info->qualname = read_string(&at);
    ret_info->module = read_string(&at);
    ret_info->file = read_string(&at);
    return 0;
}

EXPORT int ulma_thread(struct ulma_monitor *monitor, uint32_t thread,
                       struct ulma_thread_info *ret_info)
{
    uint32_t words[2];
    index_all(monitor); /* its name may have been told anew */
    const unsigned char *at = find(monitor, STREAM_THREAD, thread);
    if (!at)
        return -ENOENT;
    read_words(&at, words);
    *ret_info =
        (struct ulma_thread_info){.name = (const char *)at, .pid = words[0], .tid = words[1]};
    return 0;
}

EXPORT int ulma_context(struct ulma_monitor *monitor, uint32_t context, uint32_t *ret_caller,
                        uint32_t *ret_function)
{
    uint32_t words[2];
    const unsigned char *at = find(monitor, STREAM_CONTEXT, context);
    if (!at)
        return -ENOENT;
    read_words(&at, words);
    *ret_caller = words[0];
    *ret_function = words[1];
    return 0;
}

EXPORT const char *ulma_name(struct ulma_monitor *monitor, uint32_t name)
{
    return (const char *)find(monitor, STREAM_NAME, name);
}

/* --- a session --------------------------------------------------------------------------------- */

static int fail(char *error, size_t size, int result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(char *error, size_t size, int result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error && size)
        vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return result;
}

static int make_stream(struct ulma_monitor *monitor, uint64_t mask, const char *name, size_t number)
{
    int fd = stream_make_file();
    int result = fd < 0 ? fd : map_stream(monitor, fd);
    if (result) {
        if (fd >= 0)
            close(fd);
        return result;
    }
    ulma_set_mask(monitor, mask);
    if (name)
        snprintf(monitor->header->name, sizeof(monitor->header->name), "%s", name);
    else
        snprintf(monitor->header->name, sizeof(monitor->header->name), "monitor %zu", number + 1);
    atomic_store_explicit(&monitor->header->ready, 1, memory_order_release);
    return 0;
}

/* `ulma monitor OPTIONS fd:3,fd:4 WHAT`, as one list of words; NULL: no memory. */
static char **make_words(const struct ulma_session *session, const char *const *what,
                         const struct ulma_options *options, char *streams, size_t size)
{
    size_t count = 4, used = 0, length = 0;
    const char *const *extra = options ? options->options : NULL;
    for (size_t i = 0; extra && extra[i]; i++)
        count++;
    for (size_t i = 0; what[i]; i++)
        count++;
    char **words = calloc(count + 1, sizeof(*words));
    if (!words)
        return NULL;
    for (size_t i = 0; i < session->count; i++)
        length += (size_t)snprintf(streams + length, length < size ? size - length : 0, "%sfd:%d",
                                   i ? "," : "", session->monitors[i].fd);
    words[used++] = (char *)"ulma";
    words[used++] = (char *)"monitor";
    for (size_t i = 0; extra && extra[i]; i++)
        words[used++] = (char *)extra[i];
    words[used++] = streams;
    for (size_t i = 0; what[i]; i++)
        words[used++] = (char *)what[i];
    return words;
}

/* The descriptors of the streams, and no others of this process's, are the program's too. */
static int spawn(struct ulma_session *session, char **words, const struct ulma_options *options)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    const char *executable = options && options->executable ? options->executable : "ulma";
    int result = posix_spawn_file_actions_init(&actions);
    if (result)
        return -result;
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    /* To itself: what was to be closed by exec stays open. */
    for (size_t i = 0; i < session->count && result == 0; i++)
        result = posix_spawn_file_actions_adddup2(&actions, session->monitors[i].fd,
                                                  session->monitors[i].fd);
    if (result == 0 && options && options->error_file)
        result = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, options->error_file,
                                                  O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (result == 0)
        result = posix_spawnp(&session->pid, executable, &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

static bool look_for_end(struct ulma_session *session, bool wait)
{
    if (session->ended || session->pid <= 0)
        return true;
    pid_t got;
    do {
        got = waitpid(session->pid, &session->status, wait ? 0 : WNOHANG);
    } while (got < 0 && errno == EINTR);
    session->ended = got != 0;
    if (got < 0)
        session->status = 0; /* somebody else has reaped it: what it was is not known */
    return session->ended;
}

static int exit_status(const struct ulma_session *session)
{
    return WIFSIGNALED(session->status) ? 128 + WTERMSIG(session->status)
                                        : WEXITSTATUS(session->status);
}

/* Until it follows, or has refused. */
static int wait_for_begin(struct ulma_session *session, char *error, size_t size)
{
    const struct stream_header *header = session->monitors[0].header;
    const struct timespec pause = {.tv_nsec = 2000000};
    while (atomic_load_explicit(&header->state, memory_order_acquire) == STREAM_WAITS) {
        if (look_for_end(session, false) &&
            atomic_load_explicit(&header->state, memory_order_acquire) == STREAM_WAITS)
            return fail(error, size, -ECANCELED,
                        "`ulma monitor` ended with status %d before it followed anything: its "
                        "message says why",
                        exit_status(session));
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int make_streams(struct ulma_session *session, const uint64_t *masks, size_t count,
                        const struct ulma_options *options)
{
    int result = 0;
    while (session->count < count && result == 0) {
        size_t i = session->count;
        const char *name = options && options->names ? options->names[i] : NULL;
        result = make_stream(&session->monitors[i], masks[i], name, i);
        session->count += result == 0;
    }
    return result;
}

static void free_session(struct ulma_session *session)
{
    for (size_t i = 0; i < session->count; i++)
        unmap_stream(&session->monitors[i]);
    free(session);
}

EXPORT int ulma_open(const char *const *what, const uint64_t *masks, size_t count,
                     const struct ulma_options *options, struct ulma_session **ret_session,
                     char *error, size_t error_size)
{
    char streams[STREAMS_MOST * 16];
    if (!what || !what[0] || count == 0 || count > STREAMS_MOST ||
        (options && options->size < sizeof(*options)))
        return fail(error, error_size, -EINVAL,
                    "a session needs something to follow and 1 to %d monitors", STREAMS_MOST);
    struct ulma_session *session = calloc(1, sizeof(*session));
    if (!session)
        return fail(error, error_size, -ENOMEM, "out of memory");
    int result = make_streams(session, masks, count, options);
    if (result) {
        free_session(session);
        return fail(error, error_size, result, "cannot make a monitor's shared memory: %s",
                    strerror(-result));
    }
    char **words = make_words(session, what, options, streams, sizeof(streams));
    result = words ? spawn(session, words, options) : -ENOMEM;
    free(words);
    if (result)
        fail(error, error_size, result,
             "cannot start `%s`: %s; name the program in `executable`, or put it on PATH",
             options && options->executable ? options->executable : "ulma", strerror(-result));
    else
        result = wait_for_begin(session, error, error_size);
    if (result) {
        free_session(session);
        return result;
    }
    *ret_session = session;
    return 0;
}

EXPORT struct ulma_monitor *ulma_session_monitor(struct ulma_session *session, size_t index)
{
    return index < session->count ? &session->monitors[index] : NULL;
}

EXPORT int ulma_close(struct ulma_session *session)
{
    if (!session)
        return -EINVAL;
    for (size_t i = 0; i < session->count; i++)
        ulma_leave(&session->monitors[i]);
    /* With every monitor gone it ends, leaving the target as it should be. */
    look_for_end(session, true);
    int status = exit_status(session);
    free_session(session);
    return status;
}

/* --- a monitor that `ulma monitor FILE.py` has started ------------------------------------------ */

EXPORT int ulma_inherit(int fd, struct ulma_monitor **ret_monitor)
{
    struct ulma_monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return -ENOMEM;
    int result = map_stream(monitor, fd);
    if (result) {
        free(monitor);
        return result;
    }
    *ret_monitor = monitor;
    return 0;
}

EXPORT void ulma_inherit_ready(struct ulma_monitor *monitor, const char *name)
{
    snprintf(monitor->header->name, sizeof(monitor->header->name), "%s", name);
    atomic_store_explicit(&monitor->header->ready, 1, memory_order_release);
}

/* SPDX-License-Identifier: MIT */
/* Joining, asking, reading what comes.
 * Why: see join.h.
 * Rules: as there. */
#include "cmd/join.h"

#include "base/clock.h"
#include "cmd/job_view.h"
#include "cmd/message.h"
#include "model/snapshot_bytes.h"
#include "model/snapshot_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_NS      UINT64_C(1000000)
#define MOST_BYTES ((off_t)1 << 30)

enum { GIVE_UP_MS = 10000 };

/* Options that are the owner's to choose, and how it is told. */
static void say_options(const struct join *join)
{
    const struct options *options = join->options;
    const char *option = options->sources != SOURCE_CALLS               ? "--events is"
                         : options->sites.count                         ? "--only and --skip are"
                         : options->sites.rules                         ? "--rules is"
                         : options->budget_thousandths != OPTIONS_UNSET ? "--budget is"
                         : options->exact                               ? "--exact is"
                         : options->on_full != OPTIONS_UNSET            ? "--on-full is"
                         : options->start_off                           ? "--start-off is"
                         : options->delay_ns > 0                        ? "--delay is"
                         : options->children                            ? "--children is"
                                                                        : NULL;
    if (option)
        message_note("%s the owner's to choose and left as it has it: `ulma set %d …` asks it",
                     option, (int)join->found.pid);
}

/* One that an earlier word has found is one. */
static bool is_found(const struct join *first, const struct join *join)
{
    for (const struct join *at = first; at != join; at = at->next)
        if (strcmp(at->found.mapping.path, join->found.mapping.path) == 0)
            return true;
    return false;
}

static void free_others(struct join *join)
{
    while (join->next) {
        struct join *other = join->next;
        join->next = other->next;
        mapping_close(&other->found.mapping);
        free(other);
    }
}

/* False: somebody follows not all of them, or there is no memory, and what follows says so. */
static bool find_others(struct join *join, char **words, int word_count)
{
    struct join *last = join;
    for (int i = 1; i < word_count; i++) {
        struct join *other = calloc(1, sizeof(*other));
        if (!other || !session_find_quietly(words[i], &other->found)) {
            free(other);
            return false;
        }
        last->next = other;
        if (is_found(join, other)) {
            mapping_close(&other->found.mapping);
            last->next = NULL;
            free(other);
            continue;
        }
        last = other;
    }
    return true;
}

static void begin_one(struct join *join, const struct options *options, enum snapshot_clock clock)
{
    join->options = options;
    join->clock = clock;
    session_describe_collector(join->found.collector, join->who, sizeof(join->who));
    message_note("%s is followed by %s: joined, read-only", join->found.about, join->who);
    say_options(join);
    if (options->duration_ns > 0)
        join->over_ns = clock_monotonic_ns() + (uint64_t)options->duration_ns;
}

bool join_begin(struct join *join, const struct options *options, char **words, int word_count,
                enum snapshot_clock clock)
{
    *join = (struct join){0};
    if (word_count < 1 || !session_find_quietly(words[0], &join->found))
        return false;
    if (!find_others(join, words, word_count)) {
        join_end(join);
        return false;
    }
    for (struct join *at = join; at; at = at->next)
        begin_one(at, options, clock);
    return true;
}

void join_end(struct join *join)
{
    free_others(join);
    mapping_close(&join->found.mapping);
}

__attribute__((format(printf, 3, 4))) static void stop(struct join *join, enum join_state state,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(join->reason, sizeof(join->reason), format, arguments);
    va_end(arguments);
    join->own = state;
}

/* A file of the session's owner, whole. NULL: errno says why not. */
static char *read_file(int fd, uid_t owner, size_t *ret_size)
{
    struct stat status;
    if (fstat(fd, &status))
        return NULL;
    errno = EBADMSG;
    if (!S_ISREG(status.st_mode) || status.st_uid != owner || status.st_size > MOST_BYTES)
        return NULL;
    char *bytes = malloc((size_t)status.st_size + 1);
    size_t size = 0;
    while (bytes && size < (size_t)status.st_size) {
        ssize_t got = read(fd, bytes + size, (size_t)status.st_size - size);
        if (got <= 0) {
            free(bytes);
            errno = got < 0 ? errno : EBADMSG;
            return NULL;
        }
        size += (size_t)got;
    }
    *ret_size = size;
    return bytes;
}

static int open_view(const struct join *join, const char *path, struct snapshot **ret)
{
    struct stat session;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(join->found.mapping.fd, &session)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return -error;
    }
    char *bytes = read_file(fd, session.st_uid, &size);
    int result = bytes ? snapshot_of_bytes(bytes, size, ret) : -errno;
    free(bytes);
    close(fd);
    return result;
}

static void stop_ended(struct join *join)
{
    stop(join, JOIN_ENDED, "%s has ended, or PID %d has, and with it what was to be seen here",
         join->who, (int)join->found.pid);
}

static struct snapshot *read_view(struct join *join)
{
    char path[PATH_MAX];
    struct snapshot *snapshot = NULL;
    int result = -ENAMETOOLONG;
    if (job_view_path(join->found.mapping.path, path, sizeof(path))) {
        result = open_view(join, path, &snapshot);
        unlink(path);
    }
    /* Who ends takes along what it has handed over. */
    if (result == -ENOENT && session_collector(&join->found.mapping) == 0)
        stop_ended(join);
    else if (result == -EPROTO)
        stop(join, JOIN_FAILED, "%s is of another version of ulma: look on with that one",
             join->who);
    else if (result == -EBADMSG)
        stop(join, JOIN_FAILED, "what %s handed over is damaged, and nothing of it is shown",
             join->who);
    else if (result)
        stop(join, JOIN_FAILED, "what %s handed over cannot be read: %s", join->who,
             strerror(-result));
    return snapshot;
}

/* Nothing came in time. */
static void note_silence(struct join *join, uint64_t asked_ns)
{
    if (!join->silent_ns)
        join->silent_ns = asked_ns;
    if (clock_monotonic_ns() - join->silent_ns >= GIVE_UP_MS * MS_NS)
        stop(join, JOIN_FAILED,
             "%s, which follows PID %d, has not answered for %d s: it is stopped, or its terminal "
             "is; the process itself was not touched",
             join->who, (int)join->found.pid, GIVE_UP_MS / 1000);
}

/* In one's turn. */
static struct snapshot *ask(struct join *join, const char *text, size_t size, int wait_ms)
{
    struct session_answer answer;
    switch (session_ask(&join->found, text, size, wait_ms, &answer)) {
    case ASKED_ANSWERED:
        join->silent_ns = 0;
        if (answer.done)
            return read_view(join);
        stop(join, JOIN_FAILED, "%s says: %s", join->who, answer.text);
        break;
    case ASKED_ENDED:
        stop_ended(join);
        break;
    case ASKED_CUT:
        stop(join, JOIN_FAILED, "%s", answer.text);
        break;
    case ASKED_SILENT:
        break;
    }
    return NULL;
}

/* An owner that records keeps a row for each process. */
static bool sum_up(const struct join *join, struct snapshot *snapshot)
{
    return join->options->by_process || !snapshot->meta.by_process ||
           snapshot_sum_processes(snapshot) == 0;
}

/* What one owner has. */
static struct snapshot *ask_one(struct join *join, int window_s, enum snapshot_clock clock,
                                int wait_ms)
{
    char text[64];
    uint64_t asked_ns = clock_monotonic_ns();
    struct snapshot *snapshot = NULL;
    if (join->own != JOIN_GOES_ON)
        return NULL;
    int size = snprintf(text, sizeof(text), "/\n" JOB_VIEW_KEY "%d,%s\n", window_s,
                        clock == CLOCK_CPU ? "cpu" : "wall");
    if (session_take_turn(&join->found, wait_ms)) {
        snapshot = ask(join, text, (size_t)size + 1, wait_ms);
        session_leave_turn(&join->found);
    }
    if (!snapshot && join->own == JOIN_GOES_ON)
        note_silence(join, asked_ns);
    join->seen |= snapshot != NULL;
    return snapshot;
}

/* --- several owners ----------------------------------------------------------------------------- */

enum {
    ID_BITS = 24
}; /* of a function of one owner; above are those of the owners after the first */

/* Rows of an owner that sums are of its one process where it has but one. */
static void tell_apart(struct snapshot *snapshot, uint32_t number)
{
    bool one = !snapshot->meta.by_process && snapshot->process_count <= 1;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        struct snapshot_function *function = &snapshot->functions[i];
        function->id = (function->id & ((1U << ID_BITS) - 1)) | number << ID_BITS;
        if (one)
            function->pid = snapshot->meta.pid;
    }
    snapshot->meta.by_process |= one;
}

static bool add(const struct join *join, struct snapshot *sum, const struct snapshot *more)
{
    if (snapshot_append(sum, more))
        return false;
    snapshot_sum_meta(sum, more);
    if (!join->options->by_process)
        return snapshot_sum_processes(sum) == 0;
    sum->meta.by_process = true;
    return snapshot_sum_paths(sum) == 0;
}

static bool goes_on_beside(const struct join *first, const struct join *join)
{
    bool goes_on = false;
    for (; first; first = first->next)
        goes_on |= first != join && first->own == JOIN_GOES_ON;
    return goes_on;
}

/* One that failed fails all; one of several that has ended is told of, and the others go on. */
static void take_states(struct join *join)
{
    const struct join *ended = NULL;
    bool goes_on = false;
    for (struct join *at = join; at; at = at->next) {
        join->seen |= at->seen;
        goes_on |= at->own == JOIN_GOES_ON;
        if (at->own == JOIN_FAILED)
            join->state = JOIN_FAILED;
        if (at->own == JOIN_FAILED || (at->own == JOIN_ENDED && !at->told))
            ended = at;
        if (at->own == JOIN_ENDED && !at->told && goes_on_beside(join, at)) {
            message_note("%s", at->reason);
            at->told = true;
        }
    }
    if (join->state == JOIN_GOES_ON && !goes_on)
        join->state = JOIN_ENDED;
    if (join->state != JOIN_GOES_ON && ended && ended != join)
        memcpy(join->reason, ended->reason, sizeof(join->reason));
}

static struct snapshot *ask_all(struct join *join, int window_s, enum snapshot_clock clock,
                                int wait_ms)
{
    struct snapshot *sum = NULL;
    uint32_t number = 0;
    bool good = true, whole = true;
    for (struct join *at = join; at; at = at->next, number++) {
        struct snapshot *one = ask_one(at, window_s, clock, wait_ms);
        whole &= one || at->own != JOIN_GOES_ON;
        if (!one)
            continue;
        if (join->next)
            tell_apart(one, number);
        if (!sum) {
            sum = one;
            continue;
        }
        good = good && add(join, sum, one);
        snapshot_free(one);
    }
    if (good && whole)
        return sum;
    snapshot_free(sum); /* one that has not answered yet would be missing */
    return NULL;
}

struct snapshot *join_snapshot(struct join *join, int window_s, enum snapshot_clock clock,
                               int wait_ms)
{
    if (join->state != JOIN_GOES_ON)
        return NULL;
    struct snapshot *snapshot = ask_all(join, window_s, clock, wait_ms);
    take_states(join);
    if (snapshot && !sum_up(join, snapshot)) {
        snapshot_free(snapshot);
        return NULL;
    }
    return snapshot;
}

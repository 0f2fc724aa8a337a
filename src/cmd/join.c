/* SPDX-License-Identifier: MIT */
/* Joining, asking, reading what comes.
 * Why: see join.h.
 * Rules: as there. */
#include "cmd/join.h"

#include "base/clock.h"
#include "cmd/job_view.h"
#include "cmd/message.h"
#include "model/snapshot_bytes.h"

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

bool join_begin(struct join *join, const struct options *options, char **words, int word_count,
                enum snapshot_clock clock)
{
    *join = (struct join){.options = options, .clock = clock};
    if (word_count != 1 || !session_find_quietly(words[0], &join->found))
        return false;
    session_describe_collector(join->found.collector, join->who, sizeof(join->who));
    message_note("%s is followed by %s: joined, read-only", join->found.about, join->who);
    say_options(join);
    if (options->duration_ns > 0)
        join->over_ns = clock_monotonic_ns() + (uint64_t)options->duration_ns;
    return true;
}

void join_end(struct join *join)
{
    mapping_close(&join->found.mapping);
}

__attribute__((format(printf, 3, 4))) static void stop(struct join *join, enum join_state state,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(join->reason, sizeof(join->reason), format, arguments);
    va_end(arguments);
    join->state = state;
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

static struct snapshot *read_view(struct join *join)
{
    char path[PATH_MAX];
    struct snapshot *snapshot = NULL;
    int result = -ENAMETOOLONG;
    if (job_view_path(join->found.mapping.path, path, sizeof(path))) {
        result = open_view(join, path, &snapshot);
        unlink(path);
    }
    if (result == -EPROTO)
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
        stop(join, JOIN_ENDED, "%s has ended, or PID %d has, and with it what was to be seen here",
             join->who, (int)join->found.pid);
        break;
    case ASKED_CUT:
        stop(join, JOIN_FAILED, "%s", answer.text);
        break;
    case ASKED_SILENT:
        break;
    }
    return NULL;
}

/* An owner that records keeps a row for each process; of one process they are the rows. */
static void sum_up(const struct join *join, struct snapshot *snapshot)
{
    if (join->options->by_process || snapshot->process_count > 1)
        return;
    snapshot->meta.by_process = false;
    for (size_t i = 0; i < snapshot->function_count; i++)
        snapshot->functions[i].pid = 0;
}

struct snapshot *join_snapshot(struct join *join, int window_s, enum snapshot_clock clock,
                               int wait_ms)
{
    char text[64];
    uint64_t asked_ns = clock_monotonic_ns();
    struct snapshot *snapshot = NULL;
    if (join->state != JOIN_GOES_ON)
        return NULL;
    int size = snprintf(text, sizeof(text), "/\n" JOB_VIEW_KEY "%d,%s\n", window_s,
                        clock == CLOCK_CPU ? "cpu" : "wall");
    if (session_take_turn(&join->found, wait_ms)) {
        snapshot = ask(join, text, (size_t)size + 1, wait_ms);
        session_leave_turn(&join->found);
    }
    if (!snapshot && join->state == JOIN_GOES_ON)
        note_silence(join, asked_ns);
    join->seen |= snapshot != NULL;
    if (snapshot)
        sum_up(join, snapshot);
    return snapshot;
}

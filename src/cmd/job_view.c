/* SPDX-License-Identifier: MIT */
/* Answering.
 * Why: see job_view.h.
 * Rules: as there. */
#include "cmd/job_view.h"

#include "base/clock.h"
#include "cmd/job.h"
#include "model/snapshot_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_NS UINT64_C(15000000000) /* for one that asked and died before it read */

bool job_view_is_asked(const char *word)
{
    return strncmp(word, JOB_VIEW_KEY, strlen(JOB_VIEW_KEY)) == 0;
}

bool job_view_path(const char *session, char *path, size_t size)
{
    const char *slash = strrchr(session, '/');
    int folder = slash ? (int)(slash - session) : 1;
    int length = snprintf(path, size, "%.*s/" JOB_VIEW_PREFIX "%s", folder, slash ? session : ".",
                          slash ? slash + 1 : session);
    return length > 0 && (size_t)length < size;
}

static bool read_question(const char *word, int *ret_window_s, enum snapshot_clock *ret_clock)
{
    const char *window = word + strlen(JOB_VIEW_KEY);
    const char *comma = strchr(window, ',');
    if (!comma)
        return false;
    size_t length = (size_t)(comma - window);
    static const struct {
        const char *text;
        int window_s;
    } windows[] = {{"0", 0}, {"1", 1}, {"10", 10}, {"60", 60}};
    bool known = false;
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        if (strlen(windows[i].text) != length || strncmp(windows[i].text, window, length) != 0)
            continue;
        *ret_window_s = windows[i].window_s;
        known = true;
    }
    *ret_clock = strcmp(comma + 1, "cpu") == 0 ? CLOCK_CPU : CLOCK_WALL;
    return known && (*ret_clock == CLOCK_CPU || strcmp(comma + 1, "wall") == 0);
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Of whom the session is, so that whoever may read the one may read the other. */
static int give(int fd, const struct job *job)
{
    struct stat status;
    if (fstat(job->mapping.fd, &status))
        return -errno;
    return status.st_uid != geteuid() && fchown(fd, status.st_uid, (gid_t)-1) ? -errno : 0;
}

static int write_file(const struct job *job, const char *path, const char *bytes, size_t size)
{
    unlink(path); /* of one that died before it read */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int result = write_all(fd, bytes, size);
    if (result == 0)
        result = give(fd, job);
    close(fd);
    if (result)
        unlink(path);
    return result;
}

static int write_view(struct job *job, int window_s, enum snapshot_clock clock)
{
    char path[PATH_MAX];
    if (!job->mapping.path || !job_view_path(job->mapping.path, path, sizeof(path)))
        return -ESRCH;
    struct snapshot *snapshot = job_snapshot(job, window_s, clock);
    size_t size = 0;
    char *bytes = snapshot ? snapshot_to_bytes(snapshot, &size) : NULL;
    int result = bytes ? write_file(job, path, bytes, size) : -ENOMEM;
    free(bytes);
    snapshot_free(snapshot);
    job->settings.view_ns = clock_monotonic_ns();
    return result;
}

bool job_view_answer(struct job *job, const char *word, char *message, size_t size)
{
    int window_s;
    enum snapshot_clock clock;
    if (!read_question(word, &window_s, &clock)) {
        snprintf(message, size, "this is no question that this ulma (%s) understands: `%.40s`",
                 ULMA_VERSION, word);
        return false;
    }
    int result = write_view(job, window_s, clock);
    if (result)
        snprintf(message, size, "what was counted cannot be handed over: %s", strerror(-result));
    return result == 0;
}

void job_view_clear(struct job *job, bool all)
{
    char path[PATH_MAX];
    struct job_settings *settings = &job->settings;
    if (!settings->view_ns || (!all && clock_monotonic_ns() - settings->view_ns < KEPT_NS))
        return;
    settings->view_ns = 0;
    if (job->mapping.path && job_view_path(job->mapping.path, path, sizeof(path)))
        unlink(path);
}

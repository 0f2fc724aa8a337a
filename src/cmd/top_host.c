/* SPDX-License-Identifier: MIT */
/* The callbacks.
 * Why: see top_host.h.
 * Rules: as there. */
#include "cmd/top_host.h"

#include "cmd/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct snapshot *snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    return job_snapshot(context, window_s, clock);
}

static int switch_on(void *context, bool on)
{
    int result = job_switch(context, on);
    return result == -EAGAIN ? 0 : result; /* job_tick asks again */
}

static bool set(void *context, const char *word, char *message, size_t size)
{
    char *words[] = {(char *)word};
    return job_set(context, words, 1, message, size);
}

static void reset(void *context)
{
    struct job *job = context;
    collector_reset(job->collector);
}

static void save(void *context, char *message, size_t size)
{
    report_save(context, message, size);
}

static bool finished(void *context)
{
    struct job *job = context;
    bool over = false;
    job_tick(job, &over);
    if (job->supervise.ended)
        job_finish(job); /* the last numbers are whole */
    return over || job->supervise.ended || job->supervise.leave;
}

static bool leave(void *context)
{
    const struct job *job = context;
    return job->supervise.leave || (job->supervise.ended && job->supervise.told_to_end);
}

static size_t target_output(void *context, char *text, size_t size, int lines)
{
    const struct job *job = context;
    struct stat status;
    text[0] = '\0';
    int fd = job->target_output ? open(job->target_output, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || size < 2)
        return 0;
    ssize_t got = 0;
    if (fstat(fd, &status) == 0) {
        off_t most = (off_t)size - 1;
        got = pread(fd, text, size - 1, status.st_size > most ? status.st_size - most : 0);
    }
    close(fd);
    size_t length = got > 0 ? (size_t)got : 0, start = length;
    for (int found = 0; start > 0; start--) {
        if (text[start - 1] == '\n' && start < length && ++found == lines)
            break;
    }
    length -= start;
    memmove(text, text + start, length);
    text[length] = '\0';
    return length;
}

void top_host_init(struct tui_host *host, struct job *job)
{
    *host = (struct tui_host){
        .context = job,
        .snapshot = snapshot,
        .switch_on = switch_on,
        .set = set,
        .reset = reset,
        .save = save,
        .finished = finished,
        .leave = leave,
        .target_output = target_output,
        .output_path = job->target_output,
        .product = "ulma " ULMA_VERSION,
    };
}

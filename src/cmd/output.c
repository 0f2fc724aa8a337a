/* SPDX-License-Identifier: MIT */
/* Opening and writing.
 * Why: see output.h.
 * Rules: a file that existed keeps its content until the new one is whole in memory. */
#include "cmd/output.h"

#include "cmd/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct exporter *output_format(const struct options *options)
{
    const struct exporter *format = options->format;
    if (!format && options->output)
        format = exporter_for_file(options->output);
    return format ? format : exporter_find("table");
}

char *output_expand(const char *pattern, pid_t pid)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    for (; *pattern; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p')
            fprintf(stream, "%d", (int)pid);
        else
            fputc(*pattern, stream);
        if (pattern[0] == '%' && (pattern[1] == 'p' || pattern[1] == '%'))
            pattern++;
    }
    fclose(stream);
    return text;
}

static int open_file(struct output *output, bool force)
{
    struct stat status;
    if (stat(output->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        /* A device or a pipe: there is nothing to overwrite. Without O_NONBLOCK a pipe that nobody
         * reads would hold us here for ever. */
        output->fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (output->fd >= 0)
            fcntl(output->fd, F_SETFL, fcntl(output->fd, F_GETFL) & ~O_NONBLOCK);
        return output->fd < 0 ? -errno : 0;
    }
    output->regular = true;
    output->fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    output->created = output->fd >= 0;
    if (output->fd < 0 && errno == EEXIST && force)
        output->fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return output->fd < 0 ? -errno : 0;
}

/* Whoever names a file so wants to open it again, with more than a table in it. */
static bool is_a_recordings_name(const struct options *options)
{
    size_t size = strlen(options->output);
    return !options->format && size >= 5 && strcmp(options->output + size - 5, ".ulma") == 0;
}

static bool open_named(struct output *output, const struct options *options, pid_t pid)
{
    if (is_a_recordings_name(options)) {
        message_error(
            "%s is a recording's name, and this is a report: ulma record -o %s makes a recording; name "
            "the report by its format (.txt .json .pstats .html) or with -f",
            options->output, options->output);
        return false;
    }
    output->path = output_expand(options->output, pid);
    if (!output->path) {
        message_error("out of memory");
        return false;
    }
    int result = open_file(output, options->force);
    if (result == -EEXIST)
        message_error("%s exists: --force overwrites it, -o names another", output->path);
    else if (result == -ENXIO)
        message_error("cannot write %s: nobody reads this pipe; start its reader first",
                      output->path);
    else if (result)
        message_error("cannot write %s: %s; name another file with -o", output->path,
                      strerror(-result));
    return result == 0;
}

bool output_open(struct output *output, const struct options *options, pid_t pid)
{
    *output = (struct output){.fd = -1, .format = output_format(options)};
    if (!options->output) {
        output->to_stderr = true;
        output->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    } else if (strcmp(options->output, "-") == 0) {
        output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    } else if (!open_named(output, options, pid)) {
        return false;
    }
    if (!output->format->binary || !isatty(output->fd))
        return true;
    message_error("%s is binary and would go to a terminal: name a file with -o",
                  output->format->name);
    output_close(output);
    return false;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int write_first(struct output *output, const char *bytes, size_t size)
{
    if (output->fd < 0)
        return -EBADF;
    if (output->regular && ftruncate(output->fd, 0))
        return -errno;
    int result = write_all(output->fd, bytes, size);
    /* Network file systems tell a full disk only here. */
    if (result == 0 && output->path && close(output->fd))
        result = -errno;
    else if (output->path && result)
        close(output->fd);
    if (output->path)
        output->fd = -1;
    return result;
}

/* $TMPDIR, /tmp, /var/tmp, the home: the first that takes it. */
static char *write_elsewhere(const char *bytes, size_t size)
{
    const char *places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", getenv("HOME"), "/dev/shm"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *path;
        if (!places[i] || places[i][0] != '/' ||
            asprintf(&path, "%s/ulma-report-XXXXXX", places[i]) < 0)
            continue;
        int fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            int result = write_all(fd, bytes, size);
            if (close(fd) == 0 && result == 0)
                return path;
            unlink(path);
        }
        free(path);
    }
    return NULL;
}

bool output_write(struct output *output, const char *bytes, size_t size)
{
    int result = write_first(output, bytes, size);
    if (result == 0)
        return true;
    const char *name = output->path ? output->path : output->to_stderr ? "stderr" : "stdout";
    if (output->created && output->path)
        unlink(output->path);
    char *kept = write_elsewhere(bytes, size);
    if (kept)
        message_error("could not write the report to %s: %s; it is in %s (%s)", name,
                      strerror(-result), kept, output->format->name);
    else
        message_error("could not write the report to %s: %s; nor to any of TMPDIR, /tmp, "
                      "/var/tmp, HOME, /dev/shm: make room and run again",
                      name, strerror(-result));
    free(kept);
    return false;
}

void output_abandon(struct output *output)
{
    if (output->created && output->path)
        unlink(output->path);
    output_close(output);
}

void output_close(struct output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    free(output->path);
    output->path = NULL;
    output->fd = -1;
}

/* SPDX-License-Identifier: MIT */
/* Looking through directories.
 * Why: see rescue_find.h.
 * Rules: as there. */
#include "cmd/rescue_find.h"

#include "attach/armed.h"
#include "cmd/job_session.h"
#include "cmd/message.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MOST = 1024, OTHERS_TOLD = 8 };

static bool is_flight_name(const char *name)
{
    size_t length = strlen(name), suffix = strlen(FLIGHT_SUFFIX);
    return isdigit((unsigned char)name[0]) && length > suffix &&
           strcmp(name + length - suffix, FLIGHT_SUFFIX) == 0;
}

bool rescue_look(const char *path, struct rescue_file *ret_file)
{
    union {
        struct session_header header;
        char bytes[SESSION_HEADER_SIZE];
    } found;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, &found, sizeof(found), 0) : -1;
    bool lives = got > 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    const struct session_header *header = &found.header;
    if (got != (ssize_t)sizeof(found) || header->magic != SESSION_MAGIC || !header->flight)
        return false;
    uint64_t pair_ns = atomic_load(&header->pair_time_ns);
    snprintf(ret_file->path, sizeof(ret_file->path), "%s", path);
    snprintf(ret_file->command, sizeof(ret_file->command), "%.*s", (int)sizeof(header->command) - 1,
             header->command);
    snprintf(ret_file->python, sizeof(ret_file->python), "%.*s", (int)sizeof(header->python) - 1,
             header->python);
    for (char *at = ret_file->command; *at; at++)
        *at = (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at;
    ret_file->pid = atomic_load(&header->target_pid);
    ret_file->sign_ns = pair_ns > header->start_time_ns ? pair_ns : header->start_time_ns;
    ret_file->lives = lives;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct rescue_file *first = a, *second = b;
    if (first->lives != second->lives)
        return first->lives ? 1 : -1;
    return first->sign_ns < second->sign_ns ? 1 : first->sign_ns > second->sign_ns ? -1 : 0;
}

/* `pid`: only files that are named after it; 0: all. */
static struct rescue_file *list(const char *directory, unsigned long pid, size_t *ret_count)
{
    DIR *entries = opendir(directory);
    struct rescue_file *files = NULL;
    struct dirent *entry;
    size_t count = 0;
    while (entries && count < FILES_MOST && (entry = readdir(entries))) {
        char path[PATH_MAX];
        if (!is_flight_name(entry->d_name) || (pid && strtoul(entry->d_name, NULL, 10) != pid) ||
            (size_t)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= sizeof(path))
            continue;
        struct rescue_file *grown = realloc(files, (count + 1) * sizeof(*files));
        if (!grown)
            break;
        files = grown;
        count += rescue_look(path, &files[count]);
    }
    if (entries)
        closedir(entries);
    if (count > 1)
        qsort(files, count, sizeof(*files), compare);
    *ret_count = count;
    if (count > 0)
        return files;
    free(files);
    return NULL;
}

struct rescue_file *rescue_list(const char *directory, size_t *ret_count)
{
    return list(directory, 0, ret_count);
}

static void tell_one(const struct rescue_file *file)
{
    char text[64] = "";
    time_t seconds = (time_t)(file->sign_ns / UINT64_C(1000000000));
    struct tm broken;
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &broken));
    message_note("  %s: PID %u (%s), %s %s", file->path, file->pid, file->command,
                 file->lives ? "runs; last seen" : "ended about", text);
}

static void tell_others(const struct rescue_file *files, size_t count)
{
    if (count < 2)
        return;
    message_note("the last one to end of %zu flight recordings; the others:", count);
    for (size_t i = 1; i < count && i <= OTHERS_TOLD; i++)
        tell_one(&files[i]);
    if (count - 1 > OTHERS_TOLD)
        message_note("  and %zu more (`ulma ps` lists them)", count - 1 - OTHERS_TOLD);
}

static bool choose(const char *directory, unsigned long pid, char *path, size_t size)
{
    size_t count;
    struct rescue_file *files = list(directory, pid, &count);
    if (!files)
        return false;
    snprintf(path, size, "%s", files[0].path);
    tell_others(files, count);
    free(files);
    return true;
}

static bool find_pid(unsigned long pid, char *path, size_t size)
{
    char directory[PATH_MAX];
    struct armed armed;
    job_session_directory(directory, sizeof(directory));
    if (choose(directory, pid, path, size))
        return true;
    /* Of one that runs, its own directory, below its own root. */
    if (armed_find(&armed, (pid_t)pid, NULL, 0))
        return false;
    bool found = choose(armed.directory, (unsigned long)armed.page.pid, path, size);
    armed_close(&armed);
    return found;
}

bool rescue_find(const char *word, char *path, size_t size)
{
    struct stat status;
    char *end;
    unsigned long pid = strtoul(word, &end, 10);
    bool is_number = isdigit((unsigned char)word[0]) && !*end;
    if (stat(word, &status) == 0 && S_ISDIR(status.st_mode)) {
        if (choose(word, 0, path, size))
            return true;
        message_error("no flight recording in %s: ULMA=flight in a program's environment makes "
                      "one, in its ULMA_DIR",
                      word);
        return false;
    }
    if (!is_number || stat(word, &status) == 0) {
        snprintf(path, size, "%s", word);
        return true;
    }
    if (pid > 0 && pid <= INT32_MAX && find_pid(pid, path, size))
        return true;
    job_session_directory(path, size);
    message_error(
        "no flight recording of PID %s in %s: name its file, or the directory that was its "
        "ULMA_DIR",
        word, path);
    return false;
}

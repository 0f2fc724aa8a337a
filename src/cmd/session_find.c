/* SPDX-License-Identifier: MIT */
/* From a word to the session that is collected from.
 * Why: see session_find.h.
 * Rules: as there. */
#include "cmd/session_find.h"

#include "cmd/job_process.h"
#include "cmd/job_session.h"
#include "cmd/message.h"
#include "wire/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pid_t session_collector(const struct mapping *mapping)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SESSION_COLLECTOR_LOCK, .l_len = 1};
    if (fcntl(mapping->fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid > 0 ? lock.l_pid : -1;
}

struct words {
    const struct session_header *header;
    uint32_t pid, parent_pid, state;
    char python[sizeof(((struct session_header *)NULL)->python)];
};

static int read_words(void *context)
{
    struct words *words = context;
    words->pid = atomic_load(&words->header->target_pid);
    words->state = atomic_load(&words->header->state);
    words->parent_pid = words->header->parent_pid;
    memcpy(words->python, words->header->python, sizeof(words->python) - 1);
    for (char *at = words->python; *at; at++)
        *at = *at < ' ' || *at > '~' ? '?' : *at;
    return 0;
}

/* A session that a collector has. */
static bool open_session(const char *path, struct mapping *mapping, struct words *words)
{
    struct stat status;
    if (stat(path, &status) || (status.st_mode & 077) || mapping_open(path, mapping))
        return false;
    *words = (struct words){.header = mapping_header(mapping)};
    if (guard_run(read_words, words) == 0 && session_collector(mapping) != 0)
        return true;
    mapping_close(mapping);
    return false;
}

/* A child's session has RANDOM after its PID, as its family's first has. */
static bool find_root(const char *directory, const char *random, struct mapping *mapping,
                      struct words *words)
{
    char path[PATH_MAX];
    DIR *entries = opendir(directory);
    struct dirent *entry;
    bool found = false;
    while (!found && entries && (entry = readdir(entries))) {
        const char *own = strchr(entry->d_name, '-');
        if (!own || strcmp(own, random) != 0 || !job_process_is_session_name(entry->d_name) ||
            (size_t)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= sizeof(path))
            continue;
        found = open_session(path, mapping, words);
        if (found && words->parent_pid) {
            mapping_close(mapping);
            found = false;
        }
    }
    if (entries)
        closedir(entries);
    return found;
}

static bool open_root(const char *directory, const char *name, struct session_found *found,
                      struct words *words)
{
    char path[PATH_MAX], random[NAME_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path) ||
        !open_session(path, &found->mapping, words))
        return false;
    if (!words->parent_pid)
        return true;
    mapping_close(&found->mapping);
    snprintf(random, sizeof(random), "%.*s", (int)strcspn(strchr(name, '-'), "."),
             strchr(name, '-'));
    return find_root(directory, random, &found->mapping, words);
}

/* The session of a PID that is no armed process. */
static bool find_by_pid(const char *directory, pid_t pid, struct session_found *found,
                        struct words *words)
{
    DIR *entries = opendir(directory);
    struct dirent *entry;
    bool good = false;
    while (!good && entries && (entry = readdir(entries))) {
        size_t digits = strspn(entry->d_name, "0123456789");
        char path[PATH_MAX];
        struct mapping mapping;
        if (!digits || entry->d_name[digits] != '-' || armed_is_name(entry->d_name) ||
            (size_t)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >=
                sizeof(path) ||
            !open_session(path, &mapping, words))
            continue;
        bool is_it = (pid_t)words->pid == pid || strtol(entry->d_name, NULL, 10) == pid;
        mapping_close(&mapping);
        good = is_it && open_root(directory, entry->d_name, found, words);
    }
    if (entries)
        closedir(entries);
    return good;
}

/* A session that lies where one looks first. Those of `ulma run` and `ulma top` of a program are named by no
 * control page. */
static bool find_in_directory(const char *word, struct session_found *found)
{
    char directory[PATH_MAX];
    struct words words;
    struct stat status;
    bool good, is_number = strspn(word, "0123456789") == strlen(word);
    const char *slash = strrchr(word, '/');
    const char *name = slash ? slash + 1 : word;
    long pid = is_number ? strtol(word, NULL, 10) : 0;
    job_session_directory(directory, sizeof(directory));
    if (!is_number && stat(word, &status) == 0 && S_ISREG(status.st_mode) &&
        job_process_is_session_name(name) && !armed_is_name(name)) {
        snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - word) : 1,
                 slash ? word : ".");
        good = open_root(directory, name, found, &words);
    } else {
        good = pid > 0 && pid <= INT32_MAX && find_by_pid(directory, (pid_t)pid, found, &words);
    }
    if (!good)
        return false;
    found->pid = pid > 0 ? (pid_t)pid : (pid_t)words.pid;
    job_process_describe_as(found->pid, words.python[0] ? words.python : "not there yet",
                            found->about, sizeof(found->about));
    return true;
}

static bool find_armed(struct armed *armed, struct session_found *found)
{
    char path[PATH_MAX + ARMED_NAME_SIZE];
    struct words words;
    found->pid = armed->pid;
    job_process_describe(armed, found->about, sizeof(found->about));
    snprintf(path, sizeof(path), "%s/%s", armed->directory, armed->page.session);
    if (!armed_follower(armed))
        message_error("nobody collects from PID %d, so that there is nothing to set: `ulma top %d "
                      "--only P` begins with a pattern",
                      (int)armed->pid, (int)armed->pid);
    else if (!armed->page.session[0] || strchr(armed->page.session, '/') ||
             !open_session(path, &found->mapping, &words))
        message_error("PID %d joins its collector just now: try again", (int)armed->pid);
    else
        return true;
    return false;
}

bool session_find_started(const char *word, struct session_found *found)
{
    *found = (struct session_found){.mapping = {.fd = -1}};
    bool good = find_in_directory(word, found);
    if (good)
        found->collector = session_collector(&found->mapping);
    return good;
}

enum joined { JOINED_NOT, JOINED_SOON, JOINED };

/* Of the process that the word names, through its control page. */
static enum joined look_at_joined(const char *word, struct session_found *found)
{
    char path[PATH_MAX + ARMED_NAME_SIZE];
    struct armed armed;
    struct words words;
    pid_t pid;
    if (job_process_look(&armed, word, &pid))
        return JOINED_NOT;
    enum joined joined = armed_follower(&armed) ? JOINED_SOON : JOINED_NOT;
    found->pid = armed.pid;
    job_process_describe(&armed, found->about, sizeof(found->about));
    snprintf(path, sizeof(path), "%s/%s", armed.directory, armed.page.session);
    if (joined && armed.page.session[0] && !strchr(armed.page.session, '/') &&
        open_session(path, &found->mapping, &words))
        joined = JOINED;
    armed_close(&armed);
    return joined;
}

bool session_find_quietly(const char *word, struct session_found *found)
{
    enum { LOOK_US = 10000, LOOKS = 200 };
    struct stat status;
    if (session_find_started(word, found))
        return true;
    if (stat(word, &status) == 0 && S_ISDIR(status.st_mode) && !job_process_is(word))
        return false; /* it would be said why */
    enum joined joined = look_at_joined(word, found);
    for (int i = 0; i < LOOKS && joined == JOINED_SOON; i++) {
        usleep(LOOK_US);
        joined = look_at_joined(word, found);
    }
    found->collector = joined == JOINED ? session_collector(&found->mapping) : 0;
    return joined == JOINED;
}

void session_describe_collector(pid_t collector, char *text, size_t size)
{
    if (collector <= 0 || !job_process_say_who(collector, text, size))
        snprintf(text, size, "an ulma of another PID namespace");
}

bool session_find(const char *word, struct session_found *found)
{
    struct armed armed;
    pid_t pid;
    *found = (struct session_found){.mapping = {.fd = -1}};
    bool good = find_in_directory(word, found);
    int result = good ? -EINVAL : job_process_look(&armed, word, &pid);
    if (result == 0)
        good = find_armed(&armed, found);
    else if (!good && result == -ENOENT)
        message_error("PID %d is not armed and no ulma has started it, so that there is nothing to "
                      "set: `ulma top %d --only P` begins with a pattern",
                      (int)pid, (int)pid);
    else if (!good && result != -EINVAL)
        job_process_say_not_found(word, pid, result);
    if (result == 0)
        armed_close(&armed);
    if (good)
        found->collector = session_collector(&found->mapping);
    return good;
}

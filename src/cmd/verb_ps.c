/* SPDX-License-Identifier: MIT */
/* ulma ps: the sessions and what they are, and the Pythons that could be attached to.
 * Why: who wants to look at a process has to find it first; and after a kill -9 somebody asks what is
 * still there, and wants it gone.
 * Rules: a session's collector holds a lock on its file, which the kernel drops however it dies: no
 * lock, no collector. What is removed is of this PID namespace and boot. A session's words are the
 * target's: shown with care, believed never. */
#include "attach/armed.h"
#include "attach/attachable.h"
#include "attach/elsewhere.h"
#include "cmd/job_session.h"
#include "cmd/job_view.h"
#include "cmd/message.h"
#include "cmd/private_folder.h"
#include "cmd/rescue_find.h"
#include "cmd/verbs.h"
#include "wire/guard.h"
#include "wire/mapping.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_KNOWN = 4096, HALF_MADE_S = 10 };

struct sessions {
    int shown, cleared, pages_cleared;
    pid_t known[MOST_KNOWN]; /* those that have a line */
    int known_count;
    char crashed[PATH_MAX]; /* a directory that holds flight recordings of ended processes */
};

struct session_look {
    unsigned pid;
    uint32_t state;
    unsigned long collector; /* its PID; 0: gone */
    bool ours;               /* of this PID namespace and boot */
    bool is_child;           /* it was made by the process itself, and may be to be found yet */
    char python[64];
};

static bool read_text(const char *path, char *text, size_t size, size_t *ret_length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return false;
    text[got] = '\0';
    *ret_length = (size_t)got;
    return true;
}

/* Bytes that could steer a terminal are shown as `?`. */
static void print_safely(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_command(unsigned pid)
{
    char path[64], text[512];
    size_t length;
    snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
    if (!read_text(path, text, sizeof(text), &length) || length == 0) {
        putchar('-');
        return;
    }
    for (size_t i = 0; i + 1 < length; i++) {
        if (!text[i])
            text[i] = ' ';
    }
    print_safely(text);
}

static bool is_locked(const struct mapping *mapping)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(mapping->fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_of_here(const struct session_header *header)
{
    char boot[SESSION_BOOT_ID_SIZE];
    struct stat status;
    size_t length;
    if (stat("/proc/self/ns/pid", &status) || header->pid_namespace != status.st_ino ||
        !read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot), &length))
        return false;
    boot[strcspn(boot, "\n")] = '\0';
    return strncmp(boot, header->boot_id, sizeof(boot)) == 0;
}

static bool is_alive(unsigned pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

struct look_context {
    const struct mapping *mapping;
    struct session_look *look;
};

/* Under the guard: another user's target may truncate its file meanwhile. */
static int look_inside(void *argument)
{
    struct look_context *context = argument;
    const struct session_header *header = mapping_header(context->mapping);
    struct session_look *look = context->look;
    if (atomic_load(&header->target_pid))
        look->pid = atomic_load(&header->target_pid);
    look->state = atomic_load(&header->state);
    look->collector = header->collector_pid;
    look->ours = is_of_here(header);
    look->is_child = header->parent_pid != 0;
    memcpy(look->python, header->python, sizeof(look->python) - 1);
    return 0;
}

static const char *state_word(const struct session_look *look)
{
    if (!look->collector && (!look->ours || !is_alive(look->pid)))
        return "stale";
    if (!look->collector)
        return "off"; /* the probe stops within a second of its collector's end */
    switch (look->state) {
    case STATE_ON:
        return "on";
    case STATE_OFF:
    case STATE_FORKED:
        return "off";
    case STATE_REFUSED:
        return "refused";
    case STATE_NEW:
        return "starting";
    default:
        return "armed";
    }
}

/* The start of a process's line, up to its collector. */
static void begin_line(struct sessions *sessions, pid_t pid, const char *state, const char *python)
{
    char version[64];
    if (sessions->shown++ == 0)
        printf("%8s  %-10s  %-10s  %9s  %s\n", "PID", "STATE", "PYTHON", "COLLECTOR", "COMMAND");
    if (sessions->known_count < MOST_KNOWN)
        sessions->known[sessions->known_count] = pid;
    sessions->known_count++;
    printf("%8d  %-10s  ", (int)pid, state);
    snprintf(version, sizeof(version), "%-10s", python[0] ? python : "-");
    print_safely(version);
}

static void show(struct sessions *sessions, const struct session_look *look, bool cleared)
{
    begin_line(sessions, (pid_t)look->pid, state_word(look), look->python);
    if (look->collector)
        printf("  %9lu  ", look->collector);
    else
        printf("  %9s  ", cleared ? "cleared" : "gone");
    print_command(look->ours ? look->pid : 0);
    putchar('\n');
}

/* A session's file is named PID-RANDOM; PID-RANDOM.N in a family. */
static bool is_session_name(const char *name, unsigned *ret_pid)
{
    char *end;
    if (!isdigit((unsigned char)name[0]))
        return false;
    *ret_pid = (unsigned)strtoul(name, &end, 10);
    if (*end != '-' || strspn(end + 1, "0123456789abcdef") != 16)
        return false;
    const char *rest = end + 17; /* .N: of a process that has had one before, as another program */
    return !*rest ||
           (*rest == '.' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

static void look_at_file(struct sessions *sessions, const char *directory, const char *name)
{
    struct session_look look = {.pid = 0};
    char path[PATH_MAX];
    struct mapping mapping;
    if (!is_session_name(name, &look.pid) ||
        (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path) ||
        mapping_open(path, &mapping))
        return;
    struct look_context context = {&mapping, &look};
    if (guard_run(look_inside, &context) == 0) {
        bool awaited = look.is_child && look.ours && is_alive((unsigned)look.collector);
        if (!is_locked(&mapping) && !awaited)
            look.collector = 0;
        bool cleared = !look.collector && look.ours && unlink(path) == 0;
        sessions->cleared += cleared;
        show(sessions, &look, cleared);
    }
    mapping_close(&mapping);
}

/* What a collector handed over to somebody who never read it, and the collector is gone, too. */
static void look_at_view(const char *directory, const char *name)
{
    char path[PATH_MAX], session[PATH_MAX];
    const char *of = name + strlen(JOB_VIEW_PREFIX);
    unsigned pid;
    struct mapping mapping;
    bool owned = false;
    if (!is_session_name(of, &pid) ||
        (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path) ||
        (size_t)snprintf(session, sizeof(session), "%s/%s", directory, of) >= sizeof(session))
        return;
    if (mapping_open(session, &mapping) == 0) {
        owned = is_locked(&mapping);
        mapping_close(&mapping);
    }
    if (!owned)
        unlink(path);
}

/* A page without its magic is being made, in far less than this; or its maker was killed at that. */
static bool is_left_half_made(const struct armed *armed, const char *path)
{
    struct stat status;
    return armed->page.magic == 0 && lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           time(NULL) - status.st_mtime > HALF_MADE_S;
}

/* Of a process that is followed the session tells more. */
static void look_at_page(struct sessions *sessions, const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct armed armed;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
        return;
    int result = armed_open(&armed, path);
    bool gone = (result == -ESTALE && armed.here) ||
                (result == -EINVAL && is_left_half_made(&armed, path));
    bool cleared = gone && armed_unlink(&armed) == 0;
    sessions->pages_cleared += cleared;
    if ((result == 0 && !armed_follower(&armed)) || (result == -ESTALE && !cleared)) {
        const char *state = result                            ? "stale"
                            : atomic_load(&armed.page.flight) ? "flight"
                            : armed.page.ready                ? "armed"
                                                              : "arming";
        begin_line(sessions, armed.pid, state, armed.page.python);
        printf("  %9s  ", "-");
        print_command(armed.here ? (unsigned)armed.pid : 0);
        putchar('\n');
    }
    armed_close(&armed);
}

/* What flight recorders of processes that are no more have left: kept, for `ulma rescue`. */
static void look_at_flights(struct sessions *sessions, const char *path)
{
    size_t count;
    struct rescue_file *files = rescue_list(path, &count);
    for (size_t i = 0; files && i < count; i++) {
        if (files[i].lives)
            continue;
        begin_line(sessions, (pid_t)files[i].pid, "crashed", files[i].python);
        sessions->known_count--; /* its PID may be another process's by now */
        printf("  %9s  ", "-");
        print_safely(files[i].command);
        putchar('\n');
        snprintf(sessions->crashed, sizeof(sessions->crashed), "%s", path);
    }
    free(files);
}

static void look_at_directory(struct sessions *sessions, const char *path)
{
    look_at_flights(sessions, path);
    DIR *directory = opendir(path);
    if (!directory) {
        if (errno != ENOENT)
            message_error("cannot look into %s: %s", path, strerror(errno));
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (armed_is_name(entry->d_name))
            look_at_page(sessions, path, entry->d_name);
        else if (strncmp(entry->d_name, JOB_VIEW_PREFIX, strlen(JOB_VIEW_PREFIX)) == 0)
            look_at_view(path, entry->d_name);
        else
            look_at_file(sessions, path, entry->d_name);
    }
    closedir(directory);
}

/* Every user's usual directory that may be read: root sees them all. */
static void look_at_shared_memory(struct sessions *sessions, const char *except)
{
    DIR *directory = opendir("/dev/shm");
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char path[PATH_MAX];
        const char *digits = entry->d_name + strlen("ulma-");
        if (strncmp(entry->d_name, "ulma-", strlen("ulma-")) != 0 || !*digits ||
            strspn(digits, "0123456789") != strlen(digits))
            continue;
        snprintf(path, sizeof(path), "/dev/shm/%s", entry->d_name);
        struct stat status;
        /* Another user could have put a link there. */
        if (strcmp(path, except) != 0 && lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
            status.st_uid == strtoul(digits, NULL, 10) && access(path, R_OK | X_OK) == 0)
            look_at_directory(sessions, path);
    }
    if (directory)
        closedir(directory);
}

/* --- those that have no session and are not armed ------------------------------------------- */

static bool is_known(const struct sessions *sessions, pid_t pid)
{
    for (int i = 0; i < sessions->known_count && i < MOST_KNOWN; i++)
        if (sessions->known[i] == pid)
            return true;
    return false;
}

/* One that is armed has its page where it sees a /dev/shm. */
static bool look_at_container(struct sessions *sessions, pid_t pid)
{
    struct armed armed;
    if (!elsewhere_has_other_files(pid) || armed_find(&armed, pid, NULL, 0))
        return false;
    pid_t follower = armed_follower(&armed);
    begin_line(sessions, pid,
               follower           ? "on"
               : armed.page.ready ? "armed"
                                  : "arming",
               armed.page.python);
    if (follower > 0)
        printf("  %9d  ", (int)follower);
    else
        printf("  %9s  ", follower ? "elsewhere" : "-");
    print_command((unsigned)pid);
    putchar('\n');
    armed_close(&armed);
    return true;
}

static void look_at_process(struct sessions *sessions, pid_t pid)
{
    struct attachable look;
    if (pid == getpid() || is_known(sessions, pid) || look_at_container(sessions, pid) ||
        !attachable_look(pid, &look))
        return;
    bool may = !look.outcome.text[0];
    begin_line(sessions, pid, may ? "attachable" : "closed", look.version);
    printf("  %9s  ", "-");
    print_command((unsigned)pid);
    if (!may) {
        fputs("  (", stdout);
        print_safely(look.outcome.text);
        putchar(')');
    } else if (look.tracer) {
        printf("  (traced by process %d: by Python's own door for debuggers, when it next runs)",
               (int)look.tracer);
    }
    putchar('\n');
}

static void look_at_processes(struct sessions *sessions)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (!*end && pid > 0)
            look_at_process(sessions, (pid_t)pid);
    }
    if (directory)
        closedir(directory);
}

int verb_ps(const struct options *options, char **words, int word_count)
{
    (void)words;
    (void)word_count;
    static struct sessions sessions;
    char path[PATH_MAX];
    if (options->directory) {
        struct stat status;
        if (stat(options->directory, &status) || !S_ISDIR(status.st_mode)) {
            message_error("no directory %s: check --dir", options->directory);
            return EXIT_FAILED;
        }
        look_at_directory(&sessions, options->directory);
    } else {
        job_session_directory(path, sizeof(path));
        look_at_directory(&sessions, path);
        look_at_shared_memory(&sessions, path);
        look_at_processes(&sessions);
        int folders = private_folder_clear_stale();
        if (folders > 0)
            message_note("removed %d private folder%s that a killed ulma had left", folders,
                         folders == 1 ? "" : "s");
    }
    if (sessions.cleared > 0)
        message_note("removed %d session%s whose collector is gone", sessions.cleared,
                     sessions.cleared == 1 ? "" : "s");
    if (sessions.pages_cleared > 0)
        message_note("removed %d control page%s of processes that have ended",
                     sessions.pages_cleared, sessions.pages_cleared == 1 ? "" : "s");
    if (sessions.crashed[0])
        message_note("what crashed processes did last: ulma rescue %s", sessions.crashed);
    if (sessions.shown == 0)
        message_note(options->directory ? "no session" : "no Python process and no session");
    return EXIT_FINE;
}

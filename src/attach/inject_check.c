/* SPDX-License-Identifier: MIT */
/* Who may be attached to, and the sentences for who may not.
 * Why: the kernel says EPERM for five different reasons, and each has another remedy.
 * Rules: reads /proc only. A sentence names the process, what is in the way, and what to do. */
#include "attach/inject_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int inject_tell(struct attach_outcome *outcome, int error, const char *format, ...)
{
    va_list words;
    va_start(words, format);
    vsnprintf(outcome->text, sizeof(outcome->text), format, words);
    va_end(words);
    return error;
}

int inject_tell_not_main(struct attach_outcome *outcome, pid_t pid)
{
    return inject_tell(outcome, -ENOEXEC,
                       "process %d: its first thread is not Python's main thread, with which alone "
                       "ulma can attach; start it with ULMA=1 in its environment instead",
                       (int)pid);
}

int inject_tell_raised(struct attach_outcome *outcome, pid_t pid, const char *raised)
{
    static const char refusal[] = "RuntimeError: ";
    size_t size = sizeof(refusal) - 1;
    if (strstr(raised, "OSError: [Errno 27]")) /* EFBIG */
        return inject_tell(outcome, -EFBIG,
                           "process %d may not write a file as large as the probe (RLIMIT_FSIZE); "
                           "raise its limit: prlimit --pid %d --fsize=unlimited",
                           (int)pid, (int)pid);
    if (strncmp(raised, refusal, size) == 0)
        return inject_tell(outcome, -EIO, "process %d refuses: %s", (int)pid, raised + size);
    return inject_tell(outcome, -EIO, "process %d: what ulma ran in it raised %s", (int)pid,
                       raised);
}

ssize_t inject_read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t used = 0;
    ssize_t got;
    while ((got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    int error = errno;
    close(fd);
    if (got < 0)
        return -error;
    text[used] = '\0';
    return (ssize_t)used;
}

/* The number behind `key` in /proc/PID/status; -1 when there is none. */
static long status_number(pid_t pid, const char *key)
{
    char text[8192];
    if (inject_read_proc(pid, "status", text, sizeof(text)) < 0)
        return -1;
    const char *line = strstr(text, key);
    return line ? strtol(line + strlen(key), NULL, 10) : -1;
}

static bool status_has(pid_t pid, const char *key, const char *word)
{
    char text[8192];
    if (inject_read_proc(pid, "status", text, sizeof(text)) < 0)
        return false;
    const char *line = strstr(text, key);
    const char *end = line ? strchr(line + 1, '\n') : NULL;
    const char *found = line ? strstr(line, word) : NULL;
    return found && (!end || found < end);
}

/* The main thread, for good: for a moment it does so whenever it starts another process. */
static bool blocks_urgent(pid_t pid)
{
    enum { LOOKS = 20, LOOK_US = 10000 };
    static const char key[] = "\nSigBlk:\t";
    char text[8192];
    for (int i = 0; i < LOOKS; i++) {
        const char *line =
            inject_read_proc(pid, "status", text, sizeof(text)) > 0 ? strstr(text, key) : NULL;
        if (!line || !(strtoull(line + sizeof(key) - 1, NULL, 16) >> (SIGURG - 1) & 1))
            return false;
        usleep(LOOK_US);
    }
    return true;
}

char inject_process_state(pid_t pid)
{
    char text[1024];
    if (inject_read_proc(pid, "stat", text, sizeof(text)) < 0)
        return 0;
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : 0;
}

bool inject_is_exiting(pid_t pid)
{
    enum { EXITING = 4 }; /* the kernel's PF_EXITING */
    char text[1024];
    unsigned long flags = 0;
    if (inject_read_proc(pid, "stat", text, sizeof(text)) < 0)
        return true;
    const char *end = strrchr(text, ')');
    return end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && (flags & EXITING);
}

pid_t inject_tracer(pid_t pid)
{
    long tracer = status_number(pid, "\nTracerPid:");
    return tracer > 0 ? (pid_t)tracer : 0;
}

static void read_name(pid_t pid, char *name, size_t size)
{
    ssize_t got = inject_read_proc(pid, "comm", name, size);
    if (got <= 0)
        snprintf(name, size, "?");
    name[strcspn(name, "\n")] = '\0';
    for (char *byte = name; *byte; byte++) {
        if ((unsigned char)*byte < 0x20 || (unsigned char)*byte >= 0x7f)
            *byte = '?';
    }
}

/* Whether one of the NUL-separated words of a file of /proc/PID is as wanted; it is told the one before it, too. */
static bool has_word(pid_t pid, const char *file,
                     bool (*is_wanted)(const char *word, const char *before))
{
    enum { MOST = 4 << 20 }; /* more than execve takes */
    bool found = false;
    char *text = calloc(1, MOST);
    ssize_t length = text ? inject_read_proc(pid, file, text, MOST) : 0;
    const char *before = "";
    for (const char *here = text; !found && length > 0 && here < text + length;
         before = here, here += strlen(here) + 1)
        found = is_wanted(here, before);
    free(text);
    return found;
}

/* As Python takes both: what they are set to, be it nothing, does not matter. */
static bool is_variable(const char *word, const char *before)
{
    (void)before;
    static const char name[] = "PYTHON_DISABLE_REMOTE_DEBUG=";
    return strncmp(word, name, sizeof(name) - 1) == 0;
}

/* -X NAME, -XNAME, and behind other letters: -IX NAME. */
static bool is_option(const char *word, const char *before)
{
    static const char name[] = "disable-remote-debug";
    const char *at = strstr(word, name);
    if (!at || (at[sizeof(name) - 1] && at[sizeof(name) - 1] != '='))
        return false;
    const char *flags = at == word ? before : word;
    size_t length = at == word ? strlen(before) : (size_t)(at - word);
    return length >= 2 && flags[0] == '-' && flags[1] != '-' && flags[length - 1] == 'X' &&
           strspn(flags + 1, "bBdEhiIOPqRsSuvVxX") >= length - 1;
}

static bool remote_debug_is_off(pid_t pid)
{
    return has_word(pid, "environ", is_variable) || has_word(pid, "cmdline", is_option);
}

int inject_refused(pid_t pid, int error, struct attach_outcome *outcome)
{
    char scope[16] = "";
    char tracer_name[64];
    pid_t tracer = inject_tracer(pid);
    long user = status_number(pid, "\nUid:");
    if (error == -ESRCH || inject_process_state(pid) == 0)
        return inject_tell(outcome, -ESRCH,
                           "there is no process %d (any more); `ulma ps` lists "
                           "those that can be attached to",
                           (int)pid);
    if (tracer) {
        read_name(tracer, tracer_name, sizeof(tracer_name));
        return inject_tell(outcome, -EBUSY,
                           "process %d is being traced by process %d (%s), and there can be one "
                           "tracer only; end that, then attach again",
                           (int)pid, (int)tracer, tracer_name);
    }
    if (error != -EPERM && error != -EACCES)
        return inject_tell(outcome, error, "process %d cannot be attached to: %s", (int)pid,
                           strerror(-error));
    if (user >= 0 && geteuid() != 0 && (uid_t)user != geteuid())
        return inject_tell(outcome, -EPERM,
                           "process %d belongs to another user (uid %ld); as root it works: sudo "
                           "ulma attach %d",
                           (int)pid, user, (int)pid);
    int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t got = read(fd, scope, sizeof(scope) - 1);
        scope[got > 0 ? got : 0] = '\0';
        close(fd);
    }
    if (scope[0] == '3')
        return inject_tell(outcome, -EPERM,
                           "this machine forbids attaching to process %d and to any other "
                           "(kernel.yama.ptrace_scope is 3, until the next boot); start it with "
                           "ULMA=1 in its environment instead",
                           (int)pid);
    if (scope[0] == '1' || scope[0] == '2')
        return inject_tell(outcome, -EPERM,
                           "this machine lets only root attach to process %d "
                           "(kernel.yama.ptrace_scope is %c): sudo ulma attach %d",
                           (int)pid, scope[0], (int)pid);
    return inject_tell(outcome, -EPERM,
                       "the kernel does not let you attach to process %d: it has changed its user, "
                       "has capabilities that you have not, or is in a container that forbids it "
                       "(CAP_SYS_PTRACE is what is missing); as root it works: sudo ulma attach %d",
                       (int)pid, (int)pid);
}

int inject_check(pid_t pid, struct attach_outcome *outcome)
{
    const char *refusal = inject_cpu_refusal();
    char state = inject_process_state(pid);
    if (refusal)
        return inject_tell(outcome, -EOPNOTSUPP, "process %d: %s", (int)pid, refusal);
    if (state == 0)
        return inject_refused(pid, -ESRCH, outcome);
    if (state == 'Z' || state == 'X')
        return inject_tell(
            outcome, -ESRCH,
            "process %d has ended (a zombie, which its parent %ld has not waited for "
            "yet); there is nothing left to attach to",
            (int)pid, status_number(pid, "\nPPid:"));
    if (status_number(pid, "\nTgid:") != pid)
        return inject_tell(outcome, -ESRCH, "%d is a thread of process %ld: ulma attach %ld",
                           (int)pid, status_number(pid, "\nTgid:"), status_number(pid, "\nTgid:"));
    if (pid == getpid())
        return inject_tell(outcome, -EPERM, "process %d is ulma itself; give another process's PID",
                           (int)pid);
    if (status_has(pid, "\nx86_Thread_features:", "shstk"))
        return inject_tell(
            outcome, -EOPNOTSUPP,
            "process %d runs with a shadow stack, with which ulma cannot attach; start "
            "it with ULMA=1 in its environment instead",
            (int)pid);
    if (remote_debug_is_off(pid))
        return inject_tell(outcome, -EPERM,
                           "process %d was started with remote debugging disabled "
                           "(PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug), which ulma "
                           "obeys; start it without, or with ULMA=1 in its environment",
                           (int)pid);
    if (blocks_urgent(pid))
        return inject_tell(
            outcome, -EOPNOTSUPP,
            "the main thread of process %d blocks SIGURG, by which ulma is heard; let it "
            "through there (signal.pthread_sigmask), or start the program with `ulma "
            "run`, which needs none",
            (int)pid);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* ulma dump: every thread's stack and every task of asyncio, once.
 * Why: the first question about a process that hangs, and one that must not need the process's help.
 * Rules: nothing runs in the target and nothing is written to it. What keeps us from reading it is one
 * sentence with what to do. */
#include "attach/inspect.h"
#include "cmd/dump_print.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/session_find.h"
#include "cmd/verbs.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The line to paste where rights are missing: sudo's PATH may not have this ulma. */
static void spell_sudo(char *line, size_t size, int pid)
{
    char path[PATH_MAX];
    ssize_t got = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[got > 0 ? got : 0] = '\0';
    snprintf(line, size, "sudo %s dump %d", path[0] ? path : "ulma", pid);
}

static void spell_owner(char *name, size_t size, int pid)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", pid);
    if (stat(path, &status)) {
        snprintf(name, size, "another user");
        return;
    }
    const struct passwd *user = getpwuid(status.st_uid);
    if (user)
        snprintf(name, size, "the user %s", user->pw_name);
    else
        snprintf(name, size, "the user with uid %u", (unsigned)status.st_uid);
}

static void refuse_right(enum python_refusal refusal, int pid)
{
    char line[PATH_MAX + 64];
    char owner[128];
    spell_sudo(line, sizeof(line), pid);
    spell_owner(owner, sizeof(owner), pid);
    if (geteuid() == 0)
        message_error("the kernel does not let root read process %d: CAP_SYS_PTRACE is missing; in "
                      "a container start it with --cap-add=SYS_PTRACE, and run ulma in the same "
                      "one or on the host",
                      pid);
    else if (refusal == PYTHON_OTHER_USER)
        message_error("process %d belongs to %s: write `%s`", pid, owner, line);
    else if (refusal == PYTHON_PTRACE_SCOPE)
        message_error("the kernel forbids reading process %d (kernel.yama.ptrace_scope): write "
                      "`%s`, or allow it until the next boot with `echo 0 | sudo tee "
                      "/proc/sys/kernel/yama/ptrace_scope`",
                      pid, line);
    else
        message_error("the kernel does not let you read process %d although it is yours (it has "
                      "other rights, or closed itself): write `%s`",
                      pid, line);
}

static void refuse(enum python_refusal refusal, int pid, const struct inspect *inspect)
{
    char command[256];
    const char *version = inspect && inspect->image.version[0] ? inspect->image.version : "3";
    switch (refusal) {
    case PYTHON_FINE:
        break;
    case PYTHON_GONE:
        message_error("no process has the PID %d, or it has just ended: `pgrep -a python` lists "
                      "those of Python",
                      pid);
        break;
    case PYTHON_ZOMBIE:
        message_error("process %d has ended (it is a zombie: its parent has not yet asked for its "
                      "status), so it has no stacks any more",
                      pid);
        break;
    case PYTHON_NONE:
        dump_read_command(pid, command, sizeof(command));
        message_error("process %d (%s) is not a Python that ulma can see: `pgrep -a python` lists "
                      "those of Python",
                      pid, command[0] ? command : "a kernel thread");
        break;
    case PYTHON_OTHER_USER:
    case PYTHON_PTRACE_SCOPE:
    case PYTHON_NO_RIGHT:
        refuse_right(refusal, pid);
        break;
    case PYTHON_UNSUPPORTED:
        message_error("process %d runs Python %s, which ulma cannot read; it reads CPython 3.9 to "
                      "3.15",
                      pid, version);
        break;
    case PYTHON_FREE_THREADED:
        message_error("process %d runs a free-threaded build of Python %s, which ulma does not "
                      "support yet; run the program with a build that has the GIL",
                      pid, version);
        break;
    case PYTHON_MUSL:
        message_error("process %d runs Python %s on musl, which ulma does not support; run the "
                      "program with a Python of glibc (python:%s-slim, not -alpine)",
                      pid, version, version);
        break;
    case PYTHON_NOT_RUNNING:
        message_error("the Python of process %d has not started its interpreter yet, or has ended "
                      "it: try again while the program runs",
                      pid);
        break;
    case PYTHON_UNKNOWN_LAYOUT:
        message_error("the Python %s of process %d lays out its state in a way that ulma does not "
                      "know; please report `python -VV`",
                      version, pid);
        break;
    case PYTHON_NO_MEMORY:
        message_error("there is no memory left to read process %d: free some and try again", pid);
        break;
    }
}

/* Of the process whose control page or session it is. 0: said on stderr. */
static int pid_of_session(const char *word)
{
    struct armed armed;
    struct session_found found;
    pid_t pid;
    if (session_find_started(word, &found)) {
        pid = found.collector > 0 ? found.pid : 0;
        mapping_close(&found.mapping);
    } else if (job_process_look(&armed, word, &pid) == 0) {
        pid = armed.here ? armed.pid : 0;
        armed_close(&armed);
    } else {
        pid = 0;
    }
    if (!pid)
        message_error(
            "%s is of no process that can be seen from here: `ulma dump` reads the memory of "
            "one, so run it where `ps` shows it",
            word);
    return (int)pid;
}

/* 0: no PID. */
static int read_pid(const char *word)
{
    char *end;
    size_t size = strlen(word);
    if (size == 0 || strspn(word, "0123456789") != size)
        return 0;
    unsigned long pid = strtoul(word, &end, 10);
    return pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

int verb_dump(const struct options *options, char **words, int word_count)
{
    const char *word = word_count == 1 ? words[0] : NULL;
    if (!word) {
        message_error("`ulma dump` needs one PID, as in `ulma dump 1234`; options stand before it");
        return EXIT_WRONG_WORDS;
    }
    int pid = read_pid(word);
    bool is_number = strspn(word, "0123456789") == strlen(word);
    bool is_session = !is_number && job_process_is(word);
    if (is_session && !(pid = pid_of_session(word)))
        return EXIT_FAILED;
    if (!pid) {
        message_error("`%s` is no PID: `ulma dump` needs a process's number, as in `ulma dump "
                      "1234`; `pgrep -a python` lists those of Python",
                      word);
        return EXIT_WRONG_WORDS;
    }
    if (options->format && strcmp(options->format->name, "json") != 0) {
        message_error("stacks come as text or, with `-f json`, as JSON, not as %s",
                      options->format->name);
        return EXIT_WRONG_WORDS;
    }
    struct inspect *inspect;
    const struct inspect_options wanted = {.locals = options->locals, .tasks = true};
    enum python_refusal refusal = inspect_process(pid, &wanted, &inspect);
    if (refusal == PYTHON_FINE)
        message_step("Python %s in %s, interpreters: %zu, threads: %zu", inspect->image.version,
                     inspect->image.path, inspect->interpreter_count, inspect->thread_count);
    if (refusal == PYTHON_FINE && options->format)
        dump_print_json(inspect, options->locals, stdout);
    else if (refusal == PYTHON_FINE && dump_print_text(inspect, stdout))
        refusal = PYTHON_NO_MEMORY;
    refuse(refusal, pid, inspect);
    inspect_free(inspect);
    return refusal == PYTHON_FINE ? EXIT_FINE : EXIT_FAILED;
}

/* SPDX-License-Identifier: MIT */
/* kill_at N COMMAND...: kills COMMAND at the N-th stop of the thread in it that attaches.
 * Why: moments drawn at random miss the short ones. The stops are the entry and the exit of each system
 * call that a thread makes from its PTRACE_SEIZE on: between two of them nothing reaches the process that
 * is attached to, so that these are all the moments there are.
 * Rules: prints the call at which it was killed. Ends with 0; with 3 when COMMAND ended before. With AT_STOP
 * in the environment that is run instead, by a shell, and the end is COMMAND's own. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USAGE = 2, ENDED = 3, OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE };

struct watch {
    pid_t command, attaching; /* attaching: 0 until a thread has asked for PTRACE_SEIZE */
    long wanted, seen;
    unsigned long long number, request; /* of the call that it is in */
};

static pid_t start(char **words)
{
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(words[0], words);
        _exit(USAGE);
    }
    return pid;
}

/* Whether this is the stop that was asked for. */
static bool is_reached(struct watch *watch, pid_t tid)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
        return false;
    bool entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    if (entry && info.entry.nr == SYS_ptrace && info.entry.args[0] == PTRACE_SEIZE)
        watch->attaching = tid;
    if (tid != watch->attaching)
        return false;
    if (entry) {
        watch->number = info.entry.nr;
        watch->request = info.entry.args[0];
    }
    if (++watch->seen != watch->wanted)
        return false;
    printf("%s of system call %llu (0x%llx)\n", entry ? "entry" : "exit", watch->number,
           watch->request);
    return true;
}

static int finish(const struct watch *watch)
{
    int status;
    kill(watch->command, SIGKILL);
    while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR)
        continue;
    return EXIT_SUCCESS;
}

static int follow(struct watch *watch)
{
    const char *order = getenv("AT_STOP");
    for (;;) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0)
            return ENDED;
        if (!WIFSTOPPED(status)) {
            if (tid == watch->command)
                return order && WIFEXITED(status) ? WEXITSTATUS(status) : ENDED;
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80) && is_reached(watch, tid) && (!order || system(order) != 0))
            return finish(watch);
        bool ours = signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP;
        ptrace(PTRACE_SYSCALL, tid, 0, (long)(ours ? 0 : signal));
    }
}

int main(int argc, char **argv)
{
    int status;
    if (argc < 3) {
        fprintf(stderr, "usage: kill_at N COMMAND...\n");
        return USAGE;
    }
    struct watch watch = {.wanted = strtol(argv[1], NULL, 10), .command = start(argv + 2)};
    if (watch.command < 0 || waitpid(watch.command, &status, 0) < 0 ||
        ptrace(PTRACE_SETOPTIONS, watch.command, 0, OPTIONS | PTRACE_O_EXITKILL)) {
        perror("kill_at");
        return USAGE;
    }
    ptrace(PTRACE_SYSCALL, watch.command, 0, 0);
    return follow(&watch);
}

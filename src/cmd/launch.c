/* SPDX-License-Identifier: MIT */
/* fork, a pipe to wait on, exec.
 * Why: see launch.h.
 * Rules: what the child does before exec needs no lock: the parent had one thread when it forked. */
#include "cmd/launch.h"

#include "cmd/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t inherited_mask;
static struct sigaction inherited_child_action;

void launch_signals(sigset_t *set)
{
    static const int looked_after[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP, SIGCHLD,
                                       SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(looked_after) / sizeof(looked_after[0]); i++)
        sigaddset(set, looked_after[i]);
}

void launch_block_signals(void)
{
    sigset_t set;
    launch_signals(&set);
    sigprocmask(SIG_BLOCK, &set, &inherited_mask);
    /* Started with SIGCHLD ignored, the kernel would reap the target and keep its status. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &action, &inherited_child_action);
}

void launch_leave_family(void)
{
    const char *path = getenv("ULMA_ARM_PYTHONPATH");
    if (!getenv("ULMA_ARM"))
        return;
    if (path)
        setenv("PYTHONPATH", path, 1);
    else
        unsetenv("PYTHONPATH");
    unsetenv("ULMA_ARM");
    unsetenv("ULMA_ARM_PYTHONPATH");
    unsetenv("ULMA_ARM_CHILDREN");
}

static void set_environment(const struct launch_plan *plan)
{
    char *path = NULL, *session = NULL;
    const char *old = getenv("PYTHONPATH");
    if (old)
        setenv("ULMA_ARM_PYTHONPATH", old, 1);
    /* Nothing after the colon would mean the current directory. */
    bool more = old && *old;
    if (asprintf(&path, "%s%s%s", plan->folder, more ? ":" : "", more ? old : "") > 0)
        setenv("PYTHONPATH", path, 1);
    if (asprintf(&session, "%s/%d-%s", plan->directory, (int)getpid(), plan->name) > 0)
        setenv("ULMA_ARM", session, 1);
    if (plan->children)
        setenv("ULMA_ARM_CHILDREN", "1", 1);
    if (plan->strict)
        setenv("ULMA_ARM_STRICT", "1", 1);
}

static void redirect(const struct launch_plan *plan)
{
    if (plan->output_fd >= 0) {
        dup2(plan->output_fd, STDOUT_FILENO);
        dup2(plan->output_fd, STDERR_FILENO);
    }
    int null = plan->null_input ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (null >= 0)
        dup2(null, STDIN_FILENO);
}

static _Noreturn void become_target(const struct launch_plan *plan, int go_fd, int failure_fd)
{
    char word;
    ssize_t got;
    do {
        got = read(go_fd, &word, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) /* ulma is gone, or thought better of it */
        _exit(EXIT_ULMA_FAILED);
    launch_leave_family();
    if (plan->folder)
        set_environment(plan);
    redirect(plan);
    sigaction(SIGCHLD, &inherited_child_action, NULL);
    sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
    /* The path has a slash, so this searches nothing; it runs scripts without #! as a shell does. */
    execvp(plan->path, plan->argv);
    int error = errno;
    ssize_t written = write(failure_fd, &error, sizeof(error));
    _exit(written == (ssize_t)sizeof(error) ? EXIT_CANNOT_EXECUTE : EXIT_ULMA_FAILED);
}

int launch_fork(struct launch *launch, const struct launch_plan *plan)
{
    int go[2], failure[2];
    if (pipe2(go, O_CLOEXEC))
        return -errno;
    if (pipe2(failure, O_CLOEXEC)) {
        int error = errno;
        close(go[0]);
        close(go[1]);
        return -error;
    }
    pid_t pid = fork();
    int error = errno;
    if (pid == 0) {
        close(go[1]);
        close(failure[0]);
        become_target(plan, go[0], failure[1]);
    }
    close(go[0]);
    close(failure[1]);
    *launch = (struct launch){.pid = pid, .go_fd = go[1], .failure_fd = failure[0]};
    if (pid > 0)
        return 0;
    close(go[1]);
    close(failure[0]);
    return -error;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int launch_go(struct launch *launch)
{
    /* A child killed meanwhile leaves no reader; SIGPIPE is ignored by then. */
    ssize_t sent = write(launch->go_fd, "g", 1);
    close(launch->go_fd);
    launch->go_fd = -1;
    int error = 0;
    ssize_t got = 0;
    do {
        got = sent == 1 ? read(launch->failure_fd, &error, sizeof(error)) : 0;
    } while (got < 0 && errno == EINTR);
    close(launch->failure_fd);
    launch->failure_fd = -1;
    if (got != (ssize_t)sizeof(error))
        return 0;
    reap(launch->pid);
    return -error;
}

void launch_cancel(struct launch *launch)
{
    close(launch->go_fd);
    close(launch->failure_fd);
    reap(launch->pid);
}

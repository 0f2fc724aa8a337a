/* SPDX-License-Identifier: MIT */
/* ulma attach: arms a Python that was started without ulma, and leaves it so.
 * Why: arming once makes every later look at the process free of ptrace.
 * Rules: one line for each process. */
#include "cmd/arming.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <stdlib.h>

static void say_armed(struct armed *armed, const char *how)
{
    char about[PATH_MAX];
    int pid = (int)armed->pid;
    job_process_describe(armed, about, sizeof(about));
    printf("%s: %s. Next: ulma top %d | ulma report %d | ulma detach %d\n", about, how, pid, pid,
           pid);
    armed_close(armed);
}

static bool attach_one(pid_t pid, int64_t timeout_ns)
{
    struct armed armed;
    enum arming arming = arm_process(&armed, pid, timeout_ns);
    if (arming != ARMING_FAILED)
        say_armed(&armed, arming == ARMING_NOW ? "armed, nothing recorded" : "armed already");
    return arming != ARMING_FAILED;
}

int verb_attach(const struct options *options, char **words, int word_count)
{
    bool all = true;
    if (word_count == 0) {
        message_error("`ulma attach` needs a PID; `ulma ps` lists processes, and see `ulma attach "
                      "--help`");
        return EXIT_WRONG_WORDS;
    }
    for (int i = 0; i < word_count; i++) {
        char *end;
        long pid = strtol(words[i], &end, 10);
        if (*end || end == words[i] || pid <= 0 || pid != (pid_t)pid) {
            message_error("`%s` is no PID: `ulma attach` takes the numbers of processes", words[i]);
            return EXIT_WRONG_WORDS;
        }
        all &= attach_one((pid_t)pid, options->timeout_ns);
    }
    return all ? EXIT_FINE : EXIT_FAILED;
}

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

static void say_armed(const struct armed *armed, const char *how)
{
    char about[PATH_MAX];
    int pid = (int)armed->pid;
    job_process_describe(armed, about, sizeof(about));
    printf("%s: %s. Next: ulma top %d | ulma record %d | ulma detach %d\n", about, how, pid, pid,
           pid);
}

/* As ULMA=flight has them. */
static void write_words(const struct options *options, char *words, size_t size)
{
    int used = 0;
    words[0] = '\0';
    if (options->budget_thousandths != OPTIONS_UNSET)
        used = snprintf(words, size, "budget=%g", (double)options->budget_thousandths / 1000);
    if (options->keep_ns != OPTIONS_UNSET)
        snprintf(words + used, size - (size_t)used, "%skeep=%lldms", used ? "," : "",
                 (long long)(options->keep_ns / 1000000));
}

/* One that was not armed before is left as it was found, when it may not fly. */
static bool fly(struct armed *armed, const struct options *options, enum arming arming)
{
    char words[ARMED_NAME_SIZE], about[PATH_MAX];
    int pid = (int)armed->pid;
    write_words(options, words, sizeof(words));
    if (!job_process_follow(armed))
        return false;
    bool done = job_process_ask(armed, ARMED_FLY, words);
    if (done && !atomic_load(&armed->page.flight)) {
        message_error("PID %d is armed by an older ulma, whose probe has no flight recorder: `ulma "
                      "detach %d`, and start it again",
                      pid, pid);
        done = false;
    }
    if (!done && arming == ARMING_NOW)
        armed_ask(armed, ARMED_DISARM, NULL, JOB_PROCESS_WAIT_MS);
    job_process_describe(armed, about, sizeof(about));
    if (done)
        printf("%s: keeps its last moments. Next, after a crash or in a hang: ulma rescue %d; to "
               "end it: ulma detach %d\n",
               about, pid, pid);
    return done;
}

static bool attach_one(pid_t pid, const struct options *options)
{
    struct armed armed;
    enum arming arming = arm_process(&armed, pid, options->timeout_ns);
    if (arming == ARMING_FAILED)
        return false;
    bool done = true;
    if (options->flight)
        done = fly(&armed, options, arming);
    else
        say_armed(&armed, arming == ARMING_NOW ? "armed, nothing recorded" : "armed already");
    armed_close(&armed);
    return done;
}

int verb_attach(const struct options *options, char **words, int word_count)
{
    bool all = true;
    if (word_count == 0) {
        message_error("`ulma attach` needs a PID; `ulma ps` lists processes, and see `ulma attach "
                      "--help`");
        return EXIT_WRONG_WORDS;
    }
    if (!options->flight &&
        (options->keep_ns != OPTIONS_UNSET || options->budget_thousandths != OPTIONS_UNSET)) {
        message_error("--keep and --budget are the flight recorder's: add --flight");
        return EXIT_WRONG_WORDS;
    }
    for (int i = 0; i < word_count; i++) {
        char *end;
        long pid = strtol(words[i], &end, 10);
        if (*end || end == words[i] || pid <= 0 || pid != (pid_t)pid) {
            message_error("`%s` is no PID: `ulma attach` takes the numbers of processes", words[i]);
            return EXIT_WRONG_WORDS;
        }
        all &= attach_one((pid_t)pid, options);
    }
    return all ? EXIT_FINE : EXIT_FAILED;
}

/* SPDX-License-Identifier: MIT */
/* ulma census: what lives in a process's heap, by type, and what grows there.
 * Why: it answers `what leaks?` on every CPython, in a process that was not started for it.
 * Rules: the pause is told before and after. However it ends, the process is left as it was found. */
#include "cmd/heap_walks.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/verbs.h"

#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A walk goes through some 1.5 to 3 GB of resident memory a second (docs/census.md), where that is all small
 * objects; on a busy machine less. */
enum { SLOW_MB_PER_S = 500, TELL_FROM_MS = 100 };

static int64_t resident_mb(pid_t pid)
{
    char path[64];
    long size = 0, resident = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (int64_t)resident * 4096 / 1000000;
}

static void tell_pause(const struct armed *armed, int64_t last_ns)
{
    char text[TEXT_NUMBER_BYTES];
    int64_t guess_ns = last_ns;
    if (guess_ns == 0 && armed->here)
        guess_ns = resident_mb(armed->pid) * (INT64_C(1000000000) / SLOW_MB_PER_S);
    if (guess_ns >= TELL_FROM_MS * INT64_C(1000000))
        message_note("the Python of PID %d stands still while its heap is walked, for about %s%s",
                     (int)armed->pid, text_format_time(text, guess_ns), last_ns ? "" : " or less");
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* True: somebody wants an end. */
static bool wait_for(const sigset_t *set, int64_t every_ns)
{
    struct timespec time = {.tv_sec = every_ns / 1000000000, .tv_nsec = every_ns % 1000000000};
    return sigtimedwait(set, NULL, &time) > 0;
}

static int show(const struct options *options, const struct heap_growth *growth)
{
    int result = options->format ? heap_growth_json(growth, options->every_ns > 0, stdout)
                                 : heap_growth_print(growth, stdout);
    if (result)
        message_error("writing the census failed: %s", strerror(-result));
    return result;
}

static int walk_on(const struct options *options, struct armed *armed, const sigset_t *signals)
{
    struct heap_walk walk = {.rows = NULL}, before = {.rows = NULL};
    char about[PATH_MAX];
    bool over = false;
    int timeout_ms = options->timeout_ns > 0 ? (int)(options->timeout_ns / 1000000)
                                             : JOB_PROCESS_WAIT_MS;
    uint64_t most = options->count > 0 ? (uint64_t)options->count : options->every_ns > 0 ? 0 : 1;
    int status = EXIT_FINE;
    job_process_describe(armed, about, sizeof(about));
    for (uint64_t number = 1; !over && status == EXIT_FINE; number++) {
        struct heap_growth growth = {
            .walk = &walk,
            .before = number > 1 ? &before : NULL,
            .about = about,
            .pid = (uint32_t)armed->pid,
            .python = armed->page.python,
            .number = number,
            .limit = options->limit >= 0 ? (size_t)options->limit : OPTIONS_LIMIT_DEFAULT,
        };
        tell_pause(armed, number > 1 ? (int64_t)before.header.duration_ns : 0);
        if (!heap_walk_take(armed, options->referrers, timeout_ms, &walk) || show(options, &growth))
            status = EXIT_FAILED;
        heap_walk_done(&before);
        before = walk;
        walk = (struct heap_walk){.rows = NULL};
        over = number == most || (status == EXIT_FINE &&
                                  wait_for(signals, options->every_ns > 0 ? options->every_ns : 0));
    }
    heap_walk_done(&before);
    return status;
}

static bool check(const struct options *options, int word_count)
{
    if (word_count != 1)
        message_error("`ulma census` needs one PID or SESSION, as in `ulma census 1234`");
    else if (options->format && strcmp(options->format->name, "json") != 0)
        message_error("a census comes as text or, with `-f json`, as JSON, not as %s",
                      options->format->name);
    else if (options->count > 1 && options->every_ns <= 0)
        message_error("`--count` says how many walks `--every S` makes: write that, too");
    else
        return true;
    return false;
}

int verb_census(const struct options *options, char **words, int word_count)
{
    struct armed armed;
    sigset_t signals;
    bool attached = false;
    if (!check(options, word_count))
        return EXIT_WRONG_WORDS;
    block_signals(&signals);
    if (!job_process_find_or_arm(&armed, words[0], options->timeout_ns, &attached))
        return EXIT_FAILED;
    int status = EXIT_FAILED;
    if (job_process_follow(&armed))
        status = walk_on(options, &armed, &signals);
    if (attached && armed_lives(&armed) && !job_process_ask(&armed, ARMED_DISARM, NULL))
        status = EXIT_FAILED;
    armed_close(&armed);
    return status;
}

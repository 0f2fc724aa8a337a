/* SPDX-License-Identifier: MIT */
/* ulma record: what a program does, into a file.
 * Why: live is half of it; people come back, compare, and hand the file on.
 * Rules: the exit status is the target's. A recording that cannot go on is told, and the target runs on. */
#include "cmd/job_process.h"
#include "cmd/job_record.h"
#include "cmd/message.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

#include <signal.h>

enum { LOOK_MS = 200 };

/* Until the target's end, the end of --duration, a signal, or a full disk. */
static void follow(struct job *job)
{
    bool over = false;
    while (!over && job_record_goes_on(job)) {
        int timeout_ms = job_tick(job, &over);
        if (timeout_ms < 0 || timeout_ms > LOOK_MS)
            timeout_ms = LOOK_MS;
        if (!over && supervise_step(&job->supervise, timeout_ms))
            return;
    }
}

static int finish(struct job *job)
{
    job_finish(job);
    if (report_never_began(job)) {
        job_record_abandon(job);
        return EXIT_ULMA_FAILED;
    }
    if (report_say_seen(job)) {
        job->failed |= !job_record_finish(job);
    } else {
        job->failed = true;
        job_record_abandon(job);
    }
    job_wait(job);
    if (job->is_process)
        job_process_say_end(job);
    if (job->is_process || job->supervise.ended)
        return job_status(job);
    message_note("PID %d goes on without ulma", (int)job->supervise.pid);
    return EXIT_SIGNAL_BASE + SIGINT;
}

int verb_record(const struct options *options, char **words, int word_count)
{
    static struct job job;
    struct job_setting setting = {
        .verb = "record",
        .record = true,
        .clock = options->clock == CLOCK_CPU ? CLOCK_CPU : CLOCK_WALL,
    };
    if (options->redact && options->with_source) {
        message_error("--redact hides names and --with-source keeps them: take one of them");
        return job_process_is(words[0]) ? EXIT_WRONG_WORDS : EXIT_ULMA_FAILED;
    }
    if (options->redact && options->trace) {
        message_error("--redact hides names, and a trace is played by them: take one of them");
        return job_process_is(words[0]) ? EXIT_WRONG_WORDS : EXIT_ULMA_FAILED;
    }
    int status = job_process_is(words[0])
                     ? job_process_start(&job, options, words, word_count, &setting)
                     : job_start(&job, options, words, word_count, &setting);
    if (status == EXIT_FINE && !job_record_start(&job))
        status = EXIT_ULMA_FAILED;
    if (status == EXIT_FINE) {
        follow(&job);
        status = finish(&job);
    } else {
        job_record_abandon(&job);
    }
    job_record_close(&job);
    job_close(&job);
    return status;
}

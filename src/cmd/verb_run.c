/* SPDX-License-Identifier: MIT */
/* ulma run: the target in the foreground, the report at its end.
 * Why: the first thing that anyone does with a profiler.
 * Rules: the exit status is the target's. */
#include "cmd/message.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

/* Until the target's end, the end of --duration, or two Ctrl-Cs. */
static void follow(struct job *job)
{
    bool over = false;
    while (!over) {
        int timeout_ms = job_tick(job, &over);
        if (!over && supervise_step(&job->supervise, timeout_ms))
            return;
    }
}

static int finish(struct job *job)
{
    job_finish(job);
    if (report_never_began(job))
        return EXIT_ULMA_FAILED;
    report_print(job);
    job_wait(job);
    if (job->supervise.ended)
        return job_status(job);
    message_note("PID %d goes on without ulma", (int)job->supervise.pid);
    return EXIT_SIGNAL_BASE + SIGINT;
}

int verb_run(const struct options *options, char **words, int word_count)
{
    static struct job job;
    struct job_setting setting = {
        .verb = "run",
        .whole_only = true,
        .clock = options->clock == CLOCK_CPU ? CLOCK_CPU : CLOCK_WALL,
    };
    int status = job_start(&job, options, words, word_count, &setting);
    if (status == EXIT_FINE) {
        follow(&job);
        status = finish(&job);
    }
    job_close(&job);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* ulma report: the table of a recording, or of what a process does from now on.
 * Why: what `ulma run` prints at a program's end, of one that runs already, without ending it.
 * Rules: the report goes to stdout; the process is left armed and off. */
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

/* Until the process's end, the end of --duration, or a signal. */
static void follow(struct job *job)
{
    bool over = false;
    while (!over) {
        int timeout_ms = job_tick(job, &over);
        if (!over && supervise_step(&job->supervise, timeout_ms))
            return;
    }
}

static bool check_word(const char *word)
{
    if (job_process_is(word))
        return true;
    message_error(
        "`%s` is no recording, no PID and no session: `ulma ps` lists what is armed; to run a "
        "program and report on it write `ulma run %s`",
        word, word);
    return false;
}

static bool check_words(char **words, int word_count)
{
    bool fine = word_count > 0;
    for (int i = 0; i < word_count && fine; i++)
        fine = check_word(words[i]);
    return fine;
}

int verb_report(const struct options *options, char **words, int word_count)
{
    static struct job job;
    struct options own = *options;
    struct job_setting setting = {
        .verb = "report",
        .clock = options->clock == CLOCK_CPU ? CLOCK_CPU : CLOCK_WALL,
    };
    if (word_count == 0)
        message_error(
            "`ulma report` needs a recording, a PID or a SESSION; see `ulma report --help`");
    if (word_count == 0 || !recorded_check(options, "report", words, word_count))
        return EXIT_WRONG_WORDS;
    if (recording_is_name(words[0]))
        return recorded_report(options, words[0]);
    if (!check_words(words, word_count))
        return EXIT_WRONG_WORDS;
    if (!own.output)
        own.output = "-";
    int status = job_process_start(&job, &own, words, word_count, &setting);
    if (status == EXIT_FINE) {
        follow(&job);
        job_finish(&job);
        report_print(&job);
        job_process_say_end(&job);
        status = job_status(&job);
    }
    job_close(&job);
    return status;
}

/* SPDX-License-Identifier: MIT */
/* ulma: finds the verb, reads its options, runs it.
 * Why: wrong words are answered in one place: 2, or 125 where a target was named, since a caller of
 * `ulma run TARGET` takes any other status for the target's own.
 * Rules: the only exit of the program is main's return. */
#include "cmd/help.h"
#include "cmd/message.h"
#include "cmd/verbs.h"
#include "model/verdicts.h"
#ifndef ULMA_READER
#include "wire/guard.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Started with one of them closed, a file of ours would get its number, and what is printed would
 * go into that file. The target still gets it closed. */
static void occupy_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int unknown_verb(const char *name)
{
    const char *nearest = verb_nearest(name);
    if (verb_is_later(name))
        message_error("`ulma %s` is not there yet: `ulma help` lists the verbs that are", name);
    else if (nearest)
        message_error("no verb `%s`: did you mean `%s`?", name, nearest);
    else if (access(name, F_OK) == 0)
        message_error("no verb `%s`: to run a program write `ulma run %s …`", name, name);
    else
        message_error("no verb `%s`: `ulma help` lists them", name);
    return EXIT_WRONG_WORDS;
}

/* What the values are checked for together; NULL: nothing is wrong. */
static const char *check_together(const struct verb_row *verb, const struct parsed *parsed)
{
    const struct options *options = &parsed->options;
    if (verb->takes_target && parsed->word_count == 0)
        return "needs a program: SCRIPT, -m MODULE, -c CODE or -- COMMAND";
    if (options->interval_ns != OPTIONS_UNSET && options->interval_ns < 100 * INT64_C(1000000))
        return "--interval is at least 0.1s";
    if (parsed->word_count > 0 && !*verb->words && verb->bit != VERB_EXPORT)
        return "takes options only";
    return NULL;
}

static int run_verb(const struct verb_row *verb, char **words, int word_count)
{
    static struct parsed parsed;
    options_parse(verb, words, word_count, &parsed);
    if (parsed.options.help)
        return help_print(verb);
    int wrong = verb->takes_target && parsed.word_count > 0 ? EXIT_ULMA_FAILED : EXIT_WRONG_WORDS;
    if (parsed.error[0]) {
        message_error("%s", parsed.error);
        return wrong;
    }
    const char *together = check_together(verb, &parsed);
    if (together) {
        message_error("`ulma %s` %s; see `ulma %s --help`", verb->name, together, verb->name);
        return wrong;
    }
    if (parsed.options.verdicts_off)
        verdicts_hide();
    message_settings(parsed.options.quiet, parsed.options.verbose);
    int status = verb->run(&parsed.options, parsed.words, parsed.word_count);
    if (fflush(stdout) == 0 || errno == EPIPE)
        return status;
    message_error("cannot write to stdout: %s", strerror(errno));
    return status == EXIT_FINE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    setlocale(LC_CTYPE, "");
#ifndef ULMA_READER
    guard_install(); /* a session's owner may cut its file off under us */
#endif
    if (argc < 2) {
        help_overview(stderr);
        return EXIT_WRONG_WORDS;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("ulma " ULMA_VERSION);
        return fflush(stdout) ? EXIT_FAILED : EXIT_FINE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        word = "help";
    const struct verb_row *verb = verb_find(word);
    if (!verb)
        return unknown_verb(word);
    return run_verb(verb, argv + 2, argc - 2);
}

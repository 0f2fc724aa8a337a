/* SPDX-License-Identifier: MIT */
/* ulma export: a recording in another tool's format, or the list of formats.
 * Why: `report` is for reading; here a format must be named, so that nobody gets a table in a file that
 * another program shall read.
 * Rules: the list is one a line, name first, so that scripts can cut it. Knows no process. */
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

static int print_list(void)
{
    for (size_t i = 0; exporter_list[i]; i++) {
        const struct exporter *format = exporter_list[i];
        printf("%-12s %s", format->name, format->help);
        if (format->extensions)
            printf(" (%s)", format->extensions);
        if (format->aliases)
            printf(" [also: %s]", format->aliases);
        putchar('\n');
    }
    return EXIT_FINE;
}

static bool names_format(const struct options *options)
{
    return options->format || (options->output && exporter_for_file(options->output));
}

int verb_export(const struct options *options, char **words, int word_count)
{
    if (options->list && word_count > 0)
        message_error("ulma export --list takes no words: `%s` is one too many", words[0]);
    else if (options->list)
        return print_list();
    else if (word_count != 1)
        message_error("`ulma export` needs one recording: ulma export FILE -f NAME -o OUT");
    else if (!recording_is_name(words[0]))
        message_error("`%s` is no recording: `ulma record` makes one", words[0]);
    else if (!names_format(options))
        message_error("which format? Name it with -f NAME, or by -o's extension; `ulma export "
                      "--list` has the names");
    else
        return recorded_report(options, words[0]);
    return EXIT_WRONG_WORDS;
}

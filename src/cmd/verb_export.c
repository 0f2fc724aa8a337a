/* SPDX-License-Identifier: MIT */
/* ulma export: for now only the list of formats.
 * Why: -f names them, and people ask which there are.
 * Rules: one a line, name first, so that scripts can cut it. */
#include "cmd/message.h"
#include "cmd/verbs.h"

#include <stdio.h>

int verb_export(const struct options *options, char **words, int word_count)
{
    if (options->list && word_count > 0) {
        message_error("ulma export --list takes no words: `%s` is one too many", words[0]);
        return EXIT_WRONG_WORDS;
    }
    if (!options->list) {
        message_error("`ulma export%s` is not there yet: `ulma run -f NAME -o FILE …` writes each "
                      "format, `ulma export --list` names them",
                      word_count > 0 ? " FILE" : "");
        return EXIT_WRONG_WORDS;
    }
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

/* SPDX-License-Identifier: MIT */
/* ulma help: on ulma, on a verb, as man page, as Markdown.
 * Why: one more door to the same table.
 * Rules: as help.h. */
#include "cmd/help.h"
#include "cmd/message.h"
#include "cmd/verbs.h"

int verb_help(const struct options *options, char **words, int word_count)
{
    const struct verb_row *verb = word_count > 0 ? verb_find(words[0]) : NULL;
    if (word_count > 0 && !verb) {
        const char *nearest = verb_nearest(words[0]);
        if (verb_is_later(words[0]))
            message_error("`ulma %s` is not there yet: `ulma help` lists the verbs that are",
                          words[0]);
        else if (nearest)
            message_error("no verb `%s`: did you mean `%s`?", words[0], nearest);
        else
            message_error("no verb `%s`: `ulma help` lists them", words[0]);
        return EXIT_WRONG_WORDS;
    }
    if (options->markdown)
        return help_markdown();
    if (options->man)
        return help_man(verb);
    if (verb)
        return help_print(verb);
    help_overview(stdout);
    return EXIT_FINE;
}

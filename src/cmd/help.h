/* SPDX-License-Identifier: MIT */
/* Help in its four shapes, all from options.def and verbs.def.
 * Why: what is printed, what is installed as man pages and what stands in docs/cli.md cannot differ.
 * Rules: prints, returns an exit status. */
#ifndef ULMA_CMD_HELP_H
#define ULMA_CMD_HELP_H

#include "cmd/options.h"

#include <stdio.h>

/* What `ulma` alone says. */
void help_overview(FILE *stream);

/* --help of a verb, to stdout. */
int help_print(const struct verb_row *verb);

/* A man page in roff; NULL: of ulma itself. */
int help_man(const struct verb_row *verb);

/* Every verb's options as Markdown tables. */
int help_markdown(void);

/* `-o, --output FILE`, as in all of the above. */
void help_spell(const struct option_row *row, char *text, size_t size);

#define HELP_TARGET "SCRIPT [ARG...] | -m MODULE [ARG...] | -c CODE [ARG...] | -- COMMAND [ARG...]"

/* One paragraph a line. */
extern const char help_exit_statuses[];
extern const char help_environment[];

#endif

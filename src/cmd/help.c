/* SPDX-License-Identifier: MIT */
/* Help for the terminal.
 * Why: see help.h.
 * Rules: 80 columns, so that it reads anywhere and man and tests see the same lines. */
#include "cmd/help.h"

#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 26 };

const char help_exit_statuses[] =
    "With a TARGET: its own; 128 + N when signal N ended it; 125 when ulma fails before the target "
    "starts (wrong words included), or after with --strict; 126 cannot execute, 127 not found.\n"
    "Else: 0 fine, 1 failed, 2 wrong words, 3 a limit exceeded (diff --fail-over).";

const char help_environment[] =
    "ULMA: 1 arms a Python that has ulma's package: `ulma top PID` follows it whenever you like.\n"
    "ULMA_DIR: the session directory, instead of /dev/shm/ulma-UID.\n"
    "VIRTUAL_ENV: where the target's Python is looked for before PATH.\n"
    "TMPDIR: where the probe's private folder, top's file of the target's output and a report that "
    "could not be written elsewhere go.\n"
    "NO_COLOR, CLICOLOR_FORCE: as everywhere.";

/* Words from `text` up to a newline, wrapped; the first line begins at `column`. Returns what
 * follows the newline, or NULL. */
static const char *wrap(FILE *stream, const char *text, int column, int indent)
{
    bool first = true;
    while (*text && *text != '\n') {
        size_t size = strcspn(text, " \n");
        if (!first && column + 1 + (int)size > WIDTH) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        column += fprintf(stream, "%s%.*s", first ? "" : " ", (int)size, text);
        first = false;
        text += size + strspn(text + size, " ");
    }
    fputc('\n', stream);
    return *text == '\n' ? text + 1 : NULL;
}

static void wrap_all(FILE *stream, const char *text, int indent)
{
    while (text) {
        fprintf(stream, "%*s", indent, "");
        text = wrap(stream, text, indent, indent);
    }
}

void help_spell(const struct option_row *row, char *text, size_t size)
{
    if (row->letter)
        snprintf(text, size, "-%c, --%s%s%s", row->letter, row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
    else
        snprintf(text, size, "--%s%s%s", row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
}

static void print_option(const struct option_row *row)
{
    char spelled[80];
    help_spell(row, spelled, sizeof(spelled));
    int column = printf("  %*s%s", row->letter ? 0 : 4, "", spelled);
    if (column > OPTION_COLUMN - 2) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", OPTION_COLUMN - column, "");
    wrap(stdout, row->help, OPTION_COLUMN, OPTION_COLUMN);
}

static void print_target(FILE *stream)
{
    int column = fprintf(stream, "TARGET := ");
    wrap(stream, HELP_TARGET, column, column);
}

int help_print(const struct verb_row *verb)
{
    printf("usage: ulma %s [options]%s%s\n", verb->name, *verb->words ? " " : "", verb->words);
    if (verb->takes_target)
        print_target(stdout);
    putchar('\n');
    wrap_all(stdout, verb->about, 0);
    printf("\noptions:\n");
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_rows[i].verbs & verb->bit)
            print_option(&option_rows[i]);
    }
    printf("\nexit status:\n");
    wrap_all(stdout, help_exit_statuses, 2);
    return EXIT_FINE;
}

void help_overview(FILE *stream)
{
    fprintf(stream, "usage: ulma VERB [options] …\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(stream, "  ulma %-8s %-10s %s\n", verb_rows[i].name, verb_rows[i].words,
                verb_rows[i].summary);
    fprintf(stream, "  ulma --version\n\n");
    print_target(stream);
    fprintf(stream, "`ulma VERB --help` tells a verb's options. Begin with: ulma run yours.py\n");
}

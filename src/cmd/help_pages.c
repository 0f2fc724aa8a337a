/* SPDX-License-Identifier: MIT */
/* Help as man pages and as Markdown.
 * Why: see help.h.
 * Rules: the output depends on the tables only (no date), so that a test can tell a stale file. */
#include "cmd/help.h"

#include "cmd/verbs.h"

#include <ctype.h>
#include <string.h>

/* Text of `size` bytes as roff: minus signs that can be copied, `words` in bold. */
static void roff(const char *text, size_t size)
{
    bool bold = false, line_start = true;
    for (size_t i = 0; i < size; i++) {
        char byte = text[i];
        if (line_start && (byte == '.' || byte == '\''))
            fputs("\\&", stdout);
        line_start = byte == '\n';
        if (byte == '-')
            fputs("\\-", stdout);
        else if (byte == '\\')
            fputs("\\e", stdout);
        else if (byte == '`')
            fputs((bold = !bold) ? "\\fB" : "\\fR", stdout);
        else
            putchar(byte);
    }
}

static void roff_line(const char *text)
{
    roff(text, strlen(text));
    putchar('\n');
}

static void roff_paragraphs(const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        printf(".PP\n");
        roff(text, size);
        putchar('\n');
        text += size + (text[size] == '\n');
    }
}

static void roff_title(const char *name)
{
    printf(".\\\" Made by `ulma help --man`; do not edit.\n.TH \"");
    for (; *name; name++)
        putchar(toupper((unsigned char)*name));
    printf("\" 1 \"\" \"ulma %s\" \"ulma\"\n", ULMA_VERSION);
}

static void roff_ending(const char *except)
{
    printf(".SH \"EXIT STATUS\"\n");
    roff_paragraphs(help_exit_statuses);
    printf(".SH ENVIRONMENT\n");
    roff_paragraphs(help_environment);
    printf(".SH \"SEE ALSO\"\n");
    printf("%s", *except ? ".BR ulma (1)" : "");
    bool first = !*except;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verb_rows[i].name, except) == 0)
            continue;
        printf("%s.BR ulma\\-%s (1)", first ? "" : ",\n", verb_rows[i].name);
        first = false;
    }
    putchar('\n');
}

static int man_of_ulma(void)
{
    roff_title("ulma");
    printf(".SH NAME\nulma \\- what a running Python program does: exactly and live\n");
    printf(".SH SYNOPSIS\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        printf("%s.B ulma %s\n[options] ", i ? ".br\n" : "", verb_rows[i].name);
        roff_line(verb_rows[i].words);
    }
    printf(".PP\nTARGET := ");
    roff_line(HELP_TARGET);
    printf(".SH VERBS\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        printf(".TP\n.B %s\n", verb_rows[i].name);
        roff_line(verb_rows[i].summary);
    }
    roff_ending("");
    return EXIT_FINE;
}

int help_man(const struct verb_row *verb)
{
    if (!verb)
        return man_of_ulma();
    char name[64];
    snprintf(name, sizeof(name), "ulma-%s", verb->name);
    roff_title(name);
    printf(".SH NAME\nulma\\-%s \\- ", verb->name);
    roff_line(verb->summary);
    printf(".SH SYNOPSIS\n.B ulma %s\n[options] ", verb->name);
    roff_line(verb->words);
    if (verb->takes_target) {
        printf(".PP\nTARGET := ");
        roff_line(HELP_TARGET);
    }
    printf(".SH DESCRIPTION\n");
    roff_paragraphs(verb->about);
    printf(".SH OPTIONS\n");
    for (size_t i = 0; i < option_row_count; i++) {
        if (!(option_rows[i].verbs & verb->bit))
            continue;
        char spelled[80];
        help_spell(&option_rows[i], spelled, sizeof(spelled));
        printf(".TP\n.B ");
        roff_line(spelled);
        roff_line(option_rows[i].help);
    }
    roff_ending(verb->name);
    return EXIT_FINE;
}

/* A bar would end the table's cell. */
static void markdown_cell(const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            putchar('\\');
        putchar(*text);
    }
}

int help_markdown(void)
{
    for (size_t v = 0; v < VERB_COUNT; v++) {
        const struct verb_row *verb = &verb_rows[v];
        printf("%s### ulma %s%s%s\n\n%s.\n\n", v ? "\n" : "", verb->name, *verb->words ? " " : "",
               verb->words, verb->summary);
        printf("| option | meaning |\n| --- | --- |\n");
        for (size_t i = 0; i < option_row_count; i++) {
            if (!(option_rows[i].verbs & verb->bit))
                continue;
            char spelled[80];
            help_spell(&option_rows[i], spelled, sizeof(spelled));
            printf("| `");
            markdown_cell(spelled);
            printf("` | ");
            markdown_cell(option_rows[i].help);
            printf(" |\n");
        }
    }
    return EXIT_FINE;
}

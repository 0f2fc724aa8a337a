/* SPDX-License-Identifier: MIT */
/* The tables and the parser.
 * Why: getopt_long's conventions (bundled letters, --name=word, unique abbreviations), but with
 * messages that name the nearest known option, -m and -c as the beginning of a target, and a `--` that
 * can be told from an option's word.
 * Rules: reads on after an error (options.h). */
#include "cmd/options.h"

#include "cmd/nearest.h"
#include "cmd/option_values.h"
#include "cmd/verbs.h"
#include "model/rules.h"
#include "wire/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RUN     VERB_RUN
#define TOP     VERB_TOP
#define WEB     VERB_WEB
#define REPORT  VERB_REPORT
#define DIFF    VERB_DIFF
#define DUMP    VERB_DUMP
#define CENSUS  VERB_CENSUS
#define ATTACH  VERB_ATTACH
#define ON      VERB_ON
#define OFF     VERB_OFF
#define SET     VERB_SET
#define DETACH  VERB_DETACH
#define RESCUE  VERB_RESCUE
#define PS      VERB_PS
#define EXPORT  VERB_EXPORT
#define REPLAY  VERB_REPLAY
#define RECORD  VERB_RECORD
#define MONITOR VERB_MONITOR
#define HELP    VERB_HELP
const struct option_row option_rows[] = {
#define OPTION(field, letter, name, argument, kind, verbs, help) \
    {name, argument, help, offsetof(struct options, field), kind, verbs, letter},
#include "cmd/options.def"
#undef OPTION
};
#undef RUN
#undef TOP
#undef WEB
#undef REPORT
#undef DIFF
#undef DUMP
#undef CENSUS
#undef ATTACH
#undef ON
#undef OFF
#undef SET
#undef DETACH
#undef RESCUE
#undef PS
#undef EXPORT
#undef REPLAY
#undef RECORD
#undef MONITOR
#undef HELP
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);

const struct verb_row verb_rows[VERB_COUNT] = {
#define VERB(symbol, name, words, takes_target, summary, about) \
    {#name, words, summary, about, VERB_##symbol, takes_target, verb_##name},
#include "cmd/verbs.def"
#undef VERB
};

/* Of the contract, for later versions: told apart from what never was. */
static const char *const later_verbs[] = {NULL};
static const char *const later_options[] = {NULL};

const struct verb_row *verb_find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verb_rows[i].name, name) == 0)
            return &verb_rows[i];
    }
    return NULL;
}

static bool listed(const char *const *list, const char *word)
{
    for (; *list; list++) {
        if (strcmp(*list, word) == 0)
            return true;
    }
    return false;
}

bool verb_is_later(const char *name)
{
    return listed(later_verbs, name);
}

const char *verb_nearest(const char *name)
{
    struct nearest nearest = nearest_begin(name);
    for (size_t i = 0; i < VERB_COUNT; i++)
        nearest_try(&nearest, verb_rows[i].name);
    return nearest.word;
}

void options_init(struct options *options)
{
    *options = (struct options){
        .limit = OPTIONS_UNSET,
        .port = OPTIONS_UNSET,
        .count = OPTIONS_UNSET,
        .duration_ns = OPTIONS_UNSET,
        .delay_ns = OPTIONS_UNSET,
        .interval_ns = OPTIONS_UNSET,
        .timeout_ns = OPTIONS_UNSET,
        .every_ns = OPTIONS_UNSET,
        .clock = OPTIONS_UNSET,
        .collector_cpu = OPTIONS_UNSET,
        .sources = SOURCE_CALLS,
        .on_full = OPTIONS_UNSET,
        .budget_thousandths = OPTIONS_UNSET,
        .keep_ns = OPTIONS_UNSET,
        .speed_thousandths = OPTIONS_UNSET,
        .max_bytes = OPTIONS_UNSET,
        .from_ns = OPTIONS_UNSET,
        .to_ns = OPTIONS_UNSET,
        .min_time_ns = OPTIONS_UNSET,
        .buffer_bytes = INT64_C(32) << 20,
    };
}

struct parser {
    const struct verb_row *verb;
    char **words;
    int word_count, next;
    struct parsed *parsed;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct parser *parser, const char *format,
                                                        ...)
{
    if (parser->parsed->error[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->parsed->error, OPTIONS_ERROR_SIZE, format, arguments);
    va_end(arguments);
}

static void apply(struct parser *parser, const struct option_row *row, const char *spelled,
                  const char *word)
{
    char error[OPTIONS_ERROR_SIZE];
    if (!option_value_read(row, spelled, word, &parser->parsed->options, error))
        wrong(parser, "%s", error);
}

static const struct option_row *find_letter(const struct parser *parser, char letter)
{
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_rows[i].letter == letter && (option_rows[i].verbs & parser->verb->bit))
            return &option_rows[i];
    }
    return NULL;
}

/* Exact, else the only one that begins so. */
static const struct option_row *find_name(const struct parser *parser, const char *name,
                                          size_t size, bool *ret_ambiguous)
{
    const struct option_row *found = NULL;
    *ret_ambiguous = false;
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(row->verbs & parser->verb->bit) || strncmp(row->name, name, size) != 0)
            continue;
        if (strlen(row->name) == size) {
            *ret_ambiguous = false;
            return row;
        }
        *ret_ambiguous = found;
        found = row;
    }
    return *ret_ambiguous ? NULL : found;
}

static void unknown_name(struct parser *parser, const char *name, size_t size, bool ambiguous)
{
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)(size < 60 ? size : 60), name);
    if (ambiguous) {
        wrong(parser, "`--%s` can be several options of `ulma %s`: write it in full", word,
              parser->verb->name);
        return;
    }
    if (listed(later_options, word)) {
        wrong(parser, "the option `--%s` is not there yet: `ulma %s --help` lists those that are",
              word, parser->verb->name);
        return;
    }
    struct nearest nearest = nearest_begin(word);
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_rows[i].verbs & parser->verb->bit)
            nearest_try(&nearest, option_rows[i].name);
    }
    if (nearest.word)
        wrong(parser, "`ulma %s` has no option `--%s`: did you mean `--%s`?", parser->verb->name,
              word, nearest.word);
    else
        wrong(parser, "`ulma %s` has no option `--%s`: `ulma %s --help` lists them",
              parser->verb->name, word, parser->verb->name);
}

static void parse_long(struct parser *parser, const char *text)
{
    const char *name = text + 2;
    size_t size = strcspn(name, "=");
    bool ambiguous;
    const struct option_row *row = find_name(parser, name, size, &ambiguous);
    if (!row) {
        unknown_name(parser, name, size, ambiguous);
        return;
    }
    char spelled[64];
    snprintf(spelled, sizeof(spelled), "--%s", row->name);
    if (row->kind == OPTION_FLAG) {
        if (name[size])
            wrong(parser, "%s takes no word: leave `%.80s` out", spelled, name + size);
        else
            apply(parser, row, spelled, "");
    } else if (name[size]) {
        apply(parser, row, spelled, name + size + 1);
    } else if (parser->next < parser->word_count) {
        apply(parser, row, spelled, parser->words[parser->next++]);
    } else {
        wrong(parser, "%s needs a word after it: %s", spelled, row->argument);
    }
}

/* A cluster such as -qn5. True: a target began (-m or -c), its first word is words[next - 1]. */
static bool parse_letters(struct parser *parser, char *text)
{
    for (char *letter = text + 1; *letter; letter++) {
        if (parser->verb->takes_target && (*letter == 'm' || *letter == 'c')) {
            /* The target's words begin here; in a cluster they are cut out of it. */
            if (letter > text + 1) {
                letter[-1] = '-';
                parser->words[parser->next - 1] = letter - 1;
            }
            return true;
        }
        const struct option_row *row = find_letter(parser, *letter);
        if (!row) {
            wrong(parser, "`ulma %s` has no option `-%c`: `ulma %s --help` lists them",
                  parser->verb->name, *letter, parser->verb->name);
            return false;
        }
        char spelled[4] = {'-', *letter, '\0'};
        if (row->kind == OPTION_FLAG) {
            apply(parser, row, spelled, "");
            continue;
        }
        if (letter[1])
            apply(parser, row, spelled, letter + 1);
        else if (parser->next < parser->word_count)
            apply(parser, row, spelled, parser->words[parser->next++]);
        else
            wrong(parser, "%s needs a word after it: %s", spelled, row->argument);
        return false;
    }
    return false;
}

/* Names no program: a PID, or a recording. */
static bool names_no_program(const char *word)
{
    size_t size = strlen(word);
    return size > 0 && (strspn(word, "0123456789") == size ||
                        (size > 5 && strcmp(word + size - 5, ".ulma") == 0));
}

void options_parse(const struct verb_row *verb, char **words, int word_count, struct parsed *parsed)
{
    options_init(&parsed->options);
    parsed->error[0] = '\0';
    struct parser parser = {
        .verb = verb, .words = words, .word_count = word_count, .parsed = parsed};
    int first = word_count, kept = 0;
    while (parser.next < word_count) {
        char *text = words[parser.next];
        bool is_word = text[0] != '-' || !text[1];
        if (is_word && (!verb->takes_target || names_no_program(text))) {
            words[kept++] = text; /* a PID, say: options may follow */
            parser.next++;
            continue;
        }
        if (strcmp(text, "--") == 0 && verb->bit == VERB_DIFF) {
            words[kept++] = text; /* between old and new; options may follow here, too */
            parser.next++;
            continue;
        }
        if (is_word || strcmp(text, "--") == 0) {
            first = parser.next;
            break;
        }
        parser.next++;
        if (text[1] == '-') {
            parse_long(&parser, text);
        } else if (parse_letters(&parser, text)) {
            first = parser.next - 1;
            break;
        }
    }
    for (; kept > 0 && first < word_count; first++)
        words[kept++] = words[first];
    parsed->words = kept > 0 ? words : words + first;
    parsed->word_count = kept > 0 ? kept : word_count - first;
    if (verb->bit == VERB_SET)
        return; /* its words are settings */
    bool names_functions = sites_name_lines(&parsed->options.sites);
    if ((parsed->options.sources & SOURCE_LINES) && !names_functions)
        wrong(&parser, "%s", OPTIONS_LINES_OF_NONE);
    if ((parsed->options.sources & SOURCE_OPERATORS_EVERY) && !names_functions)
        wrong(&parser, "%s", OPTIONS_EVERY_OF_NONE);
    char lacking[RULE_ERROR_SIZE];
    if (!rules_fit(parsed->options.sites.rules, (uint32_t)parsed->options.sources, lacking))
        wrong(&parser, "%s", lacking);
    if (parsed->options.pid && parsed->word_count > 0)
        wrong(&parser, "-p names the process already: leave `%.80s` out", parsed->words[0]);
    else if (parsed->options.pid) {
        parsed->pid_word = (char *)parsed->options.pid;
        parsed->words = &parsed->pid_word;
        parsed->word_count = 1;
    }
}

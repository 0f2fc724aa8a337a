/* SPDX-License-Identifier: MIT */
/* Reading rules, finding a function's.
 * Why: see rules.h. */
#include "model/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const predicate_names[RULE_PREDICATES] = {
    [RULE_SLOWER] = "slower", [RULE_LARGER] = "larger", [RULE_DEEPER] = "deeper",
    [RULE_EVERY] = "every",   [RULE_RAISED] = "raised",
};

/* --- numbers ---------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    double factor;
};

static const struct unit times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1},     {"k", 1e3},  {"M", 1e6},    {"G", 1e9},         {"kB", 1e3},
    {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576.0}, {NULL, 0}};
static const struct unit counts[] = {{"", 1}, {NULL, 0}};

/* Digits, at most one point, a unit. */
static bool read_number(const char *word, const struct unit *units, double most, double *ret)
{
    size_t digits = strspn(word, "0123456789.");
    char number[32];
    if (digits == 0 || digits >= sizeof(number) || strcspn(word, "0123456789") > 1)
        return false;
    memcpy(number, word, digits);
    number[digits] = '\0';
    char *end;
    double value = strtod(number, &end);
    if (*end)
        return false;
    for (; units->name; units++) {
        if (strcmp(word + digits, units->name) != 0)
            continue;
        *ret = value * units->factor;
        return *ret <= most;
    }
    return false;
}

/* --- a line ----------------------------------------------------------------------------------- */

struct words {
    char *at;
};

/* The next one, ended by a zero byte; NULL: no more. */
static char *next_word(struct words *words)
{
    char *word = words->at + strspn(words->at, " \t\r");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t\r");
    words->at = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static bool take_number(struct rule *rule, enum rule_predicate predicate, const char *word)
{
    double number = 0;
    switch (predicate) {
    case RULE_SLOWER:
        if (!read_number(word, times, 1e15, &number))
            return false;
        rule->slower_ns = (uint64_t)number;
        return true;
    case RULE_LARGER:
        if (!read_number(word, sizes, 1e14, &number))
            return false;
        rule->larger = (uint64_t)number;
        return true;
    case RULE_DEEPER:
    case RULE_EVERY:
        if (strchr(word, '.') || !read_number(word, counts, 1e9, &number) || number < 1)
            return false;
        *(predicate == RULE_DEEPER ? &rule->deeper : &rule->every) = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

static const char *example_of(enum rule_predicate predicate)
{
    return predicate == RULE_SLOWER   ? "slower 10ms"
           : predicate == RULE_LARGER ? "larger 64k"
           : predicate == RULE_DEEPER ? "deeper 50"
                                      : "every 1000";
}

/* "slower 10ms" as one text, over the two words that it was. */
static const char *join_words(char *first, const char *second)
{
    memmove(first + strlen(first) + 1, second, strlen(second) + 1);
    first[strlen(first)] = ' ';
    return first;
}

static bool read_predicates(struct rule *rule, struct words *words, char *error)
{
    char *word;
    while ((word = next_word(words))) {
        enum rule_predicate predicate = RULE_SLOWER;
        while (predicate < RULE_PREDICATES && strcmp(word, predicate_names[predicate]) != 0)
            predicate++;
        if (predicate == RULE_PREDICATES) {
            snprintf(error, SITES_ERROR_SIZE,
                     "no predicate `%.40s`: take slower, larger, deeper, every or raised", word);
            return false;
        }
        rule->predicates |= 1U << predicate;
        rule->words[predicate] = word;
        if (predicate == RULE_RAISED)
            continue;
        const char *number = next_word(words);
        if (!number || !take_number(rule, predicate, number)) {
            snprintf(error, SITES_ERROR_SIZE, "`%s%s%.40s` is no predicate: write `%s`",
                     predicate_names[predicate], number ? " " : "", number ? number : "",
                     example_of(predicate));
            return false;
        }
        rule->words[predicate] = join_words(word, number);
    }
    if (rule->predicates)
        return true;
    snprintf(error, SITES_ERROR_SIZE, "escalate when? Write `escalate slower 10ms`, for example");
    return false;
}

static bool read_mode(struct rule *rule, struct words *words, char *error)
{
    static const struct {
        const char *word;
        enum rule_does does;
    } modes[] = {{"off", RULE_OFF},
                 {"count", RULE_COUNT},
                 {"record", RULE_RECORD},
                 {"stack", RULE_ESCALATE},
                 {"escalate", RULE_ESCALATE}};
    const char *word = next_word(words);
    for (size_t i = 0; word && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(word, modes[i].word) != 0)
            continue;
        rule->does = modes[i].does;
        if (strcmp(word, "escalate") == 0)
            return read_predicates(rule, words, error);
        if (strcmp(word, "stack") == 0) {
            rule->predicates = 1U << RULE_EVERY;
            rule->every = 1;
            rule->words[RULE_EVERY] = "stack";
        }
        const char *more = next_word(words);
        if (!more)
            return true;
        snprintf(error, SITES_ERROR_SIZE, "`%.40s` after `%s`: nothing stands there", more, word);
        return false;
    }
    snprintf(error, SITES_ERROR_SIZE,
             word ? "no mode `%.40s`: take off, count, record, stack or escalate"
                  : "a pattern without a mode%.0s: take off, count, record, stack or escalate",
             word ? word : "");
    return false;
}

/* Whether the pattern names calls of the C library: `io:write`, `io:*`. */
static bool names_operations(const struct site_pattern *pattern)
{
    static const char *const names[] = {
#define IO_OPERATION(name, text, result, sort) text,
#include "wire/io_operations.def"
    };
    static const struct sites nowhere;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (sites_names_operation(&nowhere, pattern, names[i]))
            return true;
    return false;
}

/* Of the same function of the C library a thread has one call open. */
static bool has_sense(const struct rule *rule, char *error)
{
    if (!(rule->predicates >> RULE_DEEPER & 1) || !names_operations(&rule->pattern))
        return true;
    snprintf(error, SITES_ERROR_SIZE, "`%.40s` calls nothing that calls it again: no `deeper`",
             rule->pattern.text);
    return false;
}

/* False: `error` says why. *ret_empty: there is no rule in it. */
static bool read_line(const struct sites *sites, char *line, struct rule *rule, bool *ret_empty,
                      char *error)
{
    line[strcspn(line, "#")] = '\0';
    struct words words = {line};
    const char *pattern = next_word(&words);
    *ret_empty = !pattern;
    return !pattern || (sites_read_pattern(sites, pattern, &rule->pattern, error) &&
                        read_mode(rule, &words, error) && has_sense(rule, error));
}

/* --- the text --------------------------------------------------------------------------------- */

static bool say(char *error, const char *name, size_t line, const char *what)
{
    snprintf(error, RULE_ERROR_SIZE, "%.250s:%zu: %s", name, line, what);
    return false;
}

static bool read_lines(const struct sites *sites, struct rules *rules, const char *name,
                       char *error)
{
    char what[SITES_ERROR_SIZE] = "";
    size_t number = 1;
    for (char *line = rules->text, *next; line; line = next, number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        struct rule rule = {0};
        bool empty;
        if (!read_line(sites, line, &rule, &empty, what))
            return say(error, name, number, what);
        if (empty)
            continue;
        if (rules->count == RULES_LIMIT)
            return say(error, name, number, "more than 1024 rules");
        rules->rules[rules->count++] = rule;
    }
    return true;
}

struct rules *rules_read(const struct sites *sites, const char *text, size_t size, const char *name,
                         char *error)
{
    if (memchr(text, '\0', size) || size > RULES_TEXT_LIMIT) {
        snprintf(error, RULE_ERROR_SIZE, "%.250s: %s", name,
                 size > RULES_TEXT_LIMIT ? "longer than 1 MiB" : "has a zero byte: it is no text");
        return NULL;
    }
    struct rules *rules = calloc(1, sizeof(*rules));
    if (rules) {
        rules->rules = calloc(RULES_LIMIT, sizeof(*rules->rules));
        rules->text = malloc(size + 1);
    }
    if (!rules || !rules->rules || !rules->text) {
        rules_free(rules);
        snprintf(error, RULE_ERROR_SIZE, "%.250s: no memory", name);
        return NULL;
    }
    memcpy(rules->text, text, size);
    rules->text[size] = '\0';
    if (read_lines(sites, rules, name, error))
        return rules;
    rules_free(rules);
    return NULL;
}

static struct rules *read_open(const struct sites *sites, FILE *file, const char *path, char *error)
{
    struct rules *rules = NULL;
    char *text = malloc(RULES_TEXT_LIMIT + 1);
    size_t size = text ? fread(text, 1, RULES_TEXT_LIMIT + 1, file) : 0;
    if (!text || ferror(file))
        snprintf(error, RULE_ERROR_SIZE, "%.250s: %s", path, strerror(text ? errno : ENOMEM));
    else
        rules = rules_read(sites, text, size, path, error);
    free(text);
    return rules;
}

struct rules *rules_read_file(const struct sites *sites, const char *path, char *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(error, RULE_ERROR_SIZE, "%.250s: %s", path, strerror(errno));
        return NULL;
    }
    struct rules *rules = read_open(sites, file, path, error);
    fclose(file);
    return rules;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    free(rules->rules);
    free(rules->text);
    free(rules);
}

uint32_t rules_find(const struct sites *sites, const struct site *site)
{
    struct rules *rules = sites ? sites->rules : NULL;
    for (size_t i = 0; rules && i < rules->count; i++) {
        if (!sites_names(sites, &rules->rules[i].pattern, site))
            continue;
        rules->rules[i].pattern.matched = true;
        return (uint32_t)i + 1;
    }
    return 0;
}

uint32_t rules_find_method(const struct sites *sites, const char *name)
{
    struct rules *rules = sites ? sites->rules : NULL;
    for (size_t i = 0; rules && i < rules->count; i++) {
        struct site_pattern *pattern = &rules->rules[i].pattern;
        if (!sites_names_method(pattern, name))
            continue;
        pattern->matched = pattern->is_method = true;
        return (uint32_t)i + 1;
    }
    return 0;
}

uint32_t rules_find_operation(const struct sites *sites, const char *name)
{
    struct rules *rules = sites ? sites->rules : NULL;
    for (size_t i = 0; rules && i < rules->count; i++) {
        if (!sites_names_operation(sites, &rules->rules[i].pattern, name))
            continue;
        rules->rules[i].pattern.matched = true;
        return (uint32_t)i + 1;
    }
    return 0;
}

bool rules_name_methods(const struct rules *rules)
{
    for (size_t i = 0; rules && i < rules->count; i++)
        if (rules->rules[i].pattern.is_method)
            return true;
    return false;
}

/* "the source methods, or operators"; NULL: whatever is on will do. */
static const char *lacking(const struct site_pattern *pattern, uint32_t sources)
{
    if (pattern->form == SITE_METHOD && !(sources & (SOURCE_METHODS | SOURCE_OPERATORS)))
        return "methods, or operators";
    return !(sources & SOURCE_IO) && names_operations(pattern) ? "io" : NULL;
}

bool rules_fit(const struct rules *rules, uint32_t sources, char *error)
{
    for (size_t i = 0; rules && i < rules->count; i++) {
        const struct site_pattern *pattern = &rules->rules[i].pattern;
        const char *source = lacking(pattern, sources);
        if (!source)
            continue;
        snprintf(error, RULE_ERROR_SIZE,
                 "the rule of `%.80s` needs the source %s: add it to the events", pattern->text,
                 source);
        return false;
    }
    return true;
}

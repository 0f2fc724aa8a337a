/* SPDX-License-Identifier: MIT */
/* Reading settings.
 * Why: see set_words.h.
 * Rules: as there. */
#include "cmd/set_words.h"

#include "cmd/nearest.h"
#include "cmd/option_values.h"
#include "model/rules.h"
#include "wire/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum set_key {
    KEY_EVENTS,
    KEY_ONLY,
    KEY_SKIP,
    KEY_LINES,
    KEY_BUDGET,
    KEY_ON_FULL,
    KEY_RULES,
    KEY_COUNT
};

static const char *const key_names[KEY_COUNT] = {"events", "only",    "skip", "lines",
                                                 "budget", "on-full", "rules"};

static enum set_use use_of(const struct site_pattern *pattern)
{
    return pattern->lines ? USE_LINES : pattern->skip ? USE_SKIP : USE_ONLY;
}

bool set_words_begin(struct set_words *words, const struct sites *sites, int64_t sources)
{
    *words = (struct set_words){.sources = sources};
    for (size_t i = 0; sites && i < sites->count; i++) {
        char *text = strdup(sites->patterns[i].text);
        if (!text) {
            set_words_done(words);
            return false;
        }
        words->patterns[words->pattern_count++] =
            (struct set_pattern){.text = text, .use = use_of(&sites->patterns[i])};
    }
    return true;
}

void set_words_done(struct set_words *words)
{
    for (size_t i = 0; i < words->pattern_count; i++)
        free(words->patterns[i].text);
    words->pattern_count = 0;
    free(words->rules);
    words->rules = NULL;
}

/* --- patterns ------------------------------------------------------------------------------- */

static void drop_patterns(struct set_words *words, enum set_use use)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->pattern_count; i++) {
        if (words->patterns[i].use == use)
            free(words->patterns[i].text);
        else
            words->patterns[kept++] = words->patterns[i];
    }
    words->pattern_count = kept;
}

static bool has_pattern(const struct set_words *words, const char *text, enum set_use use)
{
    for (size_t i = 0; i < words->pattern_count; i++)
        if (words->patterns[i].use == use && strcmp(words->patterns[i].text, text) == 0)
            return true;
    return false;
}

static bool add_pattern(struct set_words *words, const char *typed, enum set_use use, char *error)
{
    char text[PATH_MAX];
    char site_error[SITES_ERROR_SIZE];
    struct sites probe = {0};
    bool good = use == USE_LINES ? sites_add_lines(&probe, typed, site_error)
                                 : sites_add(&probe, typed, use == USE_SKIP, site_error);
    if (!good) {
        snprintf(error, OPTIONS_ERROR_SIZE, "%s", site_error);
        return false;
    }
    bool stays = !words->here || strcmp(words->here, words->directory) == 0;
    bool fits = stays ? (size_t)snprintf(text, sizeof(text), "%s", typed) < sizeof(text)
                      : sites_place(words->directory, typed, text, sizeof(text));
    if (fits && has_pattern(words, text, use))
        return true;
    if (!fits || words->pattern_count == SITES_LIMIT) {
        snprintf(error, OPTIONS_ERROR_SIZE,
                 fits ? "more than %d patterns of only, skip and lines: take some out first"
                      : "a pattern is longer than a path of %d bytes",
                 fits ? SITES_LIMIT : PATH_MAX);
        return false;
    }
    char *kept = strdup(text);
    if (!kept) {
        snprintf(error, OPTIONS_ERROR_SIZE, "out of memory");
        return false;
    }
    words->patterns[words->pattern_count++] = (struct set_pattern){.text = kept, .use = use};
    return true;
}

static bool read_patterns(struct set_words *words, const char *value, bool add, enum set_use use,
                          char *error)
{
    char *list = strdup(value), *next = list, *text;
    bool good = list;
    words->has_sites = true;
    if (!add)
        drop_patterns(words, use);
    while (good && *value && (text = strsep(&next, ",")))
        good = add_pattern(words, text, use, error);
    free(list);
    return good;
}

static bool has_use(const struct set_words *words, enum set_use use)
{
    for (size_t i = 0; i < words->pattern_count; i++)
        if (words->patterns[i].use == use)
            return true;
    return false;
}

static bool read_lines(struct set_words *words, const char *value, bool add, char *error)
{
    if (!read_patterns(words, value, add, USE_LINES, error))
        return false;
    if (has_use(words, USE_LINES))
        words->sources |= SOURCE_CALLS | SOURCE_LINES;
    else
        words->sources &= ~(int64_t)SOURCE_LINES;
    words->has_sources = true;
    return true;
}

/* --- the others ----------------------------------------------------------------------------- */

static bool read_events(struct set_words *words, const char *value, bool add, char *error)
{
    int64_t sources = 0;
    if (!*value) {
        snprintf(error, OPTIONS_ERROR_SIZE,
                 "events needs a source (calls, c-calls): to switch all off write `ulma off PID`");
        return false;
    }
    if (!option_value_events(value, &sources, error))
        return false;
    words->sources = add ? words->sources | sources : sources;
    words->has_sources = true;
    return true;
}

static bool read_budget(struct set_words *words, const char *value, char *error)
{
    int64_t thousandths = 0;
    if (*value && strcmp(value, "exact") != 0 && !option_value_percent(value, &thousandths)) {
        snprintf(
            error, OPTIONS_ERROR_SIZE,
            "budget needs a percentage above 0 and up to 100, such as 5, or exact, not `%.80s`",
            value);
        return false;
    }
    words->budget_pct = (double)thousandths / 1000;
    words->has_budget = true;
    return true;
}

static bool read_on_full(struct set_words *words, const char *value, char *error)
{
    words->has_on_full = option_value_on_full(value, &words->on_full);
    if (!words->has_on_full)
        snprintf(error, OPTIONS_ERROR_SIZE, "on-full needs wait or drop, not `%.80s`", value);
    return words->has_on_full;
}

/* Read here to say at once what is wrong in it; whoever carries it out reads it again. */
static bool read_rules(struct set_words *words, const char *value, char *error)
{
    char path[PATH_MAX], why[RULE_ERROR_SIZE];
    const struct sites nowhere = {0};
    free(words->rules);
    words->rules = NULL;
    words->has_sites = words->has_rules = true;
    if (!*value)
        return true;
    int size = value[0] == '/' ? snprintf(path, sizeof(path), "%s", value)
                               : snprintf(path, sizeof(path), "%s/%s", words->directory, value);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        snprintf(error, OPTIONS_ERROR_SIZE, "the path of rules is longer than %d bytes", PATH_MAX);
        return false;
    }
    struct rules *rules = rules_read_file(&nowhere, path, why);
    rules_free(rules);
    words->rules = rules ? strdup(path) : NULL;
    if (!words->rules)
        snprintf(error, OPTIONS_ERROR_SIZE, "%.*s", OPTIONS_ERROR_SIZE - 1,
                 rules ? "out of memory" : why);
    return words->rules != NULL;
}

/* --- a word --------------------------------------------------------------------------------- */

static size_t key_size(const char *word)
{
    return strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");
}

bool set_words_is_one(const char *word)
{
    const char *sign = word + key_size(word);
    return sign > word && (sign[0] == '=' || (sign[0] == '+' && sign[1] == '='));
}

static void say_unknown(const char *key, char *error)
{
    struct nearest nearest = nearest_begin(key);
    for (int i = 0; i < KEY_COUNT; i++)
        nearest_try(&nearest, key_names[i]);
    if (nearest.word)
        snprintf(error, OPTIONS_ERROR_SIZE, "no key `%s`: did you mean `%s`?", key, nearest.word);
    else
        snprintf(error, OPTIONS_ERROR_SIZE,
                 "no key `%s`: take events, only, skip, lines, budget, on-full or rules", key);
}

bool set_words_read(struct set_words *words, const char *word, char *error)
{
    char key[40];
    size_t size = key_size(word);
    bool add = word[size] == '+';
    if (!set_words_is_one(word)) {
        snprintf(error, OPTIONS_ERROR_SIZE,
                 "`%.80s` is no KEY=VALUE: write only=P, skip=P, lines=P, events=LIST, budget=PCT, "
                 "on-full=wait|drop or rules=FILE, with += to add",
                 word);
        return false;
    }
    snprintf(key, sizeof(key), "%.*s", (int)(size < sizeof(key) ? size : sizeof(key) - 1), word);
    const char *value = word + size + add + 1;
    int number = 0;
    while (number < KEY_COUNT && strcmp(key_names[number], key) != 0)
        number++;
    if (add && (number == KEY_BUDGET || number == KEY_ON_FULL || number == KEY_RULES)) {
        snprintf(error, OPTIONS_ERROR_SIZE, "%s is one value: write %s=%.80s", key, key, value);
        return false;
    }
    switch ((enum set_key)number) {
    case KEY_EVENTS:
        return read_events(words, value, add, error);
    case KEY_ONLY:
    case KEY_SKIP:
        return read_patterns(words, value, add, number == KEY_SKIP ? USE_SKIP : USE_ONLY, error);
    case KEY_LINES:
        return read_lines(words, value, add, error);
    case KEY_BUDGET:
        return read_budget(words, value, error);
    case KEY_ON_FULL:
        return read_on_full(words, value, error);
    case KEY_RULES:
        return read_rules(words, value, error);
    case KEY_COUNT:
        break;
    }
    say_unknown(key, error);
    return false;
}

bool set_words_end(const struct set_words *words, char *error)
{
    if (!(words->sources & (SOURCE_LINES | SOURCE_OPERATORS_EVERY)) || has_use(words, USE_LINES))
        return true;
    struct sites sites = {0};
    char site_error[SITES_ERROR_SIZE];
    for (size_t i = 0; i < words->pattern_count; i++)
        sites_add(&sites, words->patterns[i].text, words->patterns[i].use == USE_SKIP, site_error);
    if (!sites_name_lines(&sites))
        snprintf(error, OPTIONS_ERROR_SIZE, "%s",
                 words->sources & SOURCE_LINES ? OPTIONS_LINES_OF_NONE : OPTIONS_EVERY_OF_NONE);
    return sites_name_lines(&sites);
}

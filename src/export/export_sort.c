/* SPDX-License-Identifier: MIT */
/* Sort keys: pstats' words with their prefixes, and ours.
 * Why: see export_sort.h. pstats builds its prefixes word by word and so refuses a few that have
 * only one meaning (`cum`); those are taken here. What pstats takes is taken, with its meaning.
 * Rules: a prefix that fits a pstats word is that word's; ours come after. */
#include "export/export_sort.h"

#include "base/sort.h"

#include "base/text.h"
#include "export/export_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sort_word {
    const char *word, *key, *title;
};

/* pstats' sort_arg_dict_default, in its order. */
static const struct sort_word pstats_words[] = {
    {"calls", "calls", "call count"},          {"ncalls", "calls", "call count"},
    {"cumtime", "cumtime", "cumulative time"}, {"cumulative", "cumtime", "cumulative time"},
    {"filename", "filename", "file name"},     {"line", "line", "line number"},
    {"module", "module", "file name"},         {"name", "name", "function name"},
    {"nfl", "nfl", "name/file/line"},          {"pcalls", "pcalls", "primitive call count"},
    {"stdname", "stdname", "standard name"},   {"time", "tottime", "internal time"},
    {"tottime", "tottime", "internal time"},   {NULL, NULL, NULL},
};

static const struct sort_word our_words[] = {
    {"p50", "p50", "median time of one call"},
    {"p99", "p99", "99th percentile of one call's time"},
    {"max", "max", "longest call"},
    {"wait", "wait", "time blocked or waiting for the GIL"},
    {NULL, NULL, NULL},
};

static const struct sort_word *const all_words[] = {pstats_words, our_words, NULL};

/* The key of which `word` is a prefix; NULL: none, *ret_ambiguous: several. */
static const char *find_prefix(const struct sort_word *words, const char *word, bool *ret_ambiguous)
{
    const char *key = NULL;
    size_t size = strlen(word);
    for (; words->word; words++) {
        if (strncmp(words->word, word, size) != 0)
            continue;
        if (!words->word[size])
            return words->key;
        *ret_ambiguous |= key && strcmp(key, words->key) != 0;
        key = words->key;
    }
    return *ret_ambiguous ? NULL : key;
}

const char *export_sort_find(const char *key)
{
    bool ambiguous = false;
    const char *found = NULL;
    if (!key[0])
        return NULL;
    for (size_t i = 0; all_words[i] && !found && !ambiguous; i++)
        found = find_prefix(all_words[i], key, &ambiguous);
    return found;
}

const char *export_sort_nearest(const char *key)
{
    const char *nearest = NULL;
    unsigned least = 2 + (unsigned)strlen(key) / 3;
    for (size_t i = 0; all_words[i]; i++)
        for (const struct sort_word *word = all_words[i]; word->word; word++) {
            unsigned distance = text_distance(key, word->word);
            /* `c` is a beginning of several words: then any of them helps. */
            if (key[0] && strncmp(key, word->word, strlen(key)) == 0)
                distance = 0;
            if (distance < least) {
                least = distance;
                nearest = word->word;
            }
        }
    return nearest;
}

const char *export_sort_title(const char *key)
{
    for (size_t i = 0; all_words[i]; i++)
        for (const struct sort_word *word = all_words[i]; word->word; word++)
            if (strcmp(word->key, key) == 0)
                return word->title;
    return key;
}

struct ordering {
    const struct snapshot *snapshot;
    enum snapshot_clock clock;
    const char *key;
};

static int64_t clamp(uint64_t count)
{
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

/* What a numeric key sorts by; false: a key of words. */
static bool number_of(const struct ordering *ordering, const struct snapshot_function *function,
                      int64_t *ret_number)
{
    const char *key = ordering->key;
    if (strcmp(key, "tottime") == 0)
        *ret_number = export_self(function, ordering->clock);
    else if (strcmp(key, "cumtime") == 0)
        *ret_number = export_total(function, ordering->clock);
    else if (strcmp(key, "calls") == 0)
        *ret_number = clamp(function->calls + function->resumes);
    else if (strcmp(key, "pcalls") == 0)
        *ret_number = clamp(function->primitive_calls);
    else if (strcmp(key, "p50") == 0)
        *ret_number = function->p50_ns;
    else if (strcmp(key, "p99") == 0)
        *ret_number = function->p99_ns;
    else if (strcmp(key, "max") == 0)
        *ret_number = function->max_ns;
    else if (strcmp(key, "wait") == 0)
        *ret_number = function->self_wait_ns;
    else
        return false;
    return true;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static const char *file_of(const struct snapshot_function *function)
{
    return function->file ? function->file : "~";
}

/* pstats' standard name: file, line, name. */
static int compare_places(const struct snapshot_function *a, const struct snapshot_function *b)
{
    int order = strcmp(file_of(a), file_of(b));
    if (!order)
        order = compare_numbers(a->line, b->line);
    return order ? order : strcmp(a->name, b->name);
}

/* As pstats has it: the printed name, letter by letter, so that line 1051 comes before line 839. */
static int compare_printed(const struct snapshot_function *a, const struct snapshot_function *b)
{
    char left[32], right[32];
    int order = strcmp(file_of(a), file_of(b));
    snprintf(left, sizeof(left), "%u(", a->line);
    snprintf(right, sizeof(right), "%u(", b->line);
    if (!order)
        order = strcmp(left, right);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_words(const struct ordering *ordering, const struct snapshot_function *a,
                         const struct snapshot_function *b)
{
    const char *key = ordering->key;
    if (strcmp(key, "line") == 0)
        return compare_numbers(a->line, b->line);
    if (strcmp(key, "stdname") == 0)
        return compare_printed(a, b);
    if (strcmp(key, "name") == 0 || strcmp(key, "nfl") == 0)
        return strcmp(a->name, b->name);
    if (strcmp(key, "filename") == 0 || strcmp(key, "module") == 0)
        return strcmp(file_of(a), file_of(b));
    return 0;
}

static int compare(const void *left, const void *right, void *context)
{
    const struct ordering *ordering = context;
    int32_t a_index = *(const int32_t *)left, b_index = *(const int32_t *)right;
    const struct snapshot_function *a = &ordering->snapshot->functions[a_index];
    const struct snapshot_function *b = &ordering->snapshot->functions[b_index];
    int64_t a_number = 0, b_number = 0;
    int order;
    if (number_of(ordering, a, &a_number) && number_of(ordering, b, &b_number))
        order = compare_numbers(b_number, a_number);
    else
        order = compare_words(ordering, a, b);
    if (!order)
        order = compare_places(a, b);
    return order ? order : compare_numbers(a_index, b_index);
}

const int32_t *export_sort_order(struct arena *arena, const struct snapshot *snapshot,
                                 const struct export_options *options, size_t *ret_count)
{
    int32_t *indices = arena_array(arena, snapshot->function_count + 1, sizeof(*indices));
    if (!indices)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        if (function->calls || function->resumes || function->total_ns || function->self_ns)
            indices[count++] = (int32_t)i;
    }
    struct ordering ordering = {snapshot, options->clock,
                                options->sort ? options->sort : "tottime"};
    sort_with(indices, count, sizeof(*indices), compare, &ordering);
    *ret_count = count;
    return indices;
}

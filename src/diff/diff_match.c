/* SPDX-License-Identifier: MIT */
/* Which functions of several recordings are the same one.
 * Why in rounds: a name says most, a line least. Lines move with every edit, files with every checkout,
 * so a function is looked for by module and qualname in its file first, then in any file, then by its
 * file in any module (`python -m pkg.mod` against `python pkg/mod.py`); what an earlier round has taken
 * is out of the later ones.
 * Rules: several functions of one name (lambdas, comprehensions, closures made in two places) are matched
 * by order of line, never by the line itself; where one side has more of them, those are left out
 * whose calls fit worst. */
#include "diff/diff_parts.h"

#include "base/sort.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_MOST = 256 }; /* more of one name are matched in order, whatever they do */

enum round { BY_FILE, BY_NAME, BY_FILE_ONLY, BY_FILE_TAIL, BY_SHORT_NAME, ROUNDS };

struct item {
    const struct snapshot_function *function;
    int32_t entry;    /* of an entry; SNAPSHOT_NONE: a function of the recording */
    int32_t position; /* of the function */
};

static int compare_text(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

/* The last folder and the file: what a checkout elsewhere leaves alone. */
static const char *file_tail(const char *file)
{
    size_t size = file ? strlen(file) : 0;
    int slashes = 0;
    while (size > 0) {
        if (file[size - 1] == '/' && ++slashes == 2)
            return file + size;
        size--;
    }
    return file;
}

static int compare_keys(const struct snapshot_function *a, const struct snapshot_function *b,
                        enum round round)
{
    int order = strcmp(a->name, b->name);
    if (!order && round != BY_SHORT_NAME)
        order = strcmp(a->qualname, b->qualname);
    if (!order && (round == BY_FILE || round == BY_NAME || round == BY_SHORT_NAME))
        order = compare_text(a->module, b->module);
    if (!order && (round == BY_FILE || round == BY_FILE_ONLY))
        order = compare_text(a->file, b->file);
    if (!order && (round == BY_FILE_TAIL || round == BY_SHORT_NAME))
        order = compare_text(file_tail(a->file), file_tail(b->file));
    return order;
}

static int compare_items(const void *left, const void *right, void *context)
{
    const struct item *a = left, *b = right;
    int order = compare_keys(a->function, b->function, *(const enum round *)context);
    if (order)
        return order;
    if (a->function->line != b->function->line)
        return a->function->line < b->function->line ? -1 : 1;
    if (a->entry != b->entry)
        return a->entry < b->entry ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

static double calls_of(const struct snapshot_function *function)
{
    return (double)(function->calls + function->resumes);
}

/* 0 for twins, up to 1. */
static double misfit(const struct snapshot_function *a, const struct snapshot_function *b)
{
    double ratio = fabs(log((calls_of(a) + 1) / (calls_of(b) + 1)));
    return ratio < 1 ? ratio : 1;
}

/* The cheapest matching in order; `taken[i]` becomes the place of its partner or SNAPSHOT_NONE. */
static int align(struct arena *scratch, const struct item *left, size_t left_count,
                 const struct item *right, size_t right_count, int32_t *taken)
{
    static const double skip_cost = 0.8; /* of each that is left out: two of them for a bad match */
    size_t width = right_count + 1;
    double *cost = arena_array(scratch, (left_count + 1) * width, sizeof(*cost));
    if (!cost)
        return -ENOMEM;
    for (size_t i = 0; i <= left_count; i++) {
        for (size_t j = 0; j <= right_count; j++) {
            double best = i || j ? INFINITY : 0;
            if (i)
                best = fmin(best, cost[(i - 1) * width + j] + skip_cost);
            if (j)
                best = fmin(best, cost[i * width + j - 1] + skip_cost);
            if (i && j)
                best = fmin(best, cost[(i - 1) * width + j - 1] +
                                      misfit(left[i - 1].function, right[j - 1].function));
            cost[i * width + j] = best;
        }
    }
    size_t i = left_count, j = right_count;
    while (i && j) {
        double here = cost[i * width + j];
        double match = cost[(i - 1) * width + j - 1] +
                       misfit(left[i - 1].function, right[j - 1].function);
        if (match <= here)
            taken[--i] = (int32_t)--j;
        else if (cost[(i - 1) * width + j] + skip_cost <= here)
            taken[--i] = SNAPSHOT_NONE;
        else
            j--;
    }
    while (i)
        taken[--i] = SNAPSHOT_NONE;
    return 0;
}

/* Before 3.11 a code object did not know its qualname. */
static bool may_join(const struct snapshot_function *a, const struct snapshot_function *b,
                     enum round round)
{
    return round != BY_SHORT_NAME || strcmp(a->qualname, a->name) == 0 ||
           strcmp(b->qualname, b->name) == 0;
}

/* Entries [0, split) and functions [split, count) of one key, each by line. */
static int match_group(struct making *making, size_t recording, const struct item *items,
                       size_t split, size_t count, enum round round)
{
    size_t others = count - split;
    if (split == 0 || others == 0)
        return 0;
    int32_t *taken = arena_array(making->scratch, split, sizeof(*taken));
    if (!taken)
        return -ENOMEM;
    if (split != others && split <= ALIGN_MOST && others <= ALIGN_MOST) {
        if (align(making->scratch, items, split, items + split, others, taken))
            return -ENOMEM;
    } else {
        for (size_t i = 0; i < split; i++)
            taken[i] = i < others ? (int32_t)i : SNAPSHOT_NONE;
    }
    for (size_t i = 0; i < split; i++) {
        if (taken[i] == SNAPSHOT_NONE)
            continue;
        const struct item *item = &items[split + (size_t)taken[i]];
        struct entry *entry = &making->entries[items[i].entry];
        if (!may_join(items[i].function, item->function, round))
            continue;
        making->entry_of[recording][item->position] = items[i].entry;
        entry->sides[side_of(making, recording)] = item->function;
    }
    return 0;
}

/* Entries before functions within a key; sort_with is not stable, compare_items tells all apart. */
static size_t part_group(struct arena *scratch, struct item *items, size_t count)
{
    struct item *functions = arena_array(scratch, count, sizeof(*functions));
    if (!functions)
        return SIZE_MAX;
    size_t split = 0, rest = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].entry == SNAPSHOT_NONE)
            functions[rest++] = items[i];
        else
            items[split++] = items[i];
    }
    memcpy(items + split, functions, rest * sizeof(*functions));
    return split;
}

static const struct snapshot_function *face(const struct making *making, size_t entry,
                                            enum diff_side side)
{
    const struct entry *it = &making->entries[entry];
    return it->sides[side] ? it->sides[side] : it->sides[1 - side];
}

/* What is still without a partner, entries and functions. */
static size_t gather(const struct making *making, size_t recording, struct item *items,
                     const bool *entry_taken)
{
    const struct snapshot *whole = whole_of(making, recording);
    enum diff_side side = side_of(making, recording);
    size_t count = 0;
    for (size_t i = 0; i < making->entry_count; i++)
        if (!entry_taken[i])
            items[count++] = (struct item){face(making, i, side), (int32_t)i, SNAPSHOT_NONE};
    for (size_t i = 0; i < whole->function_count; i++)
        if (making->entry_of[recording][i] == SNAPSHOT_NONE)
            items[count++] = (struct item){&whole->functions[i], SNAPSHOT_NONE, (int32_t)i};
    return count;
}

static int match_round(struct making *making, size_t recording, enum round round, bool *entry_taken,
                       struct item *items)
{
    size_t count = gather(making, recording, items, entry_taken);
    sort_with(items, count, sizeof(*items), compare_items, &round);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count; to++)
            if (compare_keys(items[from].function, items[to].function, round))
                break;
        if (to == from + 1)
            continue;
        size_t split = part_group(making->scratch, items + from, to - from);
        if (split == SIZE_MAX ||
            match_group(making, recording, items + from, split, to - from, round))
            return -ENOMEM;
    }
    const struct snapshot *whole = whole_of(making, recording);
    for (size_t i = 0; i < whole->function_count; i++)
        if (making->entry_of[recording][i] != SNAPSHOT_NONE)
            entry_taken[making->entry_of[recording][i]] = true;
    return 0;
}

/* What has no partner becomes an entry of its own. */
static void add_rest(struct making *making, size_t recording)
{
    const struct snapshot *whole = whole_of(making, recording);
    for (size_t i = 0; i < whole->function_count; i++) {
        if (making->entry_of[recording][i] != SNAPSHOT_NONE)
            continue;
        struct entry *entry = &making->entries[making->entry_count];
        entry->sides[side_of(making, recording)] = &whole->functions[i];
        making->entry_of[recording][i] = (int32_t)making->entry_count++;
    }
}

static int match_recording(struct making *making, size_t recording)
{
    const struct snapshot *whole = whole_of(making, recording);
    int32_t *entry_of = arena_array(making->arena, whole->function_count + 1, sizeof(*entry_of));
    size_t most = making->entry_count + whole->function_count + 1;
    bool *entry_taken = arena_array(making->scratch, most, sizeof(*entry_taken));
    struct item *items = arena_array(making->scratch, most, sizeof(*items));
    if (!entry_of || !entry_taken || !items)
        return -ENOMEM;
    for (size_t i = 0; i < whole->function_count; i++)
        entry_of[i] = SNAPSHOT_NONE;
    making->entry_of[recording] = entry_of;
    for (enum round round = BY_FILE; making->entry_count && round < ROUNDS; round++)
        if (match_round(making, recording, round, entry_taken, items))
            return -ENOMEM;
    add_rest(making, recording);
    return 0;
}

int diff_match(struct making *making)
{
    size_t limit = 1;
    for (size_t i = 0; i < making->recording_count; i++)
        limit += whole_of(making, i)->function_count;
    making->entries = arena_array(making->arena, limit, sizeof(*making->entries));
    making->entry_of =
        arena_array(making->arena, making->recording_count, sizeof(*making->entry_of));
    making->entry_limit = limit;
    if (!making->entries || !making->entry_of)
        return -ENOMEM;
    for (size_t i = 0; i < making->recording_count; i++)
        if (match_recording(making, i))
            return -ENOMEM;
    return 0;
}

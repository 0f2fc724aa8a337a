/* SPDX-License-Identifier: MIT */
/* Guesses which function that is gone is which one that is new.
 * Why a guess at all: a rename is a frequent edit, and `gone` beside `new` hides whether it became
 * slower. Why it is marked: only the program's author knows.
 * Rules: judged by who calls it and whom it calls, how often, where it stands, and its name. Both must
 * be each other's best, and alike by at least RENAME_LEAST. Two rounds, so that a renamed caller is
 * known when its callees are looked at. */
#include "diff/diff_parts.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES = 400, NEIGHBOURS = 16, ROUNDS = 2 };

#define RENAME_LEAST 0.6
#define NAME_WEIGHT  0.15

struct candidate {
    int32_t entry;
    const struct snapshot_function *function;
    int32_t callers[NEIGHBOURS], callees[NEIGHBOURS]; /* entries, the busiest first */
    size_t caller_count, callee_count;
    double weight;
};

struct side_candidates {
    struct candidate *list;
    size_t count;
    int32_t *place_of; /* by entry */
};

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

/* The last recording of a side in which the entry stands is where entry.sides points into. */
static bool holds(const struct snapshot *whole, const struct snapshot_function *function)
{
    return function >= whole->functions && function < whole->functions + whole->function_count;
}

static int gather(const struct making *making, enum diff_side side, struct side_candidates *into)
{
    into->list = arena_array(making->scratch, making->entry_count + 1, sizeof(*into->list));
    into->place_of = arena_array(making->scratch, making->entry_count + 1, sizeof(*into->place_of));
    if (!into->list || !into->place_of)
        return -ENOMEM;
    into->count = 0;
    for (size_t i = 0; i < making->entry_count; i++) {
        const struct entry *entry = &making->entries[i];
        const struct snapshot_function *function = entry->sides[side];
        into->place_of[i] = SNAPSHOT_NONE;
        if (!function || entry->sides[1 - side] || function->kind == KIND_PSEUDO ||
            function->kind == KIND_C || strcmp(function->name, "<module>") == 0)
            continue;
        into->list[into->count++] =
            (struct candidate){.entry = (int32_t)i,
                               .function = function,
                               .weight = (double)function->total_ns + (double)function->calls};
    }
    qsort(into->list, into->count, sizeof(*into->list), compare_candidates);
    if (into->count > CANDIDATES)
        into->count = CANDIDATES;
    for (size_t i = 0; i < into->count; i++)
        into->place_of[into->list[i].entry] = (int32_t)i;
    return 0;
}

static void add_neighbour(int32_t *list, size_t *count, int32_t entry)
{
    for (size_t i = 0; i < *count; i++)
        if (list[i] == entry)
            return;
    if (*count < NEIGHBOURS)
        list[(*count)++] = entry;
}

static void gather_neighbours(const struct making *making, size_t recording,
                              struct side_candidates *side)
{
    const struct snapshot *whole = whole_of(making, recording);
    const int32_t *entry_of = making->entry_of[recording];
    for (size_t i = 0; i < whole->edge_count; i++) {
        const struct snapshot_edge *edge = &whole->edges[i];
        int32_t callee = entry_of[edge->callee];
        int32_t caller = edge->caller == SNAPSHOT_NONE ? SNAPSHOT_NONE : entry_of[edge->caller];
        int32_t at = side->place_of[callee];
        if (at != SNAPSHOT_NONE && holds(whole, side->list[at].function))
            add_neighbour(side->list[at].callers, &side->list[at].caller_count, caller);
        at = caller == SNAPSHOT_NONE ? SNAPSHOT_NONE : side->place_of[caller];
        if (at != SNAPSHOT_NONE && holds(whole, side->list[at].function))
            add_neighbour(side->list[at].callees, &side->list[at].callee_count, callee);
    }
}

/* Shared of all, itself taken for its partner; `nothing` when neither has any. */
static double shared(const int32_t *a, size_t a_count, int32_t a_self, const int32_t *b,
                     size_t b_count, int32_t b_self, double nothing)
{
    size_t both = 0;
    if (a_count + b_count == 0)
        return nothing;
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            if (a[i] == b[j] || (a[i] == a_self && b[j] == b_self)) {
                both++;
                break;
            }
    return (double)both / (double)(a_count + b_count - both);
}

static double closeness(double a, double b)
{
    return a > 0 && b > 0 ? exp(-2 * fabs(log(a / b))) : 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const char *base_of(const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    return slash ? slash + 1 : file;
}

static double name_likeness(const char *a, const char *b)
{
    size_t size = strlen(a) > strlen(b) ? strlen(a) : strlen(b);
    double distance = (double)text_distance(a, b) / (double)(size ? size : 1);
    return distance < 1 ? 1 - distance : 0;
}

/* 0 to 1; 0 too when it is below `least`: names are compared only where they can decide. */
static double likeness(const struct candidate *old, const struct candidate *new, double least)
{
    const struct snapshot_function *a = old->function, *b = new->function;
    if (a->kind != b->kind)
        return 0;
    double callers = shared(old->callers, old->caller_count, old->entry, new->callers,
                            new->caller_count, new->entry, 0);
    double callees = shared(old->callees, old->callee_count, old->entry, new->callees,
                            new->callee_count, new->entry, 0.7);
    bool here = same_text(a->file, b->file) || same_text(a->module, b->module);
    bool near = here || same_text(base_of(a->file), base_of(b->file));
    /* Without a caller in common it must at least have kept its name. */
    if (callers <= 0 && strcmp(a->name, b->name) != 0)
        return 0;
    double calls_a = (double)a->calls + (double)a->resumes;
    double calls_b = (double)b->calls + (double)b->resumes;
    double each_a = calls_a > 0 ? (double)a->self_ns / calls_a : 0;
    double each_b = calls_b > 0 ? (double)b->self_ns / calls_b : 0;
    double alike = 0.25 * callers + 0.15 * callees + 0.20 * closeness(calls_a, calls_b) +
                   0.10 * closeness(each_a, each_b) +
                   0.15 * (here   ? 1
                           : near ? 0.7
                                  : 0);
    if (alike + NAME_WEIGHT < least)
        return 0;
    return alike + NAME_WEIGHT * name_likeness(a->name, b->name);
}

static int32_t best_for(const struct candidate *wanted, const struct side_candidates *others,
                        bool wanted_is_old, double *ret_likeness)
{
    int32_t best = SNAPSHOT_NONE;
    *ret_likeness = 0;
    for (size_t i = 0; i < others->count; i++) {
        double least = *ret_likeness > RENAME_LEAST ? *ret_likeness : RENAME_LEAST;
        double alike = wanted_is_old ? likeness(wanted, &others->list[i], least)
                                     : likeness(&others->list[i], wanted, least);
        if (alike > *ret_likeness) {
            *ret_likeness = alike;
            best = (int32_t)i;
        }
    }
    return best;
}

/* The new entry's functions become the old entry's. */
static void join(struct making *making, int32_t old, int32_t new)
{
    making->entries[old].sides[DIFF_NEW] = making->entries[new].sides[DIFF_NEW];
    making->entries[old].renamed = true;
    making->entries[new] = (struct entry){{NULL, NULL}, false};
    for (size_t r = 0; r < making->recording_count; r++)
        for (size_t i = 0; i < whole_of(making, r)->function_count; i++)
            if (making->entry_of[r][i] == new)
                making->entry_of[r][i] = old;
}

static int rename_round(struct making *making, size_t *ret_found)
{
    struct side_candidates sides[DIFF_SIDES];
    *ret_found = 0;
    if (gather(making, DIFF_OLD, &sides[DIFF_OLD]) || gather(making, DIFF_NEW, &sides[DIFF_NEW]))
        return -ENOMEM;
    if (sides[DIFF_OLD].count == 0 || sides[DIFF_NEW].count == 0)
        return 0;
    for (size_t r = 0; r < making->recording_count; r++)
        gather_neighbours(making, r, &sides[side_of(making, r)]);
    for (size_t i = 0; i < sides[DIFF_OLD].count; i++) {
        double alike, back;
        const struct candidate *old = &sides[DIFF_OLD].list[i];
        int32_t best = best_for(old, &sides[DIFF_NEW], true, &alike);
        if (best == SNAPSHOT_NONE || alike < RENAME_LEAST)
            continue;
        const struct candidate *new = &sides[DIFF_NEW].list[best];
        int32_t other = best_for(new, &sides[DIFF_OLD], false, &back);
        if (other != (int32_t)i || making->entries[old->entry].renamed)
            continue;
        join(making, old->entry, new->entry);
        (*ret_found)++;
    }
    return 0;
}

/* Entries that were joined to others leave holes. */
static int close_holes(struct making *making)
{
    int32_t *now = arena_array(making->scratch, making->entry_count + 1, sizeof(*now));
    if (!now)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < making->entry_count; i++) {
        now[i] = (int32_t)count;
        if (making->entries[i].sides[DIFF_OLD] || making->entries[i].sides[DIFF_NEW])
            making->entries[count++] = making->entries[i];
    }
    making->entry_count = count;
    for (size_t r = 0; r < making->recording_count; r++)
        for (size_t i = 0; i < whole_of(making, r)->function_count; i++)
            making->entry_of[r][i] = now[making->entry_of[r][i]];
    return 0;
}

int diff_rename(struct making *making)
{
    size_t found = 1;
    for (int round = 0; round < ROUNDS && found; round++)
        if (rename_round(making, &found))
            return -ENOMEM;
    return close_holes(making);
}

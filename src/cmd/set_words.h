/* SPDX-License-Identifier: MIT */
/* KEY=VALUE and KEY+=VALUE: what `ulma set`, and top's prompt, change while a program runs.
 * Why apart: the words are read twice: by the verb, which says at once what makes no sense, and by the
 * collector, which believes nobody.
 * The keys: only and skip (patterns, by commas; empty: none), lines (the same, of functions whose lines are wanted;
 * switches the source `lines` on, and with none off), events (sources, by commas), budget (percent;
 * empty or `exact`: none), on-full (wait, drop), rules (a file of rules in place of those there are; empty: none). `+=` adds to only, skip, lines and events.
 * Rules: prints nothing; what is wrong comes back as one sentence. Words act in their order. */
#ifndef ULMA_CMD_SET_WORDS_H
#define ULMA_CMD_SET_WORDS_H

#include "cmd/options.h"

struct set_pattern {
    char *text; /* owned */
    enum set_use { USE_ONLY, USE_SKIP, USE_LINES } use;
};

struct set_words {
    const char *directory; /* that relative paths begin in */
    const char *here; /* that of the collector, where they stay as typed; NULL: stay anywhere */
    /* the outcome: all patterns, and what else was said */
    struct set_pattern patterns[SITES_LIMIT];
    size_t pattern_count;
    bool has_sites, has_sources, has_budget, has_on_full, has_rules;
    char *
        rules; /* owned: the file, absolute; NULL: no rules, or, without has_rules, those there are */
    int64_t sources, on_full;
    double budget_pct; /* 0: none */
};

/* Begins with what is in force: `sites` (NULL: none) and sources. False: no memory. */
bool set_words_begin(struct set_words *words, const struct sites *sites, int64_t sources);
void set_words_done(struct set_words *words);

/* Has a key and a sign, right or wrong ones. */
bool set_words_is_one(const char *word);

/* One more. False: `error` (OPTIONS_ERROR_SIZE) says why not. */
bool set_words_read(struct set_words *words, const char *word, char *error);

/* There are no more, and what is in force is known. False: together they make no sense, and `error` says why. */
bool set_words_end(const struct set_words *words, char *error);

#endif

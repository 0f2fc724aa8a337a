/* SPDX-License-Identifier: MIT */
/* The verbs, one file each.
 * Why: main.c only finds the verb and reads its options.
 * Rules: a verb prints, and returns the exit status; it never calls exit. */
#ifndef ULMA_CMD_VERBS_H
#define ULMA_CMD_VERBS_H

#include "cmd/options.h"

enum exit_status {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_WRONG_WORDS = 2,
    EXIT_LIMIT_EXCEEDED = 3,
    EXIT_ULMA_FAILED = 125, /* before the target started, or after with --strict */
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL_BASE = 128,
};

#define VERB(symbol, name, words, takes_target, summary, about) \
    int verb_##name(const struct options *options, char **words_given, int word_count);
#include "cmd/verbs.def"
#undef VERB

#endif

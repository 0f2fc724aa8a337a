/* SPDX-License-Identifier: MIT */
/* How the word of an option is read.
 * Why: apart from the parser, which only knows that an option takes a word.
 * Rules: prints nothing. An error is one sentence: what is wrong and what would be right. */
#ifndef ULMA_CMD_OPTION_VALUES_H
#define ULMA_CMD_OPTION_VALUES_H

#include "cmd/options.h"

/* Stores the word in its field. False: `error` (OPTIONS_ERROR_SIZE bytes) says why not. `spelled` is
 * the option as typed. */
bool option_value_read(const struct option_row *row, const char *spelled, const char *word,
                       struct options *options, char *error);

/* The values of --events, --budget (in thousandths of a percent) and --on-full. False: it makes no sense;
 * of sources `error` says why. */
bool option_value_events(const char *word, int64_t *ret_sources, char *error);
bool option_value_percent(const char *word, int64_t *ret_thousandths);
bool option_value_on_full(const char *word, int64_t *ret_on_full);

#endif

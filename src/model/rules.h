/* SPDX-License-Identifier: MIT */
/* Rules: what single functions do otherwise than the rest: nothing, count in place, or count until a predicate holds and
 * then tell that call.
 *
 * A rule is a line: PATTERN MODE. The pattern is one of --only's that name functions. The modes:
 *   off | count | record
 *   stack                  each call is told with its stack: the same as `escalate every 1`
 *   escalate PREDICATE...  slower TIME (10us, 2.5ms, 1s), larger SIZE (bytes or elements: 1000, 64k, 1M), deeper N, every N,
 *                          raised; any of them
 * `#` begins a comment. The first rule that names a function is its rule.
 * Rules: a text is hostile. A set of rules is read once and does not change but for `matched`. One owner at a time. */
#ifndef ULMA_MODEL_RULES_H
#define ULMA_MODEL_RULES_H

#include "model/sites.h"
#include "wire/session.h"

enum { RULES_LIMIT = 1024, RULES_TEXT_LIMIT = 1 << 20, RULE_ERROR_SIZE = SITES_ERROR_SIZE + 320 };

enum rule_does { RULE_OFF, RULE_COUNT, RULE_RECORD, RULE_ESCALATE };

struct rule {
    struct site_pattern pattern; /* its text is of the rules */
    enum rule_does does;
    uint32_t predicates; /* bits by enum rule_predicate */
    uint64_t slower_ns, larger;
    uint32_t deeper, every;
    const char *words[RULE_PREDICATES]; /* each as typed: "slower 10ms"; NULL: not asked for */
};

struct rules {
    struct rule *rules;
    size_t count;
    char *text; /* what they point into */
};

/* Reads a text of `size` bytes, called `name` where something in it is wrong; paths of patterns begin in `sites`'
 * directory. NULL, with a sentence in `error` (RULE_ERROR_SIZE). */
struct rules *rules_read(const struct sites *sites, const char *text, size_t size, const char *name,
                         char *error);

/* The same of a file. */
struct rules *rules_read_file(const struct sites *sites, const char *path, char *error);

void rules_free(struct rules *rules);

/* The number + 1 of the rule that names the function; 0: none. Notes which patterns matched. */
uint32_t rules_find(const struct sites *sites, const struct site *site);

/* The same of a method, `dict.get`. */
uint32_t rules_find_method(const struct sites *sites, const char *name);

/* The same of a function of the C library, `write`. */
uint32_t rules_find_operation(const struct sites *sites, const char *name);

/* False, with a sentence in `error` (RULE_ERROR_SIZE): some rule names what only a source tells that is none of
 * `sources`. `rules` may be NULL. */
bool rules_fit(const struct rules *rules, uint32_t sources, char *error);

/* Some rule names methods: by its form, or since rules_find_method has seen that it does. `rules` may be NULL. */
bool rules_name_methods(const struct rules *rules);

#endif

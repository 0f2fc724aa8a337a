/* SPDX-License-Identifier: MIT */
/* The command line: one table of options, one of verbs, and the parser that both feed.
 * Why: --help, the man pages, docs/cli.md and the checks can only agree when they are one thing.
 * Rules: options.def and verbs.def are that thing. Parsing prints nothing and touches nothing: what is
 * wrong comes back as one sentence. ulma's options end at the target's first word. */
#ifndef ULMA_CMD_OPTIONS_H
#define ULMA_CMD_OPTIONS_H

#include "diff/diff_limits.h"
#include "export/exporter.h"
#include "model/sites.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb_index {
#define VERB(symbol, name, words, takes_target, summary, about) VERB_INDEX_##symbol,
#include "cmd/verbs.def"
#undef VERB
    VERB_COUNT
};

enum verb_bit {
#define VERB(symbol, name, words, takes_target, summary, about) \
    VERB_##symbol = 1 << VERB_INDEX_##symbol,
#include "cmd/verbs.def"
#undef VERB
};

/* How many frames or rows when nothing was said. */
enum { OPTIONS_LIMIT_DEFAULT = 30, OPTIONS_UNSET = -1, OPTIONS_LIMITS_MOST = 16 };

struct option_limits {
    struct diff_limit list[OPTIONS_LIMITS_MOST];
    size_t count;
};

/* Of an option that may stand several times. */
enum { OPTION_WORDS_MAX = 32 };
struct option_words {
    const char *words[OPTION_WORDS_MAX];
    size_t count;
};

struct options {
    const char *output, *python, *directory, *pid, *referrers;
    const struct exporter *format;
    const char *sort;
    int64_t limit, count;                       /* OPTIONS_UNSET */
    int64_t duration_ns, delay_ns, interval_ns; /* OPTIONS_UNSET */
    int64_t timeout_ns, every_ns, min_time_ns;  /* OPTIONS_UNSET */
    int64_t clock;                              /* enum snapshot_clock or OPTIONS_UNSET */
    enum export_weight weight;
    int64_t sources; /* bits of enum session_source */
    int64_t verdicts_off;
    int64_t on_full;            /* enum on_full or OPTIONS_UNSET */
    int64_t budget_thousandths; /* of a percent, or OPTIONS_UNSET */
    int64_t buffer_bytes;
    int64_t keep_ns, max_bytes; /* OPTIONS_UNSET */
    int64_t speed_thousandths;  /* OPTIONS_UNSET; 0: as fast as can be */
    bool trace;
    int64_t from_ns, to_ns; /* OPTIONS_UNSET */
    const char *thread;
    struct option_words maps;
    int64_t port; /* OPTIONS_UNSET */
    const char *listen, *token_file;
    struct option_words allowed_hosts;
    bool open_page, read_only;
    int64_t collector_cpu; /* OPTIONS_UNSET */
    struct sites sites;
    struct option_limits limits;
    bool per_call;
    bool children, no_children, by_process;
    bool force, wide, start_off, kill, batch, once, exact, uncorrected, strict, no_color;
    bool with_source, redact, no_command;
    bool flight, locals, list, man, markdown, quiet, verbose, help;
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_COUNT,
    OPTION_SECONDS,
    OPTION_SIZE,
    OPTION_PERCENT,
    OPTION_CPU,
    OPTION_FORMAT,
    OPTION_SORT,
    OPTION_EVENTS,
    OPTION_CLOCK,
    OPTION_WEIGHT,
    OPTION_ON_FULL,
    OPTION_ONLY,
    OPTION_SKIP,
    OPTION_RULES,
    OPTION_BY,
    OPTION_VERDICTS,
    OPTION_SPEED,
    OPTION_FILE_SIZE,
    OPTION_MAP,
    OPTION_PORT,
    OPTION_HOST,
    OPTION_LIMIT,
};

struct option_row {
    const char *name; /* without its dashes */
    const char *argument;
    const char *help;
    size_t field; /* offset in struct options */
    enum option_kind kind;
    unsigned verbs; /* bits of enum verb_bit */
    char letter;    /* 0: none */
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

struct verb_row {
    const char *name, *words, *summary, *about;
    unsigned bit;
    bool takes_target;
    int (*run)(const struct options *options, char **words, int word_count);
};

extern const struct verb_row verb_rows[VERB_COUNT];

/* NULL: no such verb, or one that is not there yet. */
const struct verb_row *verb_find(const char *name);

/* A verb of the contract that this version does not have. */
bool verb_is_later(const char *name);
const char *verb_nearest(const char *name);

enum { OPTIONS_ERROR_SIZE = 512 };

/* Lines of everything would be a program ten times as slow, for lines that nobody reads. */
#define OPTIONS_LINES_OF_NONE                                                            \
    "the source `lines` needs functions to be named, since the lines of all would cost " \
    "too much: add --only pkg:function (of a process that is followed: `ulma set PID "   \
    "lines=pkg:function`)"
#define OPTIONS_EVERY_OF_NONE                                                                   \
    "`every-operator` needs functions to be named, since it has their instructions run one by " \
    "one: add --only pkg:function"

struct parsed {
    struct options options;
    char **
        words; /* what follows ulma's options: the target from its first word (-m, -c, -- are words) */
    int word_count;
    char *pid_word;                 /* the only word, when it came with -p */
    char error[OPTIONS_ERROR_SIZE]; /* the first thing wrong, one sentence; "" when all is right */
};

void options_init(struct options *options);

/* Reads `words` for the verb. It reads on after something wrong, so that the caller knows whether
 * a target was named. `words` must outlive `parsed`. Words that name no
 * target (PIDs) may have options after them and are moved to the front. */
void options_parse(const struct verb_row *verb, char **words, int word_count,
                   struct parsed *parsed);

#endif

/* SPDX-License-Identifier: MIT */
/* Functions, as the fold knows them.
 * A *symbol* is what the tree is keyed with; a *row* is what is shown: one (module, qualname, name,
 * file, line, kind). Most rows have one symbol. Code objects of one row that live at the same time (a
 * comprehension within a comprehension of the same line, exec within exec) get symbols of their own,
 * *twins*, since one calling another is no recursion; code objects that come one after the other
 * (20,000 short-lived lambdas) share one.
 * Why ids are not enough: an id lives as long as its code object and is used again.
 * Rules: ids map to symbols from first sight until the probe says that the code object is gone.
 * Symbols are never removed, so an index is good for ever; beyond the limit there is `(other)`. */
#ifndef ULMA_MODEL_SYMBOLS_H
#define ULMA_MODEL_SYMBOLS_H

#include "model/histogram.h"
#include "model/rules.h"
#include "model/sites.h"
#include "model/snapshot.h"
#include "wire/mapping.h"

enum { SYMBOL_ROOT = 0, SYMBOL_OTHER = 1, SYMBOL_RESYNC = 2, SYMBOL_FIRST = 3 };

enum {
    SYMBOLS_LIMIT = 1 << 17,
    SYMBOLS_TWINS_MAX = 32,
    SYMBOLS_OCTAVES_MAX = 1 << 19,
    SYMBOLS_HEARD_MAX =
        256, /* calls of a function left out that are heard, for its callers' sake */
};

struct symbol {
    /* hot: of ended activations. min > max: none yet. The maxima are of the current second. */
    int64_t min_ticks, second_max_ticks;
    int64_t min_cpu_ticks, second_max_cpu_ticks;
    struct histogram wall;
    /* warm */
    struct histogram *cpu_difference; /* NULL: none ever waited */
    int64_t max_ticks, max_cpu_ticks; /* of the seconds before */
    /* Where somebody takes extremes (moment_take_durations): what the hot ones had before the last take,
     * in this second and in all; and what seconds that have ended since then had. */
    int64_t held_max_ticks, held_max_cpu_ticks, held_min_ticks, held_min_cpu_ticks;
    int64_t past_max_ticks, past_max_cpu_ticks;
    uint64_t yields, raised;
    /* cold */
    uint32_t row;        /* the symbol that stands for the row: its first twin */
    uint32_t next_twin;  /* 0: none */
    uint32_t pid;        /* of a row by process; else 0 */
    uint32_t turn;       /* of a row: the twin given out last when none was free */
    uint32_t heard;      /* of a row left out: calls and resumes, up to SYMBOLS_HEARD_MAX */
    uint32_t rule;       /* of a row: the number + 1 of its rule (rules.h); 0: none */
    uint32_t escalation; /* of a row: where its numbers are (escalations.h) */
    bool rule_refused;   /* ... at some time there was no room for them */
    bool is_method;      /* monitored: told by itself, not by its caller */
    bool is_partial;     /* not all of its calls are told */
    /* of a row: its lines */
    bool has_lines;                       /* are asked for */
    bool lines_muted, lines_partial;      /* ... and left out by the budget: now; at some time */
    uint64_t line_hits, line_hits_before; /* in all; and when a burst began (mute.h) */
    double burst_lines;                   /* of the bursts, older ones less */
    bool left_out; /* by a pattern: it has no entries, and no node is its own */
    bool absorbs;  /* it has called one left out: that one's time is in its own */
    bool joins;   /* left out still, but to be taken in when the probe hears all of it (resite.h) */
    bool resited; /* while patterns change: what its ids mean, or do, is to be said anew */
    bool left_out_once; /* of a row: its pops may come without a push */
    /* of a row, by the budget (mute.h) */
    bool muted;         /* now: it has no entries */
    bool muted_once;    /* pops without a push may come */
    bool is_estimated;  /* its numbers hold estimates */
    bool holds_muted;   /* its self time is what was left when estimates had been taken from it */
    uint64_t estimated; /* calls and resumes that nobody heard */
    uint32_t next_in_bucket;
    uint64_t hash;
    uint32_t line;
    enum snapshot_kind kind;
    unsigned char
        wait_room; /* of a row: what waits in it are called (wait_rooms.c); 0: not looked at */
    const char *name, *qualname, *module, *file; /* twins share them */
    char *strings;                               /* owned, by the first twin */
};

/* Where definitions come from: mapping_definition, or a test's table. 0 or -errno. */
typedef int symbols_define(void *context, uint32_t id, char *buffer,
                           struct definition_text *ret_text);

/* Says to the probe what an id does from now on; and whether its lines are to be told. */
typedef void symbols_tell(void *context, uint32_t id, enum site_mode mode);
/* ... by this rule, which counts or escalates. */
typedef void symbols_tell_of_rule(void *context, uint32_t id, uint32_t row,
                                  const struct rule *rule);
typedef void symbols_tell_of_lines(void *context, uint32_t id, enum site_lines lines);

struct symbols {
    struct symbol *symbols;
    uint32_t count, limit;
    uint32_t *buckets; /* row hash -> symbol */
    uint32_t bucket_mask;
    /* of the process whose events are folded now (symbols_enter) */
    uint32_t *by_id; /* SESSION_ID_LIMIT of them: what symbols_handle says; 0: not seen */
    uint32_t *live;  /* by symbol: ids that mean it now */
    uint32_t pid;    /* of the rows that are made; 0: one row for all processes */

    struct octave_pool octaves;
    symbols_define *define;
    void *define_context; /* of tell, too */
    struct sites *sites;  /* NULL: all functions are kept */
    symbols_tell *tell;
    symbols_tell_of_lines *tell_lines;
    symbols_tell_of_rule *tell_rule;
    uint32_t left_out_rows;
    uint32_t muted_rows; /* now */
    uint32_t lines_muted_rows;
    enum site_mode mute_mode; /* for ids that are met while their row is muted */
    bool closing;             /* some of these are not OFF yet */
    char *buffer;             /* DEFINITION_BUFFER_SIZE */
};

int symbols_init(struct symbols *symbols, symbols_define *define, void *context);
void symbols_done(struct symbols *symbols);

/* What ids mean in one process of several. */
struct symbols_ids {
    uint32_t *by_id, *live;
};

/* 0 or -ENOMEM. */
int symbols_ids_init(struct symbols_ids *ids);
void symbols_ids_done(struct symbols_ids *ids);

/* Nobody knows of `(other)`, so it may. */
static inline bool symbols_suspends(const struct symbol *symbol)
{
    return symbol->kind == KIND_GENERATOR || symbol->kind == KIND_COROUTINE ||
           symbol->kind == KIND_ASYNC_GENERATOR || symbol->kind == KIND_PSEUDO;
}

/* symbol << 1 | 1 when a push of it is no plain one: its activations may be suspended (generators and
 * their like), or it is left out. */
uint32_t symbols_handle_of(const struct symbols *symbols, uint32_t symbol);

/* The same for an id, at its first sight. */
uint32_t symbols_handle_slow(struct symbols *symbols, uint32_t id);

static inline uint32_t symbols_handle(struct symbols *symbols, uint32_t id)
{
    uint32_t handle = id < SESSION_ID_LIMIT ? symbols->by_id[id] : 0;
    return __builtin_expect(handle != 0, 1) ? handle : symbols_handle_slow(symbols, id);
}

/* The symbol for one more living code object of a row: a twin that none has, or a new one. */
uint32_t symbols_same_row(struct symbols *symbols, uint32_t row);

/* The code object of this id is no more; the id may be used again. */
void symbols_forget(struct symbols *symbols, uint32_t id);

/* One more call of a function that is left out, by `caller` (SYMBOL_ROOT: by no function). */
void symbols_leave_out(struct symbols *symbols, uint32_t symbol, uint32_t id, uint32_t caller);

static inline void symbols_absorb(struct symbols *symbols, uint32_t caller)
{
    symbols->symbols[symbols->symbols[caller].row].absorbs = true;
}

/* It has no entries now. */
static inline bool symbols_is_silent(const struct symbols *symbols, uint32_t symbol)
{
    return symbols->symbols[symbol].left_out ||
           symbols->symbols[symbols->symbols[symbol].row].muted;
}

/* Its pops may come without a push that was told. */
static inline bool symbols_ends_alone(struct symbols *symbols, uint32_t id)
{
    const struct symbol *symbol = &symbols->symbols[symbols_handle(symbols, id) >> 1];
    const struct symbol *row = &symbols->symbols[symbol->row];
    return row->left_out_once || row->muted_once;
}

/* Says what the id does from now on, where there is somebody to say it to. */
void symbols_tell_mode(struct symbols *symbols, uint32_t id, enum site_mode mode);

/* The same of one that is left out: silent, or what its rule says. */
void symbols_tell_left_out(struct symbols *symbols, uint32_t id, const struct symbol *row);

/* Whether the function is left out, by a pattern or a rule; *ret_rule: see struct symbol. */
bool symbols_leaves_out(const struct symbols *symbols, const struct site *site, uint32_t *ret_rule);

/* The same of a function of the C library, `write`; and the name of it, where the row, or the definition, is one. */
bool symbols_leaves_out_operation(const struct symbols *symbols, const char *name,
                                  uint32_t *ret_rule);
const char *symbols_operation(enum snapshot_kind kind, const char *name);
void symbols_tell_lines(struct symbols *symbols, uint32_t id);

/* An activation ended after `wall`, of which it waited `wait`. Negative wall: not known. */
void symbols_record_slow(struct symbols *symbols, struct symbol *symbol, int64_t wall_ticks,
                         int64_t wait_ticks);

static inline void symbols_record(struct symbols *symbols, struct symbol *symbol,
                                  int64_t wall_ticks)
{
    if (__builtin_expect(
            wall_ticks < symbol->min_ticks || wall_ticks > symbol->second_max_cpu_ticks, 0))
        symbols_record_slow(symbols, symbol, wall_ticks, 0);
    else
        histogram_add(&symbols->octaves, &symbol->wall, wall_ticks, 1);
}

/* Numbers back to nothing; names stay. */
void symbols_reset(struct symbols *symbols);

#endif

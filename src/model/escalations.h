/* SPDX-License-Identifier: MIT */
/* What functions under a rule did: how often they were called, how often a predicate held, and the first and the worst
 * call for which it did.
 * Why by predicate: each has a value of its own, and with it a worst.
 * Rules: one owner, the fold. Bounded: beyond the limits a rule's function is not counted, and that is. */
#ifndef ULMA_MODEL_ESCALATIONS_H
#define ULMA_MODEL_ESCALATIONS_H

#include "model/rules.h"
#include "wire/event.h"

struct model;
struct track;

enum { ESCALATIONS_LIMIT = 1 << 13, ESCALATIONS_NONE = 0 };

struct witness_argument {
    char type[ESCALATED_NAME_MOST + 1];
    uint64_t length; /* + 1; 0: none */
};

struct witness_frame {
    uint32_t symbol, line; /* 0: not known */
};

/* A call that was told. */
struct witness {
    uint64_t counter; /* 0: none yet */
    uint64_t value;   /* see enum rule_predicate */
    uint32_t thread, pid;
    uint32_t argument_count, frame_count;
    struct witness_argument arguments[ESCALATED_ARGUMENTS_MOST];
    struct witness_frame frames[ESCALATED_FRAMES_MOST]; /* the innermost first */
    bool has_more;                                      /* frames than these */
    /* Of a call of the C library: */
    bool is_io;
    int error;                 /* errno; 0: it did not fail */
    uint32_t fd, resource;     /* io_files.h */
    const char *resource_text; /* of a moment's alone: what that is by now; NULL: not known */
};

struct escalation {
    uint32_t row;       /* its function's: a row's first twin */
    uint32_t predicate; /* enum rule_predicate; RULE_PREDICATES: it is counted, and that is all */
    uint32_t next;      /* of the same row */
    char words[48];     /* "slower 10ms"; "count" */
    uint64_t calls, held;
    struct witness first, worst;
};

struct escalations {
    struct escalation *rows; /* [0] is nobody's */
    uint32_t count, limit;
    uint64_t refused; /* functions that there was no room for, each once, for good */
};

/* A call that is being told by a thread. */
struct witness_telling {
    uint32_t symbol, predicate;
    struct witness witness;
    struct witness_telling *next; /* of the same call of the C library */
};

/* Where a function's numbers by this rule are; ESCALATIONS_NONE: no room. */
uint32_t escalations_find(struct model *model, uint32_t row, const struct rule *rule,
                          uint32_t predicate);

/* The function has a rule, and is left out uncounted. */
void escalations_refuse(struct model *model, uint32_t row);

/* Calls of the C library, whose file is known once all threads' calls have been read up to there (io_apply.h): what the thread
 * has been told of the one that ends now, taken; and kept, and freed. */
struct witness_telling *escalations_take(struct track *track);
void escalations_keep(struct model *model, struct witness_telling *told, uint32_t resource);
void escalations_free(struct witness_telling *told);

/* An event of kind ESCALATED or ESCALATED_PART. */
void escalations_event(struct model *model, struct track *track, const struct event *event);

void escalations_reset(struct escalations *escalations);
void escalations_done(struct escalations *escalations);

#endif

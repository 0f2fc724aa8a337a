/* SPDX-License-Identifier: MIT */
/* What differs between recordings of one program: the old ones and the new ones.
 * Why not two tables side by side: times of two runs always differ. What is shown must say which
 * differences are the program's and which are the machine's, or it cannot stand in a CI.
 * Rules: reads snapshots, which must outlive the diff; prints nothing. Counts are exact, so any
 * difference of them is a change (with several recordings a side: where the ranges do not meet).
 * A time has changed when the difference exceeds what the recordings' own noise explains (diff_noise.h
 * has the rule; docs/diff.md says it to people). Times are nanoseconds by the clock asked for. */
#ifndef ULMA_DIFF_DIFF_H
#define ULMA_DIFF_DIFF_H

#include "model/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diff_side { DIFF_OLD, DIFF_NEW, DIFF_SIDES };

enum { DIFF_UNSET = -1 };

struct diff_recording {
    const char *name; /* as it is shown: the file */
    const struct snapshot *whole;
    const struct snapshot *const *slices; /* of time, in order; may be none */
    size_t slice_count;
    const struct snapshot
        *by_wall; /* of a comparison by the cpu clock: the whole with the wall clock's
                                     * quantiles, functions in the same order; NULL: not known */
};

struct diff_request {
    const struct diff_recording *recordings; /* the old ones first */
    size_t counts[DIFF_SIDES];               /* of each side, at least one */
    enum snapshot_clock clock;
    int64_t min_time_ns; /* what matters; DIFF_UNSET: a thousandth of the old time */
    bool per_call;       /* times of one call, calls as shares of the run's */
};

enum diff_way { DIFF_DOWN = -1, DIFF_SAME, DIFF_UP };

/* One figure of a function: the median of each side, and how the two compare. */
struct diff_measure {
    double sides[DIFF_SIDES];
    double least[DIFF_SIDES], most[DIFF_SIDES]; /* of one recording */
    double change;                              /* what new has more, at old's pace */
    double percent;                             /* of old; 0 where old is 0 */
    double noise_percent; /* a smaller change is none; below 0: nobody can tell */
    enum diff_way way;    /* beyond the noise */
};

struct diff_function {
    const struct snapshot_function *sides[DIFF_SIDES]; /* NULL: not called there */
    bool renamed;                                      /* a guess: the two have different names */
    bool estimated; /* the budget had it muted: its calls are estimates */
    struct diff_measure calls, self, per_call, total, wait, p99;
    struct diff_measure objects, bytes; /* made by it; where diff_knows */
    double weight_ns;                   /* the time that its change is worth */
    bool changed;                       /* anything, for certain */
    bool matters;                       /* and it is worth min_time */
};

/* A calling context; nodes[0] is the root, a parent stands before its children. Means of a side's
 * recordings, those of new at old's pace. */
struct diff_node {
    int32_t parent;
    int32_t function; /* SNAPSHOT_NONE for the root */
    double calls[DIFF_SIDES];
    double self_ns[DIFF_SIDES];
    double change_ns; /* of self, where its function's self time has changed; else 0 */
    double below_ns;  /* sum of |change_ns| of it and all below */
    double net_ns;    /* sum of change_ns of it and all below */
};

/* How fast a recording's machine was: the ratio at which all functions' times lie. */
struct diff_pace {
    double ratio;   /* to the median recording: 1.1 is a tenth slower */
    size_t witness; /* functions that say so */
};

struct diff_sums { /* of functions */
    size_t slower, faster, more, fewer, added, gone, waits_up, waits_down;
    size_t matter, minor; /* changed: worth min_time or not */
};

struct diff {
    struct diff_request request;
    struct arena *arena;
    struct diff_function *functions; /* by what matters: see diff_sums */
    size_t function_count;
    struct diff_sums sums;
    struct diff_measure whole_self, whole_calls, whole_wait, duration;
    struct diff_measure whole_objects, whole_bytes; /* where diff_knows */
    struct diff_pace *paces;                        /* one for each recording */
    double pace; /* of the new side to the old one; taken out of changes */
    double work; /* calls of the new side to the old one's, function by function */
    int64_t min_time_ns;
    struct diff_node *nodes;
    size_t node_count;
    const struct snapshot *tree; /* the same nodes and functions, for what walks over snapshots */
    const char **notes;          /* what the reader must know: other Pythons, clocks, lengths */
    size_t note_count;
};

/* NULL: no memory. */
struct diff *diff_make(const struct diff_request *request);
void diff_free(struct diff *diff); /* NULL is allowed */

/* Whether the source, `objects` or `memory`, was on in a recording; in all of them. */
bool diff_recording_knows(const struct diff_recording *recording, const char *source);
bool diff_knows(const struct diff *diff, const char *source);

/* `slower`, `called more`, `new`, `gone`, …; several joined by commas; "" when nothing changed. */
const char *diff_words(const struct diff *diff, const struct diff_function *function);

/* One sentence: what changed in all. From the diff's arena; NULL: no memory. */
const char *diff_verdict(const struct diff *diff);

/* `qualname (module.py:12)`, the new one's where it is there, `~renamed from …` where it was. */
const char *diff_label(const struct diff *diff, const struct diff_function *function);

#endif

/* SPDX-License-Identifier: MIT */
/* Looking on at a process that another ulma follows: `top` and `report` of it, read-only.
 * Why: a process has one collector; whoever comes second wants its table, and must not disturb.
 * Rules: the process is neither touched nor signalled; its owner is asked through the session (job_view.h) and
 * trusted with nothing: what it hands over is checked, and whatever it does, ulma only says so. */
#ifndef ULMA_CMD_JOIN_H
#define ULMA_CMD_JOIN_H

#include "cmd/options.h"
#include "cmd/session_ask.h"
#include "model/snapshot.h"

enum join_state {
    JOIN_GOES_ON,
    JOIN_ENDED, /* the owner's profiling has */
    JOIN_FAILED,
};

struct join {
    const struct options *options;
    struct session_found found;
    char who[SESSION_WHO_SIZE];
    char reason[SESSION_ANSWER_SIZE + SESSION_WHO_SIZE]; /* why it does not go on; one sentence */
    enum join_state state;                               /* of all */
    enum join_state own;                                 /* of this owner */
    enum snapshot_clock clock;
    uint64_t silent_ns;     /* since when nothing has come; 0: the last question was answered */
    uint64_t over_ns;       /* the end of --duration; 0: none */
    bool seen;              /* something has come */
    bool told;              /* that this owner has ended */
    struct snapshot *frame; /* that is drawn next, of plain frames */
    struct join
        *next; /* another owner; owned. All else of it but `own` and `found` is the first's */
};

/* Whether somebody follows each process that the words name; then they are joined, and that is said. Words of one
 * owner are one; of several owners what they have counted is shown together. */
bool join_begin(struct join *join, const struct options *options, char **words, int word_count,
                enum snapshot_clock clock);

/* What the owners have counted. Waits `wait_ms` for each; NULL: not yet, or join->state says that it ended or
 * failed: one of several that has ended is told, and left out from then on. The caller frees. */
struct snapshot *join_snapshot(struct join *join, int window_s, enum snapshot_clock clock,
                               int wait_ms);

void join_end(struct join *join);

/* The whole verb of a process that was joined. The exit status. */
int join_report(struct join *join);
int join_top(struct join *join, bool frames);

#endif

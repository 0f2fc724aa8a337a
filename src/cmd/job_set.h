/* SPDX-License-Identifier: MIT */
/* What a job follows, changed while it runs: by `ulma set` through the session, by keys of its own screen.
 * Why apart: both end in the same change, and what the program refuses afterwards is taken back here.
 * Rules: the thread that calls job_tick does all of it. What stands in the session is anybody's text: copied,
 * checked as a whole, then read word by word as the command line's would be; all of its words act, or none. */
#ifndef ULMA_CMD_JOB_SET_H
#define ULMA_CMD_JOB_SET_H

#include "model/sites.h"
#include "wire/session.h"

#include <stdint.h>

struct job;

struct job_settings {
    struct sites *sites; /* owned; NULL: the options' are in force */
    struct rules *rules; /* owned: those of its file, where others than the options' are in force */
    char *rules_file;    /* owned; NULL: none, or the options' */
    bool has_rules;      /* they have been set */
    double budget_pct;   /* 0: none */
    uint32_t sources, on_full;
    uint32_t seen;     /* the session's set_serial that was looked at last */
    uint64_t asked_ns; /* when a change was made that the program has not answered; 0: none */
    uint64_t signalled_ns;
    uint64_t quick_ns; /* until then the next words may come at once */
    uint64_t view_ns;  /* when what was counted was last handed over (job_view.h); 0: cleared */
    bool answers;      /* ... and somebody waits for its answer, which is: */
    char answer[SESSION_ANSWER_SIZE];
};

/* What the options say; before the session is made. */
void job_set_begin(struct job *job);

/* The patterns in force. */
const struct sites *job_set_sites(const struct job *job);

/* Changes what the words say, and waits a moment for the program; relative paths begin in ulma's folder. True:
 * done, and `message` says what is in force; else why not. */
bool job_set(struct job *job, char *const *words, size_t count, char *message, size_t size);

/* Looks for words in the session and obeys them. In how many milliseconds again. */
int job_set_tick(struct job *job);

void job_set_done(struct job *job);

#endif

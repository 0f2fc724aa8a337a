/* SPDX-License-Identifier: MIT */
/* The monitors of one `ulma monitor`: their processes, their streams, and what becomes of one that does not behave.
 * Why a process each: one that hangs, or dies, takes nothing with it, and the others have a CPU's time of their own.
 * Rules: says itself what goes wrong with one. One thread, which is not the fold's; a Python's processes are started before
 * any thread of ulma. */
#ifndef ULMA_CMD_MONITOR_RUN_H
#define ULMA_CMD_MONITOR_RUN_H

#include "cmd/options.h"
#include "monitor/monitors.h"

#include <sys/types.h>

struct monitor_child {
    const char *word; /* as it was named: FILE.py[:Class], or fd:N */
    pid_t pid;        /* 0: a stream that another program has made; or it was reaped */
    int status;       /* as waitpid tells it */
    bool gone;
    char name[STREAM_TEXT_SIZE]; /* of a stream that another program has made */
    uint64_t progress;           /* what its reader had done at the last look */
    uint64_t stuck_ns;           /* for so long nothing more, though events waited */
};

struct monitor_run {
    struct monitors monitors;
    struct stream streams[STREAMS_MOST];
    struct monitor_child children[STREAMS_MOST];
    size_t count;
    uint64_t looked_ns; /* when they were last looked at */
    bool ended;         /* nothing more comes: whoever has read all of it may go */
    char *words;        /* owned: the list, cut at its commas */
};

/* Starts all that the list names, and waits until each says what it wants. EXIT_FINE, or the exit status. */
int monitor_run_begin(struct monitor_run *run, const struct options *options, const char *list);

/* The target begins. */
void monitor_run_start(struct monitor_run *run);

/* Takes off whoever has died, or hangs. False: nobody is left. */
bool monitor_run_look(struct monitor_run *run);

/* Nothing more comes: waits until each has read what there is, or hangs. False: one failed. */
bool monitor_run_end(struct monitor_run *run);

void monitor_run_close(struct monitor_run *run);

#endif

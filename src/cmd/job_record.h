/* SPDX-License-Identifier: MIT */
/* The recording of a job: its file, opened before the target goes, and the thread that writes it.
 * Why apart: what a job does for the terminal it does for a file, too.
 * Rules: says itself why it failed. One thread, but for what recorder.h lets others do. */
#ifndef ULMA_CMD_JOB_RECORD_H
#define ULMA_CMD_JOB_RECORD_H

#include "recording/recorder.h"

#include <stdbool.h>
#include <sys/types.h>

struct job;

struct job_recording {
    char *path;                      /* owned */
    struct recording_writer *writer; /* until the recorder has it */
    struct recorder *recorder;
    bool told; /* that it has failed */
};

/* Makes the file that the options name. False: said on stderr. */
bool job_record_open(struct job *job, pid_t pid);

/* The target goes: writes from now on. */
bool job_record_start(struct job *job);

/* False, and said once, when writing has failed: nothing more is kept. */
bool job_record_goes_on(struct job *job);

/* After job_finish: the last window, then the line that says what was written. False: it failed. */
bool job_record_finish(struct job *job);

/* There is nothing to keep: the file goes. */
void job_record_abandon(struct job *job);
void job_record_close(struct job *job);

#endif

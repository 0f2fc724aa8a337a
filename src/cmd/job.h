/* SPDX-License-Identifier: MIT */
/* One target being profiled: everything between the command line and the report.
 * Why: run and top differ only in what they show meanwhile.
 * Rules: job_start says itself why it failed. One thread uses a job, but for job_snapshot and
 * job_switch, which any thread may call, and supervise, which one thread steps. */
#ifndef ULMA_CMD_JOB_H
#define ULMA_CMD_JOB_H

#include "attach/armed.h"
#include "cmd/job_record.h"
#include "cmd/job_set.h"
#include "cmd/launch.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/private_folder.h"
#include "cmd/supervise.h"
#include "cmd/target.h"
#include "cmd/wishes.h"
#include "model/collector.h"

/* A process that ulma did not start, and how it is left. */
struct followed {
    struct armed armed;
    bool attached; /* it was armed for this job, which has not left it yet */
    bool is_child; /* of one that was named: it may end at any time, and then is left out */
    bool is_out;
    bool joined;   /* it has a session of the job's */
    bool left;     /* it has left it again, when it was asked to */
    bool detached; /* it was asked to give up the probe too */
};

struct job_strays;
struct job_trace;

struct job {
    const struct options *options;
    struct wishes wishes; /* of a process that says what is to be collected of it */
    enum snapshot_clock clock;
    struct target target;
    bool is_process;         /* ulma did not start it (job_process.h) */
    struct followed first;   /* ... then it is this one */
    struct followed *others; /* ... and those that are followed with it (job_others.h) */
    size_t other_count;
    pid_t *left_out; /* ... and those that could not be, which was said */
    size_t left_out_count;
    struct job_strays *strays; /* that the processes start (job_strays.h); NULL: nobody looks */
    size_t first_stray;        /* at the end: the first of them among the others */
    pid_t *heirs;              /* at the end: their children (job_others.h) */
    size_t heir_count;
    struct output output;
    bool is_recorded;
    struct job_recording recording; /* in place of the output */
    struct private_folder folder;
    struct mapping mapping;
    struct sites sites;           /* the options', and what they have matched */
    struct job_settings settings; /* what is in force instead, when it was changed */
    struct model_watch *watch;    /* sees each event: monitors; NULL: nobody does */
    struct job_trace *trace;      /* of a report that is a timeline (job_trace.h); NULL */
    struct collector *collector;
    struct supervise supervise;
    char directory[PATH_MAX]; /* of the session */
    char *target_output;      /* top: the file that the target prints into; owned */
    uint64_t started_ns;      /* CLOCK_MONOTONIC, when the target was let go */
    uint64_t on_ns;           /* when its recording was first seen to be on; 0: not yet */
    uint64_t asked_ns;        /* when an unanswered switch was last signalled; 0: answered */
    bool first_told;          /* the collector knows that the first of several has ended */
    bool whole_only;          /* as in struct job_setting */
    bool keeps_calls;         /* the same */
    bool delayed;             /* --delay has not passed */
    bool finished;            /* the profiling has ended: the collector has read all */
    bool failed;              /* ulma failed at something after the start */
};

/* What the target did that a profile can be made of. */
enum job_outcome { JOB_SEEN, JOB_UNSEEN, JOB_REFUSED };

struct job_setting {
    const char *verb;             /* for messages */
    bool capture_output;          /* the target prints into a file */
    bool on_screen;               /* ulma reads the terminal's keys */
    bool whole_only;              /* all that is asked for is the whole run */
    bool keeps_calls;             /* when things were is asked for, too */
    bool record;                  /* into a file, instead of a report at the end */
    struct model_watch *watch;    /* as collector_options has it */
    void (*ready)(void *context); /* all is there but the target's first line. NULL: nobody asks */
    void *ready_context;
    enum snapshot_clock clock;
};

/* Everything up to the running target. EXIT_FINE, or the exit status (said on stderr). */
int job_start(struct job *job, const struct options *options, char **words, int word_count,
              const struct job_setting *setting);

/* Sees to delay, duration and unanswered switches. Milliseconds until it should be called again, -1:
 * no need. *ret_over: the duration has passed. */
int job_tick(struct job *job, bool *ret_over);

/* The processes that the target starts are followed, too. */
bool job_follows_children(const struct job *job);

/* Some process besides the first one may have a session of its own. */
bool job_is_family(const struct job *job);

/* Turns the sources on or off: the word in the session, then SIGURG. 0, -ESRCH (no Python is armed),
 * -EAGAIN (armed, but it does not take the signal yet). */
int job_switch(struct job *job, bool on);

/* Ends the profiling: off in a target that goes on, then all that was written is read. Idempotent. */
void job_finish(struct job *job);

/* Until a target that goes on after that has ended, or a second Ctrl-C leaves it alone; --kill ends it. */
void job_wait(struct job *job);

/* With all that only the command line knows filled in. NULL: out of memory. */
struct snapshot *job_snapshot(struct job *job, int window_s, enum snapshot_clock clock);

/* The text of a file of the program's, to be freed; NULL: it is not to be had, or not as it was. */
char *job_source(const struct job *job, const char *file);

/* The same with the detail that a recording keeps. */
struct snapshot *job_snapshot_detailed(struct job *job);

/* What collector_options a job of any kind has. */
struct collector_options job_collector_options(struct job *job);

/* The report's file or the recording's. False: said on stderr. */
bool job_open_file(struct job *job, pid_t pid);

/* `text` gets the refusal. */
enum job_outcome job_outcome(const struct job *job, char *text, size_t size);

/* The probe refused before the program's first line and ended the interpreter; `text` gets why. */
bool job_never_began(const struct job *job, char *text, size_t size);

/* The exit status of the verb: the target's, or ulma's with --strict. */
int job_status(const struct job *job);

/* Removes what was made, frees. Leaves a running target running. */
void job_close(struct job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* The inside of a recording's writer, for the files that make it up.
 * Levels: windows of about a second; of 60 of those; of 60 of those again. Each level remembers what the
 * sums were when its last window ended, so that one piece of code writes them all. Why levels: a report
 * on a day reads some hundred windows and not 86,400.
 * Rules: as recording_writer.h. */
#ifndef ULMA_RECORDING_WRITER_PARTS_H
#define ULMA_RECORDING_WRITER_PARTS_H

#include "recording/database.h"
#include "recording/recording_writer.h"
#include "recording/redact.h"
#include "recording/schema.h"

#include <limits.h>

/* --- what a level remembers -------------------------------------------------------------------- */

struct writer_node {
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
};

struct writer_function {
    uint64_t yields, raised, estimated;
    struct snapshot_extremes recent; /* since the level's last window */
    bool has_recent;
    struct snapshot_slot *slots; /* owned, as the snapshot had them */
    size_t slot_count;
};

struct writer_thread {
    uint64_t calls, lost;
    struct snapshot_thread_ticks ticks;
};

struct writer_process {
    uint64_t calls, lost;
};

struct writer_sums {
    uint64_t events, lost, gaps, nested;
    int64_t off_ns;
};

struct writer_level {
    struct writer_node *nodes; /* by id */
    size_t node_limit;
    struct writer_function *functions; /* by id */
    size_t function_limit;
    struct writer_thread *threads; /* by number */
    size_t thread_limit;
    struct writer_process *processes; /* by place in writer->processes */
    size_t process_limit;
    struct writer_sums sums;
    int64_t from_ns;  /* where its next window begins */
    unsigned windows; /* of the level below, in its next window */
};

/* --- what is in the tables already --------------------------------------------------------------- */

struct known_function {
    bool known, calls_exact, times_exact, muted, holds_left_out, is_method;
};

struct known_thread {
    bool known, present, gone;
    struct snapshot_thread row; /* as written */
    int32_t position;
    struct writer_thread last; /* of the last snapshot that had it */
};

struct known_process {
    uint32_t pid;
    bool has_command;
    struct writer_process now; /* summed over the snapshot's rows of this PID */
};

enum writer_statement {
    PUT_META,
    PUT_WINDOW,
    PUT_FUNCTION,
    PUT_NODE,
    PUT_THREAD,
    PUT_PROCESS,
    PUT_NODE_TIMES,
    PUT_FUNCTION_TIMES,
    PUT_THREAD_TIMES,
    PUT_PROCESS_TIMES,
    PUT_TASK,
    PUT_GC,
    PUT_IO,
    PUT_LINE,
    PUT_OBJECT,
    PUT_SITE,
    PUT_SOURCE,
    PUT_FILE,
    WRITER_STATEMENTS,
};

struct recording_writer {
    sqlite3 *database;
    sqlite3_stmt *statements[WRITER_STATEMENTS];
    char *path;
    struct recording_options options;
    struct redact redact;
    char reason[RECORDING_WRITER_REASON_SIZE];
    bool failed, finished;
    int64_t window_id, end_ns, bytes;
    struct writer_level levels[SCHEMA_LEVELS];
    struct known_function *functions; /* by id */
    size_t function_limit;
    bool *nodes; /* by id: it is in the table */
    size_t node_limit;
    struct known_thread *threads; /* by number */
    size_t thread_limit;
    struct writer_thread folded; /* of threads that have gone into the one with number 0 */
    struct known_process *processes;
    size_t process_count, process_limit;
    char **meta;       /* by schema_fields: as written; owned */
    uint64_t *objects; /* by position: a hash of what stands there */
    size_t object_count, object_limit;
    bool waits_made;            /* the tables are there */
    bool memory_made;           /* the table is there */
    bool escalations_made;      /* so is that one */
    uint64_t escalations_ended; /* when it was last written */
    bool requests_made;         /* so is that one */
    uint64_t requests_ended;    /* when it was last written */
    uint64_t memory_steps;      /* allocations and frees when it was last written */
    uint64_t task_hash, gc_hash, line_hash, io_hash, site_hash, source_hash;
    int64_t source_bytes;
    struct text_set *files;  /* whose source has been looked for */
    struct snapshot *masked; /* strings of this add */
};

/* Grows an array so that `at` is in it; new places are zero. 0 or -ENOMEM. */
int writer_room(void *array_pointer, size_t *limit, size_t at, size_t size);

/* Notes why SQLite refused, and gives it as -errno. */
int writer_failed(struct recording_writer *writer, int error);

/* writer_definitions.c: what the snapshot names that the file does not know yet, or otherwise. */
int writer_put_definitions(struct recording_writer *writer, const struct snapshot *snapshot);
int writer_put_meta(struct recording_writer *writer, const struct snapshot *snapshot);

/* writer_windows.c: one window of each level whose time has come. */
int writer_put_windows(struct recording_writer *writer, const struct snapshot *snapshot,
                       int64_t to_ns);
void writer_level_done(struct writer_level *level);

/* writer_files.c: the text of the files of its functions. */
int writer_put_files(struct recording_writer *writer, const struct snapshot *snapshot);
void writer_files_done(struct recording_writer *writer);

#endif

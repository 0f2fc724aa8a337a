/* SPDX-License-Identifier: MIT */
/* The inside of an open recording, for the files that make it up.
 * Definitions are read once, at the opening; the windows' rows for each query, since there may be many.
 * Rules: as recording.h. Ids index tables of pointers, and have been checked to lie within them. */
#ifndef ULMA_RECORDING_READER_PARTS_H
#define ULMA_RECORDING_READER_PARTS_H

#include "recording/database.h"
#include "recording/recording.h"
#include "recording/schema.h"

#include "base/arena.h"

struct recorded_function {
    struct snapshot_function row; /* names, flags */
    uint32_t merged;              /* index of the first function of its row, whatever the process */
};

struct recorded_node {
    uint32_t parent;   /* index; 0: the root */
    uint32_t function; /* 1 + index; 0: the bottom of a thread */
    uint32_t thread;   /* its number; 0: of several */
    uint32_t flags;
};

struct recorded_thread {
    struct snapshot_thread row; /* running: 1 + index of a function; 0: none */
    int64_t position;
};

/* Whether the query asks for it. */
bool recorded_thread_is_wanted(const struct recording_query *query,
                               const struct snapshot_thread *row);

struct recorded_window {
    int64_t id, from_ns, to_ns;
    int level;
    uint64_t events, lost, gaps, nested;
    int64_t off_ns;
};

/* From an id to 1 + the index of what has it; 0: nothing has. */
struct id_table {
    uint32_t *at;
    size_t limit;
};

struct path_map {
    const char *from, *to;
    struct path_map *next;
};

struct recording {
    sqlite3 *database;
    char *path;
    char reason[RECORDING_REASON_SIZE];
    struct arena *arena; /* of the definitions */
    struct arena *own;   /* of what is said about the recording: maps */
    int64_t version;     /* of the file's content, as SQLite counts it for this opening */
    struct snapshot_meta meta;
    double ns_per_tick, stolen_share;
    uint32_t longest_step_of; /* 1 + index; 0: none */
    struct recorded_function *functions;
    size_t function_count;
    struct recorded_node *nodes; /* [0] is the root */
    size_t node_count;
    struct recorded_thread *threads;
    size_t thread_count;
    struct snapshot_process *processes;
    size_t process_count;
    struct recorded_window *windows; /* by level, then by time */
    size_t window_count;
    size_t level_first[SCHEMA_LEVELS + 1];
    struct id_table function_ids, node_ids, thread_ids;
    struct path_map *maps;
};

static inline uint32_t id_table_find(const struct id_table *table, int64_t id)
{
    return id >= 0 && (size_t)id < table->limit ? table->at[id] : 0;
}

/* Notes why a query failed. Always gives `error`. */
int recording_fail(struct recording *recording, int error, const char *what);

/* A text column in the arena; NULL for NULL. What is too long is an error: *ret_error. */
const char *recording_text(struct recording *recording, sqlite3_stmt *statement, int column,
                           struct arena *arena, int *ret_error);

/* reader_definitions.c. 0 or -errno, with a reason. What was read before is forgotten. */
int recording_read_definitions(struct recording *recording);
void recording_forget_definitions(struct recording *recording);

/* From here to recording_end_reading the file stays as it is: a recording that is being written waits. The
 * definitions are read anew when it has changed since. 0 or -errno, with a reason; then nothing is open. */
int recording_begin_reading(struct recording *recording);
void recording_end_reading(struct recording *recording);

/* --- reader_sums.c: windows' rows, added up --------------------------------------------------------- */

struct sum_node {
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks, self_wait_ticks, total_wait_ticks;
};

struct sum_thread {
    uint64_t calls, lost;
    struct snapshot_thread_ticks ticks;
};

struct sum_function {
    uint64_t yields, raised, estimated;
    struct snapshot_extremes extremes;
    struct snapshot_slot *slots; /* owned */
    size_t slot_count, slot_limit;
};

struct sum_process {
    uint64_t calls, lost;
};

/* What the windows read so far add up to. */
struct recording_sums {
    int64_t to_ns; /* end of the last one */
    uint64_t events, lost, gaps, nested;
    int64_t off_ns;
    struct sum_node *nodes; /* by index */
    struct sum_thread *threads;
    struct sum_process *processes;
};

/* Of functions there are two: the slice's, and those of the window at its end; NULL: not wanted. */
struct recording_function_sums {
    struct sum_function *slice, *window;
};

int recording_sums_init(struct recording *recording, struct recording_sums *sums);
void recording_sums_done(struct recording_sums *sums);

/* A copy, to be subtracted later. 0 or -ENOMEM. */
int recording_sums_copy(struct recording *recording, const struct recording_sums *sums,
                        struct recording_sums *ret);

struct sum_function *recording_functions_new(struct recording *recording);
void recording_functions_free(const struct recording *recording, struct sum_function *functions);

/* Adds the windows from sums->to_ns on, up to the one that ends at to_ns (a moment that
 * recording_window_end gave). 0 or -errno. */
int recording_sum(struct recording *recording, int64_t to_ns, struct recording_sums *sums,
                  const struct recording_function_sums *functions);

/* The smallest windows around a moment: where the one begins that holds it, and where the one ends that
 * holds what is just before it. Within the recording's extent. */
int64_t recording_window_begin(const struct recording *recording, int64_t moment_ns);
int64_t recording_window_end(const struct recording *recording, int64_t moment_ns);

#endif

/* SPDX-License-Identifier: MIT */
/* The tables of a recording: the same text makes them and is demanded of them.
 * Why demanded: a file whose tables were made by anything else may hold generated columns, triggers or
 * views, and opening it would run them.
 * Rules: a change of any text here is a new SCHEMA_VERSION; a table more is none, nor is a last column more
 * of a table that keeps what it was before. docs/recordings.md says what the columns mean. */
#ifndef ULMA_RECORDING_SCHEMA_H
#define ULMA_RECORDING_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SCHEMA_APPLICATION = 0x756c6d61, /* "ulma" */
    SCHEMA_VERSION = 1,
    SCHEMA_LEVELS = 3,              /* windows of a second, of a minute, of an hour */
    SCHEMA_STEP = 60,               /* windows of one level in one of the next */
    SCHEMA_PAGE = 4096,             /* bytes */
    SCHEMA_NAME_BYTES = 1 << 20,    /* of a text that is no source */
    SCHEMA_SOURCE_BYTES = 4 << 20,  /* of one file's source */
    SCHEMA_FUNCTIONS_MAX = 1 << 20, /* ids lie below */
    SCHEMA_NODES_MAX = 1 << 23,
    SCHEMA_THREADS_MAX = 1 << 22,
    SCHEMA_WINDOWS_MAX = 1 << 24,
    SCHEMA_SLOTS = 60 * 16, /* of a histogram, for values below 2^63 */
};

struct schema_table {
    const char *name, *sql;
    const char *sql_before; /* NULL, or as it once was: files with that are read, too */
    bool is_later;          /* files of before it are read, too */
};

extern const struct schema_table schema_tables[];
extern const size_t schema_table_count;

/* Fields of struct snapshot_meta, as rows of the table `meta`. */
enum schema_kind { META_TEXT, META_INT, META_UINT, META_U32, META_S32, META_BOOL, META_REAL };

struct schema_field {
    const char *name;
    enum schema_kind kind;
    size_t offset;
};

extern const struct schema_field schema_fields[];
extern const size_t schema_field_count;

extern const char *const schema_kinds[];  /* of functions, by enum snapshot_kind */
extern const char *const schema_states[]; /* of tasks, by enum snapshot_task_state */
enum { SCHEMA_KINDS = 6, SCHEMA_STATES = 4 };

#endif

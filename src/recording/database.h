/* SPDX-License-Identifier: MIT */
/* SQLite as recordings use it: bind, step, errors as -errno.
 * Rules: strings that are not valid UTF-8 are kept as blobs, so that every text is one for any reader. */
#ifndef ULMA_RECORDING_DATABASE_H
#define ULMA_RECORDING_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* -errno for a result code of SQLite; 0 for OK, ROW and DONE. */
int database_error(int code);

/* 0 or -errno. */
int database_run(sqlite3 *database, const char *sql);

/* NULL is NULL. The text must live until the statement is stepped. */
void database_bind_text(sqlite3_stmt *statement, int at, const char *text);

/* Steps a statement that returns no row, and resets it. 0 or -errno. */
int database_step(sqlite3_stmt *statement);

/* The one whole number that a query gives; `otherwise` when it gives none. */
int64_t database_number(sqlite3 *database, const char *sql, int64_t otherwise);

#endif

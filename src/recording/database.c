/* SPDX-License-Identifier: MIT */
/* SQLite's calls, shortened.
 * Why: see database.h.
 * Rules: as there. */
#include "recording/database.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

int database_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EROFS;
    case SQLITE_CANTOPEN:
        return -EACCES;
    case SQLITE_IOERR:
        return -EIO;
    default:
        return -EBADMSG;
    }
}

int database_run(sqlite3 *database, const char *sql)
{
    return database_error(sqlite3_exec(database, sql, NULL, NULL, NULL));
}

static bool is_valid(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t point;
        at += text_decode(text + at, size - at, &point);
        if (point == TEXT_INVALID)
            return false;
    }
    return true;
}

void database_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    if (!text)
        sqlite3_bind_null(statement, at);
    else if (is_valid(text, size))
        sqlite3_bind_text64(statement, at, text, size, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_blob64(statement, at, text, size, SQLITE_STATIC);
}

int database_step(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return database_error(code);
}

int64_t database_number(sqlite3 *database, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *statement;
    int64_t number = otherwise;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return otherwise;
    if (sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

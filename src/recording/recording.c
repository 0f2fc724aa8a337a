/* SPDX-License-Identifier: MIT */
/* Opening a recording, and distrusting it.
 * Why: see recording.h.
 * Rules: what the first hundred bytes say is checked before SQLite sees the file; then the tables must have
 * been made by the very text that a writer uses. */
#include "recording/reader_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char MAGIC[16] = "SQLite format 3";

enum {
    HEADER_SIZE = 100,
    VERSION_AT = 60,
    APPLICATION_AT = 68,
    BUSY_MS = 10 * 1000,
    CACHE_KIB = 4 << 10,
};

bool recording_is_name(const char *word)
{
    size_t size = strlen(word);
    if (size > 5 && strcmp(word + size - 5, ".ulma") == 0)
        return true;
    struct stat status;
    char magic[sizeof(MAGIC)];
    if (stat(word, &status) || !S_ISREG(status.st_mode))
        return false;
    FILE *file = fopen(word, "rbe");
    bool is = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic) &&
              memcmp(magic, MAGIC, sizeof(MAGIC)) == 0;
    if (file)
        fclose(file);
    return is;
}

int recording_fail(struct recording *recording, int error, const char *what)
{
    snprintf(recording->reason, sizeof(recording->reason), "%.300s: %.180s", recording->path, what);
    return error;
}

static int fail_as_sqlite(struct recording *recording, int code)
{
    int error = database_error(code);
    if (error == -ENOMEM)
        return recording_fail(recording, error, "out of memory");
    if (error == -EBUSY)
        return recording_fail(recording, error, "another program is writing it; try again");
    if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY ||
        code == SQLITE_READONLY_CANTINIT)
        return recording_fail(recording, error,
                              "its recording was killed within a write, which must be taken back "
                              "first, and it cannot be written to here: copy it with its -journal");
    char text[160];
    snprintf(text, sizeof(text), "the recording is damaged (%.120s)",
             recording->database ? sqlite3_errmsg(recording->database) : sqlite3_errstr(code));
    return recording_fail(recording, error ? error : -EBADMSG, text);
}

const char *recording_text(struct recording *recording, sqlite3_stmt *statement, int column,
                           struct arena *arena, int *ret_error)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return NULL;
    const char *bytes = sqlite3_column_blob(statement, column);
    int size = sqlite3_column_bytes(statement, column);
    char *text = size <= SCHEMA_NAME_BYTES ? arena_string_of(arena, size ? bytes : "", (size_t)size)
                                           : NULL;
    if (!text)
        *ret_error = size <= SCHEMA_NAME_BYTES
                         ? recording_fail(recording, -ENOMEM, "out of memory")
                         : recording_fail(recording, -EBADMSG, "a text in it is too long");
    return text;
}

/* --- the first bytes ------------------------------------------------------------------------------ */

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int check_header(struct recording *recording)
{
    unsigned char header[HEADER_SIZE] = {0};
    char text[128];
    struct stat status;
    if (stat(recording->path, &status))
        return recording_fail(recording, -errno,
                              errno == ENOENT ? "No such file: check its path" : strerror(errno));
    if (!S_ISREG(status.st_mode))
        return recording_fail(recording, -EINVAL, "not a file, and so no recording");
    FILE *file = fopen(recording->path, "rbe");
    if (!file)
        return recording_fail(recording, -errno, strerror(errno));
    size_t size = fread(header, 1, sizeof(header), file);
    fclose(file);
    if (size == 0)
        return recording_fail(recording, -EBADMSG,
                              "empty: the recording ended before it had written anything");
    if (size < sizeof(header) || memcmp(header, MAGIC, sizeof(MAGIC)) != 0)
        return recording_fail(recording, -EBADMSG, "no recording of ulma (no SQLite database)");
    if (big_endian(header + APPLICATION_AT) != SCHEMA_APPLICATION)
        return recording_fail(recording, -EBADMSG, "a SQLite database, but no recording of ulma");
    uint32_t version = big_endian(header + VERSION_AT);
    if (version == SCHEMA_VERSION)
        return 0;
    snprintf(text, sizeof(text),
             "a recording of version %u; this ulma reads version %d: take the ulma that wrote it",
             version, SCHEMA_VERSION);
    return recording_fail(recording, -EBADMSG, text);
}

/* --- SQLite ----------------------------------------------------------------------------------------- */

static void defend(sqlite3 *database)
{
    static const struct {
        int which, most;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, SCHEMA_SOURCE_BYTES + SCHEMA_NAME_BYTES},
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
        {SQLITE_LIMIT_COLUMN, 100},
        {SQLITE_LIMIT_EXPR_DEPTH, 20},
        {SQLITE_LIMIT_COMPOUND_SELECT, 3},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 32},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(database, limits[i].which, limits[i].most);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, BUSY_MS);
}

static int open_as(struct recording *recording, int flags)
{
    char text[160];
    int code = sqlite3_open_v2(recording->path, &recording->database,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (code != SQLITE_OK)
        return code;
    defend(recording->database);
    snprintf(text, sizeof(text),
             "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-%d; "
             "PRAGMA temp_store=MEMORY",
             CACHE_KIB);
    code = sqlite3_exec(recording->database, text, NULL, NULL, NULL);
    /* Reads the file for the first time: takes back what a killed writer had begun. */
    return code == SQLITE_OK ? sqlite3_exec(recording->database,
                                            "SELECT count(*) FROM sqlite_schema; "
                                            "PRAGMA query_only=ON",
                                            NULL, NULL, NULL)
                             : code;
}

static int open_database(struct recording *recording)
{
    int code = open_as(recording, SQLITE_OPEN_READONLY);
    if ((code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN) {
        sqlite3_close(recording->database);
        recording->database = NULL;
        code = open_as(recording, SQLITE_OPEN_READWRITE);
    }
    return code == SQLITE_OK ? 0 : fail_as_sqlite(recording, code);
}

bool recording_has_table(struct recording *recording, const char *name, const char *sql)
{
    static const char query[] =
        "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=? AND sql=?";
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(recording->database, query, -1, &statement, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, sql, -1, SQLITE_STATIC);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return found;
}

bool recording_lacks(struct recording *recording, const char *name)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(recording->database, "SELECT 1 FROM sqlite_schema WHERE name=?", -1,
                           &statement, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    bool lacks = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return lacks;
}

static int check_tables(struct recording *recording)
{
    for (size_t i = 0; i < schema_table_count; i++) {
        char text[160];
        const struct schema_table *table = &schema_tables[i];
        if (recording_has_table(recording, table->name, table->sql) ||
            (table->sql_before && recording_has_table(recording, table->name, table->sql_before)) ||
            (table->is_later && recording_lacks(recording, table->name)))
            continue;
        snprintf(text, sizeof(text), "the recording is damaged (its table %s is not ulma's)",
                 schema_tables[i].name);
        return recording_fail(recording, -EBADMSG, text);
    }
    /* What would run beside a query. */
    if (database_number(recording->database,
                        "SELECT count(*) FROM sqlite_schema WHERE type='trigger'", 1))
        return recording_fail(recording, -EBADMSG,
                              "it holds triggers, and ulma writes none: not opened");
    return 0;
}

/* --- reading while it is written ------------------------------------------------------------------ */

/* SQLite takes a file whose end is missing for one that ends in empty pages. */
static int check_size(struct recording *recording)
{
    struct stat status;
    int64_t pages = database_number(recording->database, "PRAGMA page_count", 0);
    int64_t page = database_number(recording->database, "PRAGMA page_size", 0);
    if (stat(recording->path, &status) == 0 && status.st_size < pages * page)
        return recording_fail(recording, -EBADMSG, "the recording is cut off: copy it again");
    return 0;
}

int recording_begin_reading(struct recording *recording)
{
    int code = sqlite3_exec(recording->database, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL,
                            NULL, NULL);
    int result = code == SQLITE_OK ? check_size(recording) : fail_as_sqlite(recording, code);
    int64_t version = database_number(recording->database, "PRAGMA data_version", 0);
    if (result == 0 && (!recording->arena || version != recording->version))
        result = recording_read_definitions(recording);
    recording->version = version;
    if (result)
        recording_end_reading(recording);
    return result;
}

void recording_end_reading(struct recording *recording)
{
    if (!sqlite3_get_autocommit(recording->database))
        sqlite3_exec(recording->database, "COMMIT", NULL, NULL, NULL);
}

int recording_open(const char *path, struct recording **ret, char *reason, size_t reason_size)
{
    struct recording *recording = calloc(1, sizeof(*recording));
    int result = recording ? 0 : -ENOMEM;
    if (result == 0) {
        recording->path = strdup(path);
        recording->own = arena_new();
        result = recording->path && recording->own ? 0 : -ENOMEM;
    }
    if (result) {
        snprintf(reason, reason_size, "%s: out of memory", path);
        recording_close(recording);
        return result;
    }
    result = check_header(recording);
    if (result == 0)
        result = open_database(recording);
    if (result == 0)
        result = check_tables(recording);
    if (result == 0)
        result = recording_begin_reading(recording);
    if (result == 0)
        recording_end_reading(recording);
    if (result) {
        snprintf(reason, reason_size, "%s", recording->reason);
        recording_close(recording);
        return result;
    }
    *ret = recording;
    return 0;
}

void recording_close(struct recording *recording)
{
    if (!recording)
        return;
    sqlite3_close_v2(recording->database);
    recording_forget_definitions(recording);
    arena_free(recording->own);
    free(recording->path);
    free(recording);
}

/* --- what others ask ---------------------------------------------------------------------------------- */

const char *recording_reason(const struct recording *recording)
{
    return recording->reason;
}

int recording_map(struct recording *recording, const char *from, const char *to)
{
    struct path_map *map = arena_alloc(recording->own, sizeof(*map));
    if (!map)
        return -ENOMEM;
    map->from = arena_string(recording->own, from);
    map->to = arena_string(recording->own, to);
    struct path_map **last = &recording->maps;
    while (*last)
        last = &(*last)->next;
    *last = map;
    return map->from && map->to ? 0 : -ENOMEM;
}

void recording_extent(const struct recording *recording, int64_t *ret_from_ns, int64_t *ret_to_ns)
{
    size_t count = recording->level_first[1];
    *ret_from_ns = count ? recording->windows[0].from_ns : 0;
    *ret_to_ns = count ? recording->windows[count - 1].to_ns : 0;
}

struct sqlite3 *recording_database(struct recording *recording)
{
    return recording->database;
}

const char *recording_source(struct recording *recording, const struct snapshot *snapshot,
                             const char *file)
{
    sqlite3_stmt *statement;
    const char *text = NULL;
    if (sqlite3_prepare_v2(recording->database, "SELECT text FROM files WHERE name=?", -1,
                           &statement, NULL) != SQLITE_OK)
        return NULL;
    database_bind_text(statement, 1, file);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) >= 0) {
        const char *bytes = sqlite3_column_blob(statement, 0);
        text = arena_string_of(snapshot->arena, bytes ? bytes : "",
                               (size_t)sqlite3_column_bytes(statement, 0));
    }
    sqlite3_finalize(statement);
    return text;
}

/* SPDX-License-Identifier: MIT */
/* Opening, adding, rolling, ending.
 * Why: see recording_writer.h.
 * Rules: a transaction is always open, so that whoever writes tables of his own writes into the window
 * that the next add commits. */
#include "recording/writer_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 2000, CACHE_KIB = 8 << 10, LAST_TRIES = 15, DROP_AT_ONCE = 60 };

static const char *const statement_texts[WRITER_STATEMENTS] = {
    [PUT_META] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
    [PUT_WINDOW] = "INSERT INTO windows VALUES(?,?,?,?,?,?,?,?,?)",
    [PUT_FUNCTION] = "INSERT OR REPLACE INTO functions VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_NODE] = "INSERT INTO nodes VALUES(?,?,?,?,?)",
    [PUT_THREAD] = "INSERT OR REPLACE INTO threads VALUES(?,?,?,?,?,?,?,?)",
    [PUT_PROCESS] = "INSERT OR REPLACE INTO processes VALUES(?,?,?,?)",
    [PUT_NODE_TIMES] = "INSERT INTO node_times VALUES(?,?,?,?,?,?,?,?)",
    [PUT_FUNCTION_TIMES] = "INSERT INTO function_times VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_THREAD_TIMES] = "INSERT INTO thread_times VALUES(?,?,?,?,?,?,?,?,?)",
    [PUT_PROCESS_TIMES] = "INSERT INTO process_times VALUES(?,?,?,?)",
    [PUT_TASK] = "INSERT INTO tasks VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_GC] = "INSERT INTO gc VALUES(?,?,?,?,?,?,?,?,?)",
    [PUT_IO] = "INSERT INTO io VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_LINE] = "INSERT INTO lines VALUES(?,?,?,?,?,?,?)",
    [PUT_OBJECT] = "INSERT OR REPLACE INTO objects VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_SITE] = "INSERT INTO sites VALUES(?,?,?,?)",
    [PUT_SOURCE] = "INSERT INTO sources VALUES(?,?,?,?,?,?)",
    [PUT_FILE] = "INSERT OR REPLACE INTO files VALUES(?,?)",
};

int writer_room(void *array_pointer, size_t *limit, size_t at, size_t size)
{
    void **array = array_pointer;
    if (at < *limit)
        return 0;
    size_t wanted = at + at / 2 + 64;
    char *grown = realloc(*array, wanted * size);
    if (!grown)
        return -ENOMEM;
    memset(grown + *limit * size, 0, (wanted - *limit) * size);
    *array = grown;
    *limit = wanted;
    return 0;
}

/* --- failures ----------------------------------------------------------------------------------- */

static const char *why(struct recording_writer *writer, int error)
{
    int system = writer->database ? sqlite3_system_errno(writer->database) : 0;
    if (error == -ENOSPC)
        return writer->options.max_bytes ? "it would pass --max-size, or the disk is full"
                                         : "the disk is full";
    if (error == -ENOMEM)
        return "out of memory";
    if (error == -EIO || error == -EACCES || error == -EROFS)
        return system ? strerror(system) : strerror(-error);
    return writer->database ? sqlite3_errmsg(writer->database) : strerror(-error);
}

int writer_failed(struct recording_writer *writer, int error)
{
    if (error == 0 || writer->failed)
        return error;
    writer->failed = true;
    if (error == -EIO && sqlite3_system_errno(writer->database) == ENOSPC)
        error = -ENOSPC;
    snprintf(writer->reason, sizeof(writer->reason),
             "the recording %.300s ends at %.1f s: %.200s; what it held until then is in it",
             writer->path, (double)writer->end_ns / 1e9, why(writer, error));
    return error;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int make_tables(sqlite3 *database)
{
    char text[128];
    int result = database_run(database, "BEGIN");
    for (size_t i = 0; result == 0 && i < schema_table_count; i++)
        result = database_run(database, schema_tables[i].sql);
    snprintf(text, sizeof(text), "PRAGMA application_id=%d; PRAGMA user_version=%d",
             SCHEMA_APPLICATION, SCHEMA_VERSION);
    if (result == 0)
        result = database_run(database, text);
    return result == 0 ? database_run(database, "COMMIT") : result;
}

static int prepare_all(struct recording_writer *writer)
{
    for (int i = 0; i < WRITER_STATEMENTS; i++)
        if (sqlite3_prepare_v3(writer->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &writer->statements[i], NULL) != SQLITE_OK)
            return database_error(sqlite3_errcode(writer->database));
    return 0;
}

static int set_up(struct recording_writer *writer)
{
    char text[256];
    int64_t pages = writer->options.max_bytes / SCHEMA_PAGE;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(writer->path, &writer->database, flags, NULL);
    if (code != SQLITE_OK)
        return database_error(code);
    sqlite3_extended_result_codes(writer->database, 1);
    sqlite3_busy_timeout(writer->database, BUSY_MS);
    snprintf(text, sizeof(text),
             "PRAGMA page_size=%d; PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL; "
             "PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY; PRAGMA max_page_count=%lld",
             SCHEMA_PAGE, CACHE_KIB, (long long)(pages > 0 ? pages : 1LL << 30));
    int result = database_run(writer->database, text);
    if (result == 0)
        result = make_tables(writer->database);
    if (result == 0)
        result = prepare_all(writer);
    return result == 0 ? database_run(writer->database, "BEGIN") : result;
}

/* A file that is there stays, unless it is to be replaced; so does what is no file. */
static int claim(const char *path, bool overwrite)
{
    if (strcmp(path, "-") == 0)
        return -ESPIPE;
    FILE *file = fopen(path, "rbe");
    if (file) {
        fclose(file);
        return overwrite ? (unlink(path) ? -errno : 0) : -EEXIST;
    }
    return errno == ENOENT ? 0 : -errno;
}

static void say_open(char *reason, size_t size, const char *path, int error)
{
    if (error == -EEXIST)
        snprintf(reason, size, "%s exists: --force overwrites it, -o names another", path);
    else if (error == -ESPIPE)
        snprintf(reason, size,
                 "a recording is a database that grows in its file, which stdout cannot be: name a "
                 "file with -o");
    else
        snprintf(reason, size, "cannot write the recording %s: %s; name another file with -o", path,
                 error == -EACCES ? "no such folder, or no right to write in it"
                                  : strerror(-error));
}

int recording_writer_open(const char *path, const struct recording_options *options,
                          struct recording_writer **ret, char *reason, size_t reason_size)
{
    struct recording_writer *writer = calloc(1, sizeof(*writer));
    int result = writer ? claim(path, options->overwrite) : -ENOMEM;
    if (result == 0) {
        writer->options = *options;
        writer->redact = (struct redact){.names = options->redact, .commands = options->no_command};
        writer->path = strdup(path);
        writer->meta = calloc(schema_field_count, sizeof(*writer->meta));
        result = writer->path && writer->meta ? set_up(writer) : -ENOMEM;
        if (result)
            unlink(path);
    }
    if (result) {
        say_open(reason, reason_size, path, result);
        recording_writer_close(writer);
        return result;
    }
    *ret = writer;
    return 0;
}

/* --- rolling ------------------------------------------------------------------------------------ */

static int drop_until(struct recording_writer *writer, int64_t kept_from_ns)
{
    static const char *const texts[] = {
        "DELETE FROM node_times WHERE window IN (%s)",
        "DELETE FROM function_times WHERE window IN (%s)",
        "DELETE FROM thread_times WHERE window IN (%s)",
        "DELETE FROM process_times WHERE window IN (%s)",
        "DELETE FROM windows WHERE id IN (%s)",
    };
    char which[160], text[256];
    int result = 0;
    snprintf(which, sizeof(which), "SELECT id FROM windows WHERE from_ns < %lld",
             (long long)kept_from_ns);
    for (size_t i = 0; result == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(text, sizeof(text), texts[i], which);
        result = database_run(writer->database, text);
    }
    return result;
}

/* Where the window begins that the moment is in; 0: in none. */
static int64_t window_at(struct recording_writer *writer, int64_t moment_ns)
{
    char text[160];
    snprintf(text, sizeof(text),
             "SELECT from_ns FROM windows WHERE level=0 AND to_ns > %lld ORDER BY id LIMIT 1",
             (long long)moment_ns);
    return database_number(writer->database, text, 0);
}

static int64_t used_bytes(struct recording_writer *writer)
{
    return (database_number(writer->database, "PRAGMA page_count", 0) -
            database_number(writer->database, "PRAGMA freelist_count", 0)) *
           SCHEMA_PAGE;
}

/* The beginning of the window after the oldest ones; 0: there are no more than those. */
static int64_t after_oldest(struct recording_writer *writer)
{
    char text[160];
    int64_t windows =
        database_number(writer->database, "SELECT count(*) FROM windows WHERE level=0", 0);
    int64_t most = windows / 4 < DROP_AT_ONCE ? windows / 4 + 1 : DROP_AT_ONCE;
    snprintf(text, sizeof(text),
             "SELECT from_ns FROM windows WHERE level=0 ORDER BY id LIMIT 1 OFFSET %lld",
             (long long)most);
    return database_number(writer->database, text, 0);
}

static int roll(struct recording_writer *writer)
{
    const struct recording_options *options = &writer->options;
    int result = 0;
    if (options->keep_ns > 0 && writer->end_ns > options->keep_ns) {
        int64_t kept_from_ns = window_at(writer, writer->end_ns - options->keep_ns);
        if (kept_from_ns > 0)
            result = drop_until(writer, kept_from_ns);
    }
    /* An eighth stays free: for the next window, and for pages that are not full. */
    while (result == 0 && options->max_bytes > 0 &&
           used_bytes(writer) > options->max_bytes - options->max_bytes / 8) {
        int64_t kept_from_ns = after_oldest(writer);
        if (kept_from_ns <= 0)
            return -ENOSPC;
        result = drop_until(writer, kept_from_ns);
    }
    return result;
}

/* --- adding ------------------------------------------------------------------------------------- */

/* Somebody who reads may hold it up: then this window is committed with the next one. */
static int commit(struct recording_writer *writer)
{
    int result = database_run(writer->database, "COMMIT");
    if (result == 0)
        result = database_run(writer->database, "BEGIN");
    writer->bytes = database_number(writer->database, "PRAGMA page_count", 0) * SCHEMA_PAGE;
    return result;
}

static int put(struct recording_writer *writer, const struct snapshot *snapshot, int64_t to_ns)
{
    int result = writer_put_definitions(writer, snapshot);
    if (result == 0)
        result = writer_put_windows(writer, snapshot, to_ns);
    if (result == 0)
        result = writer_put_meta(writer, snapshot);
    if (result == 0 && writer->options.with_source)
        result = writer_put_files(writer, snapshot);
    if (result == 0 && (writer->options.keep_ns || writer->options.max_bytes))
        result = roll(writer);
    return result;
}

static int add(struct recording_writer *writer, const struct snapshot *snapshot, int64_t to_ns,
               bool last)
{
    if (writer->failed)
        return -EIO;
    if (!snapshot->detail || writer->finished)
        return -EINVAL;
    writer->masked = snapshot_new();
    int result = writer->masked ? put(writer, snapshot, to_ns) : -ENOMEM;
    snapshot_free(writer->masked);
    writer->masked = NULL;
    if (result == 0)
        result = commit(writer);
    for (int i = 0; last && result == -EBUSY && i < LAST_TRIES; i++)
        result = commit(writer);
    if (result == -EBUSY && !last)
        return 0;
    if (result) {
        writer_failed(writer, result);
        if (!sqlite3_get_autocommit(writer->database))
            database_run(writer->database, "ROLLBACK");
    }
    return result;
}

int recording_writer_add(struct recording_writer *writer, const struct snapshot *cumulative,
                         int64_t from_ns, int64_t to_ns)
{
    for (int i = 0; writer->window_id == 0 && i < SCHEMA_LEVELS; i++)
        writer->levels[i].from_ns = from_ns;
    if (to_ns <= writer->levels[0].from_ns)
        return writer->failed ? -EIO : 0; /* no time has passed */
    return add(writer, cumulative, to_ns, false);
}

int recording_writer_finish(struct recording_writer *writer, const struct snapshot *last)
{
    int64_t to_ns = last->meta.duration_ns;
    if (to_ns <= writer->levels[0].from_ns)
        to_ns = writer->levels[0].from_ns + 1; /* each window has a length */
    int result = add(writer, last, to_ns, true);
    writer->finished = result == 0;
    return result;
}

const char *recording_writer_reason(const struct recording_writer *writer)
{
    return writer->reason;
}

struct sqlite3 *recording_writer_database(struct recording_writer *writer)
{
    return writer->database;
}

int64_t recording_writer_bytes(const struct recording_writer *writer)
{
    return writer->bytes;
}

int64_t recording_writer_end_ns(const struct recording_writer *writer)
{
    return writer->end_ns;
}

void recording_writer_close(struct recording_writer *writer)
{
    if (!writer)
        return;
    for (int i = 0; i < WRITER_STATEMENTS; i++)
        sqlite3_finalize(writer->statements[i]);
    sqlite3_close_v2(writer->database);
    for (int i = 0; i < SCHEMA_LEVELS; i++)
        writer_level_done(&writer->levels[i]);
    for (size_t i = 0; writer->meta && i < schema_field_count; i++)
        free(writer->meta[i]);
    free(writer->meta);
    writer_files_done(writer);
    free(writer->functions);
    free(writer->nodes);
    free(writer->threads);
    free(writer->processes);
    free(writer->objects);
    free(writer->path);
    free(writer);
}
